/* The keys of data messages: what their structure holds, direction by direction. */
#ifndef OTRF_OTR_DATA_KEYS_H
#define OTRF_OTR_DATA_KEYS_H

#include "aes/aes.h"
#include "otrfast.h"

/* What one direction of a pair of keys works with, once it is used. The start of a message, from its version to the
 * next D-H key, is the same for all messages of a burst: `kept` is the inner HMAC state after its whole blocks. */
typedef struct {
  uint8_t schedule[OTRF_AES_SCHEDULE_BYTES];
  uint32_t inner[5]; /* HMAC states after the key */
  uint32_t outer[5];
  uint32_t kept[5];
  uint32_t prefix_len; /* 0: there is none */
  uint8_t prefix[OTRF_PREFIX_BYTES];
} otrf_direction;

struct otrf_data_keys {
  otrf_direction *send; /* NULL until first used */
  otrf_direction *receive;
  uint64_t send_counter;
  uint64_t send_end; /* counters of messages stay below it; 0: all may be used */
  uint64_t receive_counter;
  uint8_t send_key[OTRF_AES_KEY_BYTES];
  uint8_t receive_key[OTRF_AES_KEY_BYTES];
  uint8_t extra[OTRF_EXTRA_KEY_BYTES];
  uint32_t accepted[OTRF_ACCEPTED]; /* the starts of the MACs of the last messages opened, a ring */
  uint8_t accepted_n;
  uint8_t verified;
  uint8_t head_len; /* 0: there is none */
  uint8_t head[OTRF_HEAD_BYTES];
};

/* Fill in what follows from the AES key of a direction. */
void otrf_direction_init(otrf_direction *direction, const uint8_t key[OTRF_AES_KEY_BYTES]);

/* Note that a message was opened: its counter, and its MAC, by which a later copy is known. */
void otrf_data_keys_accept(otrf_data_keys *keys, uint64_t counter, const uint8_t mac[OTRF_MAC_BYTES]);

/* How many messages may still be sealed. */
OTRF_INLINE uint64_t otrf_counters_left(const otrf_data_keys *keys) {
  const uint64_t last = keys->send_end == 0 ? UINT64_MAX : keys->send_end - 1;
  return keys->send_counter < last ? last - keys->send_counter : 0;
}

/* The whole blocks of a prefix, in bytes. */
OTRF_INLINE size_t otrf_kept_bytes(size_t prefix_len) { return prefix_len & ~(size_t)63; }

/* Returns what a direction works with, made if it is missing; NULL if malloc fails. */
otrf_direction *otrf_direction_ensure(otrf_direction **direction, const uint8_t key[OTRF_AES_KEY_BYTES]);

#endif
