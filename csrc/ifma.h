/* Private header of the AVX-512 IFMA code: digits of 52 bits, a number across the lanes of V vectors.
 *
 * Digit V * l + v of a number is lane l of vector v. So a shift by one digit only renames vectors, and V rows of a
 * product fit 2 V accumulators before anything has to move by a lane. V is 4 for the 1536-bit group (30 digits) and 3
 * for 1024-bit DSA (20 digits). */
#ifndef OTRFAST_IFMA_H
#define OTRFAST_IFMA_H

#include "powers.h"

#pragma GCC visibility push(hidden)

#define OTRF_DIGIT_BITS 52
#define OTRF_DIGIT_MASK (((otrf_limb)1 << OTRF_DIGIT_BITS) - 1)
#define OTRF_MAX_VECTORS 4

typedef struct {
  _Alignas(64) otrf_limb digit[OTRF_MAX_VECTORS][8];
} otrf_ifma_number;

/* A public modulus m; R = 2^1664 for 24 limbs, 2^1092 for 16. Results of multiplications are below 2 m, in Montgomery
 * form, and every digit is below 2^52. */
typedef struct {
  otrf_ifma_number m;
  otrf_ifma_number scaled;             /* (k m + 1) / 2^(52 V) with k m = -1 modulo 2^(52 V) */
  otrf_ifma_number one;                /* R mod m */
  otrf_ifma_number square;             /* R^2 mod m */
  otrf_limb inverse[OTRF_MAX_VECTORS]; /* -1/m mod 2^(52 V), as digits */
  otrf_limb limbs[OTRF_P_LIMBS];
  size_t n; /* limbs */
  size_t vectors;
} otrf_ifma_modulus;

/* m has 24 or 16 limbs and its top bit set; with 24 limbs it is -1 modulo 2^64. Plain C and GMP: it runs on any
 * processor. */
void otrf_ifma_modulus_init(otrf_ifma_modulus *modulus, const otrf_limb *m, size_t n);

/* Limbs as digits, without Montgomery form; and digits back to limbs, taking m off once where they reach it. */
void otrf_ifma_digits(otrf_ifma_number *r, const otrf_limb *a, const otrf_ifma_modulus *modulus);
void otrf_ifma_limbs(otrf_limb *r, const otrf_ifma_number *a, const otrf_ifma_modulus *modulus);

/* The field of the modulus; its elements are otrf_ifma_number. */
void otrf_field_on_ifma(otrf_field *field, const otrf_ifma_modulus *modulus);

/* Digit i of a number in limbs. */
OTRF_INLINE otrf_limb otrf_digit_at(const otrf_limb *a, size_t n, size_t i) {
  const size_t limb = i * OTRF_DIGIT_BITS / 64, shift = i * OTRF_DIGIT_BITS % 64;
  otrf_limb digit = limb < n ? a[limb] >> shift : 0;
  if (shift > 64 - OTRF_DIGIT_BITS && limb + 1 < n) {
    digit |= a[limb + 1] << (64 - shift);
  }
  return digit & OTRF_DIGIT_MASK;
}

/* ---- eight numbers at a time: lanes.c, lanes_group.c
 *
 * Digit d of number l is lane l of vector d. The digits go in tiles of five: 6 tiles for the group, 4 for 1024 bits. */

#define OTRF_LANES 8
#define OTRF_TILE 5
#define OTRF_LANE_DIGITS 30

typedef struct {
  _Alignas(64) otrf_limb digit[OTRF_LANE_DIGITS][OTRF_LANES];
} otrf_lanes;

/* Eight moduli of the same size; R = 2^(52 digits). Results of multiplications are below 2 m. */
typedef struct {
  otrf_lanes m;                               /* m; for the group m + 1, as m = -1 modulo 2^64 */
  _Alignas(64) otrf_limb inverse[OTRF_LANES]; /* -1/m mod 2^52; the group's is 1 and not looked at */
  size_t tiles;
} otrf_lanes_modulus;

/* r = a * b / R and r = a^(2^count), lane by lane. r may be a or b. */
void otrf_lanes_mul(otrf_lanes *r, const otrf_lanes *a, const otrf_lanes *b, const otrf_lanes_modulus *modulus);
void otrf_lanes_square(otrf_lanes *r, const otrf_lanes *a, size_t count, const otrf_lanes_modulus *modulus);

/* r = r * 2^shift for each lane, shift <= 7; for 1024-bit moduli, whose R leaves room for that. */
void otrf_lanes_shift(otrf_lanes *r, const otrf_limb shift[OTRF_LANES]);

/* r = table[index], entries of the table each of eight lanes, reading all of it. */
void otrf_lanes_select(otrf_lanes *r, const otrf_lanes *table, size_t entries, const otrf_limb index[OTRF_LANES]);

/* The entries of a comb, one number each: entry e of digit d is entry[d][e]. */
typedef struct {
  _Alignas(64) otrf_limb entry[OTRF_LANE_DIGITS][OTRF_COMB_ENTRIES];
} otrf_lanes_comb;

/* r = the entries that the lanes ask for, reading all of them. */
void otrf_lanes_comb_select(otrf_lanes *r, const otrf_lanes_comb *comb, const otrf_limb index[OTRF_LANES]);

/* One lane from limbs, and to limbs of a number below 2^(64 n). */
void otrf_lane_set(otrf_lanes *r, size_t lane, const otrf_limb *a, size_t n);
void otrf_lane_get(otrf_limb *r, size_t n, const otrf_lanes *a, size_t lane);

/* ---- eight powers in the group: lanes_group.c. Numbers in limbs, OTRF_P_LIMBS each; the exponents are secret and have
 * OTRF_DH_BYTES / 8 limbs each. */

void otrf_lanes_group_start(void);
void otrf_lanes_power(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*bases)[OTRF_P_LIMBS],
                      const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]);
void otrf_lanes_power_fixed(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]);

#pragma GCC visibility pop

#endif
