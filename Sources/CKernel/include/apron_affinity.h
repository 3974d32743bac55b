// Keeping a thread and the child that it waits for on one processor.
#ifndef APRON_AFFINITY_H
#define APRON_AFFINITY_H

// The most that a kernel can be built for (NR_CPUS on x86-64).
#define APRON_PROCESSORS_MAX 8192
#define APRON_WORD_BITS (8 * sizeof(unsigned long))

// A set of processors as sched_setaffinity(2) takes it.
struct apron_processors {
    unsigned long words[APRON_PROCESSORS_MAX / APRON_WORD_BITS];
};

// Keeps the calling thread, and so a child that it starts, on the processor where it is now.
//
// A thread that waits for its child's exec leaves its processor idle. The kernel does not foresee that and starts some
// children on another one, where on a busy host they wait for milliseconds, and on an idle one for some 50 µs.
// Returns whether it worked; then the thread, and the child for itself, call apron_roam with what is left in `before`.
int apron_stay(struct apron_processors *before);

// Lets the calling thread run where it might before apron_stay.
void apron_roam(const struct apron_processors *before);

#endif
