/* HMAC (RFC 2104) over SHA-1 and SHA-256. */
#include <string.h>

#include "hash/hash.h"
#include "otrfast.h"
#include "platform/cpu.h"
#include "platform/memory.h"

void otrf_hmac_sha1_key(uint32_t inner[5], uint32_t outer[5], const uint8_t *key, size_t key_len) {
  uint8_t block[64] = {0};
  if (key_len > sizeof block) {
    otrf_sha1(block, key, key_len);
  } else if (key_len > 0) {
    memcpy(block, key, key_len);
  }
  for (size_t i = 0; i < sizeof block; i++) {
    block[i] ^= 0x36;
  }
  memcpy(inner, otrf_sha1_start, sizeof otrf_sha1_start);
  otrf_sha1_blocks(inner, block, 1);
  for (size_t i = 0; i < sizeof block; i++) {
    block[i] ^= 0x36 ^ 0x5c;
  }
  memcpy(outer, otrf_sha1_start, sizeof otrf_sha1_start);
  otrf_sha1_blocks(outer, block, 1);
  otrf_wipe(block, sizeof block);
}

/* The block that the outer hash takes in after its key: the inner digest with its padding. */
static void outer_block(uint8_t block[64], const uint32_t inner[5]) {
  memset(block, 0, 64);
  otrf_store_words(block, inner, 5);
  block[20] = 0x80;
  otrf_store64(block + 56, (64 + 20) * 8);
}

void otrf_hmac_sha1_end(uint8_t mac[OTRF_SHA1_BYTES], otrf_sha1_job *job, const uint32_t outer[5]) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_SHANI | OTRF_HAS_VBMI))) {
    otrf_hmac_sha1_end_ni512(mac, job, outer);
    otrf_wipe(job, sizeof *job);
    return;
  }
  if (otrf_has(OTRF_HAS_SHANI)) {
    otrf_hmac_sha1_end_ni(mac, job, outer);
    otrf_wipe(job, sizeof *job);
    return;
  }
#endif
  otrf_hmac_sha1_end_many((uint8_t(*)[OTRF_SHA1_BYTES])mac, job, outer, 1);
}

void otrf_hmac_sha1_end_many(uint8_t macs[][OTRF_SHA1_BYTES], otrf_sha1_job *jobs, const uint32_t outer[5], size_t n) {
  uint8_t blocks[OTRF_SHA1_LANES][64];
  otrf_sha1_many(jobs, n);
  for (size_t i = 0; i < n; i++) {
    outer_block(blocks[i], jobs[i].state);
    memcpy(jobs[i].state, outer, sizeof jobs[i].state);
    jobs[i].next = blocks[i];
    jobs[i].blocks = 1;
  }
  otrf_sha1_many(jobs, n);
  for (size_t i = 0; i < n; i++) {
    otrf_store_words(macs[i], jobs[i].state, 5);
  }
  otrf_wipe(blocks, n * sizeof blocks[0]);
  otrf_wipe(jobs, n * sizeof *jobs);
}

void otrf_hmac_sha1(uint8_t out[OTRF_SHA1_BYTES], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len) {
  uint32_t inner[5], outer[5];
  uint8_t digest[OTRF_SHA1_BYTES];
  otrf_hmac_sha1_key(inner, outer, key, key_len);
  otrf_sha1_finish(inner, data, len, 64 + (uint64_t)len);
  otrf_store_words(digest, inner, 5);
  otrf_sha1_finish(outer, digest, sizeof digest, 64 + sizeof digest);
  otrf_store_words(out, outer, 5);
  otrf_wipe(inner, sizeof inner);
  otrf_wipe(outer, sizeof outer);
  otrf_wipe(digest, sizeof digest);
}

void otrf_hmac_sha256(uint8_t out[OTRF_SHA256_BYTES], const uint8_t *key, size_t key_len, const uint8_t *data,
                      size_t len) {
  uint8_t block[64] = {0}, digest[OTRF_SHA256_BYTES];
  uint32_t state[8];
  if (key_len > sizeof block) {
    otrf_sha256(block, key, key_len);
  } else if (key_len > 0) {
    memcpy(block, key, key_len);
  }
  for (size_t i = 0; i < sizeof block; i++) {
    block[i] ^= 0x36;
  }
  memcpy(state, otrf_sha256_start, sizeof state);
  otrf_sha256_blocks(state, block, 1);
  otrf_sha256_finish(state, data, len, 64 + (uint64_t)len);
  otrf_store_words(digest, state, 8);
  for (size_t i = 0; i < sizeof block; i++) {
    block[i] ^= 0x36 ^ 0x5c;
  }
  memcpy(state, otrf_sha256_start, sizeof state);
  otrf_sha256_blocks(state, block, 1);
  otrf_sha256_finish(state, digest, sizeof digest, 64 + sizeof digest);
  otrf_store_words(out, state, 8);
  otrf_wipe(block, sizeof block);
  otrf_wipe(digest, sizeof digest);
  otrf_wipe(state, sizeof state);
}
