/* Arithmetic modulo the q of a DSA key, three or four limbs. Constant-time in the numbers. */
#include "dsa.h"

__extension__ typedef unsigned __int128 wide;

/* What one product leaves behind, to be wiped after the last one. */
typedef struct {
  otrf_limb t[OTRF_MAX_Q_LIMBS + 2];
  otrf_limb less[OTRF_MAX_Q_LIMBS];
} room;

/* r = a * b / 2^(64 n) mod q. The sum stays below 2 q throughout, so one masked subtraction ends it. */
OTRF_INLINE void montgomery(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field, room *room,
                            const size_t n) {
  otrf_limb *const t = room->t, *const less = room->less;
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

OTRF_INLINE void multiply(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field, room *room) {
  if (field->n == 3) {
    montgomery(r, a, b, field, room, 3);
  } else {
    montgomery(r, a, b, field, room, 4);
  }
}

void otrf_scalar_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field) {
  room room;
  multiply(r, a, b, field, &room);
  otrf_wipe(&room, sizeof room);
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

void otrf_scalar_out(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field) {
  static const otrf_limb unit[OTRF_MAX_Q_LIMBS] = {1};
  otrf_scalar_mul(r, a, unit, field);
}

void otrf_scalar_power(otrf_limb *r, const otrf_limb *a, const otrf_limb *e, const otrf_scalars *field) {
  otrf_limb powers[16][OTRF_MAX_Q_LIMBS], value[OTRF_MAX_Q_LIMBS];
  room room;
  const size_t size = field->n * sizeof *a;
  size_t windows = 16 * field->n;
  memcpy(powers[0], field->one, size);
  for (size_t i = 1; i < 16; i++) {
    multiply(powers[i], powers[i - 1], a, field, &room);
  }
  memcpy(value, field->one, size);
  while (windows > 0 && (e[(windows - 1) / 16] >> (4 * ((windows - 1) % 16))) == 0) {
    windows--;
  }
  for (size_t i = windows; i-- > 0;) {
    for (int k = 0; k < 4; k++) {
      multiply(value, value, value, field, &room);
    }
    multiply(value, value, powers[(e[i / 16] >> (4 * (i % 16))) & 15], field, &room);
  }
  memcpy(r, value, size);
  otrf_wipe(powers, sizeof powers);
  otrf_wipe(value, sizeof value);
  otrf_wipe(&room, sizeof room);
}

void otrf_scalar_invert(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field) {
  static const otrf_limb two[OTRF_MAX_Q_LIMBS] = {2};
  otrf_limb exponent[OTRF_MAX_Q_LIMBS];
  otrf_gmp.sub_n(exponent, field->q, two, (long)field->n);
  otrf_scalar_power(r, a, exponent, field);
}

void otrf_scalar_add(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field) {
  const long n = (long)field->n;
  const otrf_limb carry = otrf_gmp.add_n(r, a, b, n);
  const otrf_limb borrow = otrf_gmp.sub_n(r, r, field->q, n);
  otrf_gmp.cnd_add_n(borrow & ~carry & 1, r, r, field->q, n);
}
