/* Whole data messages: the MAC over one in a buffer, sealing a text into a line, opening one that the caller has parsed. */
#include "message.h"

otrf_lane *otrf_lane_of(otrf_lane **lane, const uint8_t key[16]) {
  if (*lane == NULL) {
    *lane = otrf_allocate(sizeof **lane);
    if (*lane != NULL) {
      otrf_lane_init(*lane, key);
    }
  }
  return *lane;
}

void otrf_keep_prefix(otrf_lane *lane, const uint8_t *prefix, size_t prefix_len) {
  memcpy(lane->prefix, prefix, prefix_len);
  lane->prefix_len = (uint32_t)prefix_len;
  memcpy(lane->kept, lane->inner, sizeof lane->kept);
  otrf_sha1_blocks(lane->kept, prefix, otrf_kept_bytes(prefix_len) / 64);
}

int otrf_data_keys_prefix(otrf_data_keys *keys, const uint8_t *prefix, size_t prefix_len) {
  if (prefix_len == 0 || prefix_len > OTRF_PREFIX_BYTES) {
    return OTRF_ERR_SIZE;
  }
  otrf_lane *lane = otrf_lane_of(&keys->send, keys->send_key);
  if (lane == NULL) {
    return OTRF_ERR_MEMORY;
  }
  otrf_keep_prefix(lane, prefix, prefix_len);
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

static void hash(otrf_sha1_job *jobs, size_t n) {
  if (n == 1) {
    otrf_sha1_blocks(jobs->state, jobs->next, jobs->blocks);
  } else {
    otrf_sha1_many(jobs, n);
  }
}

void otrf_mac_finish(uint8_t macs[][OTRF_MAC_BYTES], otrf_sha1_job *jobs, const otrf_lane *lane, size_t n) {
  uint8_t digests[OTRF_SHA1_LANES][64];
  hash(jobs, n);
  for (size_t i = 0; i < n; i++) {
    uint8_t *block = digests[i];
    memset(block, 0, 64);
    otrf_store_words(block, jobs[i].state, 5);
    block[OTRF_MAC_BYTES] = 0x80;
    otrf_store64(block + 56, (64 + OTRF_MAC_BYTES) << 3);
    memcpy(jobs[i].state, lane->outer, sizeof jobs[i].state);
    jobs[i].next = block;
    jobs[i].blocks = 1;
  }
  hash(jobs, n);
  for (size_t i = 0; i < n; i++) {
    otrf_store_words(macs[i], jobs[i].state, 5);
  }
  otrf_wipe(digests, n * sizeof digests[0]);
  otrf_wipe(jobs, n * sizeof *jobs);
}

/* ---- sealing ---- */

static uint8_t *append(uint8_t *out, const uint8_t *data, size_t len) {
  if (len > 0) {
    memcpy(out, data, len);
  }
  return out + len;
}

void otrf_seal_start(otrf_sha1_job *job, uint8_t *raw, const otrf_lane *lane, uint64_t counter,
                     const otrf_content *content) {
  const size_t cipher_len = content->text_len + 1 + content->tlvs_len;
  uint8_t *at = append(raw, lane->prefix, lane->prefix_len);
  otrf_store64(at, counter);
  otrf_store32(at + COUNTER_BYTES, (uint32_t)cipher_len);
  uint8_t *const cipher = at + COUNTER_BYTES + LENGTH_BYTES;
  at = append(cipher, content->text, content->text_len);
  *at = 0;
  append(at + 1, content->tlvs, content->tlvs_len);
  otrf_aes_ctr_xor(cipher, lane->schedule, counter, 0, cipher, cipher_len);
  otrf_mac_start(job, lane->kept, raw, otrf_kept_bytes(lane->prefix_len), (size_t)(cipher - raw) + cipher_len);
}

void otrf_seal_finish(char *line, uint8_t *raw, const otrf_lane *lane, const otrf_content *content,
                      const uint8_t mac[OTRF_MAC_BYTES]) {
  const size_t raw_len = otrf_sealed_bytes(lane, content);
  uint8_t *const end = raw + raw_len - content->revealed_len;
  memcpy(end - LENGTH_BYTES - OTRF_MAC_BYTES, mac, OTRF_MAC_BYTES);
  otrf_store32(end - LENGTH_BYTES, (uint32_t)content->revealed_len);
  append(end, content->revealed, content->revealed_len);
  memcpy(line, ARMOUR, ARMOUR_BYTES);
  const size_t len = otrf_base64_encode(line + ARMOUR_BYTES, raw, raw_len);
  line[ARMOUR_BYTES + len] = '.';
}

static const char *seal(otrf_buffer *out, otrf_data_keys *keys, const otrf_content *content) {
  const otrf_lane *lane = keys->send;
  if (lane == NULL || lane->prefix_len == 0 || content->text_len > LIMIT_BYTES || content->tlvs_len > LIMIT_BYTES ||
      content->revealed_len > LIMIT_BYTES) {
    return otrf_buffer_fail(out, OTRF_ERR_SIZE);
  }
  if (keys->send_counter == UINT64_MAX) {
    return otrf_buffer_fail(out, OTRF_ERR_COUNTER);
  }
  const size_t raw_len = otrf_sealed_bytes(lane, content), line_at = raw_len + SLACK_BYTES;
  const size_t line_len = otrf_line_bytes(raw_len);
  if (otrf_buffer_reserve(out, line_at + line_len + 1) != OTRF_OK) {
    return otrf_buffer_fail(out, OTRF_ERR_MEMORY);
  }
  char *line = (char *)out->data + line_at;
  otrf_sha1_job job;
  uint8_t mac[1][OTRF_MAC_BYTES];
  otrf_seal_start(&job, out->data, lane, ++keys->send_counter, content);
  otrf_mac_finish(mac, &job, lane, 1);
  otrf_seal_finish(line, out->data, lane, content, mac[0]);
  line[line_len] = 0;
  return line;
}

const char *otrf_seal(otrf_buffer *out, otrf_data_keys *keys, const uint8_t *text, size_t text_len) {
  const otrf_content content = {.text = text, .text_len = text_len};
  return seal(out, keys, &content);
}

const char *otrf_seal_full(otrf_buffer *out, otrf_data_keys *keys, const uint8_t *text, size_t text_len,
                           const uint8_t *tlvs, size_t tlvs_len, const uint8_t *revealed, size_t revealed_len) {
  const otrf_content content = {text, tlvs, revealed, text_len, tlvs_len, revealed_len};
  return seal(out, keys, &content);
}

/* ---- opening what the caller has parsed ---- */

static void hmac(uint8_t mac[OTRF_MAC_BYTES], const otrf_lane *lane, const uint8_t *data, size_t len) {
  uint32_t state[5];
  memcpy(state, lane->inner, sizeof state);
  otrf_sha1_finish(state, data, len, 64 + (uint64_t)len);
  otrf_store_words(mac, state, 5);
  memcpy(state, lane->outer, sizeof state);
  otrf_sha1_finish(state, mac, OTRF_MAC_BYTES, 64 + OTRF_MAC_BYTES);
  otrf_store_words(mac, state, 5);
  otrf_wipe(state, sizeof state);
}

int otrf_open(uint8_t *plaintext, otrf_data_keys *keys, const uint8_t *authenticated, size_t authenticated_len,
              uint64_t counter, const uint8_t *ciphertext, size_t ciphertext_len, const uint8_t mac[20]) {
  otrf_lane own; /* where the direction has no lane yet: most pairs of keys open one message in their life */
  const otrf_lane *lane = keys->receive;
  uint8_t expected[OTRF_MAC_BYTES];
  int status = OTRF_OK;
  if (lane == NULL) {
    otrf_lane_init(&own, keys->receive_key);
    lane = &own;
  }
  hmac(expected, lane, authenticated, authenticated_len);
  if (!otrf_equal(expected, mac, sizeof expected)) {
    status = OTRF_ERR_MAC;
  } else if (counter <= keys->receive_counter) {
    status = OTRF_ERR_COUNTER;
  }
  if (status == OTRF_OK) {
    otrf_aes_ctr_xor(plaintext, lane->schedule, counter, 0, ciphertext, ciphertext_len);
    keys->receive_counter = counter;
    keys->verified = 1;
  } else {
    memset(plaintext, 0, ciphertext_len);
  }
  if (lane == &own) {
    otrf_wipe(&own, sizeof own);
  }
  otrf_wipe(expected, sizeof expected);
  return status;
}
