/* AES-128 in counter mode (FIPS 197, SP 800-38A): the choice of a path, and the counter's carry. */
#include <string.h>

#include "aes/aes.h"
#include "otrfast.h"
#include "platform/bytes.h"
#include "platform/cpu.h"
#include "platform/memory.h"

void otrf_aes_expand(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_AESNI))) {
    otrf_aes_expand_ni(schedule, key);
    return;
  }
#endif
  otrf_aes_expand_portable(schedule, key);
}

static void xor_run(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                    const uint8_t *data, size_t len) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_VAES))) {
    otrf_aes_ctr_vaes(out, len, schedule, high, low, data, len, 0);
    return;
  }
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_AESNI))) {
    otrf_aes_ctr_ni(out, schedule, high, low, data, len);
    return;
  }
#endif
  otrf_aes_ctr_portable(out, schedule, high, low, data, len);
}

void otrf_aes_ctr_xor(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                      const uint8_t *data, size_t len) {
  const uint64_t blocks = ((uint64_t)len + 15) / 16;
  const uint64_t before_carry = 0 - low; /* 0 if low = 0: then no length reaches the carry */
  if (OTRF_UNLIKELY(low != 0 && blocks > before_carry)) {
    const size_t first = (size_t)before_carry * 16;
    xor_run(out, schedule, high, low, data, first);
    xor_run(out + first, schedule, high + 1, 0, data + first, len - first);
    return;
  }
  xor_run(out, schedule, high, low, data, len);
}

void otrf_aes_ctr_wide(uint8_t *out, size_t out_len, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high,
                       const uint8_t *data, size_t len) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_VAES))) {
    otrf_aes_ctr_vaes(out, out_len, schedule, high, 0, data, len, 1);
    return;
  }
#endif
  if (len > 0 && out != data) {
    memcpy(out, data, len);
  }
  memset(out + len, 0, out_len - len);
  otrf_aes_ctr_xor(out, schedule, high, 0, out, out_len);
}

void otrf_aes_ctr(uint8_t *out, const uint8_t key[OTRF_AES_KEY_BYTES], const uint8_t counter[OTRF_AES_BLOCK_BYTES],
                  const uint8_t *data, size_t len) {
  uint8_t schedule[OTRF_AES_SCHEDULE_BYTES];
  otrf_aes_expand(schedule, key);
  otrf_aes_ctr_xor(out, schedule, otrf_load64(counter), otrf_load64(counter + 8), data, len);
  otrf_wipe(schedule, sizeof schedule);
}
