#define _GNU_SOURCE
#include "include/apron_affinity.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int get(struct apron_processors *mask) {
    memset(mask, 0, sizeof *mask);
    return (int)syscall(SYS_sched_getaffinity, 0, sizeof *mask, mask);
}

static int set(const struct apron_processors *mask) {
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof *mask, mask);
}

int apron_stay(struct apron_processors *before) {
    unsigned here;
    if (syscall(SYS_getcpu, &here, NULL, NULL) < 0 || here >= APRON_PROCESSORS_MAX) return 0;

    // What the kernel tells is what the thread's own affinity and the cpuset both allow. A thread that nobody has
    // restricted (taskset(1)) must go on following its cpuset when that changes, so which of them it was is found out.
    struct apron_processors all, allowed;
    memset(&all, 0xff, sizeof all);
    if (get(before) < 0 || set(&all) < 0) return 0;
    if (get(&allowed) >= 0 && memcmp(before, &allowed, sizeof allowed) == 0) *before = all;

    struct apron_processors one = {{0}};
    one.words[here / APRON_WORD_BITS] = 1ul << here % APRON_WORD_BITS;
    if (set(&one) == 0) return 1;
    set(before);
    return 0;
}

void apron_roam(const struct apron_processors *before) { set(before); }
