/* AVX-512 IFMA, one number at a time: digits of 52 bits, a number across the lanes of V vectors. ifma.c,
 * ifma_modulus.c.
 *
 * Digit V * l + v of a number is lane l of vector v. So a shift by one digit only renames vectors, and V rows of a
 * product fit 2 V accumulators before anything has to move by a lane. V is 4 for the 1536-bit group (30 digits) and 3
 * for 1024-bit DSA (20 digits). */
#ifndef OTRF_FIELD_IFMA_H
#define OTRF_FIELD_IFMA_H

#include "field/field.h"

#define OTRF_IFMA_BITS 52
#define OTRF_IFMA_MASK (((otrf_limb)1 << OTRF_IFMA_BITS) - 1)
#define OTRF_IFMA_VECTORS 4

typedef struct {
  _Alignas(64) otrf_limb digit[OTRF_IFMA_VECTORS][8];
} otrf_ifma_number;

/* A public modulus m; R = 2^1664 for 24 limbs, 2^1092 for 16. Results of multiplications are below 2 m, in Montgomery
 * form, and every digit is below 2^52. */
typedef struct {
  otrf_ifma_number m;
  otrf_ifma_number scaled;              /* (k m + 1) / 2^(52 V) with k m = -1 modulo 2^(52 V) */
  otrf_ifma_number one;                 /* R mod m */
  otrf_ifma_number square;              /* R^2 mod m */
  otrf_limb inverse[OTRF_IFMA_VECTORS]; /* -1/m mod 2^(52 V), as digits */
  otrf_limb limbs[OTRF_P_LIMBS];
  size_t n; /* limbs */
  size_t vectors;
} otrf_ifma_modulus;

/* m has 24 or 16 limbs and its top bit set; with 24 limbs it is -1 modulo 2^64. Plain C and GMP: it runs on any
 * processor. */
void otrf_ifma_modulus_init(otrf_ifma_modulus *modulus, const otrf_limb *m, size_t n);

/* Limbs as digits, without Montgomery form; and digits back to limbs, subtracting m once if they reach it. */
void otrf_ifma_digits(otrf_ifma_number *r, const otrf_limb *a, const otrf_ifma_modulus *modulus);
void otrf_ifma_limbs(otrf_limb *r, const otrf_ifma_number *a, const otrf_ifma_modulus *modulus);

/* The field of the modulus; its elements are otrf_ifma_number. */
void otrf_field_on_ifma(otrf_field *field, const otrf_ifma_modulus *modulus);

/* Digit i of a number in limbs. */
OTRF_INLINE otrf_limb otrf_ifma_digit_at(const otrf_limb *a, size_t n, size_t i) {
  const size_t limb = i * OTRF_IFMA_BITS / 64, shift = i * OTRF_IFMA_BITS % 64;
  otrf_limb digit = limb < n ? a[limb] >> shift : 0;
  if (shift > 64 - OTRF_IFMA_BITS && limb + 1 < n) {
    digit |= a[limb + 1] << (64 - shift);
  }
  return digit & OTRF_IFMA_MASK;
}

#endif
