#define _GNU_SOURCE
#include "include/apron_trees.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

ssize_t apron_copy_file_range(int from, int to, size_t count) {
    return copy_file_range(from, NULL, to, NULL, count, 0);
}

int apron_clone_file(int to, int from) { return ioctl(to, FICLONE, from); }

ssize_t apron_list_attributes(const char *path, char *names, size_t bytes) { return listxattr(path, names, bytes); }

ssize_t apron_get_attribute(const char *path, const char *name, void *value, size_t bytes) {
    return getxattr(path, name, value, bytes);
}

int apron_set_attribute(const char *path, const char *name, const void *value, size_t bytes) {
    return setxattr(path, name, value, bytes, 0);
}


static struct timespec time_of(int64_t ns) {
    int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
    // Before 1970 the remainder is negative, which the kernel refuses.
    if (rest < 0) seconds -= 1, rest += 1000000000;
    return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

int apron_set_times(const char *path, int64_t accessed_ns, int64_t modified_ns) {
    struct timespec times[2] = {time_of(accessed_ns), time_of(modified_ns)};
    return utimensat(AT_FDCWD, path, times, 0);
}
