/* Data messages: their layout, their MAC, and sealing in two halves, on both sides of the MAC. */
#ifndef OTRF_OTR_MESSAGE_H
#define OTRF_OTR_MESSAGE_H

#include "hash/hash.h"
#include "otr/data_keys.h"
#include "otr/layout.h"

/* How many bytes after the message the padding of its hash may overwrite. */
#define OTRF_MAC_OVERWRITES 72

/* Start a MAC; `state` has already taken in the first `start` bytes. The padding of the hash is written after the
 * message, into up to OTRF_MAC_OVERWRITES bytes: so the hash reads it all in one run. */
void otrf_mac_start(otrf_sha1_job *job, const uint32_t state[5], uint8_t *message, size_t start, size_t len);

/* What a message holds. A zero byte ends the text, and TLVs may follow it, unless the text is `whole`. */
typedef struct {
  const uint8_t *text, *tlvs, *revealed;
  size_t text_len, tlvs_len, revealed_len;
  int whole;
} otrf_content;

/* The length of the plain text. */
OTRF_INLINE size_t otrf_plain_bytes(const otrf_content *content) {
  return content->text_len + (content->whole ? 0 : 1 + content->tlvs_len);
}

/* The length of a message before base64. */
OTRF_INLINE size_t otrf_sealed_bytes(const otrf_direction *direction, const otrf_content *content) {
  return direction->prefix_len + OTRF_FRAME_BYTES + otrf_plain_bytes(content) + content->revealed_len;
}

/* Write a message up to its ciphertext, as much of its line as that makes, and start its MAC; then, with the MAC,
 * write the rest of both. `raw` has otrf_sealed_bytes() + OTRF_SCRATCH_BYTES, for the padding of the hash and for wide
 * stores. */
void otrf_seal_start(otrf_sha1_job *job, char *line, uint8_t *raw, const otrf_direction *direction, uint64_t counter,
                     const otrf_content *content);
void otrf_seal_finish(char *line, uint8_t *raw, const otrf_direction *direction, const otrf_content *content,
                      const uint8_t mac[OTRF_MAC_BYTES]);

#endif
