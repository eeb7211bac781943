/* Fermat's test of eight 1024-bit candidates at a time, for the search of DSA keys. Public numbers. */
#include "dsa/dsa.h"
#include "field/ifma_x8.h"
#include "field/limbs.h"

#if OTRF_X86

#define WINDOW 3
#define R_BITS (4 * OTRF_IFMA_X8_TILE * OTRF_IFMA_BITS)

/* -1/m mod 2^52 */
static otrf_limb negative_inverse(otrf_limb m) {
  otrf_limb inverse = m; /* right in 3 bits; each step doubles them */
  for (int i = 0; i < 5; i++) {
    inverse *= 2 - m * inverse;
  }
  return (0 - inverse) & OTRF_IFMA_MASK;
}

/* The WINDOW bits of m - 1 from bit `low` on; m is odd, so only the lowest bit of it differs. */
static otrf_limb window_at(const otrf_limb *m, size_t low) {
  otrf_limb bits = (low == 0 ? m[0] - 1 : m[low / 64]) >> (low % 64);
  if (low % 64 > 64 - WINDOW && low / 64 + 1 < OTRF_DSA_P_LIMBS) {
    bits |= m[low / 64 + 1] << (64 - low % 64);
  }
  return bits & ((1 << WINDOW) - 1);
}

unsigned otrf_ifma_x8_probable_primes(const otrf_limb (*m)[OTRF_DSA_P_LIMBS]) {
  static const otrf_limb number[1] = {1};
  otrf_ifma_x8_modulus modulus;
  otrf_ifma_x8 value, unit;
  otrf_limb power[OTRF_DSA_P_LIMBS + 1] = {0}, limbs[OTRF_DSA_P_LIMBS];
  unsigned probable = 0;
  power[R_BITS / 64] = (otrf_limb)1 << (R_BITS % 64);
  modulus.tiles = R_BITS / OTRF_IFMA_BITS / OTRF_IFMA_X8_TILE;
  for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
    otrf_ifma_x8_set(&modulus.m, lane, m[lane], OTRF_DSA_P_LIMBS);
    modulus.inverse[lane] = negative_inverse(m[lane][0]);
    otrf_limbs_mod(limbs, power, OTRF_DSA_P_LIMBS + 1, m[lane], OTRF_DSA_P_LIMBS);
    otrf_ifma_x8_set(&value, lane, limbs, OTRF_DSA_P_LIMBS);
    otrf_ifma_x8_set(&unit, lane, number, 1);
  }
  /* A product with a power of 2 is a shift: R is 2^16 times larger than m, which allows one of 7 bits. */
  for (size_t low = (64 * OTRF_DSA_P_LIMBS + WINDOW - 1) / WINDOW * WINDOW; low > 0;) {
    otrf_limb shift[OTRF_IFMA_X8_LANES];
    low -= WINDOW;
    for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
      shift[lane] = window_at(m[lane], low);
    }
    otrf_ifma_x8_square(&value, &value, WINDOW, &modulus);
    otrf_ifma_x8_shift(&value, shift);
  }
  otrf_ifma_x8_mul(&value, &value, &unit, &modulus);
  for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
    otrf_ifma_x8_get(limbs, OTRF_DSA_P_LIMBS, &value, lane);
    limbs[0] ^= 1;
    probable |= (unsigned)otrf_limbs_zero(limbs, OTRF_DSA_P_LIMBS) << lane;
  }
  return probable;
}
#else
unsigned otrf_ifma_x8_probable_primes(const otrf_limb (*m)[OTRF_DSA_P_LIMBS]) {
  (void)m;
  return 0;
}
#endif
