// Bringing whole file systems to the disk: glibc declares it only under _GNU_SOURCE.
#ifndef APRON_SYNC_H
#define APRON_SYNC_H

int apron_syncfs(int fd);

#endif
