/* AES-128 counter mode with AES-NI (eight blocks in flight) and with VAES (sixteen, four to a register). */
#include "aes/aes.h"
#include "platform/memory.h"

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

#define EXPAND(i, constant)                                        \
  do {                                                             \
    key = next_key(key, _mm_aeskeygenassist_si128(key, constant)); \
    store(schedule + 16 * (i), key);                               \
  } while (0)

OTRF_TARGET_AESNI void otrf_aes_expand_ni(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES],
                                          const uint8_t key_bytes[OTRF_AES_KEY_BYTES]) {
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
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  __m128i key = load(schedule);
  for (int i = 0; i < 8; i++) {
    const __m128i counter = _mm_set_epi64x((long long)high, (long long)(low + (uint64_t)i));
    s[i] = _mm_xor_si128(_mm_shuffle_epi8(counter, reverse), key);
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
  otrf_wipe(s, sizeof s);
}

/* The low `n` of 64 bits, all of them from 64 on. */
OTRF_INLINE OTRF_TARGET_VAES __mmask64 low_bits(size_t n) { return n < 64 ? _bzhi_u64(~0ull, (unsigned)n) : ~0ull; }

/* Four copies of a round key. They are loaded where they are used: eleven of them held over the whole message would
 * be put down on the stack, and stay there. */
OTRF_INLINE OTRF_TARGET_VAES __m512i round_key(const uint8_t *schedule, int round) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(schedule + 16 * round)));
}

/* `n` registers of four blocks each. Bytes from `len` on count as zero; those from out_len on are left alone, or zeroed
 * if `wide`. */
OTRF_INLINE OTRF_TARGET_VAES void vaes_run(uint8_t *out, size_t out_len, const uint8_t *schedule, __m512i counter,
                                           const uint8_t *data, size_t len, int wide, size_t n) {
  const __m512i reverse = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
  const __m512i four = _mm512_broadcast_i32x4(_mm_set_epi64x(0, 4));
  __m512i s[4], key = round_key(schedule, 0);
  for (size_t i = 0; i < n; i++) {
    s[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, reverse), key);
    counter = _mm512_add_epi64(counter, four);
  }
  for (int round = 1; round < 10; round++) {
    key = round_key(schedule, round);
    for (size_t i = 0; i < n; i++) {
      s[i] = _mm512_aesenc_epi128(s[i], key);
    }
  }
  key = round_key(schedule, 10);
  for (size_t i = 0; i < n; i++) {
    const size_t at = 64 * i;
    const __mmask64 in = low_bits(len > at ? len - at : 0), kept = low_bits(out_len - at);
    s[i] = _mm512_aesenclast_epi128(s[i], key);
    s[i] = _mm512_xor_si512(s[i], _mm512_maskz_loadu_epi8(in, data + at));
    if (wide) {
      _mm512_storeu_si512((void *)(out + at), _mm512_maskz_mov_epi8(kept, s[i]));
    } else {
      _mm512_mask_storeu_epi8(out + at, kept, s[i]);
    }
  }
}

OTRF_TARGET_VAES void otrf_aes_ctr_vaes(uint8_t *out, size_t out_len, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES],
                                        uint64_t high, uint64_t low, const uint8_t *data, size_t len, int wide) {
  const __m512i sixteen = _mm512_broadcast_i32x4(_mm_set_epi64x(0, 16));
  const __m128i first = _mm_set_epi64x((long long)high, (long long)low);
  __m512i counter = _mm512_add_epi64(_mm512_broadcast_i32x4(first), _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
  for (; len >= 256; len -= 256, out_len -= 256, out += 256, data += 256) {
    vaes_run(out, 256, schedule, counter, data, 256, 1, 4);
    counter = _mm512_add_epi64(counter, sixteen);
  }
  switch ((out_len + 63) / 64) {
    case 1:
      vaes_run(out, out_len, schedule, counter, data, len, wide, 1);
      break;
    case 2:
      vaes_run(out, out_len, schedule, counter, data, len, wide, 2);
      break;
    case 3:
      vaes_run(out, out_len, schedule, counter, data, len, wide, 3);
      break;
    case 4:
      vaes_run(out, out_len, schedule, counter, data, len, wide, 4);
      break;
    default:
      break;
  }
}

#else
typedef int otrf_no_aes_x86; /* a translation unit may not be empty */
#endif
