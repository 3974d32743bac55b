#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Bytes of a set of signals in the kernel's eyes; the C library's is longer, and begins with the same.
enum { SIGNAL_SET_BYTES = 8 };

static int last_error;
int *__errno_location(void) { return &last_error; }

static long raw(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

static long checked(long result) {
    if (result >= 0 || result < -4095) return result;
    last_error = (int)-result;
    return -1;
}

#define CALL0(number) checked(raw(number, 0, 0, 0, 0, 0, 0))
#define CALL1(number, a) checked(raw(number, (long)(a), 0, 0, 0, 0, 0))
#define CALL2(number, a, b) checked(raw(number, (long)(a), (long)(b), 0, 0, 0, 0))
#define CALL3(number, a, b, c) checked(raw(number, (long)(a), (long)(b), (long)(c), 0, 0, 0))
#define CALL4(number, a, b, c, d) checked(raw(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0))
#define CALL5(number, a, b, c, d, e) checked(raw(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0))

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    return checked(raw(number, a, b, c, d, e, f));
}

#define ONE_MORE(type, name, last) \
    va_list list; \
    va_start(list, last); \
    type name = va_arg(list, type); \
    va_end(list)

// Files.
int openat(int directory, const char *path, int flags, ...) {
    ONE_MORE(mode_t, mode, flags);
    return (int)CALL4(SYS_openat, directory, path, flags, mode);
}
int open(const char *path, int flags, ...) {
    ONE_MORE(mode_t, mode, flags);
    return (int)CALL4(SYS_openat, AT_FDCWD, path, flags, mode);
}
int close(int fd) { return (int)CALL1(SYS_close, fd); }
ssize_t read(int fd, void *bytes, size_t count) { return CALL3(SYS_read, fd, bytes, count); }
ssize_t write(int fd, const void *bytes, size_t count) { return CALL3(SYS_write, fd, bytes, count); }
int dup3(int from, int to, int flags) { return (int)CALL3(SYS_dup3, from, to, flags); }
int dup2(int from, int to) {
#ifdef SYS_dup2
    return (int)CALL2(SYS_dup2, from, to);
#else
    return from == to ? to : dup3(from, to, 0);
#endif
}
int fcntl(int fd, int command, ...) {
    ONE_MORE(long, argument, command);
    return (int)CALL3(SYS_fcntl, fd, command, argument);
}
int ioctl(int fd, unsigned long request, ...) {
    ONE_MORE(long, argument, request);
    return (int)CALL3(SYS_ioctl, fd, request, argument);
}
int fstat(int fd, struct stat *status) { return (int)CALL2(SYS_fstat, fd, status); }
int fchown(int fd, uid_t uid, gid_t gid) { return (int)CALL3(SYS_fchown, fd, uid, gid); }
int fchownat(int directory, const char *path, uid_t uid, gid_t gid, int flags) {
    return (int)CALL5(SYS_fchownat, directory, path, uid, gid, flags);
}
int mkdirat(int directory, const char *path, mode_t mode) { return (int)CALL3(SYS_mkdirat, directory, path, mode); }
ssize_t readlinkat(int directory, const char *restrict path, char *restrict text, size_t count) {
    return CALL4(SYS_readlinkat, directory, path, text, count);
}
int chdir(const char *path) { return (int)CALL1(SYS_chdir, path); }
int fchdir(int fd) { return (int)CALL1(SYS_fchdir, fd); }
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data) {
    return (int)CALL5(SYS_mount, source, target, type, flags, data);
}
int umount2(const char *target, int flags) { return (int)CALL2(SYS_umount2, target, flags); }
int poll(struct pollfd *polled, nfds_t count, int milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    return (int)CALL5(SYS_ppoll, polled, count, milliseconds < 0 ? NULL : &time, NULL, SIGNAL_SET_BYTES);
}

// Sockets.
int socket(int family, int type, int protocol) { return (int)CALL3(SYS_socket, family, type, protocol); }
int accept4(int fd, struct sockaddr *address, socklen_t *count, int flags) {
    return (int)CALL4(SYS_accept4, fd, address, count, flags);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) { return CALL3(SYS_sendmsg, fd, message, flags); }
ssize_t recvmsg(int fd, struct msghdr *message, int flags) { return CALL3(SYS_recvmsg, fd, message, flags); }

struct cmsghdr *__cmsg_nxthdr(struct msghdr *message, struct cmsghdr *header) {
    unsigned char *end = (unsigned char *)message->msg_control + message->msg_controllen;
    unsigned char *next = (unsigned char *)header + CMSG_ALIGN(header->cmsg_len);
    if (header->cmsg_len < sizeof *header || next + sizeof *header > end) return NULL;
    struct cmsghdr *found = (struct cmsghdr *)next;
    return next + CMSG_ALIGN(found->cmsg_len) > end ? NULL : found;
}

// Memory.
void *mmap(void *address, size_t count, int protection, int flags, int fd, off_t offset) {
    return (void *)checked(raw(SYS_mmap, (long)address, (long)count, protection, flags, fd, offset));
}
int munmap(void *address, size_t count) { return (int)CALL2(SYS_munmap, address, count); }

// Processes.
void _exit(int status) {
    for (;;) CALL1(SYS_exit_group, status);
}
int execve(const char *path, char *const arguments[], char *const environment[]) {
    return (int)CALL3(SYS_execve, path, arguments, environment);
}
int kill(pid_t pid, int signal) { return (int)CALL2(SYS_kill, pid, signal); }
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage) {
    return (pid_t)CALL4(SYS_wait4, pid, status, options, usage);
}
pid_t setsid(void) { return (pid_t)CALL0(SYS_setsid); }
int setpgid(pid_t pid, pid_t group) { return (int)CALL2(SYS_setpgid, pid, group); }
int unshare(int flags) { return (int)CALL1(SYS_unshare, flags); }
int sethostname(const char *name, size_t count) { return (int)CALL2(SYS_sethostname, name, count); }
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
    return (int)CALL2(SYS_setrlimit, resource, limit);
}
int prctl(int option, ...) {
    va_list list;
    va_start(list, option);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long), d = va_arg(list, long);
    va_end(list);
    return (int)CALL5(SYS_prctl, option, a, b, c, d);
}
int clock_gettime(clockid_t clock, struct timespec *time) { return (int)CALL2(SYS_clock_gettime, clock, time); }

// What the standard library has to say goes where errors go, which is nowhere.
int putchar(int character) {
    unsigned char byte = (unsigned char)character;
    return write(2, &byte, 1) == 1 ? byte : -1;
}

// Signals.
int sigemptyset(sigset_t *set) {
    *set = (sigset_t){0};
    return 0;
}
int sigaddset(sigset_t *set, int signal) {
    *(unsigned long *)set |= 1UL << (signal - 1);
    return 0;
}
int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict former) {
    return (int)CALL4(SYS_rt_sigprocmask, how, set, former, SIGNAL_SET_BYTES);
}
int signalfd(int fd, const sigset_t *set, int flags) {
    return (int)CALL4(SYS_signalfd4, fd, set, SIGNAL_SET_BYTES, flags);
}
// Standard dispositions only: a handler would need a way back that this does not give it.
int sigaction(int signal, const struct sigaction *restrict action, struct sigaction *restrict former) {
    if (former != NULL || action == NULL || action->sa_handler != SIG_DFL) {
        last_error = EINVAL;
        return -1;
    }
    const unsigned long standard[4] = {0};  // handler, flags, restorer, mask
    return (int)CALL4(SYS_rt_sigaction, signal, standard, NULL, SIGNAL_SET_BYTES);
}
