/* The fast lane: from an armoured line to its text in one call, and everything out of the ordinary left to others. */
#include "otr/fast_path.h"

#include <string.h>

#include "aes/aes.h"
#include "base64/base64.h"
#include "otr/reader.h"
#include "platform/bytes.h"
#include "platform/memory.h"

int otrf_data_keys_head(otrf_data_keys *keys, const uint8_t *head, size_t head_len) {
  if (head_len < FLAGS_FROM_END + 3 || head_len > OTRF_HEAD_BYTES) {
    return OTRF_ERR_SIZE;
  }
  otrf_lane *lane = otrf_lane_of(&keys->receive, keys->receive_key);
  if (lane == NULL) {
    return OTRF_ERR_MEMORY;
  }
  if (keys->head_len != head_len || memcmp(keys->head, head, head_len) != 0) {
    memcpy(keys->head, head, head_len);
    keys->head_len = (uint8_t)head_len;
    lane->prefix_len = 0; /* what was kept began with another head */
  }
  return OTRF_OK;
}

static int head_fits(const otrf_data_keys *keys, const uint8_t *raw, size_t raw_len) {
  const size_t flags_at = keys->head_len - (size_t)FLAGS_FROM_END;
  return raw_len >= keys->head_len && memcmp(raw, keys->head, flags_at) == 0 &&
         memcmp(raw + flags_at + 1, keys->head + flags_at + 1, FLAGS_FROM_END - 1) == 0;
}

/* Find the fields behind the prefix; 0 unless their lengths fit to the last byte. */
static int find_fields(otrf_opening *opening, const otrf_data_keys *keys, size_t raw_len) {
  const otrf_lane *lane = keys->receive;
  const uint8_t *raw = opening->raw;
  size_t at = lane->prefix_len;
  opening->known = at > 0 && raw_len >= at && memcmp(raw, lane->prefix, at) == 0;
  if (!opening->known) {
    uint8_t element[OTRF_ELEMENT_BYTES];
    at = keys->head_len;
    const size_t next_key = head_fits(keys, raw, raw_len) ? otrf_next_key_bytes(element, raw + at, raw_len - at) : 0;
    if (next_key == 0) {
      return 0;
    }
    at += next_key;
  }
  if (!otrf_frame_fits(&opening->cipher_len, raw, raw_len, at)) {
    return 0;
  }
  opening->counter_at = at;
  opening->counter = otrf_load64(raw + at);
  memcpy(opening->mac, raw + at + COUNTER_BYTES + LENGTH_BYTES + opening->cipher_len, OTRF_MAC_BYTES);
  return 1;
}

#define AHEAD_CHARACTERS 28 /* they hold the longest head */
#define LONG_LINE 512       /* from here on it pays to look ahead */

/* Whether a long line may have the head that is due: one for other keys need not be decoded to its end. */
static int head_may_fit(const otrf_data_keys *keys, const char *line, size_t line_len) {
  uint8_t start[AHEAD_CHARACTERS / 4 * 3 + OTRF_BASE64_SLACK];
  if (line_len < LONG_LINE) {
    return 1;
  }
  const size_t len = otrf_base64_decode(start, line + ARMOUR_BYTES, AHEAD_CHARACTERS);
  return len != OTRF_BASE64_BAD && head_fits(keys, start, len);
}

int otrf_open_start(otrf_opening *opening, otrf_sha1_job *job, uint8_t *raw, const otrf_data_keys *keys,
                    const char *line, size_t line_len) {
  const size_t raw_len = head_may_fit(keys, line, line_len) ? otrf_armour_decode(raw, line, line_len) : OTRF_BASE64_BAD;
  opening->raw = raw;
  if (raw_len == OTRF_BASE64_BAD || !find_fields(opening, keys, raw_len)) {
    return 0;
  }
  const otrf_lane *lane = keys->receive;
  const size_t start = otrf_kept_bytes(opening->counter_at);
  if (opening->known) {
    memcpy(opening->kept, lane->kept, sizeof opening->kept);
  } else {
    memcpy(opening->kept, lane->inner, sizeof opening->kept);
    otrf_sha1_blocks(opening->kept, raw, start / 64);
  }
  otrf_mac_start(job, opening->kept, raw, start,
                 opening->counter_at + COUNTER_BYTES + LENGTH_BYTES + opening->cipher_len);
  return 1;
}

size_t otrf_open_finish(uint8_t **text, const otrf_opening *opening, otrf_data_keys *keys,
                        const uint8_t mac[OTRF_MAC_BYTES]) {
  otrf_lane *lane = keys->receive;
  const size_t cipher_len = opening->cipher_len;
  if (!otrf_equal(mac, opening->mac, OTRF_MAC_BYTES) || opening->counter <= keys->receive_counter) {
    return 0;
  }
  uint8_t *const cipher = opening->raw + opening->counter_at + COUNTER_BYTES + LENGTH_BYTES;
  otrf_aes_ctr_wide(cipher, cipher_len, lane->schedule, opening->counter, cipher, cipher_len);
  cipher[cipher_len] = 0; /* the MAC stood here */
  const size_t text_len = strlen((const char *)cipher);
  if (text_len == 0 || text_len + 1 < cipher_len) {
    otrf_wipe(cipher, cipher_len);
    return 0;
  }
  keys->receive_counter = opening->counter;
  keys->verified = 1;
  if (!opening->known && opening->counter_at <= OTRF_PREFIX_BYTES) {
    memcpy(lane->prefix, opening->raw, opening->counter_at);
    memcpy(lane->kept, opening->kept, sizeof lane->kept);
    lane->prefix_len = (uint32_t)opening->counter_at;
  }
  *text = cipher;
  return text_len;
}

int otrf_open_line(uint8_t **text, size_t *text_len, uint8_t *room, otrf_data_keys *keys, const char *line,
                   size_t line_len) {
  uint8_t mac[OTRF_MAC_BYTES];
  otrf_opening opening;
  otrf_sha1_job job;
  *text = NULL;
  *text_len = 0;
  if (keys->head_len == 0 || !otrf_open_start(&opening, &job, room, keys, line, line_len)) {
    return OTRF_ERR_GENERAL_PATH;
  }
  otrf_hmac_sha1_end(mac, &job, keys->receive->outer);
  *text_len = otrf_open_finish(text, &opening, keys, mac);
  otrf_wipe(mac, sizeof mac);
  otrf_wipe(opening.kept, sizeof opening.kept);
  return *text_len > 0 ? OTRF_OK : OTRF_ERR_GENERAL_PATH;
}
