/* The arithmetic below the public functions, each kernel against plain products and remainders of GMP.
 * usage: kernels GMP LEVEL ROUNDS; prints the name of the first check that does not hold, and returns 1. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dsa/dsa.h"
#include "field/ifma_x8.h"
#include "field/limbs.h"
#include "field/windows.h"
#include "group/group.h"
#include "platform/cpu.h"

static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

static void check(int holds, const char *name) {
  if (!holds) {
    printf("%s\n", name);
    exit(1);
  }
}

/* A number of n limbs: by turns random, long runs of ones and zeros, or small. */
static void draw(otrf_limb *a, size_t n) {
  const uint64_t kind = next() % 4;
  for (size_t i = 0; i < n; i++) {
    a[i] = kind == 0 ? 0 - (next() & 1) : kind == 1 && i > 0 ? 0 : next();
  }
}

/* The same below m, with the edges 0, 1, m - 1, m - 2 among them. */
static void draw_below(otrf_limb *a, const otrf_limb *m, size_t n) {
  const uint64_t kind = next() % 8;
  draw(a, n);
  otrf_limbs_mod(a, a, n, m, n);
  if (kind < 2) {
    memset(a, 0, n * sizeof *a);
    a[0] = kind;
  } else if (kind < 4) {
    const otrf_limb less[OTRF_MAX_LIMBS] = {kind - 1};
    otrf_gmp.sub_n(a, m, less, (long)n);
  }
}

/* r = a * b mod m by GMP's product and remainder. */
static void product(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_limb *m, size_t n) {
  otrf_limb full[2 * OTRF_MAX_LIMBS], scratch[4 * OTRF_MAX_LIMBS];
  otrf_gmp.sec_mul(full, a, (long)n, b, (long)n, scratch);
  otrf_limbs_mod(r, full, 2 * n, m, n);
}

/* r = a^e mod m, bit by bit. */
static void modexp(otrf_limb *r, const otrf_limb *a, const otrf_limb *e, size_t e_n, const otrf_limb *m, size_t n) {
  otrf_limb value[OTRF_MAX_LIMBS] = {1};
  for (size_t i = 64 * e_n; i-- > 0;) {
    product(value, value, value, m, n);
    if (e[i / 64] >> (i % 64) & 1) {
      product(value, value, a, m, n);
    }
  }
  memcpy(r, value, n * sizeof *r);
}

static int same(const otrf_limb *a, const otrf_limb *b, size_t n) { return memcmp(a, b, n * sizeof *a) == 0; }

static void check_products(otrf_field *field, const otrf_limb *m, size_t n) {
  otrf_limb a[OTRF_MAX_LIMBS], b[OTRF_MAX_LIMBS], want[OTRF_MAX_LIMBS], have[OTRF_MAX_LIMBS];
  otrf_element x, y;
  draw_below(a, m, n);
  draw_below(b, m, n);
  field->in(&x, a, field);
  field->in(&y, b, field);
  field->out(have, &x, field);
  check(same(have, a, n), "in and out");
  field->mul(&x, &x, &y, field);
  field->out(have, &x, field);
  product(want, a, b, m, n);
  check(same(have, want, n), "product");
  field->square(&x, &x, 3, field);
  field->out(have, &x, field);
  for (int i = 0; i < 3; i++) {
    product(want, want, want, m, n);
  }
  check(same(have, want, n), "squares");
  field->square(&x, &y, 0, field);
  field->out(have, &x, field);
  check(same(have, b, n), "no square");
}

/* Fields whose elements are limbs take numbers up to 2^(64 n); if one factor is below m, so is the product. */
static void check_reduction(otrf_field *field, const otrf_limb *m, size_t n) {
  otrf_limb a[OTRF_MAX_LIMBS], b[OTRF_MAX_LIMBS], want[OTRF_MAX_LIMBS], have[OTRF_MAX_LIMBS];
  const otrf_modulus *modulus = field->modulus;
  draw(a, n);
  draw_below(b, m, n);
  const uint64_t kind = next() % 4;
  if (kind == 0) {
    memset(a, 0xff, n * sizeof *a);
  } else if (kind == 1) {
    memcpy(a, m, n * sizeof *a);
    a[0] += m[0] < 0 - (otrf_limb)1 ? next() % 2 : 0;
  }
  for (int square = 0; square < 2; square++) {
    if (square) {
      memcpy(b, a, sizeof b);
      field->square(have, a, 1, field);
      otrf_limbs_mod(have, have, n, m, n);
    } else {
      field->mul(have, a, b, field);
    }
    check(otrf_limbs_below(have, m, n), "remainder below the modulus");
    product(have, have, modulus->one, m, n);
    product(want, a, b, m, n);
    check(same(have, want, n), square ? "square of any limbs" : "product of any limbs");
  }
}

/* Digits may be a little above 28 bits, and numbers as large as 2 m: results are below that again. */
static void check_digits(otrf_field *field, const otrf_avx2_modulus *modulus, const otrf_limb *m, size_t n) {
  otrf_limb a[OTRF_MAX_LIMBS], b[OTRF_MAX_LIMBS], want[OTRF_MAX_LIMBS], have[OTRF_MAX_LIMBS];
  otrf_avx2_number x = {0}, y = {0}, r;
  memset(a, 0, sizeof a);
  for (size_t i = 0; i < 9 * n / 4; i++) {
    const uint32_t digit = (uint32_t)(next() % 4 == 0 ? next() % (OTRF_AVX2_MASK + 128) : OTRF_AVX2_MASK + 128);
    const size_t bits = OTRF_AVX2_BITS * i;
    otrf_limb term[OTRF_MAX_LIMBS] = {0};
    x.half[i % modulus->vectors % (modulus->vectors / 2)]
          [2 * (i / modulus->vectors) + i % modulus->vectors / (modulus->vectors / 2)] = digit;
    term[bits / 64] = (otrf_limb)digit << (bits % 64);
    term[bits / 64 + 1] = bits % 64 > 0 ? (otrf_limb)digit >> (64 - bits % 64) : 0;
    otrf_gmp.add_n(a, a, term, OTRF_MAX_LIMBS);
  }
  otrf_avx2_limbs(have, &x, modulus);
  check(same(have, a, n), "digits to limbs");
  for (int kind = 0; kind < 3; kind++) {
    const otrf_limb one[OTRF_MAX_LIMBS] = {1};
    if (kind == 0) {
      draw(b, n);
    } else {
      (kind == 1 ? otrf_gmp.add_n : otrf_gmp.sub_n)(b, m, one, (long)n);
    }
    otrf_avx2_digits(&y, b, modulus);
    field->mul(&r, &x, &y, field);
    field->mul(&r, &r, &modulus->square, field);
    otrf_avx2_limbs(have, &r, modulus);
    check(otrf_limbs_below(have, m, n), "digits below twice the modulus");
    product(want, a, b, m, n);
    check(same(have, want, n), "product of digits");
    field->square(&r, &x, 1, field);
    field->mul(&r, &r, &modulus->square, field);
    otrf_avx2_limbs(have, &r, modulus);
    product(want, a, a, m, n);
    check(same(have, want, n), "square of digits");
  }
}

/* The entry that a field takes for each index has to be the one that is there. */
static void check_select(otrf_field *field) {
  static _Alignas(64) otrf_limb table[32 * OTRF_MAX_LIMBS];
  const size_t n = field->size / sizeof *table;
  otrf_element have;
  draw(table, 32 * n);
  for (unsigned index = 0; index < 32; index++) {
    field->select(&have, table, 32, index, field);
    check(memcmp(&have, table + index * n, field->size) == 0, "select");
  }
}

static void check_modexps(otrf_field *field, const otrf_limb *m, size_t n) {
  static _Alignas(64) uint8_t comb[OTRF_COMB_BYTES(OTRF_MAX_ELEMENT_BYTES)];
  otrf_limb a[OTRF_MAX_LIMBS], b[OTRF_MAX_LIMBS], e[5], f[3], want[OTRF_MAX_LIMBS], have[OTRF_MAX_LIMBS];
  otrf_element x, y, r;
  draw_below(a, m, n);
  draw_below(b, m, n);
  draw(e, 5);
  draw(f, 3);
  field->in(&x, a, field);
  field->in(&y, b, field);
  modexp(want, a, e, 5, m, n);
  otrf_field_modexp_vartime(&r, &x, e, 5, field);
  field->out(have, &r, field);
  check(same(have, want, n), "modexp, public exponent");
  otrf_field_modexp(&r, &x, e, 5, field);
  field->out(have, &r, field);
  check(same(have, want, n), "modexp, secret exponent");
  otrf_comb_build(comb, &x, OTRF_COMB_COLUMNS(320), field);
  otrf_comb_modexp(&r, comb, e, 5, OTRF_COMB_COLUMNS(320), field);
  field->out(have, &r, field);
  check(same(have, want, n), "comb");
  modexp(have, b, f, 3, m, n);
  product(want, want, have, m, n);
  otrf_field_double_modexp_vartime(&r, &x, e, 5, &y, f, 3, field);
  field->out(have, &r, field);
  check(same(have, want, n), "double modexp");
}

static void draw_modulus(otrf_limb *m, size_t n) {
  draw(m, n);
  m[0] |= 1;
  m[n - 1] |= (otrf_limb)1 << 63;
}

enum implementation { GMP, AVX2, IFMA };

static void check_field(size_t n, enum implementation chosen) {
  static otrf_modulus gmp;
  static otrf_ifma_modulus digits;
  static otrf_avx2_modulus short_digits;
  otrf_limb m[OTRF_MAX_LIMBS];
  otrf_field field;
  draw_modulus(m, n);
  if (n == OTRF_P_LIMBS) {
    memcpy(m, otrf_p, sizeof otrf_p);
  }
  if (chosen == IFMA) {
    otrf_ifma_modulus_init(&digits, m, n);
    otrf_field_on_ifma(&field, &digits);
  } else if (chosen == AVX2) {
    otrf_avx2_modulus_init(&short_digits, m, n);
    otrf_field_on_avx2(&field, &short_digits);
  } else {
    otrf_modulus_init(&gmp, m, n);
    otrf_field_on_gmp(&field, &gmp);
  }
  for (int i = 0; i < 20; i++) {
    check_products(&field, m, n);
    if (chosen == GMP) {
      check_reduction(&field, m, n);
    } else if (chosen == AVX2) {
      check_digits(&field, &short_digits, m, n);
    }
  }
  check_modexps(&field, m, n);
  check_select(&field);
}

static void check_scalars(size_t n) {
  otrf_limb q[OTRF_MAX_Q_LIMBS], a[OTRF_MAX_Q_LIMBS], b[OTRF_MAX_Q_LIMBS], x[OTRF_MAX_Q_LIMBS], want[OTRF_MAX_Q_LIMBS];
  otrf_scalars field;
  draw(q, n);
  q[0] |= 1;
  if (n == OTRF_Q_LIMBS) {
    q[n - 1] = (q[n - 1] & 0xffffffff) | 0x80000000;
  } else {
    q[n - 1] |= (otrf_limb)1 << 63;
  }
  otrf_scalars_init(&field, q, n);
  draw_below(a, q, n);
  draw_below(b, q, n);
  otrf_scalar_in(x, a, &field);
  otrf_scalar_mul(x, x, b, &field);
  product(want, a, b, q, n);
  check(same(x, want, n), "scalar product");
  /* q need not be prime: there may be no inverse */
  if (otrf_scalar_invert_vartime(x, a, &field)) {
    static const otrf_limb unit[OTRF_MAX_Q_LIMBS] = {1};
    check(otrf_limbs_below(x, q, n), "scalar inverse below q");
    product(want, x, a, q, n);
    check(same(want, unit, n), "scalar inverse");
  } else {
    otrf_limb rest[OTRF_MAX_Q_LIMBS], other[OTRF_MAX_Q_LIMBS];
    memcpy(rest, a, sizeof rest);
    memcpy(other, q, sizeof other);
    while (!otrf_limbs_zero(rest, n)) { /* Euclid: then they have a divisor in common */
      memcpy(want, rest, n * sizeof *rest);
      size_t used = n;
      while (rest[used - 1] == 0) {
        used--;
      }
      otrf_limb remainder[OTRF_MAX_Q_LIMBS] = {0};
      otrf_limbs_mod(remainder, other, n, rest, used);
      memcpy(other, want, n * sizeof *rest);
      memcpy(rest, remainder, n * sizeof *rest);
    }
    other[0] ^= 1;
    check(!otrf_limbs_zero(other, n), "scalar without an inverse");
  }
  otrf_scalar_add(x, a, b, &field);
  otrf_limb sum[OTRF_MAX_Q_LIMBS + 1] = {0};
  sum[n] = otrf_gmp.add_n(sum, a, b, (long)n);
  otrf_limbs_mod(want, sum, n + 1, q, n);
  check(same(x, want, n), "scalar sum");
}

#if OTRF_X86
/* Eight numbers under eight moduli: a lane's product times R has to be a * b. */
static void check_ifma_x8(size_t n) {
  static otrf_ifma_x8_modulus modulus;
  otrf_limb m[OTRF_IFMA_X8_LANES][OTRF_P_LIMBS], a[OTRF_IFMA_X8_LANES][OTRF_P_LIMBS],
      b[OTRF_IFMA_X8_LANES][OTRF_P_LIMBS];
  otrf_ifma_x8 x = {0}, y = {0}, r = {0};
  const size_t bits = n == OTRF_P_LIMBS ? 1560 : 1040;
  modulus.tiles = n == OTRF_P_LIMBS ? 6 : 4;
  for (size_t l = 0; l < OTRF_IFMA_X8_LANES; l++) {
    otrf_limb stored[OTRF_P_LIMBS];
    draw_modulus(m[l], n);
    if (n == OTRF_P_LIMBS) {
      memcpy(m[l], otrf_p, sizeof otrf_p);
    }
    memcpy(stored, m[l], sizeof stored);
    if (n == OTRF_P_LIMBS) {
      stored[0] = 0;
      stored[1] += 1;
    }
    otrf_ifma_x8_set(&modulus.m, l, stored, n);
    otrf_limb inverse = m[l][0];
    for (int i = 0; i < 6; i++) {
      inverse *= 2 - m[l][0] * inverse;
    }
    modulus.inverse[l] = (0 - inverse) & OTRF_IFMA_MASK;
    draw_below(a[l], m[l], n);
    draw_below(b[l], m[l], n);
    otrf_ifma_x8_set(&x, l, a[l], n);
    otrf_ifma_x8_set(&y, l, b[l], n);
  }
  for (int square = 0; square < 2; square++) {
    if (square) {
      otrf_ifma_x8_square(&r, &x, 1, &modulus);
    } else {
      otrf_ifma_x8_mul(&r, &x, &y, &modulus);
    }
    for (size_t l = 0; l < OTRF_IFMA_X8_LANES; l++) {
      otrf_limb result[OTRF_P_LIMBS + 1], want[OTRF_P_LIMBS], factor[2 * OTRF_MAX_LIMBS] = {0};
      otrf_limb r_mod[OTRF_MAX_LIMBS], have[OTRF_MAX_LIMBS];
      otrf_ifma_x8_get(result, n + 1, &r, l);
      otrf_limbs_mod(have, result, n + 1, m[l], n);
      factor[bits / 64] = (otrf_limb)1 << (bits % 64);
      otrf_limbs_mod(r_mod, factor, bits / 64 + 1, m[l], n);
      product(have, have, r_mod, m[l], n);
      product(want, a[l], square ? a[l] : b[l], m[l], n);
      check(same(have, want, n), square ? "eight squares" : "eight products");
    }
  }
}

static void check_selects(void) {
  static otrf_ifma_x8 table[16];
  static otrf_ifma_x8_comb comb;
  otrf_limb index[OTRF_IFMA_X8_LANES], comb_index[OTRF_IFMA_X8_LANES];
  otrf_ifma_x8 r;
  for (size_t e = 0; e < 16; e++) {
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      draw(table[e].digit[d], OTRF_IFMA_X8_LANES);
    }
  }
  for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
    draw(comb.entry[d], OTRF_COMB_ENTRIES);
  }
  for (size_t l = 0; l < OTRF_IFMA_X8_LANES; l++) {
    index[l] = next() % 16;
    comb_index[l] = next() % OTRF_COMB_ENTRIES;
  }
  otrf_ifma_x8_select(&r, table, 16, index);
  for (size_t l = 0; l < OTRF_IFMA_X8_LANES; l++) {
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      check(r.digit[d][l] == table[index[l]].digit[d][l], "eight selects");
    }
  }
  otrf_ifma_x8_comb_select(&r, &comb, comb_index);
  for (size_t l = 0; l < OTRF_IFMA_X8_LANES; l++) {
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      check(r.digit[d][l] == comb.entry[d][comb_index[l]], "eight selects from a comb");
    }
  }
}
#endif

int main(int argc, char **argv) {
  static const size_t sizes[] = {3, 4, 16, 24, 32, 48};
  if (argc != 4 || otrf_gmp_open(argv[1]) != OTRF_OK) {
    return 2;
  }
  otrf_cpu_use(atoi(argv[2]));
  for (int round = 0; round < atoi(argv[3]); round++) {
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      check_field(sizes[i], GMP);
    }
    check_scalars(3);
    check_scalars(4);
#if OTRF_X86
    if (otrf_has(OTRF_HAS_AVX2_MODEXP)) {
      check_field(16, AVX2);
      check_field(24, AVX2);
    }
    if (otrf_has(OTRF_HAS_IFMA)) {
      check_field(16, IFMA);
      check_field(24, IFMA);
      check_ifma_x8(16);
      check_ifma_x8(24);
      check_selects();
    }
#endif
  }
  return 0;
}
