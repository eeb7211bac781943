/* Base64 with AVX2 (24 bytes at a time) and with AVX-512 VBMI (48 bytes at a time). */
#include "base64/base64.h"

#if OTRF_X86

#include <immintrin.h>

/* Both paths bring each group of bytes b0 b1 b2 into a 32-bit word as b1 b0 b2 b1: there its four values stand as bits
 * 10..15, 4..9, 22..27 and 16..21. */

/* ---- AVX2 ---- */

OTRF_INLINE OTRF_TARGET_AVX2 __m256i both(__m128i half) { return _mm256_broadcastsi128_si256(half); }

OTRF_INLINE OTRF_TARGET_AVX2 __m256i load_halves(const uint8_t *low, const uint8_t *high) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)low)),
                                 _mm_loadu_si128((const __m128i *)(const void *)high), 1);
}

/* Values 0..63 to characters: a table of distances, one entry for each run of the alphabet. Values 52..63 pick
 * entries 1 to 12 and the others entry 0, but for those below 26, which pick entry 13. */
OTRF_INLINE OTRF_TARGET_AVX2 __m256i to_chars(__m256i values) {
  const __m256i distances = both(_mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                               '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0));
  const __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
  const __m256i run =
      _mm256_or_si256(_mm256_subs_epu8(values, _mm256_set1_epi8(51)), _mm256_and_si256(upper, _mm256_set1_epi8(13)));
  return _mm256_add_epi8(values, _mm256_shuffle_epi8(distances, run));
}

/* 24 bytes to 32 characters. The halves are read so that nothing outside the 24 bytes is: bytes 0 to 15, and 8 to
 * 23. */
OTRF_INLINE OTRF_TARGET_AVX2 void encode24(char *out, const uint8_t *data) {
  const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, /* from byte 0 on */
                                          5, 4, 6, 5, 8, 7, 9, 8, 11, 10, 12, 11, 14, 13, 15, 14 /* from byte 12 */);
  const __m256i words = _mm256_shuffle_epi8(load_halves(data, data + 8), spread);
  const __m256i even =
      _mm256_mulhi_epu16(_mm256_and_si256(words, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
  const __m256i odd =
      _mm256_mullo_epi16(_mm256_and_si256(words, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
  _mm256_storeu_si256((__m256i *)(void *)out, to_chars(_mm256_or_si256(even, odd)));
}

OTRF_TARGET_AVX2 size_t otrf_base64_encode_avx2(char *out, const uint8_t *data, size_t len) {
  size_t at = 0;
  if (len < 24) {
    return 0;
  }
  for (; at + 24 <= len; at += 24) {
    encode24(out + at / 3 * 4, data + at);
  }
  encode24(out + (len - 24) / 3 * 4, data + len - 24); /* the rest, with some of what was done before */
  return len;
}

/* A character is outside the alphabet if the row of its high nibble excludes the column of its low one. Rows: 2x
 * is bit 0, 3x bit 1, 4x and 6x bit 2, 5x and 7x bit 3, all others bit 4. */
OTRF_INLINE OTRF_TARGET_AVX2 __m256i outside(__m256i high, __m256i low) {
  const __m256i rows = both(_mm_setr_epi8(16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16));
  const __m256i columns = both(_mm_setr_epi8(21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26));
  return _mm256_and_si256(_mm256_shuffle_epi8(rows, high), _mm256_shuffle_epi8(columns, low));
}

/* Four values of six bits in each 32-bit word to three bytes, first byte highest. */
OTRF_INLINE OTRF_TARGET_AVX2 __m256i join(__m256i values) {
  const __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
  return _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
}

/* 32 characters to 24 bytes, and 8 more bytes overwritten; returns where a character was outside the alphabet. */
OTRF_INLINE OTRF_TARGET_AVX2 __m256i decode32(uint8_t *out, const char *text) {
  const __m256i distances =
      both(_mm_setr_epi8(0, 63 - '/', 62 - '+', 52 - '0', -'A', -'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0));
  const __m256i nibble = _mm256_set1_epi8(0x0f);
  const __m256i order = both(_mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  const __m256i close = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  const __m256i chars = _mm256_loadu_si256((const __m256i *)(const void *)text);
  const __m256i high = _mm256_and_si256(_mm256_srli_epi32(chars, 4), nibble);
  const __m256i slash = _mm256_cmpeq_epi8(chars, _mm256_set1_epi8('/'));
  const __m256i values = _mm256_add_epi8(chars, _mm256_shuffle_epi8(distances, _mm256_add_epi8(high, slash)));
  const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(join(values), order), close);
  _mm256_storeu_si256((__m256i *)(void *)out, bytes);
  return outside(high, _mm256_and_si256(chars, nibble));
}

OTRF_TARGET_AVX2 size_t otrf_base64_decode_avx2(uint8_t *out, const char *text, size_t len, int *bad) {
  __m256i wrong = _mm256_setzero_si256();
  size_t at = 0;
  *bad = 0;
  if (len < 32) {
    return 0;
  }
  for (; at + 32 <= len; at += 32) {
    wrong = _mm256_or_si256(wrong, decode32(out + at / 4 * 3, text + at));
  }
  wrong = _mm256_or_si256(wrong, decode32(out + (len - 32) / 4 * 3, text + len - 32));
  *bad = !_mm256_testz_si256(wrong, wrong);
  return len;
}

/* ---- AVX-512 VBMI ---- */

static const uint8_t alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* clang-format off */
#define X 0x80
/* The values of the characters 0..127; X for those that have none. */
static const uint8_t values_of[128] = {
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  62, X,  X,  X,  63, 52, 53, 54, 55,
    56, 57, 58, 59, 60, 61, X,  X,  X,  X,  X,  X,  X,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,  X,  X,  X,  X,  X,  26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, X,  X,  X,  X,  X,
};
#undef X

static const uint8_t spread48[64] = {
     1,  0,  2,  1,  4,  3,  5,  4,  7,  6,  8,  7, 10,  9, 11, 10,
    13, 12, 14, 13, 16, 15, 17, 16, 19, 18, 20, 19, 22, 21, 23, 22,
    25, 24, 26, 25, 28, 27, 29, 28, 31, 30, 32, 31, 34, 33, 35, 34,
    37, 36, 38, 37, 40, 39, 41, 40, 43, 42, 44, 43, 46, 45, 47, 46,
};

static const uint8_t close48[64] = {
     2,  1,  0,  6,  5,  4, 10,  9,  8, 14, 13, 12, 18, 17, 16, 22,
    21, 20, 26, 25, 24, 30, 29, 28, 34, 33, 32, 38, 37, 36, 42, 41,
    40, 46, 45, 44, 50, 49, 48, 54, 53, 52, 58, 57, 56, 62, 61, 60,
};
/* clang-format on */

OTRF_INLINE OTRF_TARGET_VBMI __m512i table(const uint8_t *in) { return _mm512_loadu_si512((const void *)in); }

OTRF_TARGET_VBMI size_t otrf_base64_encode_vbmi(char *out, const uint8_t *data, size_t len) {
  const __m512i spread = table(spread48), chars = table(alphabet);
  const __m512i shifts = _mm512_set1_epi64(0x3036242a1016040a);
  for (size_t at = 0; at < len; at += 48, out += 64) {
    const size_t left = len - at;
    const __mmask64 in = ~0ull >> (left < 48 ? 64 - left : 16);
    const __mmask64 written = left < 48 ? ~0ull >> (64 - left / 3 * 4) : ~0ull;
    const __m512i words = _mm512_permutexvar_epi8(spread, _mm512_maskz_loadu_epi8(in, data + at));
    /* the permutation looks at the low six bits of each index alone */
    const __m512i text = _mm512_permutexvar_epi8(_mm512_multishift_epi64_epi8(shifts, words), chars);
    _mm512_mask_storeu_epi8(out, written, text);
  }
  return len;
}

OTRF_TARGET_VBMI size_t otrf_base64_decode_vbmi(uint8_t *out, const char *text, size_t len, int *bad) {
  const __m512i low = table(values_of), high = table(values_of + 64), order = table(close48);
  const __m512i pair = _mm512_set1_epi32(0x01400140), quad = _mm512_set1_epi32(0x00011000);
  const __m512i zero_chars = _mm512_set1_epi8('A');
  __m512i wrong = _mm512_setzero_si512();
  for (size_t at = 0; at < len; at += 64, out += 48) {
    const size_t left = len - at;
    const __mmask64 in = left < 64 ? ~0ull >> (64 - left) : ~0ull;
    const __m512i chars = _mm512_mask_loadu_epi8(zero_chars, in, text + at);
    const __m512i values = _mm512_permutex2var_epi8(low, chars, high);
    wrong = _mm512_ternarylogic_epi64(wrong, chars, values, 0xfe); /* wrong | chars | values */
    const __m512i words = _mm512_madd_epi16(_mm512_maddubs_epi16(values, pair), quad);
    /* whole registers: what reads the bytes next can then take them from the store */
    _mm512_storeu_si512((void *)out, _mm512_permutexvar_epi8(order, words));
  }
  *bad = _mm512_movepi8_mask(wrong) != 0;
  return len;
}

#else
typedef int otrf_no_base64_x86; /* a translation unit may not be empty */
#endif
