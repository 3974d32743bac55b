#define _GNU_SOURCE
#include "apron_netlink.h"

#include <sched.h>

int apron_enter_network_namespace(int fd) { return setns(fd, CLONE_NEWNET); }
