// Mount namespaces, and the calls of mount(2) that have no descriptors.
#ifndef APRON_MOUNTS_H
#define APRON_MOUNTS_H

#include <stdint.h>
#include <sys/types.h>

// unshare(2) of the calling thread: root and working directory of its own (CLONE_FS), and a copy of its mount
// namespace (CLONE_NEWNS) or of that of host names (CLONE_NEWUTS). setns(2) with CLONE_NEWNS, which needs the first.
int apron_unshare_directories(void);
int apron_unshare_mounts(void);
int apron_unshare_host_name(void);
int apron_enter_mounts(int fd);
pid_t apron_thread_id(void);
// The number of the mount namespace that an open file of procfs stands for (NS_GET_MNTNS_ID, ioctl_nsfs(2)).
int apron_mount_namespace_number(int fd, uint64_t *number);

// mount(2), and fspick(2) of Linux 5.2.
int apron_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int apron_fspick(int dirfd, const char *path, unsigned flags);

#endif
