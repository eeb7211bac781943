/* What the AVX2 code needs to know of a modulus, and numbers between limbs and digits. Plain C. */
#include <string.h>

#include "field/avx2.h"
#include "field/limbs.h"
#include "platform/memory.h"

/* Digit i of a number in limbs. */
static otrf_limb digit_at(const otrf_limb *a, size_t n, size_t i) {
  const size_t limb = i * OTRF_AVX2_BITS / 64, shift = i * OTRF_AVX2_BITS % 64;
  otrf_limb digit = limb < n ? a[limb] >> shift : 0;
  if (shift > 64 - OTRF_AVX2_BITS && limb + 1 < n) {
    digit |= a[limb + 1] << (64 - shift);
  }
  return digit & OTRF_AVX2_MASK;
}

/* Where digit i is in a number of V vectors: the vector it shares, and which half of that. */
static size_t shared(size_t i, size_t vectors) { return i % vectors % (vectors / 2); }
static size_t half(size_t i, size_t vectors) { return 2 * (i / vectors) + i % vectors / (vectors / 2); }

static void to_digits(otrf_avx2_number *r, const otrf_limb *a, size_t n, size_t vectors) {
  memset(r, 0, sizeof *r);
  for (size_t i = 0; i < OTRF_AVX2_LANES * vectors; i++) {
    r->half[shared(i, vectors)][half(i, vectors)] = (uint32_t)digit_at(a, n, i);
  }
}

/* The digits of a from number `first` on. */
static void to_row(otrf_avx2_row *r, const otrf_limb *a, size_t n, size_t first, size_t vectors) {
  memset(r, 0, sizeof *r);
  for (size_t i = 0; i < OTRF_AVX2_LANES * vectors; i++) {
    r->digit[i % vectors][i / vectors] = digit_at(a, n, first + i);
  }
}

void otrf_avx2_digits(otrf_avx2_number *r, const otrf_limb *a, const otrf_avx2_modulus *modulus) {
  to_digits(r, a, modulus->n, modulus->vectors);
}

void otrf_avx2_limbs(otrf_limb *r, const otrf_avx2_number *a, const otrf_avx2_modulus *modulus) {
  otrf_limb limbs[OTRF_P_LIMBS + 2] = {0}, carry = 0;
  const size_t vectors = modulus->vectors;
  const long n = (long)modulus->n;
  for (size_t i = 0; i < OTRF_AVX2_LANES * vectors; i++) {
    const size_t limb = i * OTRF_AVX2_BITS / 64, shift = i * OTRF_AVX2_BITS % 64;
    carry += a->half[shared(i, vectors)][half(i, vectors)];
    limbs[limb] |= (carry & OTRF_AVX2_MASK) << shift;
    if (shift > 64 - OTRF_AVX2_BITS) {
      limbs[limb + 1] |= (carry & OTRF_AVX2_MASK) >> (64 - shift);
    }
    carry >>= OTRF_AVX2_BITS;
  }
  const otrf_limb borrow = otrf_gmp.sub_n(r, limbs, modulus->limbs, n);
  otrf_gmp.cnd_add_n(borrow & ~limbs[n] & 1, r, r, modulus->limbs, n);
  otrf_wipe(limbs, sizeof limbs);
}

/* r = 2^bits mod m, as digits. */
static void power_of_two(otrf_avx2_number *r, size_t bits, const otrf_avx2_modulus *modulus) {
  otrf_limb power[2 * OTRF_MAX_LIMBS] = {0};
  power[bits / 64] = (otrf_limb)1 << (bits % 64);
  otrf_limbs_mod(power, power, bits / 64 + 1, modulus->limbs, modulus->n);
  to_digits(r, power, modulus->n, modulus->vectors);
}

void otrf_avx2_modulus_init(otrf_avx2_modulus *modulus, const otrf_limb *m, size_t n) {
  otrf_limb multiple[OTRF_P_LIMBS + 1] = {1};
  const size_t r_bits = OTRF_AVX2_BITS * (n == OTRF_P_LIMBS ? 55 : 38);
  memset(modulus, 0, sizeof *modulus);
  modulus->n = n;
  modulus->vectors = n == OTRF_P_LIMBS ? 14 : 10;
  memcpy(modulus->limbs, m, n * sizeof *m);
  /* Newton's step doubles the correct low bits of 1/m: 3, 6, 12, 24, 48. */
  otrf_limb inverse = m[0];
  for (int i = 0; i < 4; i++) {
    inverse *= 2 - m[0] * inverse;
  }
  modulus->inverse = (0 - inverse) & OTRF_AVX2_MASK;
  multiple[n] = otrf_gmp.addmul_1(multiple, m, (long)n, modulus->inverse);
  to_row(&modulus->m, m, n, 0, modulus->vectors);
  to_row(&modulus->scaled, multiple, n + 1, 1, modulus->vectors);
  power_of_two(&modulus->one, r_bits, modulus);
  power_of_two(&modulus->square, 2 * r_bits, modulus);
}
