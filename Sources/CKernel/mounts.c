#define _GNU_SOURCE
#include "include/apron_mounts.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int apron_unshare_directories(void) { return unshare(CLONE_FS); }
int apron_unshare_mounts(void) { return unshare(CLONE_NEWNS); }
int apron_unshare_host_name(void) { return unshare(CLONE_NEWUTS); }
int apron_enter_mounts(int fd) { return setns(fd, CLONE_NEWNS); }
pid_t apron_thread_id(void) { return (pid_t)syscall(SYS_gettid); }
// Of linux/nsfs.h since Linux 6.11, under a name of ours for older headers.
#define APRON_NS_GET_MNTNS_ID _IOR(0xb7, 0x5, uint64_t)
int apron_mount_namespace_number(int fd, uint64_t *number) { return ioctl(fd, APRON_NS_GET_MNTNS_ID, number); }

int apron_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data) {
    return mount(source, target, type, flags, data);
}
int apron_fspick(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_fspick, dirfd, path, flags);
}
