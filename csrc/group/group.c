/* The 1536-bit group of RFC 3526, number 5: its prime, its tables, its elements, and the answers of SMP proofs. */
#include "group/group.h"

#include "field/avx2.h"
#include "field/ifma.h"
#include "field/limbs.h"
#include "group/ifma_x8_group.h"
#include "platform/cpu.h"
#include "platform/memory.h"

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
  } else if (otrf_has(OTRF_HAS_AVX2_MODEXP)) {
    otrf_field_on_avx2(field, &avx2_modulus);
  } else {
    otrf_field_on_gmp(field, &otrf_p_modulus);
  }
}

const uint8_t *otrf_group_comb(size_t *columns, size_t e_n, const otrf_field *field) {
  const int dh = e_n <= OTRF_DH_BYTES / 8;
  *columns = dh ? DH_COLUMNS : OTRF_SCALAR_COLUMNS;
  if (field->modulus == &ifma_modulus) {
    return dh ? ifma_dh_comb : ifma_scalar_comb;
  }
  if (field->modulus == &avx2_modulus) {
    return dh ? avx2_dh_comb : avx2_scalar_comb;
  }
  return dh ? dh_comb : scalar_comb;
}

void otrf_group_comb_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t *comb, size_t columns,
                            const uint8_t *exponent, size_t exponent_len, otrf_field *field) {
  otrf_limb e[OTRF_P_LIMBS], limbs[OTRF_P_LIMBS];
  otrf_element result;
  otrf_limbs_from_bytes(e, exponent_len / 8, exponent, exponent_len);
  otrf_comb_modexp(&result, comb, e, exponent_len / 8, columns, field);
  field->out(limbs, &result, field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, limbs, OTRF_P_LIMBS);
  otrf_wipe(e, sizeof e);
  otrf_wipe(limbs, sizeof limbs);
  otrf_wipe(&result, sizeof result);
  otrf_wipe(&field->scratch, sizeof field->scratch);
  otrf_wipe_stack();
}

/* Hold 2^q against 1: p = 7 mod 8 makes 2 a square. */
static int comb_known(const otrf_limb *q, otrf_field *field) {
  otrf_element one;
  otrf_limb result[OTRF_P_LIMBS];
  size_t columns;
  const uint8_t *const comb = otrf_group_comb(&columns, OTRF_P_LIMBS, field);
  otrf_comb_modexp(&one, comb, q, OTRF_P_LIMBS, columns, field);
  field->out(result, &one, field);
  result[0] ^= 1;
  return otrf_limbs_zero(result, OTRF_P_LIMBS);
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

int otrf_group_start(void) {
  static const otrf_limb two[OTRF_P_LIMBS] = {2};
  otrf_limb q[OTRF_P_LIMBS], result[OTRF_P_LIMBS], scratch[OTRF_SCRATCH_LIMBS];
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
    otrf_ifma_x8_group_start();
  }
  otrf_gmp.sec_powm(result, two, OTRF_P_LIMBS, q, 64 * OTRF_P_LIMBS, otrf_p, OTRF_P_LIMBS, scratch);
  result[0] ^= 1;
  good &= otrf_limbs_zero(result, OTRF_P_LIMBS);
  return good ? OTRF_OK : OTRF_ERR_GMP;
}

int otrf_gmp_open(const char *path) { return otrf_gmp_load(path, otrf_group_start); }

int otrf_in_group(const uint8_t value[OTRF_ELEMENT_BYTES]) {
  static const otrf_limb two[OTRF_P_LIMBS] = {2};
  otrf_limb v[OTRF_P_LIMBS], last[OTRF_P_LIMBS];
  memcpy(last, otrf_p, sizeof last);
  last[0] -= 2;
  otrf_limbs_from_bytes(v, OTRF_P_LIMBS, value, OTRF_ELEMENT_BYTES);
  return (otrf_limbs_below(v, two, OTRF_P_LIMBS) | otrf_limbs_below(last, v, OTRF_P_LIMBS)) ^ 1;
}

/* A value below 2^1536 is below 2 p. */
void otrf_element_limbs(otrf_limb v[OTRF_P_LIMBS], const uint8_t value[OTRF_ELEMENT_BYTES]) {
  otrf_limbs_from_bytes(v, OTRF_P_LIMBS, value, OTRF_ELEMENT_BYTES);
  const otrf_limb borrow = otrf_gmp.sub_n(v, v, otrf_p, OTRF_P_LIMBS);
  otrf_gmp.cnd_add_n(borrow, v, v, otrf_p, OTRF_P_LIMBS);
}

int otrf_multiply(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t a[OTRF_ELEMENT_BYTES],
                  const uint8_t b[OTRF_ELEMENT_BYTES]) {
  if (!otrf_gmp_ready()) {
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

int otrf_response(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t r[OTRF_SCALAR_BYTES],
                  const uint8_t secret[OTRF_SCALAR_BYTES], const uint8_t challenge[OTRF_CHALLENGE_BYTES]) {
  if (!otrf_gmp_ready()) {
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
