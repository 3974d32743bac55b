#define _GNU_SOURCE
#include "apron_processor.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_instruction(uint32_t crc, const unsigned char *bytes,
                                                                     size_t count) {
    uint64_t wide = crc;
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; count > 0; bytes++, count--) crc = _mm_crc32_u8(crc, *bytes);
    return crc;
}

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

__attribute__((target("crc"))) static uint32_t crc32c_instruction(uint32_t crc, const unsigned char *bytes,
                                                                  size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        crc = __crc32cd(crc, word);
    }
    for (; count > 0; bytes++, count--) crc = __crc32cb(crc, *bytes);
    return crc;
}

// HWCAP_CRC32 of asm/hwcap.h.
static int has_instruction(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }
#else
static uint32_t crc32c_instruction(uint32_t crc, const unsigned char *bytes, size_t count) {
    (void)bytes, (void)count;
    return crc;
}

static int has_instruction(void) { return 0; }
#endif

// For processors without the instruction: one byte a step.
static uint32_t table[256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void) {
    for (uint32_t index = 0; index < 256; index++) {
        uint32_t value = index;
        for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ ((value & 1) ? 0x82f63b78u : 0);
        table[index] = value;
    }
}

uint32_t apron_crc32c(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = bytes;
    crc = ~crc;
    if (has_instruction()) return ~crc32c_instruction(crc, next, count);
    pthread_once(&table_once, fill_table);
    for (; count > 0; next++, count--) crc = (crc >> 8) ^ table[(crc ^ *next) & 0xff];
    return ~crc;
}

int apron_processor_count(void) {
    cpu_set_t set;
    // More processors than the set holds: EINVAL.
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}
