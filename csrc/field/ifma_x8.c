/* Montgomery multiplication of eight numbers at a time with AVX-512 IFMA, one in each lane. */
#include "field/ifma_x8.h"

#include <string.h>

#if OTRF_X86
#include <immintrin.h>

#define KERNEL OTRF_TARGET_IFMA OTRF_INLINE
#define ACCUMULATORS (2 * OTRF_IFMA_X8_TILE)

typedef const otrf_limb (*digits)[OTRF_IFMA_X8_LANES];

KERNEL __m512i load(digits a, size_t i) { return _mm512_load_si512(a[i]); }
KERNEL __m512i mask(void) { return _mm512_set1_epi64((long long)OTRF_IFMA_MASK); }

/* Sums of a tile column: the lower and the upper halves of products apart, or each product would wait for the one
 * before. */
typedef struct {
  __m512i lo[ACCUMULATORS], hi[ACCUMULATORS];
} sums;

KERNEL void clear(sums *z) {
#pragma GCC unroll 10
  for (int i = 0; i < ACCUMULATORS; i++) {
    z->lo[i] = z->hi[i] = _mm512_setzero_si512();
  }
}

/* z += b * a[0..4], at place j. */
KERNEL void row(sums *z, const int j, __m512i b, const __m512i *a) {
  z->lo[j] = _mm512_madd52lo_epu64(z->lo[j], a[0], b);
  z->lo[j + 1] = _mm512_madd52lo_epu64(z->lo[j + 1], a[1], b);
  z->lo[j + 2] = _mm512_madd52lo_epu64(z->lo[j + 2], a[2], b);
  z->lo[j + 3] = _mm512_madd52lo_epu64(z->lo[j + 3], a[3], b);
  z->lo[j + 4] = _mm512_madd52lo_epu64(z->lo[j + 4], a[4], b);
  z->hi[j + 1] = _mm512_madd52hi_epu64(z->hi[j + 1], a[0], b);
  z->hi[j + 2] = _mm512_madd52hi_epu64(z->hi[j + 2], a[1], b);
  z->hi[j + 3] = _mm512_madd52hi_epu64(z->hi[j + 3], a[2], b);
  z->hi[j + 4] = _mm512_madd52hi_epu64(z->hi[j + 4], a[3], b);
  z->hi[j + 5] = _mm512_madd52hi_epu64(z->hi[j + 5], a[4], b);
}

/* z += a[0..4] * b[0..4]. All sums in registers, ten loads, fifty multiplications. */
KERNEL void tile(sums *z, digits a, digits b) {
  const __m512i x[OTRF_IFMA_X8_TILE] = {load(a, 0), load(a, 1), load(a, 2), load(a, 3), load(a, 4)};
  row(z, 0, load(b, 0), x);
  row(z, 1, load(b, 1), x);
  row(z, 2, load(b, 2), x);
  row(z, 3, load(b, 3), x);
  row(z, 4, load(b, 4), x);
}

/* z += a * b for one pair of digits, at place j. */
KERNEL void place(sums *z, const int j, __m512i a, __m512i b) {
  z->lo[j] = _mm512_madd52lo_epu64(z->lo[j], a, b);
  z->hi[j + 1] = _mm512_madd52hi_epu64(z->hi[j + 1], a, b);
}

/* z += the products of different digits of a, each once. */
KERNEL void cross(sums *z, digits a) {
  const __m512i x[OTRF_IFMA_X8_TILE] = {load(a, 0), load(a, 1), load(a, 2), load(a, 3), load(a, 4)};
  place(z, 1, x[0], x[1]);
  place(z, 2, x[0], x[2]);
  place(z, 3, x[0], x[3]);
  place(z, 4, x[0], x[4]);
  place(z, 3, x[1], x[2]);
  place(z, 4, x[1], x[3]);
  place(z, 5, x[1], x[4]);
  place(z, 5, x[2], x[3]);
  place(z, 6, x[2], x[4]);
  place(z, 7, x[3], x[4]);
}

/* z += the squares of the digits of a. */
KERNEL void squares(sums *z, digits a) {
  place(z, 0, load(a, 0), load(a, 0));
  place(z, 2, load(a, 1), load(a, 1));
  place(z, 4, load(a, 2), load(a, 2));
  place(z, 6, load(a, 3), load(a, 3));
  place(z, 8, load(a, 4), load(a, 4));
}

/* z[0], z[1] += the lower and the upper half of a * b. */
KERNEL void pair(__m512i *z, __m512i a, __m512i b) {
  z[0] = _mm512_madd52lo_epu64(z[0], a, b);
  z[1] = _mm512_madd52hi_epu64(z[1], a, b);
}

/* One quotient digit: q makes the lowest digit of z vanish, and what lies above it moves up. */
KERNEL __m512i quotient(__m512i *z, digits m, __m512i inverse, const int unit) {
  __m512i q;
  if (unit) {
    /* m stands for m + 1: its lowest digit is 0, and the -1 takes q off again. */
    q = _mm512_and_si512(z[0], mask());
  } else {
    q = _mm512_madd52lo_epu64(_mm512_setzero_si512(), z[0], inverse);
    pair(z, q, load(m, 0));
  }
  z[1] = _mm512_add_epi64(z[1], _mm512_srli_epi64(z[0], OTRF_IFMA_BITS));
  for (int j = 1; j < OTRF_IFMA_X8_TILE; j++) {
    pair(z + j, q, load(m, (size_t)j));
  }
  return q;
}

/* Five quotient digits. */
KERNEL void quotients(__m512i *z, otrf_limb (*q)[OTRF_IFMA_X8_LANES], digits m, __m512i inverse, const int unit) {
  _mm512_store_si512(q[0], quotient(z, m, inverse, unit));
  _mm512_store_si512(q[1], quotient(z + 1, m, inverse, unit));
  _mm512_store_si512(q[2], quotient(z + 2, m, inverse, unit));
  _mm512_store_si512(q[3], quotient(z + 3, m, inverse, unit));
  _mm512_store_si512(q[4], quotient(z + 4, m, inverse, unit));
}

/* Store five sums as digits below 2^52; returns the carry. */
KERNEL __m512i settle(otrf_limb (*r)[OTRF_IFMA_X8_LANES], const __m512i *z, __m512i carry) {
#pragma GCC unroll 5
  for (int i = 0; i < OTRF_IFMA_X8_TILE; i++) {
    const __m512i sum = _mm512_add_epi64(z[i], carry);
    _mm512_store_si512(r[i], _mm512_and_si512(sum, mask()));
    carry = _mm512_srli_epi64(sum, OTRF_IFMA_BITS);
  }
  return carry;
}

/* z += the part of a * b that belongs to tile column t: a[i] * b[t - i] for first <= i <= last. */
KERNEL void column(sums *z, digits a, digits b, size_t t, size_t first, size_t last) {
  for (size_t i = first; i <= last; i++) {
    tile(z, a + OTRF_IFMA_X8_TILE * i, b + OTRF_IFMA_X8_TILE * (t - i));
  }
}

/* The same for a * a: the products of different tiles once, doubled in the end. z starts empty. */
KERNEL void column_square(sums *z, digits a, size_t t, size_t first) {
  for (size_t i = first; 2 * i < t; i++) {
    tile(z, a + OTRF_IFMA_X8_TILE * i, a + OTRF_IFMA_X8_TILE * (t - i));
  }
  if (t % 2 == 0) {
    cross(z, a + OTRF_IFMA_X8_TILE * (t / 2));
  }
#pragma GCC unroll 10
  for (int i = 0; i < ACCUMULATORS; i++) {
    z->lo[i] = _mm512_add_epi64(z->lo[i], z->lo[i]);
    z->hi[i] = _mm512_add_epi64(z->hi[i], z->hi[i]);
  }
  if (t % 2 == 0) {
    squares(z, a + OTRF_IFMA_X8_TILE * (t / 2));
  }
}

/* r = a * b / R, or a * a / R if `square`. Tile columns from the lowest up: the first half yields quotients, the
 * second the result, which overwrites only what has been read. */
KERNEL void multiply(otrf_ifma_x8 *r, digits a, digits b, const otrf_ifma_x8_modulus *modulus, const size_t tiles,
                     const int square) {
  otrf_ifma_x8 q;
  const digits m = modulus->m.digit, quotient_digits = q.digit;
  const __m512i inverse = _mm512_load_si512(modulus->inverse);
  __m512i z[ACCUMULATORS], carry = _mm512_setzero_si512();
#pragma GCC unroll 5
  for (int i = 0; i < OTRF_IFMA_X8_TILE; i++) {
    z[i + OTRF_IFMA_X8_TILE] = _mm512_setzero_si512();
  }
  for (size_t t = 0; t < 2 * tiles - 1; t++) {
    const size_t first = t < tiles ? 0 : t - tiles + 1, last = t < tiles ? t : tiles - 1;
    sums sum;
    clear(&sum);
    if (square) {
      column_square(&sum, a, t, first);
    } else {
      column(&sum, a, b, t, first, last);
    }
    if (t < tiles) {
      for (size_t i = 0; i < t; i++) {
        tile(&sum, quotient_digits + OTRF_IFMA_X8_TILE * i, m + OTRF_IFMA_X8_TILE * (t - i));
      }
    } else {
      column(&sum, quotient_digits, m, t, first, last);
    }
    /* what the column before left above itself is at the bottom of this one */
#pragma GCC unroll 5
    for (int i = 0; i < OTRF_IFMA_X8_TILE; i++) {
      z[i] = _mm512_add_epi64(z[i + OTRF_IFMA_X8_TILE], _mm512_add_epi64(sum.lo[i], sum.hi[i]));
      z[i + OTRF_IFMA_X8_TILE] = _mm512_add_epi64(sum.lo[i + OTRF_IFMA_X8_TILE], sum.hi[i + OTRF_IFMA_X8_TILE]);
    }
    if (t < tiles) {
      quotients(z, q.digit + OTRF_IFMA_X8_TILE * t, m, inverse, tiles == 6);
    } else {
      carry = settle(r->digit + OTRF_IFMA_X8_TILE * (t - tiles), z, carry);
    }
  }
  settle(r->digit + OTRF_IFMA_X8_TILE * (tiles - 1), z + OTRF_IFMA_X8_TILE, carry);
}

OTRF_TARGET_IFMA void otrf_ifma_x8_mul(otrf_ifma_x8 *r, const otrf_ifma_x8 *a, const otrf_ifma_x8 *b,
                                       const otrf_ifma_x8_modulus *modulus) {
  if (modulus->tiles == 6) {
    multiply(r, a->digit, b->digit, modulus, 6, 0);
  } else {
    multiply(r, a->digit, b->digit, modulus, 4, 0);
  }
}

OTRF_TARGET_IFMA void otrf_ifma_x8_square(otrf_ifma_x8 *r, const otrf_ifma_x8 *a, size_t count,
                                          const otrf_ifma_x8_modulus *modulus) {
  for (; count > 0; count--, a = r) {
    if (modulus->tiles == 6) {
      multiply(r, a->digit, a->digit, modulus, 6, 1);
    } else {
      multiply(r, a->digit, a->digit, modulus, 4, 1);
    }
  }
}

OTRF_TARGET_IFMA void otrf_ifma_x8_shift(otrf_ifma_x8 *r, const otrf_limb shift[OTRF_IFMA_X8_LANES]) {
  const __m512i count = _mm512_loadu_si512(shift);
  __m512i carry = _mm512_setzero_si512();
  for (size_t i = 0; i < 4 * OTRF_IFMA_X8_TILE; i++) {
    const __m512i shifted = _mm512_or_si512(_mm512_sllv_epi64(load(r->digit, i), count), carry);
    _mm512_store_si512(r->digit[i], _mm512_and_si512(shifted, mask()));
    carry = _mm512_srli_epi64(shifted, OTRF_IFMA_BITS);
  }
}

OTRF_TARGET_IFMA void otrf_ifma_x8_select(otrf_ifma_x8 *r, const otrf_ifma_x8 *table, size_t entries,
                                          const otrf_limb index[OTRF_IFMA_X8_LANES]) {
  const __m512i wanted = _mm512_loadu_si512(index);
  /* Half of the digits at a time, so that the sums stay in registers. */
  for (size_t half = 0; half < OTRF_IFMA_X8_DIGITS; half += OTRF_IFMA_X8_DIGITS / 2) {
    __m512i value[OTRF_IFMA_X8_DIGITS / 2];
#pragma GCC unroll 15
    for (size_t i = 0; i < OTRF_IFMA_X8_DIGITS / 2; i++) {
      value[i] = _mm512_setzero_si512();
    }
    for (size_t e = 0; e < entries; e++) {
      const __mmask8 here = _mm512_cmpeq_epu64_mask(wanted, _mm512_set1_epi64((long long)e));
#pragma GCC unroll 15
      for (size_t i = 0; i < OTRF_IFMA_X8_DIGITS / 2; i++) {
        value[i] = _mm512_mask_load_epi64(value[i], here, table[e].digit[half + i]);
      }
    }
#pragma GCC unroll 15
    for (size_t i = 0; i < OTRF_IFMA_X8_DIGITS / 2; i++) {
      _mm512_store_si512(r->digit[half + i], value[i]);
    }
  }
}

/* Entry `index` modulo 16 of the 16 in two vectors, lane by lane. */
KERNEL __m512i of_16(const otrf_limb *entry, __m512i index) {
  return _mm512_permutex2var_epi64(_mm512_load_si512(entry), index, _mm512_load_si512(entry + 8));
}

OTRF_TARGET_IFMA void otrf_ifma_x8_comb_select(otrf_ifma_x8 *r, const otrf_ifma_x8_comb *comb,
                                               const otrf_limb index[OTRF_IFMA_X8_LANES]) {
  const __m512i wanted = _mm512_loadu_si512(index);
  const __mmask8 high = _mm512_test_epi64_mask(wanted, _mm512_set1_epi64(16));
  for (size_t i = 0; i < OTRF_IFMA_X8_DIGITS; i++) {
    const otrf_limb *entry = comb->entry[i];
    const __m512i either = _mm512_mask_blend_epi64(high, of_16(entry, wanted), of_16(entry + 16, wanted));
    _mm512_store_si512(r->digit[i], either);
  }
}
#endif

void otrf_ifma_x8_set(otrf_ifma_x8 *r, size_t lane, const otrf_limb *a, size_t n) {
  for (size_t i = 0; i < OTRF_IFMA_X8_DIGITS; i++) {
    r->digit[i][lane] = otrf_ifma_digit_at(a, n, i);
  }
}

void otrf_ifma_x8_get(otrf_limb *r, size_t n, const otrf_ifma_x8 *a, size_t lane) {
  memset(r, 0, n * sizeof *r);
  for (size_t i = 0; i * OTRF_IFMA_BITS < 64 * n && i < OTRF_IFMA_X8_DIGITS; i++) {
    const size_t limb = i * OTRF_IFMA_BITS / 64, shift = i * OTRF_IFMA_BITS % 64;
    r[limb] |= a->digit[i][lane] << shift;
    if (shift > 64 - OTRF_IFMA_BITS && limb + 1 < n) {
      r[limb + 1] |= a->digit[i][lane] >> (64 - shift);
    }
  }
}
