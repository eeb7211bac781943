/* Arithmetic modulo the q of a DSA key, three or four limbs. Constant-time in the numbers. */
#include <string.h>

#include "dsa/dsa.h"
#include "field/limbs.h"
#include "platform/memory.h"

__extension__ typedef unsigned __int128 wide;

/* What one product leaves in memory, to be wiped after the last one. */
typedef struct {
  otrf_limb t[OTRF_MAX_Q_LIMBS + 2];
  otrf_limb less[OTRF_MAX_Q_LIMBS];
} product;

/* r = a * b / 2^(64 n) mod q. The sum stays below 2 q throughout, so one masked subtraction ends it. */
OTRF_INLINE void montgomery(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field,
                            product *product, const size_t n) {
  otrf_limb *const t = product->t, *const less = product->less;
#pragma GCC unroll 6
  for (size_t j = 0; j < n + 2; j++) {
    t[j] = 0;
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < n; i++) {
    wide carry = 0;
#pragma GCC unroll 4
    for (size_t j = 0; j < n; j++) {
      carry += (wide)a[j] * b[i] + t[j];
      t[j] = (otrf_limb)carry;
      carry >>= 64;
    }
    carry += t[n];
    t[n] = (otrf_limb)carry;
    t[n + 1] = (otrf_limb)(carry >> 64);
    const otrf_limb quotient = t[0] * field->inverse;
    carry = ((wide)quotient * field->q[0] + t[0]) >> 64;
#pragma GCC unroll 4
    for (size_t j = 1; j < n; j++) {
      carry += (wide)quotient * field->q[j] + t[j];
      t[j - 1] = (otrf_limb)carry;
      carry >>= 64;
    }
    carry += t[n];
    t[n - 1] = (otrf_limb)carry;
    t[n] = t[n + 1] + (otrf_limb)(carry >> 64);
  }
  otrf_limb borrow = 0;
#pragma GCC unroll 4
  for (size_t j = 0; j < n; j++) {
    const wide difference = (wide)t[j] - field->q[j] - borrow;
    less[j] = (otrf_limb)difference;
    borrow = (otrf_limb)(difference >> 64) & 1;
  }
  const otrf_limb keep = otrf_opaque(0 - (borrow & ~t[n] & 1));
#pragma GCC unroll 4
  for (size_t j = 0; j < n; j++) {
    r[j] = (t[j] & keep) | (less[j] & ~keep);
  }
}

OTRF_INLINE void multiply(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field,
                          product *product) {
  if (field->n == 3) {
    montgomery(r, a, b, field, product, 3);
  } else {
    montgomery(r, a, b, field, product, 4);
  }
}

void otrf_scalar_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field) {
  product product;
  multiply(r, a, b, field, &product);
  otrf_wipe(&product, sizeof product);
}

void otrf_scalars_init(otrf_scalars *field, const otrf_limb *q, size_t n) {
  otrf_modulus modulus;
  otrf_modulus_init(&modulus, q, n);
  memset(field, 0, sizeof *field);
  field->n = n;
  field->inverse = modulus.inverse;
  memcpy(field->q, q, n * sizeof *q);
  memcpy(field->one, modulus.one, n * sizeof *q);
  memcpy(field->square, modulus.square, n * sizeof *q);
}

void otrf_scalar_in(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field) {
  otrf_scalar_mul(r, a, field->square, field);
}

int otrf_scalar_invert_vartime(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field) {
  const long n = (long)field->n;
  otrf_limb sum[OTRF_MAX_Q_LIMBS + 2], q[OTRF_MAX_Q_LIMBS + 1], factor[OTRF_MAX_Q_LIMBS + 2] = {0};
  otrf_limb divisor[OTRF_MAX_Q_LIMBS + 1] = {0};
  long factor_n = 0;
  if (otrf_limbs_zero(a, field->n)) {
    return 0;
  }
  /* gcdext wants the greater number first: a + q has the same inverse. It finds divisor = factor (a + q) + ... q. */
  memcpy(q, field->q, field->n * sizeof *q);
  sum[n] = otrf_gmp.add_n(sum, a, field->q, n);
  const long divisor_n = otrf_gmp.gcdext(divisor, factor, &factor_n, sum, n + (sum[n] != 0), q, n);
  if (divisor_n != 1 || divisor[0] != 1) {
    return 0;
  }
  /* |factor| <= q / 2 */
  memset(r, 0, field->n * sizeof *r);
  memcpy(r, factor, (size_t)(factor_n < 0 ? -factor_n : factor_n) * sizeof *r);
  if (factor_n < 0) {
    otrf_gmp.sub_n(r, field->q, r, n);
  }
  return 1;
}

void otrf_scalar_add(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field) {
  const long n = (long)field->n;
  const otrf_limb carry = otrf_gmp.add_n(r, a, b, n);
  const otrf_limb borrow = otrf_gmp.sub_n(r, r, field->q, n);
  otrf_gmp.cnd_add_n(borrow & ~carry & 1, r, r, field->q, n);
}

/* ---- as a field ---- */

static void mul(void *r, const void *a, const void *b, otrf_field *field) { otrf_scalar_mul(r, a, b, field->modulus); }

static void square(void *r, const void *a, size_t count, otrf_field *field) {
  product product;
  memmove(r, a, field->size);
  while (count-- > 0) {
    multiply(r, r, r, field->modulus, &product);
  }
  otrf_wipe(&product, sizeof product);
}

static void select_entry(void *r, const void *table, size_t entries, unsigned index, otrf_field *field) {
  otrf_limbs_select(r, table, field->size / sizeof(otrf_limb), entries, index);
}

static void in(void *r, const otrf_limb *a, otrf_field *field) { otrf_scalar_in(r, a, field->modulus); }

static void out(otrf_limb *r, const void *a, otrf_field *field) {
  static const otrf_limb unit[OTRF_MAX_Q_LIMBS] = {1};
  otrf_scalar_mul(r, a, unit, field->modulus);
}

void otrf_field_on_scalars(otrf_field *field, const otrf_scalars *scalars) {
  *field = (otrf_field){
      .size = scalars->n * sizeof(otrf_limb),
      .one = scalars->one,
      .modulus = scalars,
      .mul = mul,
      .square = square,
      .select = select_entry,
      .in = in,
      .out = out,
  };
}
