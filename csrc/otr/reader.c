/* The one reader of data messages: a line decoded, and the message in it taken apart. All of it is public. */
#include "otr/reader.h"

#include <string.h>

#include "base64/base64.h"
#include "platform/bytes.h"

size_t otrf_armour_decode(uint8_t *raw, const char *line, size_t line_len) {
  if (line_len < LINE_EXTRA || line_len > LIMIT_BYTES || memcmp(line, ARMOUR, ARMOUR_BYTES) != 0 ||
      line[line_len - 1] != '.') {
    return OTRF_BASE64_BAD;
  }
  return otrf_base64_decode(raw, line + ARMOUR_BYTES, line_len - LINE_EXTRA);
}

void otrf_armour_encode(char *line, const uint8_t *raw, size_t len) {
  memcpy(line, ARMOUR, ARMOUR_BYTES);
  line[ARMOUR_BYTES + otrf_base64_encode(line + ARMOUR_BYTES, raw, len)] = '.';
}

/* The length of the next D-H key with its length field, or 0 unless it is a minimal MPI in the group. */
size_t otrf_next_key_bytes(uint8_t element[OTRF_ELEMENT_BYTES], const uint8_t *at, size_t left) {
  if (left < LENGTH_BYTES) {
    return 0;
  }
  const size_t len = otrf_load32(at);
  at += LENGTH_BYTES;
  if (len == 0 || len > OTRF_ELEMENT_BYTES || len > left - LENGTH_BYTES || at[0] == 0) {
    return 0;
  }
  memset(element, 0, OTRF_ELEMENT_BYTES - len);
  memcpy(element + OTRF_ELEMENT_BYTES - len, at, len);
  return otrf_in_group(element) ? LENGTH_BYTES + len : 0;
}

/* Find the length of the ciphertext of a message whose counter stands at `at`; 0 unless all lengths fit to the last
 * byte. */
int otrf_frame_fits(size_t *cipher_len, const uint8_t *raw, size_t raw_len, size_t at) {
  if (raw_len - at < FRAME_BYTES) {
    return 0;
  }
  const size_t around = raw_len - at - FRAME_BYTES; /* ciphertext and revealed keys together */
  *cipher_len = otrf_load32(raw + at + COUNTER_BYTES);
  if (*cipher_len > around) {
    return 0;
  }
  const uint8_t *revealed = raw + at + COUNTER_BYTES + LENGTH_BYTES + *cipher_len + OTRF_MAC_BYTES;
  return otrf_load32(revealed) == around - *cipher_len;
}

int otrf_message_read(otrf_message_parts *parts, uint8_t *raw, const uint8_t *header, size_t header_len,
                      const char *line, size_t line_len) {
  const size_t raw_len = otrf_armour_decode(raw, line, line_len), head_len = header_len + FLAGS_FROM_END;
  if (raw_len == OTRF_BASE64_BAD || raw_len < head_len || memcmp(raw, header, header_len) != 0) {
    return OTRF_ERR_GENERAL_PATH;
  }
  const size_t next_key = otrf_next_key_bytes(parts->next_key, raw + head_len, raw_len - head_len), at = head_len + next_key;
  if (next_key == 0 || !otrf_frame_fits(&parts->cipher_len, raw, raw_len, at)) {
    return OTRF_ERR_GENERAL_PATH;
  }
  parts->flags = raw[header_len];
  parts->sender_keyid = otrf_load32(raw + header_len + 1);
  parts->recipient_keyid = otrf_load32(raw + header_len + 5);
  parts->counter = otrf_load64(raw + at);
  parts->cipher_at = at + COUNTER_BYTES + LENGTH_BYTES;
  parts->revealed_at = parts->cipher_at + parts->cipher_len + OTRF_MAC_BYTES + LENGTH_BYTES;
  parts->revealed_len = raw_len - parts->revealed_at;
  return OTRF_OK;
}
