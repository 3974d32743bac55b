// Thin wrappers of system calls. All return -1 with errno set on failure, as libc does.
#ifndef APRON_SYSCALLS_H
#define APRON_SYSCALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat;

// errno of the calling thread; a macro in C, hence not visible to Embedded Swift.
int apron_errno(void);
// strerrorname_np(3), strerrordesc_np(3): constant strings, or NULL for a number without one; glibc 2.32.
const char *apron_errno_name(int number);
const char *apron_errno_text(int number);

// open and openat2(2) with RESOLVE_* flags; Linux 5.6.
int apron_openat(int dirfd, const char *path, int flags, uint32_t mode);
int apron_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
int apron_memfd_create(const char *name, unsigned flags);
int apron_fcntl(int fd, int command, long argument);
int apron_ioctl(int fd, unsigned long request, void *argument);
int apron_ioctl_int(int fd, unsigned long request, long argument);
int apron_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
int apron_dup3(int from, int to, int flags);
int apron_close_range(unsigned first, unsigned last, unsigned flags);

// The mount API of Linux 5.2 and mount_setattr(2) of 5.12.
int apron_open_tree(int dirfd, const char *path, unsigned flags);
int apron_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, unsigned flags);
int apron_fsopen(const char *type, unsigned flags);
int apron_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux);
int apron_fsmount(int fd, unsigned flags, unsigned attributes);
int apron_mount_setattr(int dirfd, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                        uint64_t propagation, uint64_t userns_fd);
int apron_pivot_root(const char *new_root, const char *put_old);

// pidfd calls; Linux 5.3 and 5.1.
int apron_pidfd_open(pid_t pid, unsigned flags);
int apron_pidfd_send_signal(int pidfd, int signal);
int apron_pidfd_getfd(int pidfd, int fd);

// Nanoseconds of a clock (clock_gettime(2)).
uint64_t apron_clock(int clock);

// Sends or receives one message with descriptors attached (SCM_RIGHTS). `count` is at most APRON_FDS_MAX.
// Receiving sets *count to the number received, close-on-exec.
#define APRON_FDS_MAX 250
ssize_t apron_send(int socket, const void *data, size_t length, const int *fds, unsigned count, int flags);
ssize_t apron_receive(int socket, void *data, size_t length, int *fds, unsigned *count, int flags);

#endif
