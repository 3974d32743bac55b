// A static program for tests to run inside containers: makes one system call and prints what the kernel said, since no
// shell can make most of them. Exit code 0 whatever the call said; 2 for a wrong command line.
#define _GNU_SOURCE
#include "container_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

// No kernel has that many calls.
#define UNKNOWN_CALL 4000
#define DESCRIPTORS_MAX 1024
#define COMMAND_BYTES_MAX 4096

static int say(long result) {
    if (result < 0) printf("%s\n", strerrorname_np(errno));
    else printf("ok\n");
    return 0;
}

static int list_descriptors(void) {
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf("%d\n", fd);
    return 0;
}

static long open_for_writing(const char *path) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fd;
    // Opening is harmless when nothing can be written.
    long written = write(fd, "x", 1);
    int error = errno;
    close(fd);
    errno = error;
    return written;
}

static int probe(const char *call, const char *path) {
    pid_t pid = atoi(path);
    if (!strcmp(call, "descriptors")) return list_descriptors();
    if (!strcmp(call, "mount")) return say(mount("none", "/mnt", "tmpfs", 0, NULL));
    if (!strcmp(call, "unshare-user")) return say(unshare(CLONE_NEWUSER));
    if (!strcmp(call, "unshare-mount")) return say(unshare(CLONE_NEWNS));
    if (!strcmp(call, "keyctl")) return say(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    if (!strcmp(call, "bpf")) return say(syscall(SYS_bpf, 0, NULL, 0));
    if (!strcmp(call, "unknown")) return say(syscall(UNKNOWN_CALL));
    if (!strcmp(call, "clone3")) return say(syscall(SYS_clone3, NULL, 0));
    if (!strcmp(call, "device")) return say(mknod(path, S_IFBLK | 0600, makedev(7, 0)));
    if (!strcmp(call, "character-device")) return say(mknod(path, S_IFCHR | 0600, makedev(1, 1)));
    if (!strcmp(call, "trace")) return say(ptrace(PTRACE_SEIZE, pid, NULL, NULL));
    if (!strcmp(call, "signal")) return say(kill(pid, SIGKILL));
    if (!strcmp(call, "write")) return say(open_for_writing(path));
    if (!strcmp(call, "open")) return say(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!strcmp(call, "host-name")) return say(sethostname("other", 5));
    if (!strcmp(call, "effective-user")) return printf("%u\n", geteuid()) < 0;
    return 2;
}

// An Embedded Swift program is not given its arguments; the kernel still has them.
int container_probe(void) {
    char text[COMMAND_BYTES_MAX + 1] = {0};
    int file = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    long length = file < 0 ? -1 : read(file, text, COMMAND_BYTES_MAX);
    close(file);
    if (length <= 0) return 2;
    const char *call = text + strlen(text) + 1;
    const char *path = call + strlen(call) + 1;
    int code = probe(call, path - text < length ? path : "");
    fflush(stdout);
    return code;
}
