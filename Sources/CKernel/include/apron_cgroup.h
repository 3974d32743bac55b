// Control-group calls without a libc wrapper.
#ifndef APRON_CGROUP_H
#define APRON_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

// Loads a BPF_PROG_TYPE_CGROUP_DEVICE program of `count` 8-byte instructions (bpf(2) BPF_PROG_LOAD); Linux 4.15.
int apron_bpf_load_device(const void *instructions, uint32_t count);
// Attaches it to a cgroup v2 directory beside those of the groups above (BPF_PROG_ATTACH, BPF_F_ALLOW_MULTI).
int apron_bpf_attach_device(int program, int cgroup);

// True on the thread whose id is the process id.
int apron_is_main_thread(void);

// Locks a whole file for its open file (fcntl(2) F_OFD_SETLK, F_OFD_SETLKW): shared, or alone. A change from one to the
// other is atomic: when it fails the former lock is kept.
int apron_lock_shared(int fd);
// EAGAIN when others have a lock.
int apron_lock_alone(int fd);

#endif
