/* Reading: the bytes in a line, and the fields of a data message. All of it is public. */
#ifndef OTRF_OTR_READER_H
#define OTRF_OTR_READER_H

#include "otr/layout.h"
#include "platform/bytes.h"

/* Decode the base64 of a line.
 * Returns the number of bytes, or OTRF_BASE64_BAD if there is anything but clean base64 between `?OTR:` and the dot
 * that ends the line. Out: raw  3/4 of the line and OTRF_BASE64_SLACK */
size_t otrf_line_decode(uint8_t *raw, const char *line, size_t line_len);

/* Write the line that carries `len` bytes: OTRF_BASE64_LEN(len) + OTRF_LINE_EXTRA_BYTES characters. */
void otrf_line_encode(char *line, const uint8_t *raw, size_t len);

/* otrf_read_data_message, of a line that has been decoded. */
int otrf_data_fields_read(otrf_data_fields *fields, const uint8_t *raw, size_t raw_len, const uint8_t *header,
                          size_t header_len);

/* Find the length of the ciphertext of a message whose counter is at `at`; inline, because the fast path does little
 * more. Returns 1 if all lengths fit to the last byte, else 0. */
OTRF_INLINE int otrf_frame_fits(size_t *cipher_len, const uint8_t *raw, size_t raw_len, size_t at) {
  if (raw_len - at < OTRF_FRAME_BYTES) {
    return 0;
  }
  const size_t around = raw_len - at - OTRF_FRAME_BYTES; /* ciphertext and revealed keys together */
  *cipher_len = otrf_load32(raw + at + OTRF_COUNTER_BYTES);
  if (*cipher_len > around) {
    return 0;
  }
  const uint8_t *const revealed = raw + at + OTRF_CIPHER_FROM_CTR + *cipher_len + OTRF_MAC_BYTES;
  return otrf_load32(revealed) == around - *cipher_len;
}

#endif
