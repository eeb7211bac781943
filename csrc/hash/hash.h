/* The hashes: compression, finishing, HMAC states. */
#ifndef OTRF_HASH_HASH_H
#define OTRF_HASH_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "otrfast.h"
#include "platform/bytes.h"
#include "platform/compiler.h"

/* The states before the first block. */
extern OTRF_HIDDEN const uint32_t otrf_sha1_start[5];
extern OTRF_HIDDEN const uint32_t otrf_sha256_start[8];

/* Run the compression function over `blocks` blocks of 64 bytes. */
void otrf_sha1_blocks(uint32_t state[5], const uint8_t *data, size_t blocks);
void otrf_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks);

/* A message that SHA-1 is taking in. */
typedef struct {
  const uint8_t *next; /* the first byte not yet hashed */
  size_t blocks;       /* how many blocks are left */
  uint32_t state[5];
} otrf_sha1_job;

#define OTRF_SHA1_LANES 16

/* How many messages otrf_sha1_many takes in the time of one: 1, 8 or OTRF_SHA1_LANES. */
size_t otrf_sha1_lanes(void);

/* Hash all blocks of up to otrf_sha1_lanes() messages: sha1_lanes.c */
void otrf_sha1_many(otrf_sha1_job *jobs, size_t n);

#if OTRF_X86
/* The same with the SHA extensions: sha_ni.c; and with AVX-512 beside them, which OTRF_HAS_VBMI brings: sha_ni512.c */
void otrf_sha1_blocks_ni(uint32_t state[5], const uint8_t *data, size_t blocks);
void otrf_sha1_blocks_ni512(uint32_t state[5], const uint8_t *data, size_t blocks);
void otrf_hmac_sha1_end_ni512(uint8_t mac[OTRF_SHA1_BYTES], const otrf_sha1_job *job, const uint32_t outer[5]);
void otrf_hmac_sha1_end_ni(uint8_t mac[OTRF_SHA1_BYTES], const otrf_sha1_job *job, const uint32_t outer[5]);
void otrf_sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t blocks, const uint32_t constants[64]);
#endif

/* Take in the last `len` bytes of a message of `total` bytes, and its padding: the state is then the digest. */
void otrf_sha1_finish(uint32_t state[5], const uint8_t *data, size_t len, uint64_t total);
void otrf_sha256_finish(uint32_t state[8], const uint8_t *data, size_t len, uint64_t total);

/* The states after the first block, that of the padded key, of HMAC's inner and outer hash. */
void otrf_hmac_sha1_key(uint32_t inner[5], uint32_t outer[5], const uint8_t *key, size_t key_len);

/* Run an inner hash to its end, then the outer one from the state `outer` on. The job is wiped. */
void otrf_hmac_sha1_end(uint8_t mac[OTRF_SHA1_BYTES], otrf_sha1_job *job, const uint32_t outer[5]);

/* The same for `n` messages, up to otrf_sha1_lanes(). */
void otrf_hmac_sha1_end_many(uint8_t macs[][OTRF_SHA1_BYTES], otrf_sha1_job *jobs, const uint32_t outer[5], size_t n);

/* Write a state as its digest. */
OTRF_INLINE void otrf_store_words(uint8_t *out, const uint32_t *words, size_t n) {
  for (size_t i = 0; i < n; i++) {
    otrf_store32(out + 4 * i, words[i]);
  }
}

#endif
