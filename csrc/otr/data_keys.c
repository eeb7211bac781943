/* The keys of one pair of D-H keys: deriving them, and what each direction works with. */
#include "otr/data_keys.h"

#include <string.h>

#include "hash/hash.h"
#include "otr/kdf.h"
#include "platform/memory.h"

static void mac_key(uint8_t out[20], const uint8_t key[16]) { otrf_sha1(out, key, 16); }

void otrf_lane_init(otrf_lane *lane, const uint8_t key[16]) {
  uint8_t mac[20];
  otrf_aes_expand(lane->schedule, key);
  mac_key(mac, key);
  otrf_hmac_sha1_key(lane->inner, lane->outer, mac, sizeof mac);
  lane->prefix_len = 0;
  otrf_wipe(mac, sizeof mac);
}

otrf_lane *otrf_lane_of(otrf_lane **lane, const uint8_t key[16]) {
  if (*lane == NULL) {
    *lane = otrf_allocate(sizeof **lane);
    if (*lane != NULL) {
      otrf_lane_init(*lane, key);
    }
  }
  return *lane;
}

otrf_data_keys *otrf_data_keys_new(const otrf_shared *shared, int high) {
  otrf_kdf kdf;
  uint8_t digest[20];
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

int otrf_data_keys_verified(const otrf_data_keys *keys) { return keys->verified; }

void otrf_data_keys_receive_mac(uint8_t out[20], const otrf_data_keys *keys) { mac_key(out, keys->receive_key); }

void otrf_data_keys_extra(uint8_t out[32], const otrf_data_keys *keys) { memcpy(out, keys->extra, 32); }
