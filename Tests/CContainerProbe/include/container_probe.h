// See container_probe.c. Returns the exit code.
#ifndef CONTAINER_PROBE_H
#define CONTAINER_PROBE_H

int container_probe(void);

#endif
