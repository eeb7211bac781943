/* The authentication of a key exchange: X, the proof of who a side is (OTRv3, "Reveal Signature Message"). */
#include "otr/ake.h"

#include <string.h>

#include "aes/aes.h"
#include "hash/hash.h"
#include "otr/kdf.h"
#include "otr/layout.h"
#include "platform/bytes.h"
#include "platform/memory.h"

#define DIGEST_BYTES OTRF_SHA256_BYTES

otrf_ake_keys *otrf_ake_keys_new(const otrf_shared *shared) {
  otrf_kdf kdf;
  uint8_t digest[OTRF_SHA256_BYTES];
  otrf_ake_keys *keys = otrf_allocate(sizeof *keys);
  if (keys == NULL) {
    return NULL;
  }
  otrf_ake_side *const responder = &keys->side[0], *const initiator = &keys->side[1];
  otrf_kdf_start(&kdf, shared);
  otrf_kdf_sha256(digest, &kdf, 0);
  memcpy(keys->ssid, digest, sizeof keys->ssid);
  otrf_kdf_sha256(digest, &kdf, 1);
  memcpy(initiator->c, digest, sizeof initiator->c);
  memcpy(responder->c, digest + sizeof initiator->c, sizeof responder->c);
  otrf_kdf_sha256(initiator->m1, &kdf, 2);
  otrf_kdf_sha256(initiator->m2, &kdf, 3);
  otrf_kdf_sha256(responder->m1, &kdf, 4);
  otrf_kdf_sha256(responder->m2, &kdf, 5);
  otrf_wipe(&kdf, sizeof kdf);
  otrf_wipe(digest, sizeof digest);
  return keys;
}

void otrf_ake_keys_free(otrf_ake_keys *keys) { otrf_release(keys, sizeof(otrf_ake_keys)); }

const uint8_t *otrf_ake_keys_ssid(const otrf_ake_keys *keys) { return keys->ssid; }

/* Write an element as an MPI; returns where it ends. */
static uint8_t *put_mpi(uint8_t *out, const uint8_t element[OTRF_ELEMENT_BYTES]) {
  size_t zeros = 0;
  while (zeros < OTRF_ELEMENT_BYTES && element[zeros] == 0) {
    zeros++;
  }
  const size_t magnitude = OTRF_ELEMENT_BYTES - zeros;
  otrf_store32(out, (uint32_t)magnitude);
  memcpy(out + OTRF_LENGTH_BYTES, element + zeros, magnitude);
  return out + OTRF_LENGTH_BYTES + magnitude;
}

int otrf_ake_signed(uint8_t value[OTRF_DSA_VALUE_BYTES], const otrf_ake_keys *keys, int initiator,
                    const uint8_t *public_key, size_t public_key_len, const uint8_t own[OTRF_ELEMENT_BYTES],
                    const uint8_t other[OTRF_ELEMENT_BYTES], const uint8_t keyid[OTRF_KEYID_BYTES]) {
  const size_t size = 2 * (OTRF_LENGTH_BYTES + OTRF_ELEMENT_BYTES) + public_key_len + OTRF_KEYID_BYTES;
  uint8_t *const message = public_key_len <= OTRF_LIMIT_BYTES ? otrf_allocate(size) : NULL;
  if (message == NULL) {
    memset(value, 0, DIGEST_BYTES);
    return public_key_len <= OTRF_LIMIT_BYTES ? OTRF_ERR_MEMORY : OTRF_ERR_SIZE;
  }
  uint8_t *end = put_mpi(put_mpi(message, own), other);
  memcpy(end, public_key, public_key_len);
  memcpy(end + public_key_len, keyid, OTRF_KEYID_BYTES);
  end += public_key_len + OTRF_KEYID_BYTES;
  otrf_hmac_sha256(value, keys->side[initiator].m1, sizeof keys->side->m1, message, (size_t)(end - message));
  otrf_release(message, size);
  return OTRF_OK;
}

/* The MAC of an encrypted X: the hash takes in its length first, and is cut to 160 bits. */
static int mac_of(uint8_t mac[OTRF_MAC_BYTES], const otrf_ake_side *side, const uint8_t *encrypted, size_t len) {
  uint8_t digest[DIGEST_BYTES];
  uint8_t *const counted = otrf_allocate(OTRF_LENGTH_BYTES + len);
  if (counted == NULL) {
    return OTRF_ERR_MEMORY;
  }
  otrf_store32(counted, (uint32_t)len);
  memcpy(counted + OTRF_LENGTH_BYTES, encrypted, len);
  otrf_hmac_sha256(digest, side->m2, sizeof side->m2, counted, OTRF_LENGTH_BYTES + len);
  memcpy(mac, digest, OTRF_MAC_BYTES);
  otrf_wipe(digest, sizeof digest);
  otrf_release(counted, OTRF_LENGTH_BYTES + len);
  return OTRF_OK;
}

static const uint8_t zero_counter[OTRF_AES_BLOCK_BYTES];

int otrf_ake_seal(uint8_t *encrypted, uint8_t mac[OTRF_MAC_BYTES], const otrf_ake_keys *keys, int initiator,
                  const uint8_t *x, size_t len) {
  const otrf_ake_side *const side = &keys->side[initiator];
  int status = OTRF_ERR_SIZE;
  if (len <= OTRF_LIMIT_BYTES) {
    otrf_aes_ctr(encrypted, side->c, zero_counter, x, len);
    status = mac_of(mac, side, encrypted, len);
  }
  if (status != OTRF_OK) {
    memset(encrypted, 0, len);
  }
  return status;
}

int otrf_ake_open(uint8_t *x, const otrf_ake_keys *keys, int initiator, const uint8_t *encrypted, size_t len,
                  const uint8_t mac[OTRF_MAC_BYTES]) {
  const otrf_ake_side *const side = &keys->side[initiator];
  uint8_t expected[OTRF_MAC_BYTES];
  int status = len <= OTRF_LIMIT_BYTES ? mac_of(expected, side, encrypted, len) : OTRF_ERR_SIZE;
  if (status == OTRF_OK && !otrf_equal(expected, mac, sizeof expected)) {
    status = OTRF_ERR_MAC;
  }
  if (status == OTRF_OK) {
    otrf_aes_ctr(x, side->c, zero_counter, encrypted, len);
  } else {
    memset(x, 0, len);
  }
  otrf_wipe(expected, sizeof expected);
  return status;
}
