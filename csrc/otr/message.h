/* Data messages: their layout, their MAC, and sealing in two halves, on both sides of the MAC. */
#ifndef OTRF_OTR_MESSAGE_H
#define OTRF_OTR_MESSAGE_H

#include "hash/hash.h"
#include "otr/data_keys.h"

#define COUNTER_BYTES 8
#define LENGTH_BYTES 4
#define FLAGS_FROM_END 9 /* the flags stand before the two key ids that end the head */
#define ARMOUR "?OTR:"
#define ARMOUR_BYTES 5
#define LINE_EXTRA (ARMOUR_BYTES + 1) /* the armour and the dot */

/* What stands around the ciphertext, beside the prefix and the revealed keys. */
#define FRAME_BYTES (COUNTER_BYTES + LENGTH_BYTES + OTRF_MAC_BYTES + LENGTH_BYTES)

/* No sum of three lengths up to this leaves 32 bits, in bytes or in base64. */
#define LIMIT_BYTES ((size_t)1 << 28)

/* Start a MAC where `state` has already taken in the first `start` bytes. The padding of the hash goes behind the
 * message, into up to 72 bytes that are overwritten: so the hash reads it all in one run. */
void otrf_mac_start(otrf_sha1_job *job, const uint32_t state[5], uint8_t *message, size_t start,
                                size_t len);

/* What a message holds. */
typedef struct {
  const uint8_t *text, *tlvs, *revealed;
  size_t text_len, tlvs_len, revealed_len;
} otrf_content;

/* The length of a message in front of base64. */
OTRF_INLINE size_t otrf_sealed_bytes(const otrf_lane *lane, const otrf_content *content) {
  return lane->prefix_len + FRAME_BYTES + content->text_len + 1 + content->tlvs_len + content->revealed_len;
}

/* Write a message up to its ciphertext, as much of its line as that makes, and start its MAC; then, with the MAC,
 * write the rest of both. `raw` has otrf_sealed_bytes() + OTRF_ROOM_BYTES, for the padding of the hash and for wide
 * stores. */
void otrf_seal_start(otrf_sha1_job *job, char *line, uint8_t *raw, const otrf_lane *lane, uint64_t counter,
                                 const otrf_content *content);
void otrf_seal_finish(char *line, uint8_t *raw, const otrf_lane *lane, const otrf_content *content,
                                  const uint8_t mac[OTRF_MAC_BYTES]);

#endif
