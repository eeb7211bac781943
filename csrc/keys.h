/* Private header of the handles: what their structures hold. */
#ifndef OTRF_KEYS_H
#define OTRF_KEYS_H

#include "aes.h"
#include "hash.h"
#include "memory.h"

struct otrf_dh_key {
  uint8_t exponent[OTRF_DH_BYTES];
  uint8_t public_element[OTRF_ELEMENT_BYTES];
};

struct otrf_shared {
  uint8_t secret[OTRF_ELEMENT_BYTES];
};

struct otrf_exponent {
  uint8_t value[OTRF_SCALAR_BYTES];
  size_t len; /* of its last bytes that a power looks at, in whole limbs: public, a user's secret is 32 bytes long */
};

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

/* The keys of an AKE; the two halves of what protects an X are those of the initiator and of the responder. */
typedef struct {
  uint8_t c[16];
  uint8_t m1[32];
  uint8_t m2[32];
} otrf_ake_side;

struct otrf_ake_keys {
  uint8_t ssid[8];
  otrf_ake_side side[2]; /* by `initiator` */
};

/* Fill in what follows from the AES key of a direction. */
OTRF_HIDDEN void otrf_lane_init(otrf_lane *lane, const uint8_t key[16]);

/* The whole blocks of a prefix, in bytes. */
OTRF_INLINE size_t otrf_kept_bytes(size_t prefix_len) { return prefix_len & ~(size_t)63; }

#endif
