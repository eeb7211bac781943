/* The fast path: from a line to its text in one call; everything out of the ordinary is left to others. */
#include "otr/fast_path.h"

#include <string.h>

#include "aes/aes.h"
#include "base64/base64.h"
#include "otr/reader.h"
#include "platform/bytes.h"
#include "platform/memory.h"

int otrf_data_keys_head(otrf_data_keys *keys, const uint8_t *head, size_t head_len) {
  if (head_len < OTRF_FLAGS_FROM_END + 3 || head_len > OTRF_HEAD_BYTES) {
    return OTRF_ERR_SIZE;
  }
  otrf_direction *const direction = otrf_direction_ensure(&keys->receive, keys->receive_key);
  if (direction == NULL) {
    return OTRF_ERR_MEMORY;
  }
  if (keys->head_len != head_len || memcmp(keys->head, head, head_len) != 0) {
    memcpy(keys->head, head, head_len);
    keys->head_len = (uint8_t)head_len;
    direction->prefix_len = 0; /* what was kept began with another head */
  }
  return OTRF_OK;
}

static size_t header_len(const otrf_data_keys *keys) { return keys->head_len - (size_t)OTRF_FLAGS_FROM_END; }

/* Find the counter and the ciphertext of the message: OTRF_OK if its key ids are those of the head. */
static int find_cipher(otrf_opening *opening, otrf_data_fields *fields, const otrf_data_keys *keys) {
  const otrf_direction *const direction = keys->receive;
  const uint8_t *const raw = opening->raw;
  const size_t prefix_len = direction->prefix_len;
  opening->known = prefix_len > 0 && opening->raw_len >= prefix_len && memcmp(raw, direction->prefix, prefix_len) == 0;
  if (opening->known) {
    opening->counter_at = prefix_len;
    return otrf_frame_fits(&opening->cipher_len, raw, opening->raw_len, prefix_len) ? OTRF_OK : OTRF_ERR_FORMAT;
  }
  const size_t flags_at = header_len(keys);
  const int status = otrf_data_fields_read(fields, raw, opening->raw_len, keys->head, flags_at);
  if (status != OTRF_OK) {
    return status;
  }
  opening->cipher_len = fields->ciphertext_len;
  opening->counter_at = (size_t)(fields->ciphertext - raw) - OTRF_CIPHER_FROM_CTR;
  const int same_keyids = memcmp(raw + flags_at + 1, keys->head + flags_at + 1, OTRF_FLAGS_FROM_END - 1) == 0;
  return same_keyids ? OTRF_OK : OTRF_ERR_GENERAL_PATH;
}

/* Where the MAC is, and how many bytes of revealed keys come after it. */
static uint8_t *mac_of(const otrf_opening *opening) {
  return opening->raw + opening->counter_at + OTRF_CIPHER_FROM_CTR + opening->cipher_len;
}

static size_t revealed_len(const otrf_opening *opening) {
  return opening->raw_len - opening->counter_at - OTRF_FRAME_BYTES - opening->cipher_len;
}

/* Keep what the padding of the hash and the stores of the cipher will overwrite; and write it back. Both may copy bytes
 * beyond the end of the message: scratch memory is there. */
static void keep_overwritten(otrf_opening *opening) {
  const uint8_t *const mac = mac_of(opening);
  memcpy(opening->mac, mac, OTRF_MAC_BYTES);
  if (OTRF_UNLIKELY(revealed_len(opening) > 0)) {
    memcpy(opening->revealed, mac + OTRF_MAC_BYTES + OTRF_LENGTH_BYTES, OTRF_OVERWRITTEN_BYTES);
  }
}

static void restore_overwritten(const otrf_opening *opening) {
  uint8_t *const mac = mac_of(opening);
  const size_t len = revealed_len(opening);
  memcpy(mac, opening->mac, OTRF_MAC_BYTES);
  otrf_store32(mac + OTRF_MAC_BYTES, (uint32_t)len);
  if (len > 0) {
    memcpy(mac + OTRF_MAC_BYTES + OTRF_LENGTH_BYTES, opening->revealed, OTRF_OVERWRITTEN_BYTES);
  }
}

int otrf_open_start(otrf_opening *opening, otrf_data_fields *fields, otrf_sha1_job *job, uint8_t *raw,
                    const otrf_data_keys *keys, const char *line, size_t line_len) {
  const otrf_direction *const direction = keys->receive;
  opening->raw = raw;
  opening->raw_len = otrf_line_decode(raw, line, line_len);
  const int status = opening->raw_len == OTRF_BASE64_BAD ? OTRF_ERR_FORMAT : find_cipher(opening, fields, keys);
  if (status != OTRF_OK) {
    return status;
  }
  opening->counter = otrf_load64(raw + opening->counter_at);
  keep_overwritten(opening);
  const size_t start = otrf_kept_bytes(opening->counter_at);
  if (opening->known) {
    memcpy(opening->kept, direction->kept, sizeof opening->kept);
  } else {
    memcpy(opening->kept, direction->inner, sizeof opening->kept);
    otrf_sha1_blocks(opening->kept, raw, start / 64);
  }
  otrf_mac_start(job, opening->kept, raw, start, (size_t)(mac_of(opening) - raw));
  return OTRF_OK;
}

size_t otrf_open_finish(uint8_t **text, const otrf_opening *opening, otrf_data_keys *keys,
                        const uint8_t mac[OTRF_MAC_BYTES]) {
  otrf_direction *const direction = keys->receive;
  const size_t cipher_len = opening->cipher_len;
  if (!otrf_equal(mac, opening->mac, OTRF_MAC_BYTES) || opening->counter <= keys->receive_counter) {
    return 0;
  }
  uint8_t *const cipher = mac_of(opening) - cipher_len;
  otrf_aes_ctr_wide(cipher, cipher_len, direction->schedule, opening->counter, cipher, cipher_len);
  cipher[cipher_len] = 0; /* the MAC was here */
  const size_t text_len = strlen((const char *)cipher);
  if (text_len == 0 || text_len + 1 < cipher_len) {
    /* the general path gets the ciphertext: the same key stream over the plain text makes it again */
    otrf_aes_ctr_xor(cipher, direction->schedule, opening->counter, 0, cipher, cipher_len);
    return 0;
  }
  otrf_data_keys_accept(keys, opening->counter, mac);
  if (!opening->known && opening->counter_at <= OTRF_PREFIX_BYTES) {
    memcpy(direction->prefix, opening->raw, opening->counter_at);
    memcpy(direction->kept, opening->kept, sizeof direction->kept);
    direction->prefix_len = (uint32_t)opening->counter_at;
  }
  *text = cipher;
  return text_len;
}

/* The fields of a message that has been refused after its MAC was started. */
static int fields_again(otrf_data_fields *fields, const otrf_opening *opening, const otrf_data_keys *keys) {
  restore_overwritten(opening);
  const int status = otrf_data_fields_read(fields, opening->raw, opening->raw_len, keys->head, header_len(keys));
  return status == OTRF_OK ? OTRF_ERR_GENERAL_PATH : status;
}

int otrf_open_line(uint8_t **text, size_t *text_len, otrf_data_fields *fields, uint8_t *scratch, otrf_data_keys *keys,
                   const char *line, size_t line_len) {
  uint8_t mac[OTRF_MAC_BYTES];
  otrf_opening opening;
  otrf_sha1_job job;
  *text = NULL;
  *text_len = 0;
  int status =
      keys->head_len == 0 ? OTRF_ERR_FORMAT : otrf_open_start(&opening, fields, &job, scratch, keys, line, line_len);
  if (status != OTRF_OK) {
    return status;
  }
  otrf_hmac_sha1_end(mac, &job, keys->receive->outer);
  *text_len = otrf_open_finish(text, &opening, keys, mac);
  if (*text_len == 0) {
    status = fields_again(fields, &opening, keys);
  }
  otrf_wipe(mac, sizeof mac);
  otrf_wipe(opening.kept, sizeof opening.kept);
  return status;
}
