#define _GNU_SOURCE
#include "include/apron_files.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000
#endif

int apron_statx(int dirfd, const char *path, int flags, struct apron_status *status) {
    struct statx found = {0};
    if (statx(dirfd, path, flags, STATX_BASIC_STATS | STATX_MNT_ID, &found) < 0) return -1;
    *status = (struct apron_status){
        .mode = found.stx_mode,
        .uid = found.stx_uid,
        .gid = found.stx_gid,
        .links = found.stx_nlink,
        .size = found.stx_size,
        .inode = found.stx_ino,
        .mount_id = found.stx_mask & STATX_MNT_ID ? found.stx_mnt_id : 0,
        .modified_ns = (int64_t)found.stx_mtime.tv_sec * 1000000000 + found.stx_mtime.tv_nsec,
        .accessed_ns = (int64_t)found.stx_atime.tv_sec * 1000000000 + found.stx_atime.tv_nsec,
        .allocated = found.stx_blocks * 512,
        .device_major = found.stx_dev_major,
        .device_minor = found.stx_dev_minor,
        .node_major = found.stx_rdev_major,
        .node_minor = found.stx_rdev_minor,
        .is_mount_root = (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
    };
    return 0;
}

int apron_fstatfs(int fd, struct apron_space *space) {
    struct statfs found;
    if (fstatfs(fd, &found) < 0) return -1;
    *space = (struct apron_space){
        .kind = (uint32_t)found.f_type,
        .block_bytes = (uint64_t)found.f_bsize,
        .blocks = found.f_blocks,
        .blocks_available = found.f_bavail,
        .inodes = found.f_files,
        .inodes_available = found.f_ffree,
    };
    return 0;
}

long apron_getdents(int fd, void *buffer, size_t bytes) { return syscall(SYS_getdents64, fd, buffer, bytes); }

int apron_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags) {
    return (int)syscall(SYS_renameat2, from_dirfd, from, to_dirfd, to, flags);
}

int apron_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor) {
    return mknodat(dirfd, path, mode, makedev(major, minor));
}

int apron_umount2(const char *path, int flags) { return umount2(path, flags); }

void apron_thread_yield_to_others(void) {
    const int who_process = 1, class_idle = 3, class_shift = 13; // linux/ioprio.h, Linux 5.15
    setpriority(PRIO_PROCESS, 0, 19);
    syscall(SYS_ioprio_set, who_process, 0, class_idle << class_shift);
}
