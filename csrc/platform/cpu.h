/* The processor features in force: cpu.c. */
#ifndef OTRF_PLATFORM_CPU_H
#define OTRF_PLATFORM_CPU_H

#include "platform/compiler.h"

/* Those that the processor and its operating system have and that the level in force allows. A level is a bundle; a
 * processor may have AES-NI without SHA-NI, so each code path asks for its own bit. Set by otrf_cpu_use; none before
 * the first call. */
extern OTRF_HIDDEN unsigned otrf_features;

#define OTRF_HAS_AESNI 1u        /* AES-NI with SSE4.1; level 1 */
#define OTRF_HAS_SHANI 2u        /* SHA extensions with SSE4.1; level 1 */
#define OTRF_HAS_AVX2 4u         /* AVX2, BMI1 and BMI2, ymm saved by the system; level 1 */
#define OTRF_HAS_VAES 8u         /* VAES with AVX-512 F, BW, VL, DQ, zmm saved by the system; level 2 */
#define OTRF_HAS_VBMI 16u        /* AVX-512 VBMI with F, BW, VL, DQ; level 2 */
#define OTRF_HAS_AVX2_MODEXP 32u /* what OTRF_HAS_AVX2 says, for exponentiations; level 3 */
#define OTRF_HAS_IFMA 64u        /* AVX-512 IFMA with F, BW, VL, DQ; level 4 */

OTRF_INLINE int otrf_has(unsigned features) { return (otrf_features & features) == features; }

#endif
