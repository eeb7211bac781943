/* The fast path: any bytes as a line, any bytes behind the right head, any fields under the right MAC. What is taken
 * has to be what the input asked for; what is not taken has changed nothing, and has the fields that the reader finds.
 */
#include "fuzz.h"

#define HEAD 20
#define RAW 4096
#define LINE (RAW / 3 * 4 + 16)
#define MOST 4

static const uint8_t head[HEAD] = {0, 3, 3, 0, 0, 1, 1, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 1};
static otrf_shared *shared;
static uint8_t next_key[192];

static otrf_data_keys *keys_new(int high) {
  if (shared == NULL) {
    uint8_t exponent[40] = {0};
    otrf_dh_key *ours, *theirs;
    exponent[8] = 1;
    HOLDS(otrf_dh_new(&ours, exponent) == OTRF_OK);
    exponent[8] = 3;
    HOLDS(otrf_dh_new(&theirs, exponent) == OTRF_OK);
    memcpy(next_key, otrf_dh_public(theirs), sizeof next_key);
    HOLDS(otrf_dh_agree(&shared, ours, next_key) == OTRF_OK);
    otrf_dh_free(ours);
    otrf_dh_free(theirs);
  }
  otrf_data_keys *keys = otrf_data_keys_new(shared, high);
  HOLDS(keys != NULL && otrf_data_keys_head(keys, head, sizeof head) == OTRF_OK);
  return keys;
}

static size_t base64(char *out, const uint8_t *data, size_t len) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *at = out;
  for (size_t i = 0; i < len; i += 3) {
    const uint32_t group =
        (uint32_t)data[i] << 16 | (i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0) | (i + 2 < len ? data[i + 2] : 0u);
    *at++ = alphabet[group >> 18];
    *at++ = alphabet[group >> 12 & 63];
    *at++ = i + 1 < len ? alphabet[group >> 6 & 63] : '=';
    *at++ = i + 2 < len ? alphabet[group & 63] : '=';
  }
  return (size_t)(at - out);
}

static size_t load32(const uint8_t *at) {
  return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Put a right MAC where the fields say that it stands, if they say so. */
static void authenticate(uint8_t *raw, size_t len, const otrf_data_keys *keys) {
  uint8_t key[OTRF_MAC_BYTES];
  if (len < HEAD + 4 || load32(raw + HEAD) > len - HEAD - 4) {
    return;
  }
  const size_t at = HEAD + 4 + load32(raw + HEAD);
  if (len - at < 12 || load32(raw + at + 8) > len - at - 12) {
    return;
  }
  const size_t end = at + 12 + load32(raw + at + 8);
  if (len - end >= OTRF_MAC_BYTES) {
    otrf_data_keys_receive_mac(key, keys);
    otrf_hmac_sha1(raw + end, key, sizeof key, raw, end);
  }
}

/* One line of the input's kind: bytes as they are; as base64; behind a right head; behind a right next key; with a
 * right MAC. */
static size_t make_line(char line[LINE], input *in, const otrf_data_keys *keys) {
  uint8_t raw[RAW];
  const uint8_t kind = take_byte(in) % 5;
  const size_t asked = (size_t)take_byte(in) << 4 | (take_byte(in) & 15);
  size_t len = 0;
  if (kind == 0) {
    len = asked < in->size ? asked : in->size;
    take((uint8_t *)line, len, in);
    return len;
  }
  if (kind > 1) {
    memcpy(raw, head, HEAD);
    raw[11] = take_byte(in);
    len = HEAD;
  }
  if (kind > 2) {
    const uint8_t key_head[4] = {0, 0, 0, 192};
    memcpy(raw + len, key_head, 4);
    memcpy(raw + len + 4, next_key, 192);
    len += 196;
  }
  const size_t more = asked < in->size ? asked : in->size;
  const size_t fits = more < RAW - len ? more : RAW - len;
  take(raw + len, fits, in);
  len += fits;
  if (kind > 3) {
    authenticate(raw, len, keys);
  }
  memcpy(line, "?OTR:", 5);
  const size_t end = 5 + base64(line + 5, raw, len);
  line[end] = '.';
  return end + 1;
}

static void *scratch_for(size_t size) {
  void *scratch = malloc(size + OTRF_SCRATCH_BYTES);
  HOLDS(scratch != NULL);
  return scratch;
}

static int same_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
  return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* A line that the fast path has refused: what it says about it has to be what the reader says. */
static void compare_fields(int status, const otrf_data_fields *fields, const char *line, size_t line_len) {
  otrf_data_fields read;
  uint8_t *const scratch = scratch_for(line_len);
  const int read_status = otrf_read_data_message(&read, scratch, head, HEAD - 9, line, line_len);
  HOLDS(read_status == (status == OTRF_ERR_GENERAL_PATH ? OTRF_OK : OTRF_ERR_FORMAT));
  if (read_status == OTRF_OK) {
    HOLDS(fields->flags == read.flags && fields->counter == read.counter);
    HOLDS(fields->sender_keyid == read.sender_keyid && fields->recipient_keyid == read.recipient_keyid);
    HOLDS(memcmp(fields->next_key, read.next_key, sizeof read.next_key) == 0);
    HOLDS(same_bytes(fields->authenticated, fields->authenticated_len, read.authenticated, read.authenticated_len));
    HOLDS(same_bytes(fields->ciphertext, fields->ciphertext_len, read.ciphertext, read.ciphertext_len));
    HOLDS(memcmp(fields->mac, read.mac, OTRF_MAC_BYTES) == 0);
    HOLDS(same_bytes(fields->revealed, fields->revealed_len, read.revealed, read.revealed_len));
  }
  free(scratch);
}

/* Open lines one by one, in scratch memory that ends where it has to; returns how many were taken without a break. */
static size_t open_each(uint8_t *texts, size_t *text_lens, otrf_data_keys *keys, char *const *lines,
                        const size_t *line_lens, size_t n) {
  size_t opened = 0;
  int status = OTRF_OK;
  while (opened < n && status == OTRF_OK) {
    const uint64_t before = otrf_data_keys_receive_counter(keys);
    const int verified = otrf_data_keys_verified(keys);
    const char *const line = lines[opened];
    const size_t line_len = line_lens[opened];
    uint8_t *text, *scratch = scratch_for(line_len);
    otrf_data_fields fields;
    size_t len;
    status = otrf_open_line(&text, &len, &fields, scratch, keys, line, line_len);
    if (status == OTRF_OK) {
      HOLDS(len > 0 && len < line_len && memchr(text, 0, len) == NULL);
      HOLDS(text >= scratch && text + len <= scratch + line_len + OTRF_SCRATCH_BYTES);
      HOLDS(otrf_data_keys_receive_counter(keys) > before && otrf_data_keys_verified(keys));
      memcpy(texts, text, len);
      texts += len;
      text_lens[opened++] = len;
      HOLDS(otrf_open_line(&text, &len, &fields, scratch, keys, line, line_len) == OTRF_ERR_GENERAL_PATH && len == 0);
      compare_fields(OTRF_ERR_GENERAL_PATH, &fields, line, line_len);
    } else {
      HOLDS((status == OTRF_ERR_GENERAL_PATH || status == OTRF_ERR_FORMAT) && text == NULL && len == 0);
      compare_fields(status, &fields, line, line_len);
      HOLDS(otrf_data_keys_receive_counter(keys) == before && otrf_data_keys_verified(keys) == verified);
    }
    free(scratch);
  }
  return opened;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const uint8_t first = take_byte(&in);
  const size_t n = 1 + first / LEVELS % MOST;
  char *lines[MOST];
  size_t line_lens[MOST], lens[2][MOST] = {{0}}, total = 0;
  otrf_cpu_use(OTRF_LEVEL_PORTABLE);
  otrf_data_keys *one = keys_new(0), *two = keys_new(0);
  for (size_t i = 0; i < n; i++) {
    char line[LINE];
    line_lens[i] = make_line(line, &in, one);
    lines[i] = malloc(line_lens[i] + 1);
    HOLDS(lines[i] != NULL);
    memcpy(lines[i], line, line_lens[i]);
    total += line_lens[i];
  }
  uint8_t *const texts = scratch_for(total), *const scratch = scratch_for(total + n * OTRF_SCRATCH_BYTES);
  uint8_t *found[MOST], *at = texts;
  const size_t opened = open_each(texts, lens[0], one, lines, line_lens, n);
  otrf_cpu_use(first % LEVELS);
  HOLDS(otrf_open_many(found, lens[1], scratch, two, (const char *const *)lines, line_lens, n) == opened);
  for (size_t i = 0; i < opened; i++) {
    HOLDS(lens[0][i] == lens[1][i] && memcmp(at, found[i], lens[0][i]) == 0);
    at += lens[0][i];
  }
  HOLDS(otrf_data_keys_receive_counter(one) == otrf_data_keys_receive_counter(two));
  HOLDS(otrf_data_keys_verified(one) == otrf_data_keys_verified(two));
  free(texts);
  free(scratch);
  for (size_t i = 0; i < n; i++) {
    free(lines[i]);
  }
  otrf_data_keys_free(one);
  otrf_data_keys_free(two);
  return 0;
}
