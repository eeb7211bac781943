/* DSA keys: taking over, signing, and verifying. */
#include "dsa/dsa.h"

#include <stdlib.h>
#include <string.h>

#include "field/limbs.h"
#include "hash/hash.h"
#include "platform/checkmem.h"
#include "platform/cpu.h"
#include "platform/memory.h"

void otrf_dsa_field_init(otrf_dsa_field *field, const otrf_limb *m, size_t n) {
  memset(field, 0, sizeof *field);
  field->n = n;
  memcpy(field->m, m, n * sizeof *m);
  const int usual = n == OTRF_DSA_P_LIMBS && m[n - 1] >> 63;
  if (usual && otrf_has(OTRF_HAS_IFMA)) {
    otrf_ifma_modulus_init(&field->modulus.ifma, m, n);
    otrf_field_on_ifma(&field->field, &field->modulus.ifma);
  } else if (usual && otrf_has(OTRF_HAS_AVX2_MODEXP)) {
    otrf_avx2_modulus_init(&field->modulus.avx2, m, n);
    otrf_field_on_avx2(&field->field, &field->modulus.avx2);
  } else if (n == OTRF_Q_LIMBS) {
    otrf_scalars_init(&field->modulus.scalars, m, n);
    otrf_field_on_scalars(&field->field, &field->modulus.scalars);
  } else {
    otrf_modulus_init(&field->modulus.gmp, m, n);
    otrf_field_on_gmp(&field->field, &field->modulus.gmp);
  }
}

otrf_dsa_key *otrf_dsa_key_make(const otrf_limb *p, const otrf_limb *q, const otrf_limb *g) {
  const size_t element = otrf_has(OTRF_HAS_IFMA)          ? sizeof(otrf_ifma_number)
                         : otrf_has(OTRF_HAS_AVX2_MODEXP) ? OTRF_AVX2_DSA_BYTES
                                                          : OTRF_DSA_P_BYTES;
  const size_t size = sizeof(otrf_dsa_key) + OTRF_COMB_BYTES(element);
  otrf_dsa_key *key = aligned_alloc(64, (size + 63) / 64 * 64);
  if (key == NULL) {
    return NULL;
  }
  otrf_element base;
  memset(key, 0, sizeof *key);
  otrf_dsa_field_init(&key->p, p, OTRF_DSA_P_LIMBS);
  otrf_scalars_init(&key->q, q, OTRF_Q_LIMBS);
  memcpy(key->g, g, sizeof key->g);
  key->p.field.in(&base, g, &key->p.field);
  otrf_comb_build(key->comb, &base, OTRF_NONCE_COLUMNS, &key->p.field);
  return key;
}

void otrf_dsa_modexp_g(otrf_limb r[OTRF_DSA_P_LIMBS], const otrf_dsa_key *key, const otrf_limb *e) {
  otrf_element result;
  otrf_field field = key->p.field; /* a copy: its scratch is not to be shared between threads */
  otrf_comb_modexp(&result, key->comb, e, OTRF_Q_LIMBS, OTRF_NONCE_COLUMNS, &field);
  field.out(r, &result, &field);
  otrf_wipe(&result, sizeof result);
  otrf_wipe(&field.scratch, sizeof field.scratch);
  otrf_wipe_stack();
}

otrf_dsa_key *otrf_dsa_new(const uint8_t p[OTRF_DSA_P_BYTES], const uint8_t q[OTRF_DSA_Q_BYTES],
                           const uint8_t g[OTRF_DSA_P_BYTES], const uint8_t y[OTRF_DSA_P_BYTES],
                           const uint8_t x[OTRF_DSA_Q_BYTES]) {
  otrf_limb p_limbs[OTRF_DSA_P_LIMBS], q_limbs[OTRF_Q_LIMBS], g_limbs[OTRF_DSA_P_LIMBS], result[OTRF_DSA_P_LIMBS];
  otrf_limbs_from_bytes(p_limbs, OTRF_DSA_P_LIMBS, p, OTRF_DSA_P_BYTES);
  otrf_limbs_from_bytes(q_limbs, OTRF_Q_LIMBS, q, OTRF_DSA_Q_BYTES);
  otrf_limbs_from_bytes(g_limbs, OTRF_DSA_P_LIMBS, g, OTRF_DSA_P_BYTES);
  if (!otrf_gmp_ready() || p[0] < 0x80 || q[0] < 0x80 || (p_limbs[0] & q_limbs[0] & 1) == 0 ||
      !otrf_limbs_below(g_limbs, p_limbs, OTRF_DSA_P_LIMBS)) {
    return NULL;
  }
  otrf_dsa_key *key = otrf_dsa_key_make(p_limbs, q_limbs, g_limbs);
  if (key == NULL) {
    return NULL;
  }
  otrf_limbs_from_bytes(key->y, OTRF_DSA_P_LIMBS, y, OTRF_DSA_P_BYTES);
  otrf_limbs_from_bytes(key->x, OTRF_Q_LIMBS, x, OTRF_DSA_Q_BYTES);
  otrf_dsa_modexp_g(result, key, key->x);
  int usable = otrf_limbs_below(key->x, q_limbs, OTRF_Q_LIMBS) & !otrf_limbs_zero(key->x, OTRF_Q_LIMBS);
  for (size_t i = 0; i < OTRF_DSA_P_LIMBS; i++) {
    result[i] ^= key->y[i];
  }
  usable &= otrf_limbs_zero(result, OTRF_DSA_P_LIMBS);
  OTRF_DECLASSIFY(&usable, sizeof usable);
  if (!usable) {
    otrf_dsa_free(key);
    return NULL;
  }
  return key;
}

void otrf_dsa_free(otrf_dsa_key *key) {
  if (key != NULL) {
    otrf_wipe(key, sizeof *key);
    free(key);
  }
}

void otrf_dsa_export(uint8_t p[OTRF_DSA_P_BYTES], uint8_t q[OTRF_DSA_Q_BYTES], uint8_t g[OTRF_DSA_P_BYTES],
                     uint8_t y[OTRF_DSA_P_BYTES], uint8_t x[OTRF_DSA_Q_BYTES], const otrf_dsa_key *key) {
  otrf_limbs_to_bytes(p, OTRF_DSA_P_BYTES, key->p.m, OTRF_DSA_P_LIMBS);
  otrf_limbs_to_bytes(q, OTRF_DSA_Q_BYTES, key->q.q, OTRF_Q_LIMBS);
  otrf_limbs_to_bytes(g, OTRF_DSA_P_BYTES, key->g, OTRF_DSA_P_LIMBS);
  otrf_limbs_to_bytes(y, OTRF_DSA_P_BYTES, key->y, OTRF_DSA_P_LIMBS);
  otrf_limbs_to_bytes(x, OTRF_DSA_Q_BYTES, key->x, OTRF_Q_LIMBS);
}

/* ---- the nonce: HMAC_DRBG with SHA-256 as in RFC 6979, section 3.2, with additional data (3.6) ---- */

#define MATERIAL (2 * OTRF_DSA_Q_BYTES + 32)

typedef struct {
  uint8_t k[OTRF_SHA256_BYTES];
  uint8_t v[OTRF_SHA256_BYTES];
} nonce_source;

/* K = HMAC(K, V || mark || material), V = HMAC(K, V) */
static void nonce_update(nonce_source *source, uint8_t mark, const uint8_t *material, size_t len) {
  uint8_t data[33 + MATERIAL];
  memcpy(data, source->v, 32);
  data[32] = mark;
  memcpy(data + 33, material, len);
  otrf_hmac_sha256(source->k, source->k, 32, data, 33 + len);
  otrf_hmac_sha256(source->v, source->k, 32, source->v, 32);
  otrf_wipe(data, sizeof data);
}

/* `hash` is the value modulo q: OTR signs the whole number, where the RFC cuts a digest to the length of q. */
static void nonce_start(nonce_source *source, const otrf_limb *x, const otrf_limb *hash,
                        const uint8_t random[OTRF_SEED_BYTES]) {
  uint8_t material[MATERIAL];
  otrf_limbs_to_bytes(material, OTRF_DSA_Q_BYTES, x, OTRF_Q_LIMBS);
  otrf_limbs_to_bytes(material + OTRF_DSA_Q_BYTES, OTRF_DSA_Q_BYTES, hash, OTRF_Q_LIMBS);
  memcpy(material + MATERIAL - 32, random, 32);
  memset(source->k, 0, sizeof source->k);
  memset(source->v, 1, sizeof source->v);
  nonce_update(source, 0, material, MATERIAL);
  nonce_update(source, 1, material, MATERIAL);
  otrf_wipe(material, sizeof material);
}

/* The next k with 0 < k < q. That one was refused says nothing about the one that is used. */
static void nonce_next(otrf_limb k[OTRF_Q_LIMBS], nonce_source *source, const otrf_scalars *q) {
  int good = 0;
  while (!good) {
    otrf_hmac_sha256(source->v, source->k, 32, source->v, 32);
    otrf_limbs_from_bytes(k, OTRF_Q_LIMBS, source->v, OTRF_DSA_Q_BYTES);
    good = otrf_limbs_below(k, q->q, OTRF_Q_LIMBS) & !otrf_limbs_zero(k, OTRF_Q_LIMBS);
    OTRF_DECLASSIFY(&good, sizeof good);
    if (!good) {
      nonce_update(source, 0, source->v, 0);
    }
  }
}

/* k = 1/k. What is inverted is k times a random number that is used nowhere else: how long that takes, and what it
 * leaves behind, says nothing about k. */
static void invert_secret(otrf_limb k[OTRF_Q_LIMBS], nonce_source *source, const otrf_scalars *q) {
  otrf_limb blind[OTRF_Q_LIMBS], product[OTRF_Q_LIMBS];
  nonce_update(source, 0, source->v, 0);
  nonce_next(blind, source, q);
  otrf_scalar_in(blind, blind, q);
  otrf_scalar_mul(product, k, blind, q);
  OTRF_DECLASSIFY(product, sizeof product);
  otrf_scalar_invert_vartime(product, product, q);
  otrf_scalar_mul(k, product, blind, q);
  otrf_wipe(blind, sizeof blind);
}

/* A sound key gives r = 0 or s = 0 once in 2^159 times; one whose g or p is not sound may do so each time. */
#define SIGN_TRIES 8

int otrf_dsa_sign(uint8_t signature[OTRF_SIGNATURE_BYTES], const otrf_dsa_key *key,
                  const uint8_t value[OTRF_DSA_VALUE_BYTES], const uint8_t random[OTRF_SEED_BYTES]) {
  otrf_limb number[4], hash[OTRF_Q_LIMBS], k[OTRF_Q_LIMBS], result[OTRF_DSA_P_LIMBS], r[OTRF_Q_LIMBS];
  otrf_limb s[OTRF_Q_LIMBS];
  nonce_source source;
  int done = 0;
  otrf_limbs_from_bytes(number, 4, value, 32);
  otrf_limbs_mod(hash, number, 4, key->q.q, OTRF_Q_LIMBS);
  nonce_start(&source, key->x, hash, random);
  for (int tries = 0; !done && tries < SIGN_TRIES; tries++) {
    nonce_next(k, &source, &key->q);
    otrf_dsa_modexp_g(result, key, k);
    otrf_limbs_mod(r, result, OTRF_DSA_P_LIMBS, key->q.q, OTRF_Q_LIMBS);
    /* s = (hash + x r) / k. Into products goes one number in Montgomery form each, so they are plain. */
    otrf_scalar_in(s, key->x, &key->q);
    otrf_scalar_mul(s, s, r, &key->q);
    otrf_scalar_add(s, s, hash, &key->q);
    invert_secret(k, &source, &key->q);
    otrf_scalar_in(k, k, &key->q);
    otrf_scalar_mul(s, s, k, &key->q);
    done = (otrf_limbs_zero(r, OTRF_Q_LIMBS) | otrf_limbs_zero(s, OTRF_Q_LIMBS)) ^ 1;
    OTRF_DECLASSIFY(&done, sizeof done);
  }
  otrf_limbs_to_bytes(signature, OTRF_DSA_Q_BYTES, r, OTRF_Q_LIMBS);
  otrf_limbs_to_bytes(signature + OTRF_DSA_Q_BYTES, OTRF_DSA_Q_BYTES, s, OTRF_Q_LIMBS);
  OTRF_DECLASSIFY(signature, OTRF_SIGNATURE_BYTES);
  if (!done) {
    memset(signature, 0, OTRF_SIGNATURE_BYTES);
  }
  otrf_wipe(&source, sizeof source);
  otrf_wipe(k, sizeof k);
  otrf_wipe(result, sizeof result);
  otrf_wipe_stack();
  return done ? OTRF_OK : OTRF_ERR_KEY;
}
