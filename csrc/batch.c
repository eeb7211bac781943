/* Many data messages of one direction in one call, two MACs at a time: one SHA-1 is bound by latency, two fill its gaps. */
#include "message.h"

/* The parts of a joined run: what stands between separators. */
typedef struct {
  const char *at, *end;
  char separator;
} parts;

/* Step to the next part; returns its start and puts its length into `len`. */
static const char *next_part(parts *p, size_t *len) {
  const char *start = p->at;
  const char *stop = start < p->end ? memchr(start, p->separator, (size_t)(p->end - start)) : NULL;
  *len = (size_t)((stop != NULL ? stop : p->end) - start);
  p->at = stop != NULL ? stop + 1 : p->end;
  return start;
}

/* The longest of the parts, or SIZE_MAX where there are not n of them. */
static size_t longest_part(const char *data, size_t len, char separator, size_t n) {
  const char *at = data, *const end = data + len;
  size_t longest = 0;
  for (size_t i = 1; i < n; i++) {
    const char *stop = at < end ? memchr(at, separator, (size_t)(end - at)) : NULL;
    if (stop == NULL) {
      return SIZE_MAX;
    }
    longest = (size_t)(stop - at) > longest ? (size_t)(stop - at) : longest;
    at = stop + 1;
  }
  if (at < end && memchr(at, separator, (size_t)(end - at)) != NULL) {
    return SIZE_MAX;
  }
  return (size_t)(end - at) > longest ? (size_t)(end - at) : longest;
}

/* ---- sealing ---- */

const char *otrf_seal_many(otrf_buffer *out, size_t *total, otrf_data_keys *keys, const uint8_t *texts, size_t texts_len,
                           size_t n) {
  const otrf_lane *lane = keys->send;
  const size_t longest = n == 0 ? SIZE_MAX : longest_part((const char *)texts, texts_len, 0, n);
  *total = 0;
  if (longest > LIMIT_BYTES || lane == NULL || lane->prefix_len == 0) {
    return otrf_buffer_fail(out, OTRF_ERR_SIZE);
  }
  if (n > UINT64_MAX - keys->send_counter) {
    return otrf_buffer_fail(out, OTRF_ERR_COUNTER);
  }
  const otrf_content largest = {.text_len = longest};
  const size_t raw_room = otrf_sealed_bytes(lane, &largest) + SLACK_BYTES;
  const size_t lines_room = OTRF_BASE64_LEN(texts_len) + n * (otrf_line_bytes(lane->prefix_len + FRAME_BYTES) + 8);
  if (otrf_buffer_reserve(out, 2 * raw_room + lines_room) != OTRF_OK) {
    return otrf_buffer_fail(out, OTRF_ERR_MEMORY);
  }
  char *const lines = (char *)out->data + 2 * raw_room, *line = lines;
  parts run = {(const char *)texts, (const char *)texts + texts_len, 0};
  for (size_t done = 0; done < n; done += 2) {
    const size_t now = n - done < 2 ? 1 : 2;
    otrf_mac_job jobs[2];
    otrf_content content[2] = {{0}};
    uint8_t macs[2][OTRF_MAC_BYTES];
    for (size_t i = 0; i < now; i++) {
      content[i].text = (const uint8_t *)next_part(&run, &content[i].text_len);
      otrf_seal_start(&jobs[i], out->data + i * raw_room, lane, ++keys->send_counter, &content[i]);
    }
    otrf_mac_finish(macs, jobs, lane, now);
    for (size_t i = 0; i < now; i++) {
      otrf_seal_finish(line, out->data + i * raw_room, lane, &content[i], macs[i]);
      line += otrf_line_bytes(otrf_sealed_bytes(lane, &content[i]));
      *line++ = '\n';
    }
  }
  *total = (size_t)(line - lines) - 1;
  return lines;
}

/* ---- opening ---- */

/* Open up to two lines; returns how many, their texts, each with a zero byte, standing from `text` on. */
static size_t open_two(uint8_t **text, uint8_t *raw, size_t raw_room, otrf_data_keys *keys, parts *run, size_t now) {
  otrf_opening openings[2];
  otrf_mac_job jobs[2];
  uint8_t macs[2][OTRF_MAC_BYTES];
  size_t started = 0, opened = 0, len;
  while (started < now) {
    const char *line = next_part(run, &len);
    if (!otrf_open_start(&openings[started], &jobs[started], raw + started * raw_room, keys, line, len)) {
      break;
    }
    started++;
  }
  if (started == 0) {
    return 0;
  }
  otrf_mac_finish(macs, jobs, keys->receive, started);
  while (opened < started && (len = otrf_open_finish(*text, &openings[opened], keys, macs[opened])) > 0) {
    *text += len + 1;
    opened++;
  }
  otrf_wipe(macs, started * sizeof macs[0]);
  for (size_t i = 0; i < started; i++) {
    otrf_wipe(openings[i].kept, sizeof openings[i].kept);
  }
  return opened;
}

const char *otrf_open_many(otrf_buffer *out, size_t *total, otrf_data_keys *keys, const char *lines, size_t lines_len,
                           size_t n) {
  const size_t longest = n == 0 ? SIZE_MAX : longest_part(lines, lines_len, '\n', n);
  const size_t raw_room = longest <= LIMIT_BYTES ? longest / 4 * 3 + SLACK_BYTES : 0;
  *total = 0;
  if (otrf_buffer_reserve(out, 2 * raw_room + lines_len + SLACK_BYTES) != OTRF_OK) {
    return otrf_buffer_fail(out, OTRF_ERR_MEMORY);
  }
  uint8_t *const texts = out->data + 2 * raw_room, *text = texts;
  *texts = 0;
  if (raw_room == 0 || keys->head_len == 0) {
    return (const char *)texts;
  }
  parts run = {lines, lines + lines_len, '\n'};
  for (size_t done = 0; done < n; done += 2) {
    const size_t now = n - done < 2 ? 1 : 2;
    if (open_two(&text, out->data, raw_room, keys, &run, now) < now) {
      break;
    }
  }
  out->plain_at = (size_t)(texts - out->data);
  out->plain_len = (size_t)(text - texts);
  *total = text > texts ? (size_t)(text - texts) - 1 : 0;
  return (const char *)texts;
}
