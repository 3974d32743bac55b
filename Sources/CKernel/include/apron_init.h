// What process 1 needs of libc: Embedded Swift has no Glibc module of its own, and macros and variadic functions do
// not cross into Swift.
#ifndef APRON_INIT_H
#define APRON_INIT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// openat2(2) with RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS: an O_PATH descriptor, or a directory for making entries in.
int apron_path_in_root(int root, const char *path);
int apron_directory_in_root(int root, const char *path);
// The same with RESOLVE_NO_SYMLINKS as well: ELOOP when a link is on the way.
int apron_plain_path_in_root(int root, const char *path);
// Makes an empty file below an open directory; never follows a link.
int apron_make_file(int directory, const char *name);
// Opens /dev/null's node below the detached /dev as O_PATH, and a new master below a kept devpts.
int apron_open_path(int directory, const char *name);
int apron_open_master(int devpts);
int apron_null_device(void);
int apron_set_nonblocking(int fd);
// A copy of the mount at an open path; move_mount(2) and mount_setattr(2) between open descriptors.
int apron_clone_mount(int fd);
int apron_attach_mount(int mount, int target);
int apron_attach_mount_at(int mount, const char *path);
int apron_mount_read_only(int mount);
// One parameter of an fsopen(2) context; a NULL value is a flag, a NULL key creates the file system.
int apron_configure(int context, const char *key, const char *value);
int apron_socket_accept(int listener);
int apron_signalfd_child(void);
void apron_signals_reset(void);
int apron_signals_unblock(void);
// wait4(2) for any child without blocking; fills nine counters in the order of struct apron_exit. 0: none.
pid_t apron_reap(int *status, uint64_t counters[9]);
// poll(2); -1 ms is no time limit. events: 1 readable, 4 writable; results likewise, errors as readable.
int apron_poll(int32_t *descriptors, int16_t *events, int16_t *results, unsigned count, int milliseconds);
int apron_is_directory(int fd);
int apron_kill(pid_t pid, int signal);
int apron_unshare_cgroup(void);
int apron_mount_private(void);
int apron_umount_detached(const char *path);
int apron_chdir(const char *path);
int apron_fchdir(int fd);
int apron_mkdirat(int dirfd, const char *path, uint32_t mode);
// The owner of whatever an O_PATH descriptor stands for; the text of a symbolic link, without a NUL.
int apron_chown_open(int fd, uint32_t uid, uint32_t gid);
ssize_t apron_readlinkat(int directory, const char *name, char *text, size_t length);
int apron_fchown(int fd, uint32_t uid, uint32_t gid);
int apron_sethostname(const char *name, size_t length);
int apron_setgroups(const uint32_t *groups, size_t count);
int apron_setresuid(uint32_t uid);
int apron_setresgid(uint32_t gid);
int apron_setrlimit(int resource, uint64_t soft, uint64_t hard);
int apron_capset(uint64_t effective, uint64_t permitted, uint64_t inheritable);
int apron_seccomp(const void *filter, uint16_t count);
int apron_cwd_reachable(void);
int apron_setsid(void);
int apron_setpgid(void);
int apron_dup2(int from, int to);
int apron_close(int fd);
ssize_t apron_read(int fd, void *data, size_t length);
ssize_t apron_write(int fd, const void *data, size_t length);
int apron_netlink_socket(void);
const void *apron_map_private(int fd, size_t *length);
void *apron_map_shared(size_t length);
void apron_unmap(const void *address, size_t length);
int apron_execve(const char *path, char *const arguments[], char *const environment[]);
_Noreturn void apron_end(int status);

// Terminals (ioctl_tty(2)): unlock and size a new master, get its slave without a path (TIOCGPTPEER, Linux 4.13).
int apron_terminal_slave(int master, uint16_t columns, uint16_t rows);
int apron_terminal_resize(int master, uint16_t columns, uint16_t rows);
int apron_terminal_control(int slave);

#endif
