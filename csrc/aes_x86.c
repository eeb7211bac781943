/* AES-128 counter mode with AES-NI (eight blocks in flight) and with VAES (sixteen, four to a register). */
#include "aes.h"

#if OTRF_X86

#include <immintrin.h>

OTRF_INLINE OTRF_TARGET_AESNI __m128i load(const uint8_t *in) {
  return _mm_loadu_si128((const __m128i *)(const void *)in);
}

OTRF_INLINE OTRF_TARGET_AESNI void store(uint8_t *out, __m128i value) {
  _mm_storeu_si128((__m128i *)(void *)out, value);
}

/* The next round key: each word is the sum of the words before it, plus the assisted one. */
OTRF_INLINE OTRF_TARGET_AESNI __m128i next_key(__m128i key, __m128i assist) {
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

#define EXPAND(i, constant)                                          \
  do {                                                               \
    key = next_key(key, _mm_aeskeygenassist_si128(key, constant));   \
    store(schedule + 16 * (i), key);                                 \
  } while (0)

OTRF_TARGET_AESNI void otrf_aes_expand_ni(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key_bytes[16]) {
  __m128i key = load(key_bytes);
  store(schedule, key);
  EXPAND(1, 0x01);
  EXPAND(2, 0x02);
  EXPAND(3, 0x04);
  EXPAND(4, 0x08);
  EXPAND(5, 0x10);
  EXPAND(6, 0x20);
  EXPAND(7, 0x40);
  EXPAND(8, 0x80);
  EXPAND(9, 0x1b);
  EXPAND(10, 0x36);
}

/* The key stream of the eight counter blocks from `low` on. */
OTRF_INLINE OTRF_TARGET_AESNI void stream8(__m128i s[8], const uint8_t *schedule, uint64_t high, uint64_t low) {
  const __m128i turn = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  __m128i key = load(schedule);
  for (int i = 0; i < 8; i++) {
    const __m128i counter = _mm_set_epi64x((long long)high, (long long)(low + (uint64_t)i));
    s[i] = _mm_xor_si128(_mm_shuffle_epi8(counter, turn), key);
  }
  for (int round = 1; round < 10; round++) {
    key = load(schedule + 16 * round);
    for (int i = 0; i < 8; i++) {
      s[i] = _mm_aesenc_si128(s[i], key);
    }
  }
  key = load(schedule + 160);
  for (int i = 0; i < 8; i++) {
    s[i] = _mm_aesenclast_si128(s[i], key);
  }
}

OTRF_TARGET_AESNI void otrf_aes_ctr_ni(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high,
                                       uint64_t low, const uint8_t *data, size_t len) {
  __m128i s[8];
  for (; len >= 128; len -= 128, out += 128, data += 128, low += 8) {
    stream8(s, schedule, high, low);
    for (int i = 0; i < 8; i++) {
      store(out + 16 * i, _mm_xor_si128(s[i], load(data + 16 * i)));
    }
  }
  if (len == 0) {
    return;
  }
  uint8_t rest[128];
  stream8(s, schedule, high, low);
  for (int i = 0; i < 8; i++) {
    store(rest + 16 * i, s[i]);
  }
  size_t at = 0;
  for (; at + 16 <= len; at += 16) {
    store(out + at, _mm_xor_si128(load(rest + at), load(data + at)));
  }
  for (; at < len; at++) {
    out[at] = data[at] ^ rest[at];
  }
  otrf_wipe(rest, sizeof rest);
}

/* `n` registers of four blocks; `masks` leaves out the bytes past the end. */
OTRF_INLINE OTRF_TARGET_VAES void vaes_run(uint8_t *out, const __m512i keys[11], __m512i counter, const uint8_t *data,
                                           const __mmask64 masks[4], int n) {
  const __m512i turn =
      _mm512_broadcast_i32x4(_mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
  const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(0, 4));
  __m512i s[4];
  for (int i = 0; i < n; i++) {
    s[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, turn), keys[0]);
    counter = _mm512_add_epi64(counter, four);
  }
  for (int round = 1; round < 10; round++) {
    for (int i = 0; i < n; i++) {
      s[i] = _mm512_aesenc_epi128(s[i], keys[round]);
    }
  }
  for (int i = 0; i < n; i++) {
    const __m512i text = _mm512_maskz_loadu_epi8(masks[i], data + 64 * i);
    s[i] = _mm512_xor_si512(_mm512_aesenclast_epi128(s[i], keys[10]), text);
    _mm512_mask_storeu_epi8(out + 64 * i, masks[i], s[i]);
  }
}

OTRF_TARGET_VAES void otrf_aes_ctr_vaes(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high,
                                        uint64_t low, const uint8_t *data, size_t len) {
  __m512i keys[11];
  for (int i = 0; i < 11; i++) {
    keys[i] = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(schedule + 16 * i)));
  }
  const __m512i sixteen = _mm512_broadcast_i32x4(_mm_set_epi64x(0, 16));
  const __m128i first = _mm_set_epi64x((long long)high, (long long)low);
  __m512i counter = _mm512_add_epi64(_mm512_broadcast_i32x4(first), _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
  __mmask64 masks[4] = {~0ull, ~0ull, ~0ull, ~0ull};
  for (; len >= 256; len -= 256, out += 256, data += 256) {
    vaes_run(out, keys, counter, data, masks, 4);
    counter = _mm512_add_epi64(counter, sixteen);
  }
  const size_t last = len % 64;
  const __mmask64 partial = last == 0 ? ~0ull : ~0ull >> (64 - last);
  switch ((len + 63) / 64) {
  case 1:
    masks[0] = partial;
    vaes_run(out, keys, counter, data, masks, 1);
    break;
  case 2:
    masks[1] = partial;
    vaes_run(out, keys, counter, data, masks, 2);
    break;
  case 3:
    masks[2] = partial;
    vaes_run(out, keys, counter, data, masks, 3);
    break;
  case 4:
    masks[3] = partial;
    vaes_run(out, keys, counter, data, masks, 4);
    break;
  default:
    break;
  }
}

#else
typedef int otrf_no_aes_x86; /* a translation unit may not be empty */
#endif
