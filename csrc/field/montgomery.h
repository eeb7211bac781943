/* Montgomery arithmetic modulo any public odd number, on GMP's constant-time functions. */
#ifndef OTRF_FIELD_MONTGOMERY_H
#define OTRF_FIELD_MONTGOMERY_H

#include "field/gmp.h"

/* A public odd modulus m of n limbs, top limb not 0, with what multiplication needs; R = 2^(64 n). */
typedef struct {
  size_t n;
  otrf_limb inverse; /* -1/m mod 2^64 */
  otrf_limb m[OTRF_MAX_LIMBS];
  otrf_limb one[OTRF_MAX_LIMBS];    /* R mod m */
  otrf_limb square[OTRF_MAX_LIMBS]; /* R^2 mod m */
} otrf_modulus;

/* Memory for one product and GMP's own scratch, or for what AVX2 keeps instead; who feeds secrets through it wipes
 * it. */
typedef struct {
  _Alignas(64) otrf_limb product[2 * OTRF_MAX_LIMBS];
  otrf_limb gmp[4 * OTRF_MAX_LIMBS];
} otrf_mont_scratch;

void otrf_modulus_init(otrf_modulus *modulus, const otrf_limb *m, size_t n);

/* r = a * b / R mod m and r = a^2 / R mod m, in 0 .. m-1. r may be a or b. */
void otrf_mont_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_modulus *modulus,
                   otrf_mont_scratch *scratch);
void otrf_mont_sqr(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);

/* Into and out of Montgomery form; a < m. */
void otrf_mont_in(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);
void otrf_mont_out(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);

#endif
