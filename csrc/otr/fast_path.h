/* The fast path: a line on its way to its text, in two halves, on both sides of the MAC. */
#ifndef OTRF_OTR_FAST_PATH_H
#define OTRF_OTR_FAST_PATH_H

#include "hash/hash.h"
#include "otr/data_keys.h"
#include "otr/message.h"

/* A line on its way through the fast lane. */
typedef struct {
  uint8_t *raw;
  size_t counter_at, cipher_len;
  uint64_t counter;
  int known; /* the message starts as the last one did */
  uint8_t mac[OTRF_MAC_BYTES];
  uint32_t kept[5]; /* what to keep where it does not */
} otrf_opening;

/* Decode and check a line as far as goes without the MAC, and start the MAC. 0 where it is for the general path, else
 * 1. `raw` has 3/4 of the line and OTRF_ROOM_BYTES. */
int otrf_open_start(otrf_opening *opening, otrf_sha1_job *job, uint8_t *raw, const otrf_data_keys *keys,
                                const char *line, size_t line_len);

/* Check the MAC and the counter, decrypt in place, and commit where the text is all there is: it then stands at `text`.
 * Returns its length; 0, and nothing changed, where the line is for the general path. */
size_t otrf_open_finish(uint8_t **text, const otrf_opening *opening, otrf_data_keys *keys,
                                    const uint8_t mac[OTRF_MAC_BYTES]);

#endif
