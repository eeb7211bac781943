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
  uint32_t prefix_len; /* 0 while there is none */
  uint8_t prefix[OTRF_PREFIX_BYTES];
} otrf_lane;

struct otrf_data_keys {
  otrf_lane *send; /* NULL until first used */
  otrf_lane *receive;
  uint64_t send_counter;
  uint64_t receive_counter;
  uint8_t send_key[16];
  uint8_t receive_key[16];
  uint8_t extra[32];
  uint8_t verified;
  uint8_t head_len; /* 0 while there is none */
  uint8_t head[OTRF_HEAD_BYTES];
};

/* Fill in what follows from the AES key of a direction. */
void otrf_lane_init(otrf_lane *lane, const uint8_t key[16]);

/* The whole blocks of a prefix, in bytes. */
OTRF_INLINE size_t otrf_kept_bytes(size_t prefix_len) { return prefix_len & ~(size_t)63; }

/* The lane of a direction, made where it is missing; NULL where malloc fails. */
otrf_lane *otrf_lane_of(otrf_lane **lane, const uint8_t key[16]);

#endif
