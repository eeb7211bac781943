/* The AVX-512 instructions that the IFMA kernels use, lane by lane in plain C: so that these kernels can be tried, and
 * watched by memcheck, on processors and under tools that know nothing of them. Of each instruction no more is here
 * than what the kernels ask of it. */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

#include <stdint.h>
#include <string.h>

typedef struct {
  _Alignas(64) uint64_t lane[8];
} __m512i;

typedef struct {
  _Alignas(16) uint64_t lane[2];
} __m128i;

typedef uint8_t __mmask8;

/* calls: a compiler that lays all of them in takes minutes */
#define EMULATED static __attribute__((noinline, unused))
#define DIGIT ((1ull << 52) - 1)

__extension__ typedef unsigned __int128 emulated_wide;

EMULATED uint64_t emulated_low(uint64_t sum, uint64_t a, uint64_t b) {
  return sum + ((uint64_t)((emulated_wide)(a & DIGIT) * (b & DIGIT)) & DIGIT);
}

EMULATED uint64_t emulated_high(uint64_t sum, uint64_t a, uint64_t b) {
  return sum + (uint64_t)((emulated_wide)(a & DIGIT) * (b & DIGIT) >> 52);
}

/* ---- eight lanes ---- */

#define LANES_8(expression)     \
  __m512i r;                    \
  for (int i = 0; i < 8; i++) { \
    r.lane[i] = (expression);   \
  }                             \
  return r
#define MASK_8(condition)               \
  unsigned mask = 0;                    \
  for (int i = 0; i < 8; i++) {         \
    mask |= (unsigned)(condition) << i; \
  }                                     \
  return (__mmask8)mask
/* All ones where bit i of the mask is set: a choice without a branch, as the instructions make it. */
#define CHOSEN(mask, i) (0 - (uint64_t)((mask) >> (i)&1))

EMULATED __m512i _mm512_setzero_si512(void) { LANES_8(0 * (uint64_t)i); }
EMULATED __m512i _mm512_set1_epi64(long long a) { LANES_8((uint64_t)a); }
EMULATED __m512i _mm512_add_epi64(__m512i a, __m512i b) { LANES_8(a.lane[i] + b.lane[i]); }
EMULATED __m512i _mm512_and_si512(__m512i a, __m512i b) { LANES_8(a.lane[i] & b.lane[i]); }
EMULATED __m512i _mm512_or_si512(__m512i a, __m512i b) { LANES_8(a.lane[i] | b.lane[i]); }
EMULATED __m512i _mm512_srli_epi64(__m512i a, unsigned count) { LANES_8(a.lane[i] >> count); }
EMULATED __m512i _mm512_sllv_epi64(__m512i a, __m512i count) { LANES_8(a.lane[i] << count.lane[i]); }

EMULATED __m512i _mm512_madd52lo_epu64(__m512i sum, __m512i a, __m512i b) {
  LANES_8(emulated_low(sum.lane[i], a.lane[i], b.lane[i]));
}

EMULATED __m512i _mm512_madd52hi_epu64(__m512i sum, __m512i a, __m512i b) {
  LANES_8(emulated_high(sum.lane[i], a.lane[i], b.lane[i]));
}

EMULATED __m512i _mm512_mask_add_epi64(__m512i other, __mmask8 mask, __m512i a, __m512i b) {
  LANES_8(((a.lane[i] + b.lane[i]) & CHOSEN(mask, i)) | (other.lane[i] & ~CHOSEN(mask, i)));
}

EMULATED __m512i _mm512_mask_blend_epi64(__mmask8 mask, __m512i a, __m512i b) {
  LANES_8((b.lane[i] & CHOSEN(mask, i)) | (a.lane[i] & ~CHOSEN(mask, i)));
}

EMULATED __m512i _mm512_alignr_epi64(__m512i high, __m512i low, const int count) {
  LANES_8(i + count < 8 ? low.lane[i + count] : high.lane[i + count - 8]);
}

/* Bits 0 to 2 of an index say which lane, bit 3 of which number. */
EMULATED __m512i _mm512_permutex2var_epi64(__m512i a, __m512i index, __m512i b) {
  __m512i r = {{0}};
  for (int i = 0; i < 8; i++) {
    for (uint64_t k = 0; k < 8; k++) { /* no address depends on the index */
      const uint64_t here = 0 - (uint64_t)((index.lane[i] & 7) == k);
      const uint64_t of_b = 0 - (index.lane[i] >> 3 & 1);
      r.lane[i] |= here & ((b.lane[k] & of_b) | (a.lane[k] & ~of_b));
    }
  }
  return r;
}

EMULATED __mmask8 _mm512_cmpgt_epu64_mask(__m512i a, __m512i b) { MASK_8(a.lane[i] > b.lane[i]); }
EMULATED __mmask8 _mm512_cmpeq_epu64_mask(__m512i a, __m512i b) { MASK_8(a.lane[i] == b.lane[i]); }
EMULATED __mmask8 _mm512_cmpeq_epi64_mask(__m512i a, __m512i b) { MASK_8(a.lane[i] == b.lane[i]); }
EMULATED __mmask8 _mm512_test_epi64_mask(__m512i a, __m512i b) { MASK_8((a.lane[i] & b.lane[i]) != 0); }

EMULATED __m512i _mm512_loadu_si512(const void *from) {
  __m512i r;
  memcpy(&r, from, sizeof r);
  return r;
}

EMULATED __m512i _mm512_load_si512(const void *from) { return _mm512_loadu_si512(from); }
EMULATED void _mm512_store_si512(void *to, __m512i a) { memcpy(to, &a, sizeof a); }

/* Only the chosen lanes are read. */
EMULATED __m512i _mm512_mask_load_epi64(__m512i other, __mmask8 mask, const void *from) {
  for (int i = 0; i < 8; i++) {
    uint64_t lane;
    memcpy(&lane, (const char *)from + 8 * i, 8);
    other.lane[i] = (lane & CHOSEN(mask, i)) | (other.lane[i] & ~CHOSEN(mask, i));
  }
  return other;
}

/* ---- two lanes ---- */

#define LANES_2(expression)     \
  __m128i r;                    \
  for (int i = 0; i < 2; i++) { \
    r.lane[i] = (expression);   \
  }                             \
  return r

EMULATED __m128i _mm_setzero_si128(void) { LANES_2(0 * (uint64_t)i); }
EMULATED __m128i _mm_set1_epi64x(long long a) { LANES_2((uint64_t)a); }
EMULATED __m128i _mm_cvtsi64_si128(long long a) { LANES_2(i == 0 ? (uint64_t)a : 0); }
EMULATED __m128i _mm_add_epi64(__m128i a, __m128i b) { LANES_2(a.lane[i] + b.lane[i]); }
EMULATED __m128i _mm_and_si128(__m128i a, __m128i b) { LANES_2(a.lane[i] & b.lane[i]); }
EMULATED __m128i _mm_srli_epi64(__m128i a, unsigned count) { LANES_2(a.lane[i] >> count); }

EMULATED __m128i _mm_madd52lo_epu64(__m128i sum, __m128i a, __m128i b) {
  LANES_2(emulated_low(sum.lane[i], a.lane[i], b.lane[i]));
}

EMULATED __m128i _mm_madd52hi_epu64(__m128i sum, __m128i a, __m128i b) {
  LANES_2(emulated_high(sum.lane[i], a.lane[i], b.lane[i]));
}

/* ---- from two lanes to eight and back; what the instructions leave open is filled with what catches the eye ---- */

#define OPEN 0xdeadbeefdeadbeefull

EMULATED __m128i _mm512_castsi512_si128(__m512i a) { LANES_2(a.lane[i]); }
EMULATED __m512i _mm512_castsi128_si512(__m128i a) { LANES_8(i < 2 ? a.lane[i] : OPEN); }
EMULATED __m512i _mm512_broadcastq_epi64(__m128i a) { LANES_8(a.lane[0 * i]); }

/* ---- bits of general registers ---- */

EMULATED uint32_t _pdep_u32(uint32_t bits, uint32_t places) {
  uint32_t r = 0;
  for (int i = 0, k = 0; i < 32; i++) {
    if (places >> i & 1) { /* the places are public */
      r |= (bits >> k++ & 1) << i;
    }
  }
  return r;
}

EMULATED uint32_t _pext_u32(uint32_t bits, uint32_t places) {
  uint32_t r = 0;
  for (int i = 0, k = 0; i < 32; i++) {
    if (places >> i & 1) {
      r |= (bits >> i & 1) << k++;
    }
  }
  return r;
}

#endif
