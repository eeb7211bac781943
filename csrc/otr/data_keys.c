/* The keys of one pair of D-H keys: deriving them, and what each direction works with. */
#include "otr/data_keys.h"

#include <string.h>

#include "hash/hash.h"
#include "otr/kdf.h"
#include "platform/memory.h"

static void mac_key(uint8_t out[OTRF_MAC_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]) {
  otrf_sha1(out, key, OTRF_AES_KEY_BYTES);
}

void otrf_direction_init(otrf_direction *direction, const uint8_t key[OTRF_AES_KEY_BYTES]) {
  uint8_t mac[OTRF_MAC_BYTES];
  otrf_aes_expand(direction->schedule, key);
  mac_key(mac, key);
  otrf_hmac_sha1_key(direction->inner, direction->outer, mac, sizeof mac);
  direction->prefix_len = 0;
  otrf_wipe(mac, sizeof mac);
}

otrf_direction *otrf_direction_ensure(otrf_direction **direction, const uint8_t key[OTRF_AES_KEY_BYTES]) {
  if (*direction == NULL) {
    *direction = otrf_allocate(sizeof **direction);
    if (*direction != NULL) {
      otrf_direction_init(*direction, key);
    }
  }
  return *direction;
}

otrf_data_keys *otrf_data_keys_new(const otrf_shared *shared, int high) {
  otrf_kdf kdf;
  uint8_t digest[OTRF_SHA1_BYTES];
  otrf_data_keys *keys = otrf_allocate(sizeof *keys);
  if (keys == NULL) {
    return NULL;
  }
  otrf_kdf_start(&kdf, shared);
  otrf_kdf_sha1(digest, &kdf, high ? 1 : 2);
  memcpy(keys->send_key, digest, sizeof keys->send_key);
  otrf_kdf_sha1(digest, &kdf, high ? 2 : 1);
  memcpy(keys->receive_key, digest, sizeof keys->receive_key);
  otrf_kdf_sha256(keys->extra, &kdf, 0xff);
  otrf_wipe(&kdf, sizeof kdf);
  otrf_wipe(digest, sizeof digest);
  return keys;
}

void otrf_data_keys_free(otrf_data_keys *keys) {
  if (keys != NULL) {
    otrf_release(keys->send, sizeof *keys->send);
    otrf_release(keys->receive, sizeof *keys->receive);
    otrf_release(keys, sizeof *keys);
  }
}

uint64_t otrf_data_keys_send_counter(const otrf_data_keys *keys) { return keys->send_counter; }

uint64_t otrf_data_keys_receive_counter(const otrf_data_keys *keys) { return keys->receive_counter; }

void otrf_data_keys_accept(otrf_data_keys *keys, uint64_t counter, const uint8_t mac[OTRF_MAC_BYTES]) {
  keys->receive_counter = counter;
  keys->verified = 1;
  memcpy(&keys->accepted[keys->accepted_n % OTRF_ACCEPTED], mac, sizeof keys->accepted[0]);
  keys->accepted_n =
      (uint8_t)(keys->accepted_n < OTRF_ACCEPTED ? keys->accepted_n + 1
                                                 : OTRF_ACCEPTED + (keys->accepted_n + 1) % OTRF_ACCEPTED);
}

size_t otrf_data_keys_accepted(uint8_t out[OTRF_ACCEPTED_BYTES], const otrf_data_keys *keys) {
  const size_t n = keys->accepted_n < OTRF_ACCEPTED ? keys->accepted_n : OTRF_ACCEPTED;
  memcpy(out, keys->accepted, n * sizeof keys->accepted[0]);
  return n * sizeof keys->accepted[0];
}

int otrf_data_keys_verified(const otrf_data_keys *keys) { return keys->verified; }

void otrf_data_keys_receive_mac(uint8_t out[OTRF_MAC_BYTES], const otrf_data_keys *keys) {
  mac_key(out, keys->receive_key);
}

void otrf_data_keys_extra(uint8_t out[OTRF_EXTRA_KEY_BYTES], const otrf_data_keys *keys) {
  memcpy(out, keys->extra, OTRF_EXTRA_KEY_BYTES);
}
