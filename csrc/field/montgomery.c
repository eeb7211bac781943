/* Montgomery arithmetic for public odd moduli, on GMP's constant-time functions. */
#include "field/montgomery.h"

#include <string.h>

#include "field/limbs.h"

void otrf_modulus_init(otrf_modulus *modulus, const otrf_limb *m, size_t n) {
  otrf_limb power[2 * OTRF_MAX_LIMBS + 1] = {0};
  memset(modulus, 0, sizeof *modulus);
  modulus->n = n;
  memcpy(modulus->m, m, n * sizeof *m);
  /* Newton's step doubles the correct low bits of 1/m: 3, 6, 12, 24, 48, 96. */
  otrf_limb inverse = m[0];
  for (int i = 0; i < 5; i++) {
    inverse *= 2 - m[0] * inverse;
  }
  modulus->inverse = 0 - inverse;
  power[n] = 1;
  otrf_limbs_mod(modulus->one, power, n + 1, m, n);
  /* R^2 = R * R, reduced from the product of R mod m with 2^(64 n). */
  memset(power, 0, sizeof power);
  memcpy(power + n, modulus->one, n * sizeof *m);
  otrf_limbs_mod(modulus->square, power, 2 * n, m, n);
}

/* r = product / R mod m, clearing the product from below: each addmul makes one more limb 0 and leaves its carry there.
 */
static void reduce(otrf_limb *r, otrf_limb *product, const otrf_modulus *modulus) {
  const long n = (long)modulus->n;
  for (long i = 0; i < n; i++) {
    otrf_limb quotient = product[i] * modulus->inverse;
    product[i] = otrf_gmp.addmul_1(product + i, modulus->m, n, quotient);
  }
  otrf_limb carry = otrf_gmp.add_n(r, product + n, product, n);
  /* The sum is below 2 m: subtract m, and add it again if that borrowed more than the carry. */
  otrf_limb borrow = otrf_gmp.sub_n(r, r, modulus->m, n);
  otrf_gmp.cnd_add_n(borrow & ~carry & 1, r, r, modulus->m, n);
}

void otrf_mont_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_modulus *modulus,
                   otrf_mont_scratch *scratch) {
  const long n = (long)modulus->n;
  otrf_gmp.sec_mul(scratch->product, a, n, b, n, scratch->gmp);
  reduce(r, scratch->product, modulus);
}

void otrf_mont_sqr(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
  otrf_gmp.sec_sqr(scratch->product, a, (long)modulus->n, scratch->gmp);
  reduce(r, scratch->product, modulus);
}

void otrf_mont_in(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
  otrf_mont_mul(r, a, modulus->square, modulus, scratch);
}

void otrf_mont_out(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
  memcpy(scratch->product, a, modulus->n * sizeof *a);
  memset(scratch->product + modulus->n, 0, modulus->n * sizeof *a);
  reduce(r, scratch->product, modulus);
}
