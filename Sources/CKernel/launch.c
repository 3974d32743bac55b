#define _GNU_SOURCE
#include "include/apron_launch.h"
#include "include/apron_affinity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Enough for the child's few frames; it calls no library code that uses more.
#define CHILD_STACK_BYTES (32 * 1024)

_Static_assert(sizeof(struct clone_args) >= 88, "clone_args with cgroup is Linux 5.7");

// Every capability the process has becomes ambient, so that exec keeps it although the user id is not mapped yet.
static int keep_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -1;
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    if (syscall(SYS_capset, &header, data) < 0) return -1;
    for (int cap = 0; cap < 64; cap++) {
        uint32_t held = cap < 32 ? data[0].permitted >> cap : data[1].permitted >> (cap - 32);
        if (!(held & 1)) continue;
        // EINVAL: the kernel knows fewer capabilities than bits are set in a new namespace.
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0 && errno != EINVAL) return -1;
    }
    return 0;
}

// Lays the descriptors out as 0, 1, 2, …: first out of the way of their targets, then into place without
// close-on-exec, then everything above is closed.
static int place_descriptors(const struct apron_launch *launch) {
    int aside[16];
    if (launch->descriptor_count > sizeof aside / sizeof *aside) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 0; i < launch->descriptor_count; i++) {
        aside[i] = fcntl(launch->descriptors[i], F_DUPFD_CLOEXEC, 64);
        if (aside[i] < 0) return -1;
    }
    int program = fcntl(launch->program, F_DUPFD_CLOEXEC, 64);
    if (program < 0) return -1;
    for (uint32_t i = 0; i < launch->descriptor_count; i++)
        if (dup2(aside[i], (int)i) < 0) return -1;
    // The program is named by descriptor, so it stays open up to the exec and close-on-exec removes it.
    if (dup3(program, (int)launch->descriptor_count, O_CLOEXEC) < 0) return -1;
    return (int)syscall(SYS_close_range, launch->descriptor_count + 1, ~0u, 0);
}

static void child_failed(struct apron_launch *launch, int step) {
    launch->failed_step = step;
    launch->error = errno;
    syscall(SYS_exit_group, 127);
    __builtin_unreachable();
}

static void child(struct apron_launch *launch) {
    if (launch->processors) apron_roam(launch->processors);
    if (launch->raise_ambient && keep_capabilities() < 0) child_failed(launch, APRON_LAUNCH_AMBIENT);
    if (place_descriptors(launch) < 0) child_failed(launch, APRON_LAUNCH_DESCRIPTORS);
    if (setsid() < 0) child_failed(launch, APRON_LAUNCH_SESSION);
    syscall(SYS_execveat, (int)launch->descriptor_count, "", launch->arguments, launch->environment, AT_EMPTY_PATH);
    child_failed(launch, APRON_LAUNCH_EXEC);
}

// The system call and the jump onto the child's stack in one piece: the child must not return through this frame.
static long clone3_call(struct clone_args *args, size_t size, void (*entry)(struct apron_launch *),
                        struct apron_launch *launch) {
#if defined(__x86_64__)
    long result = SYS_clone3;
    register struct apron_launch *r12 __asm__("r12") = launch;
    register void (*r13)(struct apron_launch *) __asm__("r13") = entry;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r12, %%rdi\n\t"
        "call *%%r13\n\t"
        "hlt\n"
        "1:"
        : "+a"(result)
        : "D"(args), "S"(size), "r"(r12), "r"(r13)
        : "rcx", "r11", "memory", "cc");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = SYS_clone3;
    register void *x0 __asm__("x0") = args;
    register size_t x1 __asm__("x1") = size;
    register struct apron_launch *x20 __asm__("x20") = launch;
    register void (*x21)(struct apron_launch *) __asm__("x21") = entry;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x20\n\t"
        "blr x21\n\t"
        "brk #0\n"
        "1:"
        : "+r"(x0)
        : "r"(x1), "r"(x8), "r"(x20), "r"(x21)
        : "memory", "cc");
    return (long)x0;
#else
#error "clone3 entry is written for x86_64 and aarch64"
#endif
}

pid_t apron_launch(struct apron_launch *launch) {
    _Alignas(16) char stack[CHILD_STACK_BYTES];
    int pidfd = -1;
    struct clone_args args = {
        .flags = launch->namespaces | CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof stack,
    };
    if (launch->cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)launch->cgroup;
    }
    launch->pidfd = -1;
    launch->failed_step = APRON_LAUNCH_CLONE;
    launch->error = 0;

    // No signal handler of the daemon may run in the child while it shares memory with us.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct apron_processors processors;
    launch->processors = apron_stay(&processors) ? &processors : NULL;
    long pid = clone3_call(&args, sizeof args, child, launch);
    if (launch->processors) apron_roam(&processors);
    pthread_sigmask(SIG_SETMASK, &before, NULL);

    if (pid < 0) {
        launch->error = (int)-pid;
        return -1;
    }
    if (launch->error != 0) {
        siginfo_t info;
        while (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR) {}
        close(pidfd);
        return -1;
    }
    launch->pidfd = pidfd;
    return (pid_t)pid;
}

pid_t apron_fork(int cgroup, int wait) {
    struct clone_args args = {.exit_signal = SIGCHLD};
    if (wait) args.flags |= CLONE_VFORK;
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)cgroup;
    }
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}
