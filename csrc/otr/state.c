/* States at rest: secrets written and read, and a whole state encrypted, then authenticated. */
#include "otr/state.h"

#include <string.h>

#include "otr/data_keys.h"
#include "otr/keys.h"
#include "otr/layout.h"
#include "platform/bytes.h"
#include "platform/memory.h"

/* ---- the key: HKDF-SHA256 (RFC 5869) without a salt, one block for each of the two keys ---- */

otrf_state_key *otrf_state_key_new(const uint8_t data_key[OTRF_SEED_BYTES]) {
  static const uint8_t salt[OTRF_SHA256_BYTES] = {0};
  static const char cipher_info[] = "otrfast state cipher\1", mac_info[] = "otrfast state mac\1";
  uint8_t master[OTRF_SHA256_BYTES], cipher[OTRF_SHA256_BYTES];
  otrf_state_key *const key = otrf_allocate(sizeof *key);
  if (key != NULL) {
    otrf_hmac_sha256(master, salt, sizeof salt, data_key, OTRF_SEED_BYTES);
    otrf_hmac_sha256(cipher, master, sizeof master, (const uint8_t *)cipher_info, sizeof cipher_info - 1);
    otrf_hmac_sha256(key->mac, master, sizeof master, (const uint8_t *)mac_info, sizeof mac_info - 1);
    otrf_aes_expand(key->schedule, cipher);
    otrf_wipe(master, sizeof master);
    otrf_wipe(cipher, sizeof cipher);
    otrf_wipe_stack();
  }
  return key;
}

void otrf_state_key_free(otrf_state_key *key) { otrf_release(key, sizeof(otrf_state_key)); }

/* ---- sealing ----
 *
 * In memory: length of the associated data (8 bytes), associated data, counter (8), ciphertext, MAC (32). The MAC
 * covers all before it, and what stands from the counter on is the sealed state. */

static size_t head_bytes(size_t associated_len) { return OTRF_COUNTER_BYTES + associated_len; }

size_t otrf_state_scratch(size_t associated_len, size_t len) {
  return head_bytes(associated_len) + len + OTRF_STATE_EXTRA_BYTES;
}

static void put_head(uint8_t *scratch, const uint8_t *associated, size_t associated_len) {
  otrf_store64(scratch, associated_len);
  if (associated_len > 0) {
    memcpy(scratch + OTRF_COUNTER_BYTES, associated, associated_len);
  }
}

uint8_t *otrf_state_text(uint8_t *scratch, size_t associated_len) {
  return scratch + head_bytes(associated_len) + OTRF_COUNTER_BYTES;
}

int otrf_state_seal(uint8_t *scratch, otrf_state_key *key, const uint8_t *associated, size_t associated_len,
                    size_t len) {
  uint8_t *const text = otrf_state_text(scratch, associated_len);
  if (key->counter == UINT64_MAX) {
    return OTRF_ERR_COUNTER;
  }
  key->counter++;
  put_head(scratch, associated, associated_len);
  otrf_store64(text - OTRF_COUNTER_BYTES, key->counter);
  otrf_aes_ctr_xor(text, key->schedule, key->counter, 0, text, len);
  otrf_hmac_sha256(text + len, key->mac, sizeof key->mac, scratch, (size_t)(text - scratch) + len);
  return OTRF_OK;
}

int otrf_state_open(uint8_t *scratch, const otrf_state_key *key, const uint8_t *associated, size_t associated_len,
                    const uint8_t *sealed, size_t sealed_len) {
  uint8_t mac[OTRF_SHA256_BYTES];
  if (sealed_len < OTRF_STATE_EXTRA_BYTES) {
    return OTRF_ERR_STATE;
  }
  const size_t len = sealed_len - OTRF_STATE_EXTRA_BYTES;
  uint8_t *const text = otrf_state_text(scratch, associated_len);
  put_head(scratch, associated, associated_len);
  memcpy(text - OTRF_COUNTER_BYTES, sealed, sealed_len);
  otrf_hmac_sha256(mac, key->mac, sizeof key->mac, scratch, (size_t)(text - scratch) + len);
  if (!otrf_equal(mac, text + len, sizeof mac)) {
    return OTRF_ERR_STATE;
  }
  otrf_aes_ctr_xor(text, key->schedule, otrf_load64(sealed), 0, text, len);
  return OTRF_OK;
}

/* ---- secrets in a state ---- */

void otrf_dh_export(uint8_t out[OTRF_DH_STATE_BYTES], const otrf_dh_key *key) {
  memcpy(out, key->exponent, OTRF_DH_BYTES);
  memcpy(out + OTRF_DH_BYTES, key->public_element, OTRF_ELEMENT_BYTES);
}

otrf_dh_key *otrf_dh_import(const uint8_t in[OTRF_DH_STATE_BYTES]) {
  otrf_dh_key *const key = otrf_allocate(sizeof *key);
  if (key != NULL) {
    memcpy(key->exponent, in, OTRF_DH_BYTES);
    memcpy(key->public_element, in + OTRF_DH_BYTES, OTRF_ELEMENT_BYTES);
  }
  return key;
}

void otrf_shared_export(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_shared *shared) {
  memcpy(out, shared->secret, OTRF_ELEMENT_BYTES);
}

otrf_shared *otrf_shared_import(const uint8_t in[OTRF_ELEMENT_BYTES]) {
  otrf_shared *const shared = otrf_allocate(sizeof *shared);
  if (shared != NULL) {
    memcpy(shared->secret, in, OTRF_ELEMENT_BYTES);
  }
  return shared;
}

/* Where the fields of data keys are: the keys of both directions and the extra one, the counters, the ring. */
enum {
  RECEIVE_KEY = OTRF_AES_KEY_BYTES,
  EXTRA = 2 * OTRF_AES_KEY_BYTES,
  SEND_COUNTER = EXTRA + OTRF_EXTRA_KEY_BYTES,
  RECEIVE_COUNTER = SEND_COUNTER + OTRF_COUNTER_BYTES,
  VERIFIED = RECEIVE_COUNTER + OTRF_COUNTER_BYTES,
  ACCEPTED_LEN = VERIFIED + 1,
  ACCEPTED = ACCEPTED_LEN + 1,
};

_Static_assert(ACCEPTED + OTRF_ACCEPTED_BYTES == OTRF_DATA_KEYS_STATE_BYTES, "the fields fill the state");

void otrf_data_keys_export(uint8_t out[OTRF_DATA_KEYS_STATE_BYTES], const otrf_data_keys *keys) {
  memset(out, 0, OTRF_DATA_KEYS_STATE_BYTES);
  memcpy(out, keys->send_key, OTRF_AES_KEY_BYTES);
  memcpy(out + RECEIVE_KEY, keys->receive_key, OTRF_AES_KEY_BYTES);
  memcpy(out + EXTRA, keys->extra, OTRF_EXTRA_KEY_BYTES);
  otrf_store64(out + SEND_COUNTER, keys->send_counter);
  otrf_store64(out + RECEIVE_COUNTER, keys->receive_counter);
  out[VERIFIED] = keys->verified;
  /* the oldest first: the ring begins where the next one goes */
  const size_t n = keys->accepted_n < OTRF_ACCEPTED ? keys->accepted_n : OTRF_ACCEPTED;
  const size_t first = keys->accepted_n < OTRF_ACCEPTED ? 0 : keys->accepted_n % OTRF_ACCEPTED;
  for (size_t i = 0; i < n; i++) {
    memcpy(out + ACCEPTED + 4 * i, &keys->accepted[(first + i) % OTRF_ACCEPTED], 4);
  }
  out[ACCEPTED_LEN] = (uint8_t)n;
}

otrf_data_keys *otrf_data_keys_import(const uint8_t in[OTRF_DATA_KEYS_STATE_BYTES]) {
  otrf_data_keys *const keys = otrf_allocate(sizeof *keys);
  if (keys != NULL) {
    memcpy(keys->send_key, in, OTRF_AES_KEY_BYTES);
    memcpy(keys->receive_key, in + RECEIVE_KEY, OTRF_AES_KEY_BYTES);
    memcpy(keys->extra, in + EXTRA, OTRF_EXTRA_KEY_BYTES);
    keys->send_counter = otrf_load64(in + SEND_COUNTER);
    keys->receive_counter = otrf_load64(in + RECEIVE_COUNTER);
    keys->verified = in[VERIFIED] != 0;
    keys->accepted_n = in[ACCEPTED_LEN] % (OTRF_ACCEPTED + 1);
    memcpy(keys->accepted, in + ACCEPTED, OTRF_ACCEPTED_BYTES);
  }
  return keys;
}

void otrf_data_keys_count_between(otrf_data_keys *keys, uint64_t floor, uint64_t end) {
  if (keys->send_counter < floor) {
    keys->send_counter = floor;
  }
  keys->send_end = end;
}
