/* Reading: the bytes in a line, and the fields of a data message. All of it is public. */
#ifndef OTRF_OTR_READER_H
#define OTRF_OTR_READER_H

#include "otr/message.h"

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
int otrf_message_read(otrf_message_parts *parts, uint8_t *raw, const uint8_t *header, size_t header_len,
                                  const char *line, size_t line_len);

/* The bytes in the armour of a line, decoded into `raw`, which has 3/4 of the line and OTRF_BASE64_SLACK; OTRF_BASE64_BAD
 * where there is anything but clean base64 between `?OTR:` and the dot that ends the line. */
size_t otrf_armour_decode(uint8_t *raw, const char *line, size_t line_len);

/* Write the line that carries `len` bytes: OTRF_BASE64_LEN(len) + LINE_EXTRA characters. */
void otrf_armour_encode(char *line, const uint8_t *raw, size_t len);

/* Returns the length of the next D-H key with its length field, or 0 unless it is a minimal MPI in the group. */
size_t otrf_next_key_bytes(uint8_t element[OTRF_ELEMENT_BYTES], const uint8_t *at, size_t left);

/* Find the length of the ciphertext of a message whose counter stands at `at`. Returns 1 if all lengths fit to the last
 * byte, else 0. */
int otrf_frame_fits(size_t *cipher_len, const uint8_t *raw, size_t raw_len, size_t at);

#endif
