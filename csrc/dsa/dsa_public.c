/* DSA with a peer's public key: verifying signatures, checking that a key is sound. All public. */
#include <string.h>

#include "dsa/dsa.h"
#include "field/limbs.h"
#include "field/windows.h"

/* Rounds of Miller-Rabin for the q and the p of a peer: docs/arithmetic.md, "A peer's primes". */
#define Q_ROUNDS 6
#define P_ROUNDS 1

/* A public key in limbs. */
typedef struct {
  size_t p_n, q_n;
  otrf_limb p[OTRF_MAX_LIMBS], g[OTRF_MAX_LIMBS], y[OTRF_MAX_LIMBS];
  otrf_limb q[OTRF_MAX_Q_LIMBS];
} public_key;

/* limbs = the number in bytes, if 2 <= number <= p - 2. */
static int element_read(otrf_limb *limbs, const public_key *key, const uint8_t *bytes, size_t len, size_t p_len) {
  static const otrf_limb two[OTRF_MAX_LIMBS] = {2};
  otrf_limb last[OTRF_MAX_LIMBS];
  if (len > p_len) {
    return 0;
  }
  otrf_limbs_from_bytes(limbs, key->p_n, bytes, len);
  otrf_gmp.sub_n(last, key->p, two, (long)key->p_n);
  return !otrf_limbs_below(limbs, two, key->p_n) && !otrf_limbs_below(last, limbs, key->p_n);
}

/* Whether the lengths are possible, p and q are odd and 2 <= g, y <= p-2. p and q come without leading zeros. */
static int key_read(public_key *key, const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g,
                    size_t g_len, const uint8_t *y, size_t y_len) {
  memset(key, 0, sizeof *key);
  if (!otrf_gmp_ready() || p_len < 64 || p_len > 8 * OTRF_MAX_LIMBS || q_len < OTRF_DSA_Q_BYTES ||
      q_len > 8 * OTRF_MAX_Q_LIMBS || p[0] == 0 || q[0] == 0 || (p[p_len - 1] & q[q_len - 1] & 1) == 0) {
    return 0;
  }
  key->p_n = (p_len + 7) / 8;
  key->q_n = (q_len + 7) / 8;
  otrf_limbs_from_bytes(key->p, key->p_n, p, p_len);
  otrf_limbs_from_bytes(key->q, key->q_n, q, q_len);
  return element_read(key->g, key, g, g_len, p_len) && element_read(key->y, key, y, y_len, p_len);
}

/* limbs = one half of a signature, if 0 < half < q. */
static int half_read(otrf_limb *limbs, const public_key *key, const uint8_t half[OTRF_DSA_Q_BYTES]) {
  otrf_limbs_from_bytes(limbs, key->q_n, half, OTRF_DSA_Q_BYTES);
  return !otrf_limbs_zero(limbs, key->q_n) && otrf_limbs_below(limbs, key->q, key->q_n);
}

int otrf_dsa_verify_vartime(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g,
                            size_t g_len, const uint8_t *y, size_t y_len, const uint8_t value[OTRF_DSA_VALUE_BYTES],
                            const uint8_t signature[OTRF_SIGNATURE_BYTES]) {
  public_key key;
  otrf_limb r[OTRF_MAX_Q_LIMBS], s[OTRF_MAX_Q_LIMBS], u1[OTRF_MAX_Q_LIMBS], u2[OTRF_MAX_Q_LIMBS];
  otrf_limb number[OTRF_MAX_Q_LIMBS], result[OTRF_MAX_LIMBS];
  if (!key_read(&key, p, p_len, q, q_len, g, g_len, y, y_len) || !half_read(r, &key, signature) ||
      !half_read(s, &key, signature + OTRF_DSA_Q_BYTES)) {
    return 0;
  }
  otrf_scalars field;
  otrf_scalars_init(&field, key.q, key.q_n);
  otrf_limbs_from_bytes(number, OTRF_MAX_Q_LIMBS, value, 32);
  otrf_limbs_mod(number, number, OTRF_MAX_Q_LIMBS, key.q, key.q_n);
  if (!otrf_scalar_invert_vartime(s, s, &field)) {
    return 0;
  }
  otrf_scalar_in(s, s, &field);
  otrf_scalar_mul(u1, number, s, &field);
  otrf_scalar_mul(u2, r, s, &field);

  otrf_dsa_field p_field;
  otrf_element g_element, y_element;
  otrf_field *const operations = &p_field.field;
  otrf_dsa_field_init(&p_field, key.p, key.p_n);
  operations->in(&g_element, key.g, operations);
  operations->in(&y_element, key.y, operations);
  otrf_field_double_modexp_vartime(&g_element, &g_element, u1, key.q_n, &y_element, u2, key.q_n, operations);
  operations->out(result, &g_element, operations);
  otrf_limbs_mod(result, result, key.p_n, key.q, key.q_n);
  return memcmp(result, r, key.q_n * sizeof *r) == 0;
}

static int sizes_allowed(size_t p_len, size_t q_len) {
  return p_len == OTRF_DSA_P_BYTES && q_len == OTRF_DSA_Q_BYTES; /* a signature in OTR has 40 bytes */
}

/* q divides p - 1 */
static int q_divides(const public_key *key) {
  otrf_limb remainder[OTRF_MAX_LIMBS];
  memcpy(remainder, key->p, sizeof remainder);
  remainder[0] -= 1;
  otrf_limbs_mod(remainder, remainder, key->p_n, key->q, key->q_n);
  return otrf_limbs_zero(remainder, key->q_n);
}

static int order_is_q(const otrf_limb *element, const public_key *key, otrf_field *field) {
  otrf_element result;
  otrf_limb limbs[OTRF_MAX_LIMBS];
  field->in(&result, element, field);
  otrf_field_modexp_vartime(&result, &result, key->q, key->q_n, field);
  field->out(limbs, &result, field);
  limbs[0] ^= 1;
  return otrf_limbs_zero(limbs, key->p_n);
}

/* Whether g - 1 and p have no factor in common: then g is 1 modulo no factor of p. 2 <= g < p. */
static int differs_from_one(const otrf_limb *g, const otrf_limb *p) {
  otrf_limb divisor[OTRF_DSA_P_LIMBS + 1] = {0}, factor[OTRF_DSA_P_LIMBS + 1];
  otrf_limb greater[OTRF_DSA_P_LIMBS + 1], less[OTRF_DSA_P_LIMBS + 1];
  static const otrf_limb unit[OTRF_DSA_P_LIMBS] = {1};
  long factor_n, less_n = OTRF_DSA_P_LIMBS;
  memcpy(greater, p, OTRF_DSA_P_BYTES);
  otrf_gmp.sub_n(less, g, unit, OTRF_DSA_P_LIMBS);
  while (less[less_n - 1] == 0) {
    less_n--;
  }
  return otrf_gmp.gcdext(divisor, factor, &factor_n, greater, OTRF_DSA_P_LIMBS, less, less_n) == 1 && divisor[0] == 1;
}

int otrf_dsa_check_vartime(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g,
                           size_t g_len, const uint8_t *y, size_t y_len) {
  public_key key;
  otrf_dsa_field field;
  if (!sizes_allowed(p_len, q_len) || p[0] < 0x80 || q[0] < 0x80 ||
      !key_read(&key, p, p_len, q, q_len, g, g_len, y, y_len) || !q_divides(&key) || !differs_from_one(key.g, key.p)) {
    return 0;
  }
  otrf_dsa_field_init(&field, key.p, key.p_n);
  return order_is_q(key.g, &key, &field.field) && order_is_q(key.y, &key, &field.field);
}

int otrf_dsa_examine_vartime(const uint8_t p[OTRF_DSA_P_BYTES], const uint8_t q[OTRF_DSA_Q_BYTES],
                             const uint8_t secret[OTRF_SEED_BYTES]) {
  uint8_t numbers[OTRF_DSA_P_BYTES + OTRF_DSA_Q_BYTES], seed[OTRF_SEED_BYTES];
  otrf_limb p_limbs[OTRF_DSA_P_LIMBS], q_limbs[OTRF_Q_LIMBS];
  otrf_expansion expansion;
  otrf_dsa_field field;
  if (!otrf_gmp_ready() || p[0] < 0x80 || q[0] < 0x80 || (p[OTRF_DSA_P_BYTES - 1] & q[OTRF_DSA_Q_BYTES - 1] & 1) == 0) {
    return 0;
  }
  memcpy(numbers, p, OTRF_DSA_P_BYTES);
  memcpy(numbers + OTRF_DSA_P_BYTES, q, OTRF_DSA_Q_BYTES);
  otrf_hmac_sha256(seed, secret, OTRF_SEED_BYTES, numbers, sizeof numbers);
  otrf_expansion_start(&expansion, seed);
  otrf_limbs_from_bytes(q_limbs, OTRF_Q_LIMBS, q, OTRF_DSA_Q_BYTES);
  otrf_dsa_field_init(&field, q_limbs, OTRF_Q_LIMBS);
  if (!otrf_is_prime_vartime(&field, Q_ROUNDS, &expansion)) {
    return 0;
  }
  otrf_limbs_from_bytes(p_limbs, OTRF_DSA_P_LIMBS, p, OTRF_DSA_P_BYTES);
  otrf_dsa_field_init(&field, p_limbs, OTRF_DSA_P_LIMBS);
  return otrf_is_prime_vartime(&field, P_ROUNDS, &expansion);
}
