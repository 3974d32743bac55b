/* allocations: counts what a program asks of malloc and its kin, and says so at its end.
 * build: cc -O2 -shared -fPIC -o allocations.so allocations.c -ldl ; usage: LD_PRELOAD=./allocations.so PROGRAM
 * Prints "allocations=N" to standard error. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
static atomic_ulong count;

void *malloc(size_t n) { atomic_fetch_add(&count, 1); return __libc_malloc(n); }
void *calloc(size_t n, size_t z) { atomic_fetch_add(&count, 1); return __libc_calloc(n, z); }
void *realloc(void *p, size_t n) { atomic_fetch_add(&count, 1); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { atomic_fetch_add(&count, 1); return __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n)
{
	atomic_fetch_add(&count, 1);
	*p = __libc_memalign(a, n);
	return *p ? 0 : 12;
}
__attribute__((destructor)) static void tell(void) { fprintf(stderr, "allocations=%lu\n", atomic_load(&count)); }
