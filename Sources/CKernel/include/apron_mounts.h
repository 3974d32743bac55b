// Mount namespaces, and the calls of mount(2) that have no descriptors.
#ifndef APRON_MOUNTS_H
#define APRON_MOUNTS_H

#include <sys/types.h>

// unshare(2) of the calling thread: root and working directory of its own (CLONE_FS), and a copy of its mount
// namespace (CLONE_NEWNS). setns(2) with CLONE_NEWNS, which needs the former.
int apron_unshare_directories(void);
int apron_unshare_mounts(void);
int apron_enter_mounts(int fd);
pid_t apron_thread_id(void);

// mount(2), and fspick(2) of Linux 5.2.
int apron_mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data);
int apron_fspick(int dirfd, const char *path, unsigned flags);

#endif
