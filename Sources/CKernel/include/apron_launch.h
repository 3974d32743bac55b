// Starts a program as a child in new namespaces without copying or disturbing the caller's address space.
#ifndef APRON_LAUNCH_H
#define APRON_LAUNCH_H

#include <stdint.h>
#include <sys/types.h>

// What failed in the child before its exec; apron_launch.failed_step.
enum apron_launch_step {
    APRON_LAUNCH_CLONE = 0,
    APRON_LAUNCH_AMBIENT = 1,
    APRON_LAUNCH_DESCRIPTORS = 2,
    APRON_LAUNCH_SESSION = 3,
    APRON_LAUNCH_EXEC = 4,
};

struct apron_launch {
    uint64_t namespaces;      // CLONE_NEW* bits; 0 for a plain child
    int cgroup;               // cgroup v2 directory for CLONE_INTO_CGROUP (Linux 5.7), or -1
    int program;              // descriptor of the executable, run by execveat(2) with AT_EMPTY_PATH
    const int *descriptors;   // become 0, 1, 2, … in the child; all others are closed
    uint32_t descriptor_count;
    int raise_ambient;        // keep every capability across the exec although the user id has no mapping yet
    char *const *arguments;   // NULL-terminated
    char *const *environment; // NULL-terminated
    const struct apron_processors *processors; // set inside: where parent and child may run afterwards
    // Results.
    int pidfd;
    int failed_step;          // enum apron_launch_step
    int error;                // errno of the failed step
};

// clone3(2) with CLONE_VM|CLONE_VFORK|CLONE_PIDFD on a stack of its own, then exec: no code of ours but the few lines
// in the child runs in shared memory. Returns the pid, or -1 with failed_step and error set and the child reaped.
pid_t apron_launch(struct apron_launch *launch);

// clone3(2) in fork style for process 1: the child has its own memory; the caller waits until it has exec'ed or ended
// when `wait` is set (CLONE_VFORK). `cgroup` as above. Returns like fork(2).
pid_t apron_fork(int cgroup, int wait);

#endif
