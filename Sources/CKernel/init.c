#define _GNU_SOURCE
#include "include/apron_init.h"
#include "include/apron_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#ifndef MNT_DETACH
#define MNT_DETACH 2 // <sys/mount.h> clashes with <linux/mount.h> before glibc 2.37
#endif

#define IN_ROOT (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
int apron_path_in_root(int root, const char *path) {
    return apron_openat2(root, path, O_PATH | O_CLOEXEC, 0, IN_ROOT);
}
int apron_directory_in_root(int root, const char *path) {
    return apron_openat2(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, IN_ROOT);
}
int apron_plain_path_in_root(int root, const char *path) {
    return apron_openat2(root, path, O_PATH | O_CLOEXEC, 0, IN_ROOT | RESOLVE_NO_SYMLINKS);
}
int apron_make_file(int directory, const char *name) {
    return openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
}
int apron_open_path(int directory, const char *name) {
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}
int apron_open_master(int devpts) { return openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC); }
int apron_null_device(void) { return open("/dev/null", O_RDWR | O_CLOEXEC); }
int apron_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
int apron_clone_mount(int fd) {
    return apron_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}
int apron_attach_mount(int mount, int target) {
    return apron_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
int apron_attach_mount_at(int mount, const char *path) {
    return apron_move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
}
int apron_mount_read_only(int mount) {
    return apron_mount_setattr(mount, "", AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, 0);
}
int apron_configure(int context, const char *key, const char *value) {
    if (key == NULL) return apron_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    return apron_fsconfig(context, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0);
}
int apron_socket_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int apron_signalfd_child(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &child, NULL) < 0) return -1;
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

void apron_signals_reset(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &standard, NULL);
}

int apron_signals_unblock(void) {
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t apron_reap(int *status, uint64_t counters[9]) {
    struct rusage usage;
    pid_t pid = wait4(-1, status, WNOHANG | __WALL, &usage);
    if (pid <= 0) return pid;
    counters[0] = (uint64_t)usage.ru_utime.tv_sec * 1000000u + (uint64_t)usage.ru_utime.tv_usec;
    counters[1] = (uint64_t)usage.ru_stime.tv_sec * 1000000u + (uint64_t)usage.ru_stime.tv_usec;
    counters[2] = (uint64_t)usage.ru_maxrss;
    counters[3] = (uint64_t)usage.ru_minflt;
    counters[4] = (uint64_t)usage.ru_majflt;
    counters[5] = (uint64_t)usage.ru_nvcsw;
    counters[6] = (uint64_t)usage.ru_nivcsw;
    counters[7] = (uint64_t)usage.ru_inblock;
    counters[8] = (uint64_t)usage.ru_oublock;
    return pid;
}

int apron_poll(int32_t *descriptors, int16_t *events, int16_t *results, unsigned count, int milliseconds) {
    struct pollfd polled[count];
    for (unsigned i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = descriptors[i], .events = events[i]};
    int ready = poll(polled, count, milliseconds);
    for (unsigned i = 0; i < count; i++) {
        results[i] = polled[i].revents & (POLLIN | POLLOUT);
        if (polled[i].revents & (POLLERR | POLLHUP)) results[i] |= polled[i].events;
    }
    return ready;
}

int apron_is_directory(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -1;
    return S_ISDIR(status.st_mode);
}

int apron_kill(pid_t pid, int signal) { return kill(pid, signal); }
int apron_unshare_cgroup(void) { return unshare(CLONE_NEWCGROUP); }
int apron_mount_private(void) { return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL); }
int apron_umount_detached(const char *path) { return umount2(path, MNT_DETACH); }
int apron_chown_open(int fd, uint32_t uid, uint32_t gid) { return fchownat(fd, "", uid, gid, AT_EMPTY_PATH); }
ssize_t apron_readlinkat(int directory, const char *name, char *text, size_t length) {
    return readlinkat(directory, name, text, length);
}
int apron_chdir(const char *path) { return chdir(path); }
int apron_fchdir(int fd) { return fchdir(fd); }
int apron_mkdirat(int dirfd, const char *path, uint32_t mode) { return mkdirat(dirfd, path, mode); }
int apron_fchown(int fd, uint32_t uid, uint32_t gid) { return fchown(fd, uid, gid); }
int apron_sethostname(const char *name, size_t length) { return sethostname(name, length); }

// The raw calls: the process is single-threaded, so libc's signalling of its own threads is not wanted.
int apron_setgroups(const uint32_t *groups, size_t count) { return (int)syscall(SYS_setgroups, count, groups); }
int apron_setresuid(uint32_t uid) { return (int)syscall(SYS_setresuid, uid, uid, uid); }
int apron_setresgid(uint32_t gid) { return (int)syscall(SYS_setresgid, gid, gid, gid); }

int apron_setrlimit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit((__rlimit_resource_t)resource, &limit);
}

int apron_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };
    return (int)syscall(SYS_capset, &header, data);
}

int apron_seccomp(const void *filter, uint16_t count) {
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)filter};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

// A working directory outside the root shows as "(unreachable)…" (getcwd(2)).
int apron_cwd_reachable(void) {
    char path[PATH_MAX];
    long length = syscall(SYS_getcwd, path, sizeof path);
    if (length < 0) return -1;
    if (path[0] == '/') return 0;
    errno = ENOENT;
    return -1;
}

int apron_setsid(void) { return setsid(); }
int apron_setpgid(void) { return setpgid(0, 0); }
int apron_dup2(int from, int to) { return dup2(from, to); }
int apron_close(int fd) { return close(fd); }
ssize_t apron_read(int fd, void *data, size_t length) { return read(fd, data, length); }
ssize_t apron_write(int fd, const void *data, size_t length) { return write(fd, data, length); }

int apron_netlink_socket(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

const void *apron_map_private(int fd, size_t *length) {
    struct stat status;
    if (fstat(fd, &status) < 0) return NULL;
    *length = (size_t)status.st_size;
    void *address = mmap(NULL, *length, PROT_READ, MAP_PRIVATE, fd, 0);
    return address == MAP_FAILED ? NULL : address;
}
void *apron_map_shared(size_t length) {
    void *address = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}
void apron_unmap(const void *address, size_t length) { munmap((void *)address, length); }

int apron_execve(const char *path, char *const arguments[], char *const environment[]) {
    return execve(path, arguments, environment);
}
void apron_end(int status) { _exit(status); }

int apron_terminal_slave(int master, uint16_t columns, uint16_t rows) {
    int unlocked = 0;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -1;
    if (apron_terminal_resize(master, columns, rows) < 0) return -1;
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}
int apron_terminal_resize(int master, uint16_t columns, uint16_t rows) {
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    return ioctl(master, TIOCSWINSZ, &size);
}
int apron_terminal_control(int slave) { return ioctl(slave, TIOCSCTTY, 0); }
