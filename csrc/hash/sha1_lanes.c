/* SHA-1 of many messages at once, one to a lane of 32 bits: sixteen with AVX-512, eight with AVX2.
 *
 * The SHA extensions take one block in 80 steps that wait for each other; these take one block of every message in
 * the same 80 steps. */
#include "hash/hash.h"
#include "hash/sha1_rounds.h"
#include "platform/cpu.h"
#include "platform/memory.h"

#if OTRF_X86

#include <immintrin.h>

/* Where lanes stand idle, they hash this. */
static const uint8_t idle_block[64];

/* ---- AVX-512: sixteen lanes ---- */

#define TARGET16 OTRF_TARGET("avx512f,avx512bw")

#define ADD(x, y) _mm512_add_epi32(x, y)
#define ROL(x, n) _mm512_rol_epi32(x, n)
#define CHOOSE(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xca)
#define PARITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define MAJORITY(x, y, z) _mm512_ternarylogic_epi32(x, y, z, 0xe8)
#define XOR4(x, y, z, u) _mm512_xor_si512(PARITY(x, y, z), u)
#define SPLAT(k) _mm512_set1_epi32((int)(k))

/* Transpose sixteen rows into columns: first words and pairs of words between neighbours, then quarters of a row. */
OTRF_INLINE TARGET16 void transpose16(__m512i w[16]) {
  __m512i t[16];
  for (int i = 0; i < 16; i += 4) {
    const __m512i low01 = _mm512_unpacklo_epi32(w[i], w[i + 1]), high01 = _mm512_unpackhi_epi32(w[i], w[i + 1]);
    const __m512i low23 = _mm512_unpacklo_epi32(w[i + 2], w[i + 3]), high23 = _mm512_unpackhi_epi32(w[i + 2], w[i + 3]);
    t[i] = _mm512_unpacklo_epi64(low01, low23);
    t[i + 1] = _mm512_unpackhi_epi64(low01, low23);
    t[i + 2] = _mm512_unpacklo_epi64(high01, high23);
    t[i + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
  /* t[4 r + c] has, in quarter q, column 4 q + c of the rows 4 r to 4 r + 3 */
  for (int c = 0; c < 4; c++) {
    const __m512i even01 = _mm512_shuffle_i32x4(t[c], t[c + 4], 0x88);
    const __m512i odd01 = _mm512_shuffle_i32x4(t[c], t[c + 4], 0xdd);
    const __m512i even23 = _mm512_shuffle_i32x4(t[c + 8], t[c + 12], 0x88);
    const __m512i odd23 = _mm512_shuffle_i32x4(t[c + 8], t[c + 12], 0xdd);
    w[c] = _mm512_shuffle_i32x4(even01, even23, 0x88);
    w[c + 8] = _mm512_shuffle_i32x4(even01, even23, 0xdd);
    w[c + 4] = _mm512_shuffle_i32x4(odd01, odd23, 0x88);
    w[c + 12] = _mm512_shuffle_i32x4(odd01, odd23, 0xdd);
  }
}

static TARGET16 void step16(uint32_t states[5][OTRF_SHA1_LANES], const uint8_t *const data[], uint32_t active) {
  const __m512i reverse = _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  __m512i w[16], before[5];
  for (int i = 0; i < 16; i++) {
    w[i] = _mm512_shuffle_epi8(_mm512_loadu_si512((const void *)data[i]), reverse);
  }
  transpose16(w);
  for (int i = 0; i < 5; i++) {
    before[i] = _mm512_loadu_si512((const void *)states[i]);
  }
  __m512i a = before[0], b = before[1], c = before[2], d = before[3], e = before[4];
  OTRF_SHA1_ROUNDS;
  const __mmask16 mask = (__mmask16)active;
  _mm512_storeu_si512((void *)states[0], _mm512_mask_add_epi32(before[0], mask, before[0], a));
  _mm512_storeu_si512((void *)states[1], _mm512_mask_add_epi32(before[1], mask, before[1], b));
  _mm512_storeu_si512((void *)states[2], _mm512_mask_add_epi32(before[2], mask, before[2], c));
  _mm512_storeu_si512((void *)states[3], _mm512_mask_add_epi32(before[3], mask, before[3], d));
  _mm512_storeu_si512((void *)states[4], _mm512_mask_add_epi32(before[4], mask, before[4], e));
}

#undef ADD
#undef ROL
#undef CHOOSE
#undef PARITY
#undef MAJORITY
#undef XOR4
#undef SPLAT

/* ---- AVX2: eight lanes ---- */

#define TARGET8 OTRF_TARGET("avx2")

#define ADD(x, y) _mm256_add_epi32(x, y)
#define ROL(x, n) _mm256_or_si256(_mm256_slli_epi32(x, n), _mm256_srli_epi32(x, 32 - (n)))
#define CHOOSE(x, y, z) _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)))
#define PARITY(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define MAJORITY(x, y, z) _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)))
#define XOR4(x, y, z, u) _mm256_xor_si256(_mm256_xor_si256(x, y), _mm256_xor_si256(z, u))
#define SPLAT(k) _mm256_set1_epi32((int)(k))

OTRF_INLINE TARGET8 __m256i load8(const void *in) { return _mm256_loadu_si256((const __m256i *)in); }

/* The same on eight rows of eight words. */
OTRF_INLINE TARGET8 void transpose8(__m256i w[8]) {
  __m256i t[8];
  for (int i = 0; i < 8; i += 4) {
    const __m256i low01 = _mm256_unpacklo_epi32(w[i], w[i + 1]), high01 = _mm256_unpackhi_epi32(w[i], w[i + 1]);
    const __m256i low23 = _mm256_unpacklo_epi32(w[i + 2], w[i + 3]), high23 = _mm256_unpackhi_epi32(w[i + 2], w[i + 3]);
    t[i] = _mm256_unpacklo_epi64(low01, low23);
    t[i + 1] = _mm256_unpackhi_epi64(low01, low23);
    t[i + 2] = _mm256_unpacklo_epi64(high01, high23);
    t[i + 3] = _mm256_unpackhi_epi64(high01, high23);
  }
  for (int c = 0; c < 4; c++) {
    w[c] = _mm256_permute2x128_si256(t[c], t[c + 4], 0x20);
    w[c + 4] = _mm256_permute2x128_si256(t[c], t[c + 4], 0x31);
  }
}

static TARGET8 void step8(uint32_t states[5][OTRF_SHA1_LANES], const uint8_t *const data[], uint32_t active) {
  const __m256i reverse = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
  __m256i w[16], before[5];
  for (int i = 0; i < 8; i++) {
    w[i] = _mm256_shuffle_epi8(load8(data[i]), reverse);
    w[i + 8] = _mm256_shuffle_epi8(load8(data[i] + 32), reverse);
  }
  transpose8(w);
  transpose8(w + 8);
  for (int i = 0; i < 5; i++) {
    before[i] = load8(states[i]);
  }
  __m256i a = before[0], b = before[1], c = before[2], d = before[3], e = before[4];
  OTRF_SHA1_ROUNDS;
  const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i mask = _mm256_cmpeq_epi32(_mm256_and_si256(SPLAT(active), bits), bits);
  const __m256i after[5] = {a, b, c, d, e};
  for (int i = 0; i < 5; i++) {
    _mm256_storeu_si256((__m256i *)(void *)states[i], ADD(before[i], _mm256_and_si256(after[i], mask)));
  }
}

/* ---- both ---- */

size_t otrf_sha1_lanes(void) {
  if (otrf_has(OTRF_HAS_VBMI)) { /* which comes with the AVX-512 that is needed here */
    return 16;
  }
  return otrf_has(OTRF_HAS_AVX2) ? 8 : 1;
}

/* With fewer messages than this, one after the other is faster: one step of all lanes takes as long as six blocks of
 * the SHA extensions with AVX-512, and four (AMD) to eight (Intel) with AVX2. */
static size_t worthwhile(size_t lanes) { return !otrf_has(OTRF_HAS_SHANI) ? 2 : lanes == 16 ? 7 : 8; }

void otrf_sha1_many(otrf_sha1_job *jobs, size_t n) {
  const size_t lanes = otrf_sha1_lanes(), least = worthwhile(lanes);
  uint32_t states[5][OTRF_SHA1_LANES] = {{0}};
  const uint8_t *data[OTRF_SHA1_LANES];
  for (size_t i = 0; i < n; i++) {
    for (size_t word = 0; word < 5; word++) {
      states[word][i] = jobs[i].state[word];
    }
  }
  for (;;) {
    uint32_t active = 0;
    size_t count = 0;
    for (size_t i = 0; i < lanes; i++) {
      const int busy = i < n && jobs[i].blocks > 0;
      data[i] = busy ? jobs[i].next : idle_block;
      active |= (uint32_t)busy << i;
      count += (size_t)busy;
    }
    if (count < least) {
      break;
    }
    lanes == 16 ? step16(states, data, active) : step8(states, data, active);
    for (size_t i = 0; i < n; i++) {
      const size_t busy = active >> i & 1;
      jobs[i].next += 64 * busy;
      jobs[i].blocks -= busy;
    }
  }
  for (size_t i = 0; i < n; i++) {
    for (size_t word = 0; word < 5; word++) {
      jobs[i].state[word] = states[word][i];
    }
    otrf_sha1_blocks(jobs[i].state, jobs[i].next, jobs[i].blocks);
  }
  otrf_wipe(states, sizeof states);
}

#else

size_t otrf_sha1_lanes(void) { return 1; }

void otrf_sha1_many(otrf_sha1_job *jobs, size_t n) {
  for (size_t i = 0; i < n; i++) {
    otrf_sha1_blocks(jobs[i].state, jobs[i].next, jobs[i].blocks);
  }
}

#endif
