#define _GNU_SOURCE
#include "include/apron_sync.h"

#include <unistd.h>

int apron_syncfs(int fd) { return syncfs(fd); }
