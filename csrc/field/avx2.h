/* AVX2, one number at a time: digits of 28 bits, a number across the lanes of V vectors. avx2.c, avx2_modulus.c.
 *
 * Digit V * l + v of a number is lane l of vector v. V is 14 for the 1536-bit group (55 digits) and 10 for 1024-bit DSA
 * (37 digits). In memory vectors v and v + V / 2 share one, as the lower and the upper half of each lane:
 * multiplications read lower halves alone. */
#ifndef OTRF_FIELD_AVX2_H
#define OTRF_FIELD_AVX2_H

#include "field/field.h"

#define OTRF_AVX2_BITS 28
#define OTRF_AVX2_MASK (((otrf_limb)1 << OTRF_AVX2_BITS) - 1)
#define OTRF_AVX2_LANES 4
#define OTRF_AVX2_VECTORS 14
#define OTRF_AVX2_PAIRS (OTRF_AVX2_VECTORS / 2)

typedef struct {
  _Alignas(32) uint32_t half[OTRF_AVX2_PAIRS][2 * OTRF_AVX2_LANES];
} otrf_avx2_number;

/* The bytes of one that 10 vectors take. */
#define OTRF_AVX2_DSA_BYTES 160

/* Digits that a row reads from memory, one in each lane. */
typedef struct {
  _Alignas(32) otrf_limb digit[OTRF_AVX2_VECTORS][OTRF_AVX2_LANES];
} otrf_avx2_row;

/* A public modulus m; R = 2^1540 for 24 limbs, 2^1064 for 16. Results of multiplications are below 2 m, in Montgomery
 * form, and digits may be a little above 2^28. */
typedef struct {
  otrf_avx2_row m;
  otrf_avx2_row scaled;    /* (k m + 1) / 2^28 with k m = -1 modulo 2^28 */
  otrf_avx2_number one;    /* R mod m */
  otrf_avx2_number square; /* R^2 mod m */
  otrf_limb inverse;       /* k */
  otrf_limb limbs[OTRF_P_LIMBS];
  size_t n; /* limbs */
  size_t vectors;
} otrf_avx2_modulus;

/* m has 24 or 16 limbs and its top bit set; with 24 limbs it is -1 modulo 2^64. Plain C and GMP: it runs on any
 * processor. */
void otrf_avx2_modulus_init(otrf_avx2_modulus *modulus, const otrf_limb *m, size_t n);

/* Limbs as digits, without Montgomery form; and digits back to limbs, subtracting m once if they reach it. */
void otrf_avx2_digits(otrf_avx2_number *r, const otrf_limb *a, const otrf_avx2_modulus *modulus);
void otrf_avx2_limbs(otrf_limb *r, const otrf_avx2_number *a, const otrf_avx2_modulus *modulus);

/* The field of the modulus; its elements are the part of an otrf_avx2_number that V vectors take. */
void otrf_field_on_avx2(otrf_field *field, const otrf_avx2_modulus *modulus);

#endif
