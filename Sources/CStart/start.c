#include "include/apron_start.h"

#include <elf.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments);

// The compiler's guard of stacks looks for its random number here.
#if defined(__x86_64__)
#define STACK_GUARD_OFFSET 0x28  // from the thread pointer, as the ABI has it
static uintptr_t thread_block[16];

__asm__(
    ".globl _start\n"
    "_start:\n\t"
    "xor %ebp, %ebp\n\t"
    "mov %rsp, %rdi\n\t"
    "and $-16, %rsp\n\t"
    "call apron_start\n\t"
    "hlt\n");

static void set_guard(uintptr_t guard) {
    thread_block[0] = (uintptr_t)thread_block;
    thread_block[STACK_GUARD_OFFSET / sizeof(uintptr_t)] = guard;
    const long set_fs = 0x1002;  // ARCH_SET_FS
    syscall(SYS_arch_prctl, set_fs, thread_block);
}
#elif defined(__aarch64__)
uintptr_t __stack_chk_guard;

__asm__(
    ".globl _start\n"
    "_start:\n\t"
    "mov x29, #0\n\t"
    "mov x30, #0\n\t"
    "mov x0, sp\n\t"
    "bl apron_start\n\t"
    "brk #0\n");

static void set_guard(uintptr_t guard) { __stack_chk_guard = guard; }
#else
#error "the program's begin is written for x86_64 and aarch64"
#endif

static const char *program_name = "";

const char *apron_program_name(void) { return program_name; }

void apron_start(long *stack) {
    int count = (int)stack[0];
    char **arguments = (char **)(stack + 1);
    if (count > 0) program_name = arguments[0];
    char **next = arguments + count + 1;
    while (*next != NULL) next++;
    uintptr_t guard = 0;
    for (Elf64_auxv_t *entry = (Elf64_auxv_t *)(next + 1); entry->a_type != AT_NULL; entry++)
        if (entry->a_type == AT_RANDOM) memcpy(&guard, (const void *)entry->a_un.a_val, sizeof guard);
    // A zero byte first stops strings that run over.
    set_guard(guard & ~(uintptr_t)0xff);
    _exit(main(count, arguments));
}

__attribute__((noreturn)) void __stack_chk_fail(void) { __builtin_trap(); }
