// Entries of directories and what is known about them beside their contents: calls that are variadic, have structures of
// their own, or that the Glibc module hides.
#ifndef APRON_ENTRIES_H
#define APRON_ENTRIES_H

#include "apron_files.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// openat(2)'s family for names of any bytes. None follows a link at the end but apron_set_mode.
int apron_symlinkat(const uint8_t *target, int dirfd, const uint8_t *name);
int apron_linkat(int from_dirfd, const uint8_t *from, int to_dirfd, const uint8_t *to);
int apron_unlinkat(int dirfd, const uint8_t *name, int flags);
int apron_status_of(int dirfd, const uint8_t *name, struct apron_status *status);
ssize_t apron_readlink_of(int dirfd, const uint8_t *name, uint8_t *text, size_t bytes);
int apron_set_owner(int dirfd, const uint8_t *name, uint32_t uid, uint32_t gid);
int apron_set_mode(int dirfd, const uint8_t *name, uint32_t mode);

// Extended attributes (xattr(7)) of an open file, and of a name of the working directory, which is not followed.
ssize_t apron_flistxattr(int fd, char *names, size_t bytes);
ssize_t apron_fgetxattr(int fd, const char *name, void *value, size_t bytes);
int apron_fsetxattr(int fd, const char *name, const void *value, size_t bytes);
int apron_lsetxattr(const char *path, const char *name, const void *value, size_t bytes);

// Sets the time of the last change, not following a link; the time of the last access stays. A NULL path is the
// descriptor itself.
int apron_set_modified(int dirfd, const uint8_t *path, int64_t seconds, int64_t nanoseconds);
// lseek(2) with SEEK_HOLE: the end of the data at `offset`.
int64_t apron_seek_hole(int fd, int64_t offset);

// setns(2) into a user namespace.
int apron_enter_user_namespace(int fd);

#endif
