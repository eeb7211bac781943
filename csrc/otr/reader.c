/* The one reader of data messages: a line decoded, and the message in it taken apart. All of it is public. */
#include "otr/reader.h"

#include <string.h>

#include "base64/base64.h"
#include "platform/bytes.h"

size_t otrf_line_decode(uint8_t *raw, const char *line, size_t line_len) {
  if (line_len < OTRF_LINE_EXTRA_BYTES || line_len > OTRF_LIMIT_BYTES ||
      memcmp(line, OTRF_LINE_START, OTRF_LINE_START_BYTES) != 0 || line[line_len - 1] != '.') {
    return OTRF_BASE64_BAD;
  }
  return otrf_base64_decode(raw, line + OTRF_LINE_START_BYTES, line_len - OTRF_LINE_EXTRA_BYTES);
}

void otrf_line_encode(char *line, const uint8_t *raw, size_t len) {
  memcpy(line, OTRF_LINE_START, OTRF_LINE_START_BYTES);
  line[OTRF_LINE_START_BYTES + otrf_base64_encode(line + OTRF_LINE_START_BYTES, raw, len)] = '.';
}

/* Returns the length of the next D-H key with its length field, or 0 unless it is a minimal MPI in the group. */
static size_t next_key_bytes(uint8_t element[OTRF_ELEMENT_BYTES], const uint8_t *at, size_t left) {
  if (left < OTRF_LENGTH_BYTES) {
    return 0;
  }
  const size_t len = otrf_load32(at);
  at += OTRF_LENGTH_BYTES;
  if (len == 0 || len > OTRF_ELEMENT_BYTES || len > left - OTRF_LENGTH_BYTES || at[0] == 0) {
    return 0;
  }
  memset(element, 0, OTRF_ELEMENT_BYTES - len);
  memcpy(element + OTRF_ELEMENT_BYTES - len, at, len);
  return otrf_in_group(element) ? OTRF_LENGTH_BYTES + len : 0;
}

int otrf_data_fields_read(otrf_data_fields *fields, const uint8_t *raw, size_t raw_len, const uint8_t *header,
                          size_t header_len) {
  const size_t head_len = header_len + OTRF_FLAGS_FROM_END;
  if (raw_len < head_len || memcmp(raw, header, header_len) != 0) {
    return OTRF_ERR_FORMAT;
  }
  const size_t next_key = next_key_bytes(fields->next_key, raw + head_len, raw_len - head_len);
  const size_t at = head_len + next_key;
  if (next_key == 0 || !otrf_frame_fits(&fields->ciphertext_len, raw, raw_len, at)) {
    return OTRF_ERR_FORMAT;
  }
  fields->flags = raw[header_len];
  fields->sender_keyid = otrf_load32(raw + header_len + 1);
  fields->recipient_keyid = otrf_load32(raw + header_len + 5);
  fields->counter = otrf_load64(raw + at);
  fields->ciphertext = raw + at + OTRF_CIPHER_FROM_CTR;
  fields->authenticated = raw;
  fields->authenticated_len = at + OTRF_CIPHER_FROM_CTR + fields->ciphertext_len;
  fields->mac = raw + fields->authenticated_len;
  fields->revealed = fields->mac + OTRF_MAC_BYTES + OTRF_LENGTH_BYTES;
  fields->revealed_len = raw_len - (size_t)(fields->revealed - raw);
  return OTRF_OK;
}

int otrf_read_data_message(otrf_data_fields *fields, uint8_t *scratch, const uint8_t *header, size_t header_len,
                           const char *line, size_t line_len) {
  const size_t raw_len = otrf_line_decode(scratch, line, line_len);
  return raw_len == OTRF_BASE64_BAD ? OTRF_ERR_FORMAT
                                    : otrf_data_fields_read(fields, scratch, raw_len, header, header_len);
}
