/* Private header of data messages: their layout, and the halves of sealing and opening on both sides of the MAC. */
#ifndef OTRF_MESSAGE_H
#define OTRF_MESSAGE_H

#include "base64.h"
#include "keys.h"

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

/* The lane of a direction, made where it is missing; NULL where malloc fails. */
OTRF_HIDDEN otrf_lane *otrf_lane_of(otrf_lane **lane, const uint8_t key[16]);

/* Start a MAC where `state` has already taken in the first `start` bytes. The padding of the hash goes behind the
 * message, into up to 72 bytes that are overwritten: so the hash reads it all in one run. */
OTRF_HIDDEN void otrf_mac_start(otrf_sha1_job *job, const uint32_t state[5], uint8_t *message, size_t start,
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
OTRF_HIDDEN void otrf_seal_start(otrf_sha1_job *job, char *line, uint8_t *raw, const otrf_lane *lane, uint64_t counter,
                                 const otrf_content *content);
OTRF_HIDDEN void otrf_seal_finish(char *line, uint8_t *raw, const otrf_lane *lane, const otrf_content *content,
                                  const uint8_t mac[OTRF_MAC_BYTES]);

/* A line on its way through the fast lane. */
typedef struct {
  uint8_t *raw;
  size_t counter_at, cipher_len;
  uint64_t counter;
  int known; /* the message starts as the last one did */
  uint8_t mac[OTRF_MAC_BYTES];
  uint32_t kept[5]; /* what to keep where it does not */
} otrf_opening;

/* Decode and check a line as far as goes without the MAC, and start the MAC. 0 where it is for the general path, else
 * 1. `raw` has 3/4 of the line and OTRF_ROOM_BYTES. */
OTRF_HIDDEN int otrf_open_start(otrf_opening *opening, otrf_sha1_job *job, uint8_t *raw, const otrf_data_keys *keys,
                                const char *line, size_t line_len);

/* Check the MAC and the counter, decrypt in place, and commit where the text is all there is: it then stands at `text`.
 * Returns its length; 0, and nothing changed, where the line is for the general path. */
OTRF_HIDDEN size_t otrf_open_finish(uint8_t **text, const otrf_opening *opening, otrf_data_keys *keys,
                                    const uint8_t mac[OTRF_MAC_BYTES]);

/* A data message taken apart; what stands in `raw` is given by its place. */
typedef struct {
  uint8_t flags;
  uint32_t sender_keyid, recipient_keyid;
  uint8_t next_key[OTRF_ELEMENT_BYTES];
  uint64_t counter;
  size_t cipher_at, cipher_len; /* the MAC stands behind */
  size_t revealed_at, revealed_len;
} otrf_message_parts;

/* Decode a line and take the data message in it apart. OTRF_ERR_GENERAL_PATH where its armour is not clean, where it
 * does not start with `header` (version, type and instance tags), where a length does not fit to the last byte, or where
 * the next D-H key is not a minimal MPI in the group. `raw` has 3/4 of the line and OTRF_ROOM_BYTES. All of it is public. */
OTRF_HIDDEN int otrf_message_read(otrf_message_parts *parts, uint8_t *raw, const uint8_t *header, size_t header_len,
                                  const char *line, size_t line_len);

/* The bytes in the armour of a line, decoded into `raw`, which has 3/4 of the line and OTRF_BASE64_SLACK; OTRF_BASE64_BAD
 * where there is anything but clean base64 between `?OTR:` and the dot that ends the line. */
OTRF_HIDDEN size_t otrf_armour_decode(uint8_t *raw, const char *line, size_t line_len);

/* Write the line that carries `len` bytes: OTRF_BASE64_LEN(len) + LINE_EXTRA characters. */
OTRF_HIDDEN void otrf_armour_encode(char *line, const uint8_t *raw, size_t len);

#endif
