/* Handles on D-H keys, shared secrets and SMP exponents. */
#include "otr/keys.h"

#include <string.h>

#include "platform/memory.h"

/* ---- D-H keys ---- */

enum { LIMB_BYTES = 8 };

static otrf_dh_key *dh_key(const uint8_t exponent[OTRF_DH_BYTES], const uint8_t public_element[OTRF_ELEMENT_BYTES]) {
  otrf_dh_key *key = otrf_allocate(sizeof *key);
  if (key != NULL) {
    memcpy(key->exponent, exponent, sizeof key->exponent);
    memcpy(key->public_element, public_element, sizeof key->public_element);
  }
  return key;
}

int otrf_dh_new(otrf_dh_key **out, const uint8_t exponent[OTRF_DH_BYTES]) { return otrf_dh_new_many(out, exponent, 1); }

int otrf_dh_new_many(otrf_dh_key **out, const uint8_t *exponents, size_t n) {
  size_t made = 0;
  memset(out, 0, n * sizeof *out);
  uint8_t *elements = otrf_allocate(n * OTRF_ELEMENT_BYTES + 1);
  if (elements == NULL) {
    return OTRF_ERR_MEMORY;
  }
  int status = n == 1 ? otrf_modexp_g(elements, exponents, OTRF_DH_BYTES) : otrf_modexp_g_many(elements, exponents, n);
  for (; made < n && status == OTRF_OK; made++) {
    out[made] = dh_key(exponents + made * OTRF_DH_BYTES, elements + made * OTRF_ELEMENT_BYTES);
    status = out[made] == NULL ? OTRF_ERR_MEMORY : OTRF_OK;
  }
  for (size_t i = 0; i < made && status != OTRF_OK; i++) {
    otrf_dh_free(out[i]);
    out[i] = NULL;
  }
  otrf_release(elements, n * OTRF_ELEMENT_BYTES + 1);
  return status;
}

void otrf_dh_free(otrf_dh_key *key) { otrf_release(key, sizeof(otrf_dh_key)); }

const uint8_t *otrf_dh_public(const otrf_dh_key *key) { return key->public_element; }

/* ---- shared secrets ---- */

int otrf_dh_agree(otrf_shared **out, const otrf_dh_key *key, const uint8_t public_element[OTRF_ELEMENT_BYTES]) {
  *out = NULL;
  otrf_shared *shared = otrf_allocate(sizeof *shared);
  if (shared == NULL) {
    return OTRF_ERR_MEMORY;
  }
  const int status = otrf_modexp(shared->secret, public_element, key->exponent, OTRF_DH_BYTES);
  if (status != OTRF_OK) {
    otrf_shared_free(shared);
    return status;
  }
  *out = shared;
  return OTRF_OK;
}

/* The elements that are in the group, packed, their exponents, and memory for what comes out. */
typedef struct {
  uint8_t *bases, *exponents, *results;
} agree_scratch;

static int agree_some(otrf_shared **out, const agree_scratch *scratch, const otrf_dh_key *const *keys,
                      const uint8_t *public_elements, size_t n) {
  size_t taken = 0;
  for (size_t i = 0; i < n; i++) {
    const uint8_t *element = public_elements + i * OTRF_ELEMENT_BYTES;
    if (otrf_in_group(element)) {
      out[i] = otrf_allocate(sizeof *out[i]);
      if (out[i] == NULL) {
        return OTRF_ERR_MEMORY;
      }
      memcpy(scratch->bases + taken * OTRF_ELEMENT_BYTES, element, OTRF_ELEMENT_BYTES);
      memcpy(scratch->exponents + taken * OTRF_DH_BYTES, keys[i]->exponent, OTRF_DH_BYTES);
      taken++;
    }
  }
  const int status =
      taken > 0 ? otrf_modexp_many(scratch->results, scratch->bases, scratch->exponents, taken) : OTRF_OK;
  for (size_t i = n; i-- > 0 && status == OTRF_OK;) {
    if (out[i] != NULL) {
      memcpy(out[i]->secret, scratch->results + --taken * OTRF_ELEMENT_BYTES, OTRF_ELEMENT_BYTES);
    }
  }
  return status;
}

int otrf_dh_agree_many(otrf_shared **out, const otrf_dh_key *const *keys, const uint8_t *public_elements, size_t n) {
  const size_t size = n * (2 * OTRF_ELEMENT_BYTES + OTRF_DH_BYTES) + 1;
  memset(out, 0, n * sizeof *out);
  uint8_t *data = otrf_allocate(size);
  if (data == NULL) {
    return OTRF_ERR_MEMORY;
  }
  const agree_scratch scratch = {data, data + n * 2 * OTRF_ELEMENT_BYTES, data + n * OTRF_ELEMENT_BYTES};
  const int status = agree_some(out, &scratch, keys, public_elements, n);
  for (size_t i = 0; i < n && status != OTRF_OK; i++) {
    otrf_shared_free(out[i]);
    out[i] = NULL;
  }
  otrf_release(data, size);
  return status;
}

void otrf_shared_free(otrf_shared *shared) { otrf_release(shared, sizeof(otrf_shared)); }

/* ---- SMP exponents ---- */

otrf_exponent *otrf_exponent_new(const uint8_t *value, size_t len) {
  otrf_exponent *exponent = len <= OTRF_SCALAR_BYTES ? otrf_allocate(sizeof *exponent) : NULL;
  if (exponent != NULL) {
    memcpy(exponent->value + OTRF_SCALAR_BYTES - len, value, len);
    exponent->len = len > LIMB_BYTES ? (len + LIMB_BYTES - 1) / LIMB_BYTES * LIMB_BYTES : LIMB_BYTES;
  }
  return exponent;
}

void otrf_exponent_free(otrf_exponent *exponent) { otrf_release(exponent, sizeof(otrf_exponent)); }

int otrf_exponent_modexp_g(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_exponent *exponent) {
  return otrf_modexp_g(out, exponent->value + OTRF_SCALAR_BYTES - exponent->len, exponent->len);
}

int otrf_exponent_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_exponent *exponent,
                         const uint8_t base[OTRF_ELEMENT_BYTES]) {
  return otrf_modexp(out, base, exponent->value + OTRF_SCALAR_BYTES - exponent->len, exponent->len);
}

int otrf_exponent_response(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_exponent *r, const otrf_exponent *secret,
                           const uint8_t challenge[OTRF_CHALLENGE_BYTES]) {
  return otrf_response(out, r->value, secret->value, challenge);
}
