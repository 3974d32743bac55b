// Makes system calls under a seccomp filter, on a thread that ends with them.
#ifndef APRON_TEST_SECCOMP_PROBE_H
#define APRON_TEST_SECCOMP_PROBE_H

#include <stdint.h>

struct seccomp_probe {
    long number;
    unsigned long arguments[4];
    int is_32_bit; // by int 0x80, x86_64 only
    int error;     // result: errno, 0 when the call succeeded, -1 when it was not made
};

// Loads `instructions` of eight bytes each (none when `count` is 0) on a thread of its own and makes the calls there.
// Returns 0, or the errno with which the filter was refused.
int seccomp_probe_run(const void *instructions, uint16_t count, struct seccomp_probe *probes, int probe_count);

#endif
