/* What the files of the core share and the public header does not show: compiler helpers, wiping, comparing, the
 * processor features in force. cffi does not see this file.
 */
#ifndef OTRF_INTERNAL_H
#define OTRF_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "otrfast.h"

#define OTRF_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define OTRF_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define OTRF_INLINE static inline __attribute__((always_inline))
#define OTRF_HIDDEN __attribute__((visibility("hidden")))

/* The vector paths are compiled function by function, each for its own instruction sets, so that the build needs no
 * -march flag and the rest of the core runs anywhere. */
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define OTRF_X86 1
#define OTRF_TARGET(features) __attribute__((target(features)))
#define OTRF_TARGET_SHANI OTRF_TARGET("sha,sse4.1,ssse3")
#define OTRF_TARGET_AESNI OTRF_TARGET("aes,sse4.1,ssse3")
#define OTRF_TARGET_AVX2 OTRF_TARGET("avx2,bmi,bmi2")
#define OTRF_TARGET_VAES OTRF_TARGET("vaes,aes,avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2")
#define OTRF_TARGET_VBMI OTRF_TARGET("avx512vbmi,avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2")
#ifndef OTRF_TARGET_IFMA /* a test build emulates these instructions, and has them compiled for any processor */
#define OTRF_TARGET_IFMA OTRF_TARGET("avx512ifma,avx512f,avx512bw,avx512vl,avx512dq,bmi,bmi2")
#endif
#else
#define OTRF_X86 0
#endif

/* The level in force; cpu.c sets it in otrf_cpu_use. Portable before the first call. */
extern OTRF_HIDDEN int otrf_level;

/* The features in force: those that the processor and its operating system have and that `otrf_level` allows. A level
 * is a bundle; a processor may have AES-NI without SHA-NI, so each path asks for its own bit. Set by otrf_cpu_use. */
extern OTRF_HIDDEN unsigned otrf_features;

#define OTRF_HAS_AESNI 1u /* AES-NI with SSE4.1; level 1 */
#define OTRF_HAS_SHANI 2u /* SHA extensions with SSE4.1; level 1 */
#define OTRF_HAS_AVX2 4u  /* AVX2, BMI1 and BMI2, ymm saved by the system; level 1 */
#define OTRF_HAS_VAES 8u  /* VAES with AVX-512 F, BW, VL, DQ, zmm saved by the system; level 2 */
#define OTRF_HAS_VBMI 16u /* AVX-512 VBMI with F, BW, VL, DQ; level 2 */
#define OTRF_HAS_AVX2_POWERS 32u /* what OTRF_HAS_AVX2 says, for powers; level 3 */
#define OTRF_HAS_IFMA 64u        /* AVX-512 IFMA with F, BW, VL, DQ; level 4 */

OTRF_INLINE int otrf_has(unsigned features) { return (otrf_features & features) == features; }

/* Wipe `len` bytes; the barrier keeps the compiler from dropping stores that nothing reads any more. */
OTRF_INLINE void otrf_wipe(void *data, size_t len) {
  memset(data, 0, len);
  __asm__ volatile("" : : "r"(data) : "memory");
}

/* Overwrite what calls before this one have left on the stack below: registers that a compiler put there for want of
 * others, and what GMP kept there. For the end of whatever computed with secrets. */
OTRF_HIDDEN void otrf_wipe_stack(void);

/* Hide a value's origin from the compiler, so that it can not turn masks back into branches. */
OTRF_INLINE uint64_t otrf_opaque(uint64_t value) {
  __asm__("" : "+r"(value));
  return value;
}

OTRF_INLINE uint32_t otrf_load32(const uint8_t *in) {
  uint32_t value;
  memcpy(&value, in, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap32(value);
#endif
  return value;
}

OTRF_INLINE uint64_t otrf_load64(const uint8_t *in) {
  uint64_t value;
  memcpy(&value, in, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

OTRF_INLINE void otrf_store32(uint8_t *out, uint32_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap32(value);
#endif
  memcpy(out, &value, 4);
}

OTRF_INLINE void otrf_store64(uint8_t *out, uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  memcpy(out, &value, 8);
}

#endif
