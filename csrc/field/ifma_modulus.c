/* What the IFMA code needs to know of a modulus, and numbers between limbs and digits. Plain C. */
#include <string.h>

#include "field/ifma.h"
#include "field/limbs.h"
#include "platform/memory.h"

#define DIGITS(modulus) ((modulus)->n == OTRF_P_LIMBS ? 30u : 20u)

static void to_digits(otrf_ifma_number *r, const otrf_limb *a, size_t n, size_t vectors) {
  memset(r, 0, sizeof *r);
  for (size_t i = 0; i < 8 * vectors; i++) {
    r->digit[i % vectors][i / vectors] = otrf_ifma_digit_at(a, n, i);
  }
}

void otrf_ifma_digits(otrf_ifma_number *r, const otrf_limb *a, const otrf_ifma_modulus *modulus) {
  to_digits(r, a, modulus->n, modulus->vectors);
}

void otrf_ifma_limbs(otrf_limb *r, const otrf_ifma_number *a, const otrf_ifma_modulus *modulus) {
  otrf_limb limbs[OTRF_P_LIMBS + 2] = {0};
  const long n = (long)modulus->n;
  for (size_t i = 0; i < DIGITS(modulus); i++) {
    const otrf_limb digit = a->digit[i % modulus->vectors][i / modulus->vectors];
    const size_t limb = i * OTRF_IFMA_BITS / 64, shift = i * OTRF_IFMA_BITS % 64;
    limbs[limb] |= digit << shift;
    if (shift > 64 - OTRF_IFMA_BITS) {
      limbs[limb + 1] |= digit >> (64 - shift);
    }
  }
  const otrf_limb borrow = otrf_gmp.sub_n(r, limbs, modulus->limbs, n);
  otrf_gmp.cnd_add_n(borrow & ~limbs[n] & 1, r, r, modulus->limbs, n);
  otrf_wipe(limbs, sizeof limbs);
}

/* inverse = -1/m modulo 2^256, by Newton's step from the 64 bits that come cheap. */
static void negative_inverse(otrf_limb inverse[4], const otrf_limb *m) {
  otrf_limb product[8], scratch[64];
  otrf_limb x[4] = {m[0], 0, 0, 0};
  const otrf_limb two[4] = {2, 0, 0, 0}, none[4] = {0};
  for (int correct = 3; correct < 256; correct *= 2) {
    otrf_limb factor[4];
    otrf_gmp.sec_mul(product, x, 4, m, 4, scratch);
    otrf_gmp.sub_n(factor, two, product, 4);
    otrf_gmp.sec_mul(product, x, 4, factor, 4, scratch);
    memcpy(x, product, sizeof x);
  }
  otrf_gmp.sub_n(inverse, none, x, 4);
}

void otrf_ifma_modulus_init(otrf_ifma_modulus *modulus, const otrf_limb *m, size_t n) {
  otrf_limb inverse[4], power[2 * OTRF_MAX_LIMBS] = {0}, product[OTRF_P_LIMBS + 4], scratch[4 * OTRF_MAX_LIMBS];
  memset(modulus, 0, sizeof *modulus);
  modulus->n = n;
  modulus->vectors = n == OTRF_P_LIMBS ? 4 : 3;
  memcpy(modulus->limbs, m, n * sizeof *m);
  to_digits(&modulus->m, m, n, modulus->vectors);

  negative_inverse(inverse, m);
  for (size_t i = 0; i < modulus->vectors; i++) {
    modulus->inverse[i] = otrf_ifma_digit_at(inverse, 4, i);
  }

  /* k m + 1 ends in 52 V zero bits, so its digits from V on are the scaled modulus. */
  const size_t bits = OTRF_IFMA_BITS * modulus->vectors;
  inverse[bits / 64] &= ((otrf_limb)1 << (bits % 64)) - 1;
  memset(inverse + bits / 64 + 1, 0, (3 - bits / 64) * sizeof *inverse);
  otrf_gmp.sec_mul(product, m, (long)n, inverse, 4, scratch);
  for (size_t i = 0; i < n + 4 && ++product[i] == 0; i++) {
  }
  for (size_t i = 0; i < 8 * modulus->vectors; i++) {
    modulus->scaled.digit[i % modulus->vectors][i / modulus->vectors] =
        otrf_ifma_digit_at(product, n + 4, i + modulus->vectors);
  }

  const size_t r_bits = n == OTRF_P_LIMBS ? 1664 : 1092;
  otrf_limb residue[OTRF_P_LIMBS];
  power[r_bits / 64] = (otrf_limb)1 << (r_bits % 64);
  otrf_limbs_mod(residue, power, r_bits / 64 + 1, m, n);
  to_digits(&modulus->one, residue, n, modulus->vectors);
  power[r_bits / 64] = 0;
  power[2 * r_bits / 64] = (otrf_limb)1 << (2 * r_bits % 64);
  otrf_limbs_mod(residue, power, 2 * r_bits / 64 + 1, m, n);
  to_digits(&modulus->square, residue, n, modulus->vectors);
}
