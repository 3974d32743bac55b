// libseccomp, and its function-like macros as functions: Swift does not see macros with arguments.
#ifndef APRON_SECCOMP_SHIM_H
#define APRON_SECCOMP_SHIM_H

#include <seccomp.h>
#include <stdint.h>

static inline uint32_t apron_scmp_act_errno(uint16_t number) { return SCMP_ACT_ERRNO(number); }
static inline uint32_t apron_scmp_act_trace(uint16_t message) { return SCMP_ACT_TRACE(message); }
static inline uint32_t apron_scmp_act_allow(void) { return SCMP_ACT_ALLOW; }
static inline uint32_t apron_scmp_act_log(void) { return SCMP_ACT_LOG; }
static inline uint32_t apron_scmp_act_trap(void) { return SCMP_ACT_TRAP; }
static inline uint32_t apron_scmp_act_kill_thread(void) { return SCMP_ACT_KILL_THREAD; }
static inline uint32_t apron_scmp_act_kill_process(void) { return SCMP_ACT_KILL_PROCESS; }

static inline uint32_t apron_scmp_arch_x86(void) { return SCMP_ARCH_X86; }
static inline uint32_t apron_scmp_arch_x86_64(void) { return SCMP_ARCH_X86_64; }
static inline uint32_t apron_scmp_arch_x32(void) { return SCMP_ARCH_X32; }
static inline uint32_t apron_scmp_arch_arm(void) { return SCMP_ARCH_ARM; }
static inline uint32_t apron_scmp_arch_aarch64(void) { return SCMP_ARCH_AARCH64; }

#endif
