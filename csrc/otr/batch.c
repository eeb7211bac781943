/* Many data messages of one direction in one call, as many MACs at a time as SHA-1 has lanes. */
#include "otr/fast_path.h"
#include "otr/message.h"
#include "platform/memory.h"

/* ---- sealing ---- */

/* Seal up to otrf_sha1_lanes() texts. */
static void seal_group(char *const *lines, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *const *texts,
                       const size_t *lens, size_t n) {
  const otrf_direction *direction = keys->send;
  otrf_sha1_job jobs[OTRF_SHA1_LANES];
  otrf_content content[OTRF_SHA1_LANES];
  uint8_t *raw[OTRF_SHA1_LANES], macs[OTRF_SHA1_LANES][OTRF_MAC_BYTES];
  for (size_t i = 0; i < n; i++) {
    content[i] = (otrf_content){.text = texts[i], .text_len = lens[i]};
    raw[i] = scratch;
    scratch += otrf_sealed_bytes(direction, &content[i]) + OTRF_SCRATCH_BYTES;
    otrf_seal_start(&jobs[i], lines[i], raw[i], direction, ++keys->send_counter, &content[i]);
  }
  otrf_hmac_sha1_end_many(macs, jobs, direction->outer, n);
  for (size_t i = 0; i < n; i++) {
    otrf_seal_finish(lines[i], raw[i], direction, &content[i], macs[i]);
  }
}

int otrf_seal_many(char *const *lines, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *const *texts,
                   const size_t *text_lens, size_t n) {
  const size_t lanes = otrf_sha1_lanes();
  for (size_t i = 0; i < n; i++) {
    if (otrf_line_len(keys, text_lens[i], 0, 0) == 0) {
      return OTRF_ERR_SIZE;
    }
  }
  if (n > otrf_counters_left(keys)) {
    return OTRF_ERR_COUNTER;
  }
  for (size_t at = 0; at < n; at += lanes) {
    seal_group(lines + at, scratch, keys, texts + at, text_lens + at, lanes < n - at ? lanes : n - at);
  }
  return OTRF_OK;
}

/* ---- opening ---- */

/* Open up to otrf_sha1_lanes() lines; returns how many. */
static size_t open_group(uint8_t **texts, size_t *text_lens, uint8_t *scratch, otrf_data_keys *keys,
                         const char *const *lines, const size_t *lens, size_t n) {
  otrf_opening openings[OTRF_SHA1_LANES];
  otrf_data_fields fields; /* nobody asks for those of a line that ends the run */
  otrf_sha1_job jobs[OTRF_SHA1_LANES];
  uint8_t macs[OTRF_SHA1_LANES][OTRF_MAC_BYTES];
  size_t started = 0, opened = 0;
  while (started < n && lens[started] <= OTRF_LIMIT_BYTES &&
         otrf_open_start(&openings[started], &fields, &jobs[started], scratch, keys, lines[started], lens[started]) ==
             OTRF_OK) {
    scratch += lens[started++] + OTRF_SCRATCH_BYTES;
  }
  otrf_hmac_sha1_end_many(macs, jobs, keys->receive->outer, started);
  while (opened < started) {
    text_lens[opened] = otrf_open_finish(&texts[opened], &openings[opened], keys, macs[opened]);
    if (text_lens[opened] == 0) {
      break;
    }
    opened++;
  }
  otrf_wipe(macs, started * sizeof macs[0]);
  for (size_t i = 0; i < started; i++) {
    otrf_wipe(openings[i].kept, sizeof openings[i].kept);
  }
  return opened;
}

size_t otrf_open_many(uint8_t **texts, size_t *text_lens, uint8_t *scratch, otrf_data_keys *keys,
                      const char *const *lines, const size_t *line_lens, size_t n) {
  const size_t lanes = otrf_sha1_lanes();
  size_t opened = 0;
  if (keys->head_len == 0) {
    return 0;
  }
  while (opened < n) {
    const size_t now = lanes < n - opened ? lanes : n - opened;
    const size_t done =
        open_group(texts + opened, text_lens + opened, scratch, keys, lines + opened, line_lens + opened, now);
    for (size_t i = 0; i < done; i++) {
      scratch += line_lens[opened + i] + OTRF_SCRATCH_BYTES; /* which keeps the texts */
    }
    opened += done;
    if (done < now) {
      break;
    }
  }
  return opened;
}
