/* The authentication of a key exchange: X, which says and proves who a side is (OTRv3, "Reveal Signature Message"). */
#include "otr/ake.h"

#include <string.h>

#include "aes/aes.h"
#include "hash/hash.h"
#include "otr/kdf.h"
#include "platform/bytes.h"
#include "platform/memory.h"

#define LENGTH_BYTES 4
#define LIMIT_BYTES ((size_t)1 << 28) /* more than any message that a program could want to read */
#define DIGEST_BYTES 32

otrf_ake_keys *otrf_ake_keys_new(const otrf_shared *shared) {
  otrf_kdf kdf;
  uint8_t digest[32];
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
  memcpy(out + LENGTH_BYTES, element + zeros, magnitude);
  return out + LENGTH_BYTES + magnitude;
}

int otrf_ake_signed(uint8_t value[32], const otrf_ake_keys *keys, int initiator, const uint8_t *public_key,
                    size_t public_key_len, const uint8_t own[192], const uint8_t other[192], const uint8_t keyid[4]) {
  const size_t room = 2 * (LENGTH_BYTES + OTRF_ELEMENT_BYTES) + public_key_len + OTRF_KEYID_BYTES;
  uint8_t *const message = public_key_len <= LIMIT_BYTES ? otrf_allocate(room) : NULL;
  if (message == NULL) {
    memset(value, 0, DIGEST_BYTES);
    return public_key_len <= LIMIT_BYTES ? OTRF_ERR_MEMORY : OTRF_ERR_SIZE;
  }
  uint8_t *end = put_mpi(put_mpi(message, own), other);
  memcpy(end, public_key, public_key_len);
  memcpy(end + public_key_len, keyid, OTRF_KEYID_BYTES);
  end += public_key_len + OTRF_KEYID_BYTES;
  otrf_hmac_sha256(value, keys->side[initiator].m1, sizeof keys->side->m1, message, (size_t)(end - message));
  otrf_release(message, room);
  return OTRF_OK;
}

/* The MAC of an encrypted X, which is hashed with its length in front, cut to 160 bits. */
static int mac_of(uint8_t mac[OTRF_MAC_BYTES], const otrf_ake_side *side, const uint8_t *encrypted, size_t len) {
  uint8_t digest[DIGEST_BYTES];
  uint8_t *const counted = otrf_allocate(LENGTH_BYTES + len);
  if (counted == NULL) {
    return OTRF_ERR_MEMORY;
  }
  otrf_store32(counted, (uint32_t)len);
  memcpy(counted + LENGTH_BYTES, encrypted, len);
  otrf_hmac_sha256(digest, side->m2, sizeof side->m2, counted, LENGTH_BYTES + len);
  memcpy(mac, digest, OTRF_MAC_BYTES);
  otrf_wipe(digest, sizeof digest);
  otrf_release(counted, LENGTH_BYTES + len);
  return OTRF_OK;
}

static const uint8_t zero_counter[16];

int otrf_ake_seal(uint8_t *encrypted, uint8_t mac[20], const otrf_ake_keys *keys, int initiator, const uint8_t *x,
                  size_t len) {
  const otrf_ake_side *const side = &keys->side[initiator];
  int status = OTRF_ERR_SIZE;
  if (len <= LIMIT_BYTES) {
    otrf_aes_ctr(encrypted, side->c, zero_counter, x, len);
    status = mac_of(mac, side, encrypted, len);
  }
  if (status != OTRF_OK) {
    memset(encrypted, 0, len);
  }
  return status;
}

int otrf_ake_open(uint8_t *x, const otrf_ake_keys *keys, int initiator, const uint8_t *encrypted, size_t len,
                  const uint8_t mac[20]) {
  const otrf_ake_side *const side = &keys->side[initiator];
  uint8_t due[OTRF_MAC_BYTES];
  int status = len <= LIMIT_BYTES ? mac_of(due, side, encrypted, len) : OTRF_ERR_SIZE;
  if (status == OTRF_OK && !otrf_equal(due, mac, sizeof due)) {
    status = OTRF_ERR_MAC;
  }
  if (status == OTRF_OK) {
    otrf_aes_ctr(x, side->c, zero_counter, encrypted, len);
  } else {
    memset(x, 0, len);
  }
  otrf_wipe(due, sizeof due);
  return status;
}
