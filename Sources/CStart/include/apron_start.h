// What process 1 has in place of a C library: the program's begin, system calls, memory.
//
// The C library's own begin asks the processor about itself some seventy times, and under a hypervisor each answer is a
// trap: 0.6 ms of a container's creation were measured. Process 1 has one thread and needs none of what is found out.
#ifndef APRON_START_H
#define APRON_START_H

// The first C code of the program; `stack` is as the kernel left it (argument count, arguments, environment, auxv).
__attribute__((noreturn)) void apron_start(long *stack);

// What the program is called by whoever executed it: its argument 0, empty without one.
const char *apron_program_name(void);

#endif
