/* AES-128-CTR: a key's schedule and the counter mode on it. */
#ifndef OTRF_AES_AES_H
#define OTRF_AES_AES_H

#include <stddef.h>
#include <stdint.h>

#include "otrfast.h"
#include "platform/compiler.h"

/* The eleven round keys of FIPS 197, 16 bytes each; the same for every implementation. */
#define OTRF_AES_SCHEDULE_BYTES 176

void otrf_aes_expand(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]);

/* out = data XOR key stream from the counter block `high` || `low` on; `out` may be `data`. */
void otrf_aes_ctr_xor(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                      const uint8_t *data, size_t len);

/* out[0..out_len) = data, and zero bytes after its `len`, XOR key stream from the counter block `high` || 0 on. Up
 * to OTRF_AES_SLACK bytes after out_len are overwritten: stores of whole registers are what a following load can
 * take up at once. `out` may be `data` if out_len is `len`. */
#define OTRF_AES_SLACK 64
void otrf_aes_ctr_wide(uint8_t *out, size_t out_len, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high,
                       const uint8_t *data, size_t len);

/* The implementations. Here `low` does not pass 2^64 - 1 within `len` bytes. */
void otrf_aes_expand_portable(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]);
void otrf_aes_ctr_portable(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                           const uint8_t *data, size_t len);
#if OTRF_X86
void otrf_aes_expand_ni(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]);
void otrf_aes_ctr_ni(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                     const uint8_t *data, size_t len);
/* With `wide`, as otrf_aes_ctr_wide; without, out_len is len. */
void otrf_aes_ctr_vaes(uint8_t *out, size_t out_len, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high,
                       uint64_t low, const uint8_t *data, size_t len, int wide);
#endif

#endif
