/* SHA-1 compression with the SHA extensions for the rounds and AVX-512VL for the rest.
 *
 * The instructions for the message schedule and for e share a port with the one for the rounds, which a round waits
 * for. Taken over by rotations and three-way XORs, they leave it free: a fifth to a quarter less time for a block. */
#include "hash/hash.h"

#if OTRF_X86

#include <immintrin.h>

#define TARGET OTRF_TARGET("sha,sse4.1,ssse3,avx512f,avx512vl")

#define XOR4(x, y, z, u) _mm_xor_si128(_mm_ternarylogic_epi32(x, y, z, 0x96), u)

/* Four words, the first in the top lane. */
OTRF_INLINE TARGET __m128i load(const uint8_t *data) {
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), reverse);
}

/* Quad i, 4 <= i < 8: W(t) = rol(W(t-3) ^ W(t-8) ^ W(t-14) ^ W(t-16), 1). The last word of the quad needs the first
 * one of the same quad: what that adds to it comes in afterwards. */
#define MIDDLE(i)                                                                                                    \
  do {                                                                                                               \
    const __m128i x = XOR4(_mm_slli_si128(w[(i)-1], 4), w[(i)-2], _mm_alignr_epi8(w[(i)-4], w[(i)-3], 8), w[(i)-4]); \
    w[i] = _mm_xor_si128(_mm_rol_epi32(x, 1), _mm_rol_epi32(_mm_srli_si128(x, 12), 2));                              \
  } while (0)

/* Quad i, i >= 8: the same applied to itself, W(t) = rol(W(t-6) ^ W(t-16) ^ W(t-28) ^ W(t-32), 2), reaches back beyond
 * the quad. The window is of eight. */
#define LATE(i)             \
  w[(i)&7] = _mm_rol_epi32( \
      XOR4(_mm_alignr_epi8(w[((i) + 6) & 7], w[((i) + 7) & 7], 8), w[((i) + 4) & 7], w[((i) + 1) & 7], w[(i)&7]), 2)

/* Rounds 4i to 4i+3. The e that they start with is the a of the four rounds before, turned by 30: it is added to the
 * top word. */
#define ROUNDS(i)                                                                              \
  do {                                                                                         \
    const __m128i e_word = _mm_mask_add_epi32(w[(i)&7], 8, w[(i)&7], _mm_rol_epi32(last, 30)); \
    last = abcd;                                                                               \
    abcd = _mm_sha1rnds4_epu32(abcd, e_word, (i) / 5);                                         \
  } while (0)

#define MIDDLE_ROUNDS(i) \
  do {                   \
    MIDDLE(i);           \
    ROUNDS(i);           \
  } while (0)

#define LATE_ROUNDS(i) \
  do {                 \
    LATE(i);           \
    ROUNDS(i);         \
    LATE((i) + 1);     \
    ROUNDS((i) + 1);   \
  } while (0)

/* One block of four quads. */
OTRF_INLINE TARGET void block(__m128i *state, __m128i *state_e, __m128i w0, __m128i w1, __m128i w2, __m128i w3) {
  __m128i abcd = *state, last = *state, w[8] = {w0, w1, w2, w3};
  abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(*state_e, w0), 0);
  ROUNDS(1);
  ROUNDS(2);
  ROUNDS(3);
  MIDDLE_ROUNDS(4);
  MIDDLE_ROUNDS(5);
  MIDDLE_ROUNDS(6);
  MIDDLE_ROUNDS(7);
  LATE_ROUNDS(8);
  LATE_ROUNDS(10);
  LATE_ROUNDS(12);
  LATE_ROUNDS(14);
  LATE_ROUNDS(16);
  LATE_ROUNDS(18);
  *state_e = _mm_sha1nexte_epu32(last, *state_e);
  *state = _mm_add_epi32(abcd, *state);
}

OTRF_INLINE TARGET void run(__m128i *abcd, __m128i *e, const uint8_t *data, size_t blocks) {
  for (; blocks > 0; blocks--, data += 64) {
    block(abcd, e, load(data), load(data + 16), load(data + 32), load(data + 48));
  }
}

OTRF_INLINE TARGET __m128i get(const uint32_t state[5], __m128i *e) {
  *e = _mm_set_epi32((int)state[4], 0, 0, 0);
  return _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0x1b);
}

TARGET void otrf_sha1_blocks_ni512(uint32_t state[5], const uint8_t *data, size_t blocks) {
  __m128i e, abcd = get(state, &e);
  run(&abcd, &e, data, blocks);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_shuffle_epi32(abcd, 0x1b));
  state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

TARGET void otrf_hmac_sha1_end_ni512(uint8_t mac[OTRF_SHA1_BYTES], const otrf_sha1_job *job, const uint32_t outer[5]) {
  const __m128i end = _mm_set_epi32(0, (int)0x80000000, 0, 0), length = _mm_set_epi32(0, 0, 0, (64 + 20) * 8);
  __m128i inner_e, inner = get(job->state, &inner_e), e, abcd = get(outer, &e);
  run(&inner, &inner_e, job->next, job->blocks);
  /* the inner digest is already in the form of quads: it need not go through memory */
  block(&abcd, &e, inner, _mm_or_si128(inner_e, end), _mm_setzero_si128(), length);
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  _mm_storeu_si128((__m128i *)(void *)mac, _mm_shuffle_epi8(abcd, reverse));
  otrf_store32(mac + 16, (uint32_t)_mm_extract_epi32(e, 3));
}

#else
typedef int otrf_no_sha_ni512; /* a translation unit may not be empty */
#endif
