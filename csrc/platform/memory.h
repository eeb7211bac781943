/* Memory that holds secrets: wiping, allocating, and keeping the compiler from undoing either. */
#ifndef OTRF_PLATFORM_MEMORY_H
#define OTRF_PLATFORM_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform/compiler.h"

/* Zeroed memory, or NULL. */
void *otrf_allocate(size_t size);

/* Wipe and free; NULL is left alone. */
void otrf_release(void *data, size_t size);

/* Wipe `len` bytes; the barrier keeps the compiler from dropping stores that nothing reads any more. */
OTRF_INLINE void otrf_wipe(void *data, size_t len) {
  memset(data, 0, len);
  __asm__ volatile("" : : "r"(data) : "memory");
}

/* Overwrite what calls before this one have left on the stack below: registers that a compiler spilled there, and what
 * GMP kept there. For the end of each function that computed with secrets. */
void otrf_wipe_stack(void);

/* Hide a value's origin from the compiler, so that it cannot turn masks back into branches. */
OTRF_INLINE uint64_t otrf_opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}

#endif
