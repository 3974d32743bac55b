// Files and directories: calls that glibc does not wrap, or whose structures differ between architectures.
#ifndef APRON_FILES_H
#define APRON_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The part of struct statx (statx(2)) and struct statfs (statfs(2)) that is used here.
struct apron_status {
    uint32_t mode; // type and permission bits
    uint32_t uid;
    uint32_t gid;
    uint32_t links;
    uint64_t size;
    uint64_t inode;
    uint64_t mount_id;       // Linux 5.8; 0 before
    int64_t modified_ns;     // nanoseconds since the epoch
    int64_t accessed_ns;
    uint64_t allocated;      // bytes on the disk
    uint32_t device_major;   // of the file system that the file is on
    uint32_t device_minor;
    uint32_t node_major;     // of a device node
    uint32_t node_minor;
    uint32_t is_mount_root;  // Linux 5.8; 0 before
};

struct apron_space {
    int64_t kind;            // magic number of the file system
    uint64_t block_bytes;
    uint64_t blocks;
    uint64_t blocks_available;
    uint64_t inodes;           // 0 where they are made as needed
    uint64_t inodes_available;
};

int apron_statx(int dirfd, const char *path, int flags, struct apron_status *status);
int apron_fstatfs(int fd, struct apron_space *space);
// getdents64(2): records of struct linux_dirent64.
long apron_getdents(int fd, void *buffer, size_t bytes);
int apron_renameat2(int from_dirfd, const char *from, int to_dirfd, const char *to, unsigned flags);
int apron_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t major, uint32_t minor);
int apron_umount2(const char *path, int flags);
// The calling thread yields to all others: nice value 19 (setpriority(2)), idle I/O class (ioprio_set(2)).
void apron_thread_yield_to_others(void);

#endif
