// Copies of files with all that belongs to them: calls that glibc hides from Swift. All return -1 with errno set.
#ifndef APRON_TREES_H
#define APRON_TREES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// copy_file_range(2) at the files' own positions.
ssize_t apron_copy_file_range(int from, int to, size_t count);
// FICLONE (ioctl_ficlone(2)): `to` shares all blocks of `from`.
int apron_clone_file(int to, int from);

// Extended attributes of what a path leads to (xattr(7)).
ssize_t apron_list_attributes(const char *path, char *names, size_t bytes);
ssize_t apron_get_attribute(const char *path, const char *name, void *value, size_t bytes);
int apron_set_attribute(const char *path, const char *name, const void *value, size_t bytes);

// utimensat(2) on what a path leads to; nanoseconds since the epoch.
int apron_set_times(const char *path, int64_t accessed_ns, int64_t modified_ns);

#endif
