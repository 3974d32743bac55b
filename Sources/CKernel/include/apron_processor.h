// What the processors of the machine offer.
#ifndef APRON_PROCESSOR_H
#define APRON_PROCESSOR_H

#include <stddef.h>
#include <stdint.h>

// The CRC-32C (RFC 3720, section 12.1) of `count` bytes that follow bytes whose CRC-32C is `crc`; 0 at the start.
uint32_t apron_crc32c(uint32_t crc, const void *bytes, size_t count);
// The processors that the calling thread may run on (sched_getaffinity(2)); at least 1.
int apron_processor_count(void);

#endif
