/* Powers modulo the 1536-bit prime of RFC 3526 group 5, on GMP, on AVX2 or on AVX-512 IFMA. */
#include "avx2.h"
#include "ifma.h"

/* p = 2^1536 - 2^1472 - 1 + 2^64 * (floor(2^1406 pi) + 741804) */
const otrf_limb otrf_p[OTRF_P_LIMBS] = {
    0xFFFFFFFFFFFFFFFF, 0xF1746C08CA237327, 0x670C354E4ABC9804, 0x9ED529077096966D, 0x1C62F356208552BB,
    0x83655D23DCA3AD96, 0x69163FA8FD24CF5F, 0x98DA48361C55D39A, 0xC2007CB8A163BF05, 0x49286651ECE45B3D,
    0xAE9F24117C4B1FE6, 0xEE386BFB5A899FA5, 0x0BFF5CB6F406B7ED, 0xF44C42E9A637ED6B, 0xE485B576625E7EC6,
    0x4FE1356D6D51C245, 0x302B0A6DF25F1437, 0xEF9519B3CD3A431B, 0x514A08798E3404DD, 0x020BBEA63B139B22,
    0x29024E088A67CC74, 0xC4C6628B80DC1CD1, 0xC90FDAA22168C234, 0xFFFFFFFFFFFFFFFF,
};

otrf_modulus otrf_p_modulus;

/* Combs of base 2: one for D-H exponents, one for SMP exponents, each for every field. */
#define DH_COLUMNS OTRF_COMB_COLUMNS(8 * OTRF_DH_BYTES)

static _Alignas(64) uint8_t dh_comb[OTRF_COMB_BYTES(OTRF_ELEMENT_BYTES)];
static _Alignas(64) uint8_t scalar_comb[OTRF_COMB_BYTES(OTRF_ELEMENT_BYTES)];

static otrf_avx2_modulus avx2_modulus;
static _Alignas(64) uint8_t avx2_dh_comb[OTRF_COMB_BYTES(sizeof(otrf_avx2_number))];
static _Alignas(64) uint8_t avx2_scalar_comb[OTRF_COMB_BYTES(sizeof(otrf_avx2_number))];

static otrf_ifma_modulus ifma_modulus;
static _Alignas(64) uint8_t ifma_dh_comb[OTRF_COMB_BYTES(sizeof(otrf_ifma_number))];
static _Alignas(64) uint8_t ifma_scalar_comb[OTRF_COMB_BYTES(sizeof(otrf_ifma_number))];

void otrf_group_field(otrf_field *field) {
  if (otrf_has(OTRF_HAS_IFMA)) {
    otrf_field_on_ifma(field, &ifma_modulus);
  } else if (otrf_has(OTRF_HAS_AVX2_POWERS)) {
    otrf_field_on_avx2(field, &avx2_modulus);
  } else {
    otrf_field_on_gmp(field, &otrf_p_modulus);
  }
}

/* The columns of the comb of base 2 for exponents of so many limbs. */
static size_t columns_for(size_t e_n) { return e_n <= OTRF_DH_BYTES / 8 ? DH_COLUMNS : OTRF_SCALAR_COLUMNS; }

/* The comb of base 2 with so many columns. */
static const uint8_t *comb_of(const otrf_field *field, size_t columns) {
  if (field->modulus == &ifma_modulus) {
    return columns == DH_COLUMNS ? ifma_dh_comb : ifma_scalar_comb;
  }
  if (field->modulus == &avx2_modulus) {
    return columns == DH_COLUMNS ? avx2_dh_comb : avx2_scalar_comb;
  }
  return columns == DH_COLUMNS ? dh_comb : scalar_comb;
}

/* r = 2^e for a secret e of up to 24 limbs; e_n is public. */
static void comb_power(void *r, const otrf_limb *e, size_t e_n, otrf_field *field) {
  const size_t columns = columns_for(e_n);
  otrf_comb_power(r, comb_of(field, columns), e, e_n, columns, field);
}

void otrf_comb_element(uint8_t out[192], const uint8_t *comb, size_t columns, const uint8_t *exponent,
                       size_t exponent_len, otrf_field *field) {
  otrf_limb e[OTRF_P_LIMBS], limbs[OTRF_P_LIMBS];
  otrf_element power;
  otrf_limbs_from_bytes(e, exponent_len / 8, exponent, exponent_len);
  otrf_comb_power(&power, comb, e, exponent_len / 8, columns, field);
  field->out(limbs, &power, field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, limbs, OTRF_P_LIMBS);
  otrf_wipe(e, sizeof e);
  otrf_wipe(limbs, sizeof limbs);
  otrf_wipe(&power, sizeof power);
  otrf_wipe(&field->scratch, sizeof field->scratch);
  otrf_wipe_stack();
}

/* Hold 2^q against 1: p = 7 mod 8 makes 2 a square. */
static int comb_known(const otrf_limb *q, otrf_field *field) {
  otrf_element one;
  otrf_limb power[OTRF_P_LIMBS];
  comb_power(&one, q, OTRF_P_LIMBS, field);
  field->out(power, &one, field);
  power[0] ^= 1;
  return otrf_limbs_zero(power, OTRF_P_LIMBS);
}

/* Build the combs of one field, and try them. */
static int combs_start(otrf_field *field, uint8_t *dh, uint8_t *scalar, const otrf_limb *q) {
  static const otrf_limb two[OTRF_P_LIMBS] = {2};
  otrf_element base;
  field->in(&base, two, field);
  otrf_comb_build(dh, &base, DH_COLUMNS, field);
  otrf_comb_build(scalar, &base, OTRF_SCALAR_COLUMNS, field);
  return comb_known(q, field);
}

/* q = (p - 1) / 2 */
static void group_order(otrf_limb q[OTRF_P_LIMBS]) {
  for (size_t i = 0; i < OTRF_P_LIMBS; i++) {
    q[i] = otrf_p[i] >> 1 | (i + 1 < OTRF_P_LIMBS ? otrf_p[i + 1] << 63 : 0);
  }
}

int otrf_powers_start(void) {
  static const otrf_limb two[OTRF_P_LIMBS] = {2};
  otrf_limb q[OTRF_P_LIMBS], power[OTRF_P_LIMBS], scratch[OTRF_SCRATCH_LIMBS];
  otrf_field field;
  group_order(q);
  otrf_modulus_init(&otrf_p_modulus, otrf_p, OTRF_P_LIMBS);
  otrf_field_on_gmp(&field, &otrf_p_modulus);
  int good = combs_start(&field, dh_comb, scalar_comb, q);
  if (otrf_cpu_level() >= OTRF_LEVEL_AVX2) {
    otrf_avx2_modulus_init(&avx2_modulus, otrf_p, OTRF_P_LIMBS);
    otrf_field_on_avx2(&field, &avx2_modulus);
    good &= combs_start(&field, avx2_dh_comb, avx2_scalar_comb, q);
  }
  if (otrf_cpu_level() >= OTRF_LEVEL_IFMA) {
    otrf_ifma_modulus_init(&ifma_modulus, otrf_p, OTRF_P_LIMBS);
    otrf_field_on_ifma(&field, &ifma_modulus);
    good &= combs_start(&field, ifma_dh_comb, ifma_scalar_comb, q);
    otrf_lanes_group_start();
  }
  otrf_gmp.sec_powm(power, two, OTRF_P_LIMBS, q, 64 * OTRF_P_LIMBS, otrf_p, OTRF_P_LIMBS, scratch);
  power[0] ^= 1;
  good &= otrf_limbs_zero(power, OTRF_P_LIMBS);
  return good ? OTRF_OK : OTRF_ERR_GMP;
}

/* The tables exist and the length is one that an exponent may have: whole limbs. */
static int exponent_status(size_t exponent_len) {
  if (otrf_p_modulus.n == 0) {
    return OTRF_ERR_GMP;
  }
  return exponent_len % 8 == 0 && exponent_len - 8 <= OTRF_SCALAR_BYTES - 8 ? OTRF_OK : OTRF_ERR_SIZE;
}

int otrf_power_fixed(uint8_t out[192], const uint8_t *exponent, size_t exponent_len) {
  const int status = exponent_status(exponent_len);
  if (status != OTRF_OK) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return status;
  }
  otrf_field field;
  otrf_group_field(&field);
  const size_t columns = columns_for(exponent_len / 8);
  otrf_comb_element(out, comb_of(&field, columns), columns, exponent, exponent_len, &field);
  return OTRF_OK;
}

/* r = b^e with a secret e, by GMP's own constant-time power. */
static void power_gmp(otrf_limb r[OTRF_P_LIMBS], const otrf_limb b[OTRF_P_LIMBS], const otrf_limb *e, size_t e_n) {
  otrf_limb scratch[OTRF_SCRATCH_LIMBS];
  otrf_gmp.sec_powm(r, b, OTRF_P_LIMBS, e, 64 * e_n, otrf_p, OTRF_P_LIMBS, scratch);
  otrf_wipe(scratch, sizeof scratch);
}

/* The same in a field with a kernel of our own. */
static void power_own(otrf_limb r[OTRF_P_LIMBS], const otrf_limb b[OTRF_P_LIMBS], const otrf_limb *e, size_t e_n) {
  otrf_field field;
  otrf_element power;
  otrf_group_field(&field);
  field.in(&power, b, &field);
  otrf_field_power_secret(&power, &power, e, e_n, &field);
  field.out(r, &power, &field);
  otrf_wipe(&power, sizeof power);
  otrf_wipe(&field.scratch, sizeof field.scratch);
}

int otrf_power(uint8_t out[192], const uint8_t base[192], const uint8_t *exponent, size_t exponent_len) {
  int status = exponent_status(exponent_len);
  if (status == OTRF_OK && !otrf_in_group(base)) {
    status = OTRF_ERR_GROUP;
  }
  if (status != OTRF_OK) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return status;
  }
  otrf_limb b[OTRF_P_LIMBS], e[OTRF_P_LIMBS], power[OTRF_P_LIMBS];
  otrf_limbs_from_bytes(b, OTRF_P_LIMBS, base, OTRF_ELEMENT_BYTES);
  otrf_limbs_from_bytes(e, exponent_len / 8, exponent, exponent_len);
  if (otrf_has(OTRF_HAS_IFMA) || otrf_has(OTRF_HAS_AVX2_POWERS)) {
    power_own(power, b, e, exponent_len / 8);
  } else {
    power_gmp(power, b, e, exponent_len / 8);
  }
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, power, OTRF_P_LIMBS);
  otrf_wipe(e, sizeof e);
  otrf_wipe(power, sizeof power);
  otrf_wipe_stack();
  return OTRF_OK;
}

/* From this many on, eight lanes with some of them idle beat one power after the other. */
#define LANES_WORTH 5

/* Up to eight powers in lanes; of base 2 where `bases` is NULL. */
static void power_lanes(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  otrf_limb b[OTRF_LANES][OTRF_P_LIMBS] = {{0}}, e[OTRF_LANES][OTRF_DH_BYTES / 8] = {{0}};
  otrf_limb power[OTRF_LANES][OTRF_P_LIMBS];
  for (size_t i = 0; i < n; i++) {
    otrf_limbs_from_bytes(e[i], OTRF_DH_BYTES / 8, exponents + i * OTRF_DH_BYTES, OTRF_DH_BYTES);
    if (bases != NULL) {
      otrf_limbs_from_bytes(b[i], OTRF_P_LIMBS, bases + i * OTRF_ELEMENT_BYTES, OTRF_ELEMENT_BYTES);
    }
  }
  if (bases != NULL) {
    otrf_lanes_power(power, (const otrf_limb(*)[OTRF_P_LIMBS])b, (const otrf_limb(*)[OTRF_DH_BYTES / 8]) e);
  } else {
    otrf_lanes_power_fixed(power, (const otrf_limb(*)[OTRF_DH_BYTES / 8]) e);
  }
  for (size_t i = 0; i < n; i++) {
    otrf_limbs_to_bytes(out + i * OTRF_ELEMENT_BYTES, OTRF_ELEMENT_BYTES, power[i], OTRF_P_LIMBS);
  }
  otrf_wipe(e, sizeof e);
  otrf_wipe(power, sizeof power);
}

/* n powers, of base 2 where `bases` is NULL: in lanes as far as that pays, then one by one. */
static int power_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  size_t done = 0;
  int status = OTRF_OK;
  for (size_t i = 0; bases != NULL && i < n && status == OTRF_OK; i++) {
    status = otrf_in_group(bases + i * OTRF_ELEMENT_BYTES) ? OTRF_OK : OTRF_ERR_GROUP;
  }
  while (done < n && status == OTRF_OK) {
    const size_t left = n - done, step = left < OTRF_LANES ? left : OTRF_LANES;
    uint8_t *const to = out + done * OTRF_ELEMENT_BYTES;
    const uint8_t *const base = bases == NULL ? NULL : bases + done * OTRF_ELEMENT_BYTES;
    const uint8_t *const exponent = exponents + done * OTRF_DH_BYTES;
    if (step >= LANES_WORTH && otrf_p_modulus.n != 0 && otrf_has(OTRF_HAS_IFMA)) {
      power_lanes(to, base, exponent, step);
      done += step;
    } else {
      status =
          base == NULL ? otrf_power_fixed(to, exponent, OTRF_DH_BYTES) : otrf_power(to, base, exponent, OTRF_DH_BYTES);
      done += 1;
    }
  }
  if (status != OTRF_OK) {
    otrf_wipe(out, n * OTRF_ELEMENT_BYTES);
  }
  return status;
}

int otrf_power_fixed_many(uint8_t *out, const uint8_t *exponents, size_t n) {
  return power_many(out, NULL, exponents, n);
}

int otrf_power_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  return power_many(out, bases, exponents, n);
}

int otrf_in_group(const uint8_t value[192]) {
  static const otrf_limb two[OTRF_P_LIMBS] = {2};
  otrf_limb v[OTRF_P_LIMBS], last[OTRF_P_LIMBS];
  memcpy(last, otrf_p, sizeof last);
  last[0] -= 2;
  otrf_limbs_from_bytes(v, OTRF_P_LIMBS, value, OTRF_ELEMENT_BYTES);
  return !otrf_limbs_below(v, two, OTRF_P_LIMBS) && !otrf_limbs_below(last, v, OTRF_P_LIMBS);
}

/* A value below 2^1536 is below 2 p. */
void otrf_element_limbs(otrf_limb v[OTRF_P_LIMBS], const uint8_t value[192]) {
  otrf_limbs_from_bytes(v, OTRF_P_LIMBS, value, OTRF_ELEMENT_BYTES);
  const otrf_limb borrow = otrf_gmp.sub_n(v, v, otrf_p, OTRF_P_LIMBS);
  otrf_gmp.cnd_add_n(borrow, v, v, otrf_p, OTRF_P_LIMBS);
}

int otrf_double_power(uint8_t out[192], const uint8_t base1[192], const uint8_t *exponent1, size_t exponent1_len,
                      const uint8_t base2[192], const uint8_t *exponent2, size_t exponent2_len) {
  if (otrf_p_modulus.n == 0 || exponent1_len - 1 >= OTRF_SCALAR_BYTES || exponent2_len - 1 >= OTRF_SCALAR_BYTES) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return otrf_p_modulus.n == 0 ? OTRF_ERR_GMP : OTRF_ERR_SIZE;
  }
  static const uint8_t two[OTRF_ELEMENT_BYTES] = {[OTRF_ELEMENT_BYTES - 1] = 2};
  otrf_limb limbs[OTRF_P_LIMBS], e[OTRF_P_LIMBS], f[OTRF_P_LIMBS];
  otrf_element a, b;
  otrf_field field;
  otrf_group_field(&field);
  otrf_element_limbs(limbs, base1);
  field.in(&a, limbs, &field);
  otrf_element_limbs(limbs, base2);
  field.in(&b, limbs, &field);
  otrf_limbs_from_bytes(e, OTRF_P_LIMBS, exponent1, exponent1_len);
  otrf_limbs_from_bytes(f, OTRF_P_LIMBS, exponent2, exponent2_len);
  if (memcmp(base1, two, sizeof two) == 0) {
    /* Most SMP checks have base 2 here: its comb, and a short power of the other base, cost a third. */
    comb_power(&a, e, OTRF_P_LIMBS, &field);
    otrf_field_power(&b, &b, f, OTRF_P_LIMBS, &field);
    field.mul(&a, &a, &b, &field);
  } else {
    otrf_field_double_power(&a, &a, e, OTRF_P_LIMBS, &b, f, OTRF_P_LIMBS, &field);
  }
  field.out(limbs, &a, &field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, limbs, OTRF_P_LIMBS);
  return OTRF_OK;
}

int otrf_multiply(uint8_t out[192], const uint8_t a[192], const uint8_t b[192]) {
  if (otrf_p_modulus.n == 0) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return OTRF_ERR_GMP;
  }
  otrf_limb x[OTRF_P_LIMBS], y[OTRF_P_LIMBS];
  otrf_field field;
  otrf_field_on_gmp(&field, &otrf_p_modulus);
  otrf_element_limbs(x, a);
  otrf_element_limbs(y, b);
  field.mul(x, x, otrf_p_modulus.square, &field);
  field.mul(x, x, y, &field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, x, OTRF_P_LIMBS);
  otrf_wipe(x, sizeof x);
  otrf_wipe(y, sizeof y);
  otrf_wipe(&field.scratch, sizeof field.scratch);
  otrf_wipe_stack();
  return OTRF_OK;
}

int otrf_response(uint8_t out[192], const uint8_t r[192], const uint8_t secret[192], const uint8_t challenge[32]) {
  if (otrf_p_modulus.n == 0) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return OTRF_ERR_GMP;
  }
  otrf_limb q[OTRF_P_LIMBS], x[OTRF_P_LIMBS], s[OTRF_P_LIMBS], c[4], product[OTRF_P_LIMBS + 4];
  otrf_mont_scratch scratch;
  group_order(q);
  otrf_limbs_from_bytes(x, OTRF_P_LIMBS, r, OTRF_SCALAR_BYTES);
  otrf_limbs_from_bytes(s, OTRF_P_LIMBS, secret, OTRF_SCALAR_BYTES);
  otrf_limbs_from_bytes(c, 4, challenge, 32);
  otrf_gmp.sec_mul(product, s, OTRF_P_LIMBS, c, 4, scratch.gmp);
  otrf_limbs_mod(s, product, OTRF_P_LIMBS + 4, q, OTRF_P_LIMBS);
  otrf_limbs_mod(x, x, OTRF_P_LIMBS, q, OTRF_P_LIMBS);
  const otrf_limb borrow = otrf_gmp.sub_n(x, x, s, OTRF_P_LIMBS);
  otrf_gmp.cnd_add_n(borrow, x, x, q, OTRF_P_LIMBS);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, x, OTRF_P_LIMBS);
  otrf_wipe(x, sizeof x);
  otrf_wipe(s, sizeof s);
  otrf_wipe(product, sizeof product);
  otrf_wipe(&scratch, sizeof scratch);
  otrf_wipe_stack();
  return OTRF_OK;
}
