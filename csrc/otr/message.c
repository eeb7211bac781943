/* Data messages: the MAC over one in memory, sealing a text into a line, opening one that has been parsed. */
#include "otr/message.h"

#include <string.h>

#include "aes/aes.h"
#include "base64/base64.h"
#include "platform/bytes.h"
#include "platform/memory.h"

/* Take the prefix's whole blocks into the inner state, and keep both. */
static void keep_prefix(otrf_direction *direction, const uint8_t *prefix, size_t prefix_len) {
  memcpy(direction->prefix, prefix, prefix_len);
  direction->prefix_len = (uint32_t)prefix_len;
  memcpy(direction->kept, direction->inner, sizeof direction->kept);
  otrf_sha1_blocks(direction->kept, prefix, otrf_kept_bytes(prefix_len) / 64);
}

int otrf_data_keys_prefix(otrf_data_keys *keys, const uint8_t *prefix, size_t prefix_len) {
  if (prefix_len == 0 || prefix_len > OTRF_PREFIX_BYTES) {
    return OTRF_ERR_SIZE;
  }
  otrf_direction *direction = otrf_direction_ensure(&keys->send, keys->send_key);
  if (direction == NULL) {
    return OTRF_ERR_MEMORY;
  }
  if (direction->prefix_len != prefix_len || memcmp(direction->prefix, prefix, prefix_len) != 0) {
    keep_prefix(direction, prefix, prefix_len);
  }
  return OTRF_OK;
}

/* ---- the MAC ---- */

void otrf_mac_start(otrf_sha1_job *job, const uint32_t state[5], uint8_t *message, size_t start, size_t len) {
  uint8_t *const end = message + len;
  memcpy(job->state, state, sizeof job->state);
  job->next = message + start;
  job->blocks = (len - start + 9 + 63) / 64;
  memset(end, 0, 64); /* at most 71 bytes of padding; its last 8 are the length */
  *end = 0x80;
  otrf_store64(message + start + 64 * job->blocks - 8, (64 + (uint64_t)len) << 3);
}

/* ---- sealing ---- */

static uint8_t *append(uint8_t *out, const uint8_t *data, size_t len) {
  if (len > 0) {
    memcpy(out, data, len);
  }
  return out + len;
}

static void encrypt(uint8_t *cipher, const otrf_direction *direction, uint64_t counter, const otrf_content *content) {
  if (content->tlvs_len == 0) {
    otrf_aes_ctr_wide(cipher, otrf_plain_bytes(content), direction->schedule, counter, content->text,
                      content->text_len);
    return;
  }
  uint8_t *at = append(cipher, content->text, content->text_len);
  *at = 0;
  at = append(at + 1, content->tlvs, content->tlvs_len);
  otrf_aes_ctr_xor(cipher, direction->schedule, counter, 0, cipher, (size_t)(at - cipher));
}

/* How much of a message can be put into base64 before its MAC is there, in steps of 48 bytes. */
static size_t early_bytes(const otrf_direction *direction, const otrf_content *content) {
  const size_t mac_at =
      otrf_sealed_bytes(direction, content) - content->revealed_len - OTRF_LENGTH_BYTES - OTRF_MAC_BYTES;
  return mac_at - mac_at % 48;
}

void otrf_seal_start(otrf_sha1_job *job, char *line, uint8_t *raw, const otrf_direction *direction, uint64_t counter,
                     const otrf_content *content) {
  const size_t cipher_len = otrf_plain_bytes(content);
  uint8_t *at = append(raw, direction->prefix, direction->prefix_len);
  otrf_store64(at, counter);
  otrf_store32(at + OTRF_COUNTER_BYTES, (uint32_t)cipher_len);
  uint8_t *const cipher = at + OTRF_COUNTER_BYTES + OTRF_LENGTH_BYTES;
  encrypt(cipher, direction, counter, content);
  otrf_mac_start(job, direction->kept, raw, otrf_kept_bytes(direction->prefix_len),
                 (size_t)(cipher - raw) + cipher_len);
  /* independent of the hash, so that the processor can do it while the hash's first steps wait for each other */
  memcpy(line, OTRF_LINE_START, OTRF_LINE_START_BYTES);
  otrf_base64_encode(line + OTRF_LINE_START_BYTES, raw, early_bytes(direction, content));
}

void otrf_seal_finish(char *line, uint8_t *raw, const otrf_direction *direction, const otrf_content *content,
                      const uint8_t mac[OTRF_MAC_BYTES]) {
  const size_t raw_len = otrf_sealed_bytes(direction, content), early = early_bytes(direction, content);
  uint8_t *const end = raw + raw_len - content->revealed_len;
  memcpy(end - OTRF_LENGTH_BYTES - OTRF_MAC_BYTES, mac, OTRF_MAC_BYTES);
  otrf_store32(end - OTRF_LENGTH_BYTES, (uint32_t)content->revealed_len);
  append(end, content->revealed, content->revealed_len);
  char *at = line + OTRF_LINE_START_BYTES + early / 3 * 4;
  at += otrf_base64_encode(at, raw + early, raw_len - early);
  *at = '.';
}

static size_t line_len(const otrf_data_keys *keys, const otrf_content *content) {
  const otrf_direction *direction = keys->send;
  if (direction == NULL || direction->prefix_len == 0 || content->text_len > OTRF_LIMIT_BYTES ||
      content->tlvs_len > OTRF_LIMIT_BYTES || content->revealed_len > OTRF_LIMIT_BYTES) {
    return 0;
  }
  return OTRF_BASE64_LEN(otrf_sealed_bytes(direction, content)) + OTRF_LINE_EXTRA_BYTES;
}

size_t otrf_line_len(const otrf_data_keys *keys, size_t text_len, size_t tlvs_len, size_t revealed_len) {
  const otrf_content content = {.text_len = text_len, .tlvs_len = tlvs_len, .revealed_len = revealed_len};
  return line_len(keys, &content);
}

size_t otrf_whole_line_len(const otrf_data_keys *keys, size_t text_len, size_t revealed_len) {
  const otrf_content content = {.text_len = text_len, .revealed_len = revealed_len, .whole = 1};
  return line_len(keys, &content);
}

static int seal(char *line, uint8_t *scratch, otrf_data_keys *keys, const otrf_content *content) {
  const otrf_direction *direction = keys->send;
  uint8_t mac[OTRF_MAC_BYTES];
  otrf_sha1_job job;
  if (line_len(keys, content) == 0) {
    return OTRF_ERR_SIZE;
  }
  if (otrf_counters_left(keys) == 0) {
    return OTRF_ERR_COUNTER;
  }
  otrf_seal_start(&job, line, scratch, direction, ++keys->send_counter, content);
  otrf_hmac_sha1_end(mac, &job, direction->outer);
  otrf_seal_finish(line, scratch, direction, content, mac);
  return OTRF_OK;
}

int otrf_seal(char *line, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *text, size_t text_len,
              const uint8_t *tlvs, size_t tlvs_len, const uint8_t *revealed, size_t revealed_len) {
  const otrf_content content = {text, tlvs, revealed, text_len, tlvs_len, revealed_len, 0};
  return seal(line, scratch, keys, &content);
}

int otrf_seal_whole(char *line, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *text, size_t text_len,
                    const uint8_t *revealed, size_t revealed_len) {
  const otrf_content content = {text, NULL, revealed, text_len, 0, revealed_len, 1};
  return seal(line, scratch, keys, &content);
}

/* ---- opening what the caller has parsed ---- */

static void hmac(uint8_t mac[OTRF_MAC_BYTES], const otrf_direction *direction, const uint8_t *data, size_t len) {
  uint32_t state[5];
  memcpy(state, direction->inner, sizeof state);
  otrf_sha1_finish(state, data, len, 64 + (uint64_t)len);
  otrf_store_words(mac, state, 5);
  memcpy(state, direction->outer, sizeof state);
  otrf_sha1_finish(state, mac, OTRF_MAC_BYTES, 64 + OTRF_MAC_BYTES);
  otrf_store_words(mac, state, 5);
  otrf_wipe(state, sizeof state);
}

int otrf_open(uint8_t *plaintext, otrf_data_keys *keys, const uint8_t *authenticated, size_t authenticated_len,
              uint64_t counter, const uint8_t *ciphertext, size_t ciphertext_len, const uint8_t mac[OTRF_MAC_BYTES]) {
  otrf_direction own; /* until the direction has one: most pairs of keys open one message in their life */
  const otrf_direction *direction = keys->receive;
  uint8_t expected[OTRF_MAC_BYTES];
  int status = OTRF_OK;
  if (direction == NULL) {
    otrf_direction_init(&own, keys->receive_key);
    direction = &own;
  }
  hmac(expected, direction, authenticated, authenticated_len);
  if (!otrf_equal(expected, mac, sizeof expected)) {
    status = OTRF_ERR_MAC;
  } else if (counter <= keys->receive_counter) {
    status = OTRF_ERR_COUNTER;
  }
  if (status == OTRF_OK) {
    otrf_aes_ctr_xor(plaintext, direction->schedule, counter, 0, ciphertext, ciphertext_len);
    otrf_data_keys_accept(keys, counter, mac);
  } else {
    memset(plaintext, 0, ciphertext_len);
  }
  if (direction == &own) {
    otrf_wipe(&own, sizeof own);
  }
  otrf_wipe(expected, sizeof expected);
  return status;
}
