/* The fast path: a line on its way to its text, in two halves, on both sides of the MAC. */
#ifndef OTRF_OTR_FAST_PATH_H
#define OTRF_OTR_FAST_PATH_H

#include "hash/hash.h"
#include "otr/data_keys.h"
#include "otr/message.h"

/* What the padding of the hash may overwrite of a message beyond its MAC and the length of its revealed keys. */
#define OTRF_OVERWRITTEN_BYTES (OTRF_MAC_OVERWRITES - OTRF_MAC_BYTES - OTRF_LENGTH_BYTES)

typedef struct {
  uint8_t *raw;
  size_t raw_len, counter_at, cipher_len;
  uint64_t counter;
  int known; /* the message begins as the last one did */
  uint8_t mac[OTRF_MAC_BYTES];
  uint8_t revealed[OTRF_OVERWRITTEN_BYTES]; /* the first of the revealed keys, if there are any */
  uint32_t kept[5];                         /* what to keep unless `known` */
} otrf_opening;

/* Decode and check a line as far as possible without the MAC, and start the MAC.
 *
 * Returns what otrf_open_line does; OTRF_OK if the MAC has been started.
 * Out: fields  those of the message; not filled in if it begins as the last one did
 *      raw     3/4 of the line and OTRF_SCRATCH_BYTES */
int otrf_open_start(otrf_opening *opening, otrf_data_fields *fields, otrf_sha1_job *job, uint8_t *raw,
                    const otrf_data_keys *keys, const char *line, size_t line_len);

/* Check the MAC and the counter, decrypt in place, and commit if the text is all there is: it is then at `text`.
 * Returns its length; 0, and nothing changed, if the line is for the general path: its ciphertext is there again. */
size_t otrf_open_finish(uint8_t **text, const otrf_opening *opening, otrf_data_keys *keys,
                        const uint8_t mac[OTRF_MAC_BYTES]);

#endif
