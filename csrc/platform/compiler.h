/* What the core asks of its compiler: inlining, likelihood, instruction sets function by function, hidden variables. */
#ifndef OTRF_PLATFORM_COMPILER_H
#define OTRF_PLATFORM_COMPILER_H

#define OTRF_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define OTRF_UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#define OTRF_INLINE static inline __attribute__((always_inline))

/* A shared object of the core hides its symbols with -fvisibility=hidden. That says nothing about a variable that a
 * file only declares: without this mark it would be reached through the global offset table. */
#define OTRF_HIDDEN __attribute__((visibility("hidden")))

/* The vector code is compiled function by function, each for its own instruction sets, so that the build needs no
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

#endif
