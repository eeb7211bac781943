/* Many data messages of one direction in one call, as many MACs at a time as SHA-1 has lanes. */
#include "message.h"

/* A group's messages together stay below this, so that they stay in the second-level cache. */
#define GROUP_BYTES ((size_t)256 << 10)

/* How many messages to take at a time where one needs `room`. */
static size_t group_size(size_t room, size_t n) {
  const size_t fitting = GROUP_BYTES / room, lanes = otrf_sha1_lanes();
  const size_t size = fitting < lanes ? fitting : lanes;
  return size == 0 ? 1 : size < n ? size : n;
}

/* Where each of n parts ends that stand joined by single separators. Returns the length of the longest, or SIZE_MAX
 * where there are not n parts. */
static size_t find_ends(size_t *ends, const char *data, size_t len, char separator, size_t n) {
  size_t at = 0, longest = 0;
  for (size_t i = 0; i < n; i++) {
    const char *stop = at < len ? memchr(data + at, separator, len - at) : NULL;
    if ((stop == NULL) != (i == n - 1)) {
      return SIZE_MAX;
    }
    ends[i] = stop != NULL ? (size_t)(stop - data) : len;
    longest = ends[i] - at > longest ? ends[i] - at : longest;
    at = ends[i] + 1;
  }
  return n > 0 ? longest : SIZE_MAX;
}

static size_t fail(otrf_buffer *out, int status) {
  otrf_buffer_fail(out, status);
  return 0;
}

const char *otrf_buffer_data(const otrf_buffer *buffer) { return (const char *)buffer->data + buffer->result_at; }

/* ---- sealing ---- */

/* The batch on its way: where its next part starts, its next result, and both arrays' place. */
typedef struct {
  const char *input;
  size_t input_at;
  char *output;
  size_t output_at;
  size_t *ends; /* of the parts that are left; their results' ends are put in the same place */
  uint8_t *raw;
  size_t raw_room;
} batch;

/* Step to the next part; returns its start and puts its length into `len`. */
static const char *next_part(batch *b, size_t i, size_t *len) {
  const char *part = b->input + b->input_at;
  *len = b->ends[i] - b->input_at;
  b->input_at = b->ends[i] + 1;
  return part;
}

static void seal_group(batch *b, otrf_data_keys *keys, size_t now) {
  const otrf_lane *lane = keys->send;
  otrf_sha1_job jobs[OTRF_SHA1_LANES];
  otrf_content content[OTRF_SHA1_LANES];
  uint8_t macs[OTRF_SHA1_LANES][OTRF_MAC_BYTES];
  char *lines[OTRF_SHA1_LANES];
  for (size_t i = 0; i < now; i++) {
    content[i] = (otrf_content){0};
    content[i].text = (const uint8_t *)next_part(b, i, &content[i].text_len);
    lines[i] = b->output + b->output_at;
    otrf_seal_start(&jobs[i], lines[i], b->raw + i * b->raw_room, lane, ++keys->send_counter, &content[i]);
    b->output_at += otrf_line_bytes(otrf_sealed_bytes(lane, &content[i]));
    b->ends[i] = b->output_at;
  }
  otrf_hmac_sha1_end_many(macs, jobs, lane->outer, now);
  for (size_t i = 0; i < now; i++) {
    otrf_seal_finish(lines[i], b->raw + i * b->raw_room, lane, &content[i], macs[i]);
  }
  b->ends += now;
}

size_t otrf_seal_many(otrf_buffer *out, size_t *ends, otrf_data_keys *keys, const uint8_t *texts, size_t texts_len,
                      size_t n) {
  const otrf_lane *lane = keys->send;
  const size_t longest = find_ends(ends, (const char *)texts, texts_len, 0, n);
  if (longest > LIMIT_BYTES || lane == NULL || lane->prefix_len == 0) {
    return fail(out, OTRF_ERR_SIZE);
  }
  if (n > UINT64_MAX - keys->send_counter) {
    return fail(out, OTRF_ERR_COUNTER);
  }
  const otrf_content largest = {.text_len = longest};
  const size_t raw_room = otrf_sealed_bytes(lane, &largest) + SLACK_BYTES;
  const size_t lines_room = OTRF_BASE64_LEN(texts_len) + n * (otrf_line_bytes(lane->prefix_len + FRAME_BYTES) + 8);
  const size_t group = group_size(raw_room, n);
  if (otrf_buffer_reserve(out, group * raw_room + lines_room) != OTRF_OK) {
    return fail(out, OTRF_ERR_MEMORY);
  }
  out->result_at = group * raw_room;
  batch b = {(const char *)texts, 0, (char *)out->data + out->result_at, 0, ends, out->data, raw_room};
  for (size_t left = n, now; left > 0; left -= now) {
    now = group < left ? group : left;
    seal_group(&b, keys, now);
  }
  return n;
}

/* ---- opening ---- */

/* Open up to `now` lines; returns how many. */
static size_t open_group(batch *b, otrf_data_keys *keys, size_t now) {
  otrf_opening openings[OTRF_SHA1_LANES];
  otrf_sha1_job jobs[OTRF_SHA1_LANES];
  uint8_t macs[OTRF_SHA1_LANES][OTRF_MAC_BYTES];
  size_t started = 0, opened = 0, len;
  while (started < now) {
    const char *line = next_part(b, started, &len);
    uint8_t *raw = b->raw + started * b->raw_room;
    if (!otrf_open_start(&openings[started], &jobs[started], raw, keys, line, len)) {
      break;
    }
    started++;
  }
  otrf_hmac_sha1_end_many(macs, jobs, keys->receive->outer, started);
  while (opened < started) {
    len = otrf_open_finish((uint8_t *)b->output + b->output_at, &openings[opened], keys, macs[opened]);
    if (len == 0) {
      break;
    }
    b->ends[opened++] = b->output_at + len;
    b->output_at += len + 1; /* the zero byte stays between this text and the next */
  }
  b->ends += opened;
  otrf_wipe(macs, started * sizeof macs[0]);
  for (size_t i = 0; i < started; i++) {
    otrf_wipe(openings[i].kept, sizeof openings[i].kept);
  }
  return opened;
}

size_t otrf_open_many(otrf_buffer *out, size_t *ends, otrf_data_keys *keys, const char *lines, size_t lines_len,
                      size_t n) {
  const size_t longest = find_ends(ends, lines, lines_len, '\n', n);
  if (longest > LIMIT_BYTES || keys->head_len == 0) {
    return fail(out, OTRF_ERR_GENERAL_PATH);
  }
  const size_t raw_room = longest / 4 * 3 + SLACK_BYTES, group = group_size(raw_room, n);
  if (otrf_buffer_reserve(out, group * raw_room + lines_len + SLACK_BYTES) != OTRF_OK) {
    return fail(out, OTRF_ERR_MEMORY);
  }
  out->result_at = group * raw_room;
  batch b = {lines, 0, (char *)out->data + out->result_at, 0, ends, out->data, raw_room};
  size_t opened = 0;
  while (opened < n) {
    const size_t now = group < n - opened ? group : n - opened, done = open_group(&b, keys, now);
    opened += done;
    if (done < now) {
      break;
    }
  }
  out->plain_at = out->result_at;
  out->plain_len = b.output_at;
  return opened;
}
