#define _GNU_SOURCE
#include "include/apron_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(struct open_how) == 24, "open_how is kernel ABI");
_Static_assert(sizeof(struct mount_attr) == 32, "mount_attr is kernel ABI");

int apron_errno(void) { return errno; }
const char *apron_errno_name(int number) { return strerrorname_np(number); }
const char *apron_errno_text(int number) { return strerrordesc_np(number); }

int apron_openat(int dirfd, const char *path, int flags, uint32_t mode) { return openat(dirfd, path, flags, mode); }

int apron_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
    struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
    return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof how);
}

int apron_memfd_create(const char *name, unsigned flags) { return memfd_create(name, flags); }
int apron_fcntl(int fd, int command, long argument) { return fcntl(fd, command, argument); }
int apron_ioctl(int fd, unsigned long request, void *argument) { return ioctl(fd, request, argument); }
int apron_ioctl_int(int fd, unsigned long request, long argument) { return ioctl(fd, request, argument); }
int apron_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d) {
    return prctl(option, a, b, c, d);
}
int apron_dup3(int from, int to, int flags) { return dup3(from, to, flags); }
int apron_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(SYS_close_range, first, last, flags);
}

int apron_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(SYS_open_tree, dirfd, path, flags);
}
int apron_move_mount(int from_dirfd, const char *from_path, int to_dirfd, const char *to_path, unsigned flags) {
    return (int)syscall(SYS_move_mount, from_dirfd, from_path, to_dirfd, to_path, flags);
}
int apron_fsopen(const char *type, unsigned flags) { return (int)syscall(SYS_fsopen, type, flags); }
int apron_fsconfig(int fd, unsigned command, const char *key, const void *value, int aux) {
    return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}
int apron_fsmount(int fd, unsigned flags, unsigned attributes) {
    return (int)syscall(SYS_fsmount, fd, flags, attributes);
}
int apron_mount_setattr(int dirfd, const char *path, unsigned flags, uint64_t set, uint64_t clear,
                        uint64_t propagation, uint64_t userns_fd) {
    struct mount_attr attr = {.attr_set = set, .attr_clr = clear, .propagation = propagation, .userns_fd = userns_fd};
    return (int)syscall(SYS_mount_setattr, dirfd, path, flags, &attr, sizeof attr);
}
int apron_pivot_root(const char *new_root, const char *put_old) {
    return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int apron_pidfd_open(pid_t pid, unsigned flags) { return (int)syscall(SYS_pidfd_open, pid, flags); }
int apron_pidfd_send_signal(int pidfd, int signal) {
    return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
int apron_pidfd_getfd(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

uint64_t apron_clock(int clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

ssize_t apron_send(int socket, const void *data, size_t length, const int *fds, unsigned count, int flags) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * APRON_FDS_MAX)];
    struct iovec part = {.iov_base = (void *)data, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > APRON_FDS_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
    }
    return sendmsg(socket, &message, flags | MSG_NOSIGNAL);
}

ssize_t apron_receive(int socket, void *data, size_t length, int *fds, unsigned *count, int flags) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * APRON_FDS_MAX)];
    struct iovec part = {.iov_base = data, .iov_len = length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t received = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    *count = 0;
    if (received < 0) return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        unsigned carried = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds + *count, CMSG_DATA(header), carried * sizeof(int));
        *count += carried;
    }
    return received;
}
