/* SHA-1 and SHA-256 compression with the SHA extensions of x86. */
#include "hash/hash.h"

#if OTRF_X86

#include <immintrin.h>

/* Four rounds of SHA-1 work on a quad: four words of the schedule, first word in the top lane. */

OTRF_INLINE OTRF_TARGET_SHANI __m128i sha1_load(const uint8_t *data) {
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), reverse);
}

/* Quad i out of the four before it. */
#define SCHEDULE1(w0, w1, w2, w3) w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3)

/* Rounds 4i to 4i+3: `abcd` goes on, and what it was is kept in `last`, from which the next quad takes e. */
#define ROUNDS1(abcd, last, word, function)             \
  do {                                                  \
    __m128i e_word = _mm_sha1nexte_epu32(last, word);   \
    last = abcd;                                        \
    abcd = _mm_sha1rnds4_epu32(abcd, e_word, function); \
  } while (0)

/* Rounds of quad i, 1 <= i < 4 (words as they came) and 4 <= i < 20 (words of the schedule). */
#define EARLY1(i) ROUNDS1(abcd, last, w[i], 0)
#define LATE1(i)                                                               \
  do {                                                                         \
    SCHEDULE1(w[(i)&3], w[((i) + 1) & 3], w[((i) + 2) & 3], w[((i) + 3) & 3]); \
    ROUNDS1(abcd, last, w[(i)&3], (i) / 5);                                    \
  } while (0)

#define LATE_FOUR1(i) \
  do {                \
    LATE1(i);         \
    LATE1((i) + 1);   \
    LATE1((i) + 2);   \
    LATE1((i) + 3);   \
  } while (0)

OTRF_INLINE OTRF_TARGET_SHANI __m128i sha1_get(const uint32_t state[5], __m128i *e) {
  *e = _mm_set_epi32((int)state[4], 0, 0, 0);
  return _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0x1b);
}

OTRF_INLINE OTRF_TARGET_SHANI void sha1_put(uint32_t state[5], __m128i abcd, __m128i e) {
  _mm_storeu_si128((__m128i *)(void *)state, _mm_shuffle_epi32(abcd, 0x1b));
  state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

/* One block of four quads. */
OTRF_INLINE OTRF_TARGET_SHANI void sha1_block(__m128i *state, __m128i *state_e, __m128i w0, __m128i w1, __m128i w2,
                                              __m128i w3) {
  __m128i abcd = *state, last = *state, w[4] = {w0, w1, w2, w3};
  abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(*state_e, w0), 0);
  EARLY1(1);
  EARLY1(2);
  EARLY1(3);
  LATE_FOUR1(4);
  LATE_FOUR1(8);
  LATE_FOUR1(12);
  LATE_FOUR1(16);
  *state_e = _mm_sha1nexte_epu32(last, *state_e);
  *state = _mm_add_epi32(abcd, *state);
}

OTRF_INLINE OTRF_TARGET_SHANI void sha1_run(__m128i *abcd, __m128i *e, const uint8_t *data, size_t blocks) {
  for (; blocks > 0; blocks--, data += 64) {
    sha1_block(abcd, e, sha1_load(data), sha1_load(data + 16), sha1_load(data + 32), sha1_load(data + 48));
  }
}

OTRF_TARGET_SHANI void otrf_sha1_blocks_ni(uint32_t state[5], const uint8_t *data, size_t blocks) {
  __m128i e, abcd = sha1_get(state, &e);
  sha1_run(&abcd, &e, data, blocks);
  sha1_put(state, abcd, e);
}

OTRF_TARGET_SHANI void otrf_hmac_sha1_end_ni(uint8_t mac[OTRF_SHA1_BYTES], const otrf_sha1_job *job,
                                             const uint32_t outer[5]) {
  const __m128i end = _mm_set_epi32(0, (int)0x80000000, 0, 0), length = _mm_set_epi32(0, 0, 0, (64 + 20) * 8);
  __m128i inner_e, inner = sha1_get(job->state, &inner_e), e, abcd = sha1_get(outer, &e);
  sha1_run(&inner, &inner_e, job->next, job->blocks);
  /* the inner digest is already in the form of quads: it need not go through memory */
  sha1_block(&abcd, &e, inner, _mm_or_si128(inner_e, end), _mm_setzero_si128(), length);
  const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  _mm_storeu_si128((__m128i *)(void *)mac, _mm_shuffle_epi8(abcd, reverse));
  otrf_store32(mac + 16, (uint32_t)_mm_extract_epi32(e, 3));
}

/* Four rounds of SHA-256 on the state as two registers, a b e f and c d g h. */
#define ROUNDS2(word, i)                                                                                           \
  do {                                                                                                             \
    const __m128i sum = _mm_add_epi32(word, _mm_load_si128((const __m128i *)(const void *)(constants + 4 * (i)))); \
    cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);                                                                 \
    abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));                                        \
  } while (0)

#define SCHEDULE2(w0, w1, w2, w3) \
  w0 = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4)), w3)

#define LATE_FOUR2(i)          \
  do {                         \
    SCHEDULE2(w0, w1, w2, w3); \
    ROUNDS2(w0, i);            \
    SCHEDULE2(w1, w2, w3, w0); \
    ROUNDS2(w1, (i) + 1);      \
    SCHEDULE2(w2, w3, w0, w1); \
    ROUNDS2(w2, (i) + 2);      \
    SCHEDULE2(w3, w0, w1, w2); \
    ROUNDS2(w3, (i) + 3);      \
  } while (0)

OTRF_INLINE OTRF_TARGET_SHANI __m128i sha256_load(const uint8_t *data) {
  const __m128i reverse = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  return _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), reverse);
}

OTRF_TARGET_SHANI void otrf_sha256_blocks_ni(uint32_t state[8], const uint8_t *data, size_t blocks,
                                             const uint32_t constants[64]) {
  const __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
  const __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
  const __m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
  for (; blocks > 0; blocks--, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w0 = sha256_load(data), w1 = sha256_load(data + 16);
    __m128i w2 = sha256_load(data + 32), w3 = sha256_load(data + 48);
    ROUNDS2(w0, 0);
    ROUNDS2(w1, 1);
    ROUNDS2(w2, 2);
    ROUNDS2(w3, 3);
    LATE_FOUR2(4);
    LATE_FOUR2(8);
    LATE_FOUR2(12);
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#else
typedef int otrf_no_sha_ni; /* a translation unit may not be empty */
#endif
