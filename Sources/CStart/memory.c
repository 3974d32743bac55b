#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Blocks have sizes of powers of two, each with a list of free ones, so that what is freed is found again and the
// memory of a process that runs for weeks does not grow. What is larger than the largest is mapped for itself.
enum { SMALLEST_BITS = 5, LARGEST_BITS = 16, HEADER_BYTES = 16 };
#define CHUNK_BYTES ((size_t)1 << LARGEST_BITS)

struct block {
    size_t bytes;        // with this header
    struct block *next;  // of the free ones of its size; the user's bytes begin behind it
};
_Static_assert(sizeof(struct block) == HEADER_BYTES, "the user's bytes are aligned to 16");

static struct block *freed[LARGEST_BITS + 1];
static char *rest;
static size_t rest_bytes;

static void *map(size_t bytes) {
    void *address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return address == MAP_FAILED ? NULL : address;
}

void *malloc(size_t wanted) {
    if (wanted > PTRDIFF_MAX - 2 * CHUNK_BYTES) return NULL;
    size_t bytes = wanted + HEADER_BYTES;
    int bits = SMALLEST_BITS;
    while (bits <= LARGEST_BITS && (size_t)1 << bits < bytes) bits++;
    struct block *block;
    if (bits > LARGEST_BITS) {
        block = map(bytes);
    } else if (bytes = (size_t)1 << bits, (block = freed[bits]) != NULL) {
        freed[bits] = block->next;
    } else {
        if (rest_bytes < bytes) {
            // The end of the former chunk is lost; it is smaller than this block.
            rest = map(CHUNK_BYTES);
            rest_bytes = rest == NULL ? 0 : CHUNK_BYTES;
            if (rest == NULL) return NULL;
        }
        block = (struct block *)(void *)rest;
        rest += bytes;
        rest_bytes -= bytes;
    }
    if (block == NULL) return NULL;
    block->bytes = bytes;
    return (char *)block + HEADER_BYTES;
}

void free(void *address) {
    if (address == NULL) return;
    struct block *block = (struct block *)(void *)((char *)address - HEADER_BYTES);
    if (block->bytes > CHUNK_BYTES) {
        munmap(block, block->bytes);
        return;
    }
    int bits = __builtin_ctzl(block->bytes);
    block->next = freed[bits];
    freed[bits] = block;
}

int posix_memalign(void **result, size_t alignment, size_t bytes) {
    if (alignment > HEADER_BYTES) return EINVAL;
    *result = malloc(bytes);
    return *result == NULL ? ENOMEM : 0;
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;
    while (count-- > 0) *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    unsigned char *target = to;
    const unsigned char *source = from;
    if (target <= source) return memcpy(to, from, count);
    while (count-- > 0) target[count] = source[count];
    return to;
}

void *memset(void *to, int value, size_t count) {
    unsigned char *target = to;
    while (count-- > 0) *target++ = (unsigned char)value;
    return to;
}

int memcmp(const void *left, const void *right, size_t count) {
    const unsigned char *a = left, *b = right;
    for (; count > 0; a++, b++, count--)
        if (*a != *b) return *a - *b;
    return 0;
}

size_t strlen(const char *text) {
    size_t count = 0;
    while (text[count] != 0) count++;
    return count;
}

// The seeds of hashes, if there are any; never secrets.
void arc4random_buf(void *bytes, size_t count) { syscall(SYS_getrandom, bytes, count, 0); }
