#define _GNU_SOURCE
#include "include/seccomp_probe.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct work {
    const void *instructions;
    uint16_t count;
    struct seccomp_probe *probes;
    int probe_count;
    int error;
};

static void make_call(struct seccomp_probe *probe) {
    unsigned long *a = probe->arguments;
#if defined(__x86_64__)
    if (probe->is_32_bit) {
        int result = (int)probe->number;
        __asm__ volatile("int $0x80"
                         : "+a"(result)
                         : "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3])
                         : "r8", "r9", "r10", "r11", "memory");
        probe->error = result < 0 && result > -4096 ? -result : 0;
        return;
    }
#endif
    long result = syscall(probe->number, a[0], a[1], a[2], a[3], 0, 0);
    // A clone that a broken filter let through must not go on as a second test process.
    if (result == 0 && probe->number == SYS_clone) _exit(0);
    probe->error = result < 0 ? errno : 0;
}

static void *run(void *argument) {
    struct work *work = argument;
    if (work->count > 0) {
        struct sock_fprog program = {.len = work->count, .filter = (struct sock_filter *)work->instructions};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
            work->error = errno;
            return NULL;
        }
    }
    for (int i = 0; i < work->probe_count; i++) make_call(&work->probes[i]);
    return NULL;
}

int seccomp_probe_run(const void *instructions, uint16_t count, struct seccomp_probe *probes, int probe_count) {
    struct work work = {instructions, count, probes, probe_count, 0};
    for (int i = 0; i < probe_count; i++) probes[i].error = -1;
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, &work);
    if (error != 0) return error;
    pthread_join(thread, NULL);
    return work.error;
}
