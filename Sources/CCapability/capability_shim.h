// libcap: capability names and the bounding set.
#ifndef APRON_CAPABILITY_SHIM_H
#define APRON_CAPABILITY_SHIM_H

#include <sys/capability.h>

#endif
