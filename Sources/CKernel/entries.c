#define _GNU_SOURCE
#include "include/apron_entries.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int apron_symlinkat(const uint8_t *target, int dirfd, const uint8_t *name) {
    return symlinkat((const char *)target, dirfd, (const char *)name);
}
int apron_linkat(int from_dirfd, const uint8_t *from, int to_dirfd, const uint8_t *to) {
    return linkat(from_dirfd, (const char *)from, to_dirfd, (const char *)to, 0);
}
int apron_unlinkat(int dirfd, const uint8_t *name, int flags) { return unlinkat(dirfd, (const char *)name, flags); }
int apron_status_of(int dirfd, const uint8_t *name, struct apron_status *status) {
    return apron_statx(dirfd, (const char *)name, AT_SYMLINK_NOFOLLOW, status);
}
ssize_t apron_readlink_of(int dirfd, const uint8_t *name, uint8_t *text, size_t bytes) {
    return readlinkat(dirfd, (const char *)name, (char *)text, bytes);
}
int apron_set_owner(int dirfd, const uint8_t *name, uint32_t uid, uint32_t gid) {
    return fchownat(dirfd, (const char *)name, uid, gid, AT_SYMLINK_NOFOLLOW);
}
int apron_set_mode(int dirfd, const uint8_t *name, uint32_t mode) {
    return fchmodat(dirfd, (const char *)name, mode, 0);
}

ssize_t apron_flistxattr(int fd, char *names, size_t bytes) { return flistxattr(fd, names, bytes); }
ssize_t apron_fgetxattr(int fd, const char *name, void *value, size_t bytes) {
    return fgetxattr(fd, name, value, bytes);
}
int apron_fsetxattr(int fd, const char *name, const void *value, size_t bytes) {
    return fsetxattr(fd, name, value, bytes, 0);
}
int apron_lsetxattr(const char *path, const char *name, const void *value, size_t bytes) {
    return lsetxattr(path, name, value, bytes, 0);
}

int apron_set_modified(int dirfd, const uint8_t *path, int64_t seconds, int64_t nanoseconds) {
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = nanoseconds}};
    if (path == NULL) return futimens(dirfd, times);
    return utimensat(dirfd, (const char *)path, times, AT_SYMLINK_NOFOLLOW);
}

int64_t apron_seek_hole(int fd, int64_t offset) { return lseek(fd, offset, SEEK_HOLE); }

int apron_enter_user_namespace(int fd) { return setns(fd, CLONE_NEWUSER); }
