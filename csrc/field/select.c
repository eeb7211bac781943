/* Taking one entry out of a table while reading all of it: what a secret index has to be looked up with. */
#include <string.h>

#include "field/limbs.h"
#include "platform/cpu.h"
#include "platform/memory.h"

/* The compiler makes of these what the processor has: SSE2, AVX2, NEON. */
typedef otrf_limb two_limbs __attribute__((vector_size(16)));
typedef otrf_limb four_limbs __attribute__((vector_size(32)));

/* All ones if a = b. */
OTRF_INLINE otrf_limb equal_mask(size_t a, size_t b) {
  return otrf_opaque(0 - (otrf_limb)((((uint64_t)a ^ (uint64_t)b) - 1) >> 63));
}

/* `count` vectors of each entry; they stay in registers for the whole table. */
#define SCAN(type, count)                                                              \
  do {                                                                                 \
    type value[count], part;                                                           \
    memset(value, 0, sizeof value);                                                    \
    for (size_t i = 0; i < entries; i++) {                                             \
      const type mask = equal_mask(i, index) - (type){0};                              \
      _Pragma("GCC unroll 16") for (size_t v = 0; v < (count); v++) {                  \
        memcpy(&part, table + i * n + v * (sizeof part / sizeof *table), sizeof part); \
        value[v] |= part & mask;                                                       \
      }                                                                                \
    }                                                                                  \
    memcpy(r, value, sizeof value);                                                    \
  } while (0)

/* Entries of whole eights of limbs go at once, as far as registers suffice. */
#define SELECT(type)                                       \
  do {                                                     \
    size_t left = n;                                       \
    for (; left >= 24; left -= 24, r += 24, table += 24) { \
      SCAN(type, 192 / sizeof(type));                      \
    }                                                      \
    for (; left >= 8; left -= 8, r += 8, table += 8) {     \
      SCAN(type, 64 / sizeof(type));                       \
    }                                                      \
    for (; left > 0; left--, r++, table++) {               \
      *r = 0;                                              \
      for (size_t i = 0; i < entries; i++) {               \
        *r |= table[i * n] & equal_mask(i, index);         \
      }                                                    \
    }                                                      \
  } while (0)

static void select_any(otrf_limb *r, const otrf_limb *table, size_t n, size_t entries, size_t index) {
  SELECT(two_limbs);
}

#if OTRF_X86
OTRF_TARGET_AVX2 static void select_avx2(otrf_limb *r, const otrf_limb *table, size_t n, size_t entries, size_t index) {
  SELECT(four_limbs);
}
#endif

void otrf_limbs_select(otrf_limb *r, const otrf_limb *table, size_t n, size_t entries, size_t index) {
#if OTRF_X86
  if (otrf_has(OTRF_HAS_AVX2)) {
    select_avx2(r, table, n, entries, index);
    return;
  }
#endif
  select_any(r, table, n, entries, index);
}
