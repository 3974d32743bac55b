#define _GNU_SOURCE
#include "include/apron_mounts.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int apron_unshare_directories(void) { return unshare(CLONE_FS); }
int apron_unshare_mounts(void) { return unshare(CLONE_NEWNS); }
int apron_enter_mounts(int fd) { return setns(fd, CLONE_NEWNS); }
pid_t apron_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

int apron_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}
int apron_fspick(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_fspick, dirfd, path, flags);
}
