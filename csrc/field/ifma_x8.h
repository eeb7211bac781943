/* AVX-512 IFMA, eight numbers at a time, one in each lane: ifma_x8.c.
 *
 * Digit d of number l is lane l of vector d. The digits go in tiles of five: 6 tiles for the group, 4 for 1024 bits. */
#ifndef OTRF_FIELD_IFMA_X8_H
#define OTRF_FIELD_IFMA_X8_H

#include "field/comb.h"
#include "field/ifma.h"

#define OTRF_IFMA_X8_LANES 8
#define OTRF_IFMA_X8_TILE 5
#define OTRF_IFMA_X8_DIGITS 30

typedef struct {
  _Alignas(64) otrf_limb digit[OTRF_IFMA_X8_DIGITS][OTRF_IFMA_X8_LANES];
} otrf_ifma_x8;

/* Eight moduli of the same size; R = 2^(52 digits). Results of multiplications are below 2 m. */
typedef struct {
  otrf_ifma_x8 m;                                     /* m; for the group m + 1, as m = -1 modulo 2^64 */
  _Alignas(64) otrf_limb inverse[OTRF_IFMA_X8_LANES]; /* -1/m mod 2^52; the group's is 1 and not looked at */
  size_t tiles;
} otrf_ifma_x8_modulus;

/* r = a * b / R and r = a^(2^count), lane by lane. r may be a or b. */
void otrf_ifma_x8_mul(otrf_ifma_x8 *r, const otrf_ifma_x8 *a, const otrf_ifma_x8 *b,
                      const otrf_ifma_x8_modulus *modulus);
void otrf_ifma_x8_square(otrf_ifma_x8 *r, const otrf_ifma_x8 *a, size_t count, const otrf_ifma_x8_modulus *modulus);

/* r = r * 2^shift for each lane, shift <= 7; for 1024-bit moduli, whose R allows that. */
void otrf_ifma_x8_shift(otrf_ifma_x8 *r, const otrf_limb shift[OTRF_IFMA_X8_LANES]);

/* r = table[index], entries of the table each of eight lanes, reading all of it. */
void otrf_ifma_x8_select(otrf_ifma_x8 *r, const otrf_ifma_x8 *table, size_t entries,
                         const otrf_limb index[OTRF_IFMA_X8_LANES]);

/* The entries of a comb, one number each: entry e of digit d is entry[d][e]. */
typedef struct {
  _Alignas(64) otrf_limb entry[OTRF_IFMA_X8_DIGITS][OTRF_COMB_ENTRIES];
} otrf_ifma_x8_comb;

/* r = the entries that the lanes ask for, reading all of them. */
void otrf_ifma_x8_comb_select(otrf_ifma_x8 *r, const otrf_ifma_x8_comb *comb,
                              const otrf_limb index[OTRF_IFMA_X8_LANES]);

/* One lane from limbs, and to limbs of a number below 2^(64 n). */
void otrf_ifma_x8_set(otrf_ifma_x8 *r, size_t lane, const otrf_limb *a, size_t n);
void otrf_ifma_x8_get(otrf_limb *r, size_t n, const otrf_ifma_x8 *a, size_t lane);

#endif
