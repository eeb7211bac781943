/* Montgomery multiplication of one number at a time with AVX2, 1536 or 1024 bits. */
#include "field/avx2.h"

#include <string.h>

#include "platform/memory.h"

#if OTRF_X86
#include <immintrin.h>

#define KERNEL OTRF_TARGET_AVX2 OTRF_INLINE
#define HALF(vectors) ((vectors) / 2)

/* ---- the rows, as text for the assembler: the sum takes all registers but two, and has to stay in them
 *
 * Vector v of the sum is in register v at first. When its lowest digit is done, vector 0 becomes the highest, so that
 * rows differ in the order of registers alone. In the text b is where the digits of a block are, a the number they
 * multiply, m the scaled modulus, t where the sum goes at the end. */

/* clang-format off */
#define YMM(register) "%%ymm" #register
#define AT(vector, base) "32*(" #vector ")(%[" #base "])"
#define TERM(sum, vector, base)                                                                                        \
  "vpmuludq " AT(vector, base) ", %%ymm14, %%ymm15\n\tvpaddq %%ymm15, " YMM(sum) ", " YMM(sum) "\n\t"

/* The digit in register 14 times n vectors: the last of them from `last`, those before it from `most`. */
#define TERMS_1(n, most, last, a, ...) TERM(a, n - 1, last)
#define TERMS_2(n, most, last, a, ...) TERM(a, n - 2, most) TERMS_1(n, most, last, __VA_ARGS__)
#define TERMS_3(n, most, last, a, ...) TERM(a, n - 3, most) TERMS_2(n, most, last, __VA_ARGS__)
#define TERMS_4(n, most, last, a, ...) TERM(a, n - 4, most) TERMS_3(n, most, last, __VA_ARGS__)
#define TERMS_5(n, most, last, a, ...) TERM(a, n - 5, most) TERMS_4(n, most, last, __VA_ARGS__)
#define TERMS_6(n, most, last, a, ...) TERM(a, n - 6, most) TERMS_5(n, most, last, __VA_ARGS__)
#define TERMS_7(n, most, last, a, ...) TERM(a, n - 7, most) TERMS_6(n, most, last, __VA_ARGS__)
#define TERMS_8(n, most, last, a, ...) TERM(a, n - 8, most) TERMS_7(n, most, last, __VA_ARGS__)
#define TERMS_9(n, most, last, a, ...) TERM(a, n - 9, most) TERMS_8(n, most, last, __VA_ARGS__)
#define TERMS_10(n, most, last, a, ...) TERM(a, n - 10, most) TERMS_9(n, most, last, __VA_ARGS__)
#define TERMS_11(n, most, last, a, ...) TERM(a, n - 11, most) TERMS_10(n, most, last, __VA_ARGS__)
#define TERMS_12(n, most, last, a, ...) TERM(a, n - 12, most) TERMS_11(n, most, last, __VA_ARGS__)
#define TERMS_13(n, most, last, a, ...) TERM(a, n - 13, most) TERMS_12(n, most, last, __VA_ARGS__)
#define TERMS_14(n, most, last, a, ...) TERM(a, n - 14, most) TERMS_13(n, most, last, __VA_ARGS__)

/* A digit of b, in all lanes; upper halves are not read. */
#define DIGIT(place) "vpbroadcastd " #place "(%[b]), %%ymm14\n\t"

/* The quotient digit is the lowest digit of the sum as it stands, because k m = -1 modulo 2^28. It vanishes, and what
 * is above it is carried to the next digit; its vector moves down by a lane. */
#define REDUCE(n, a, b, ...)                                                                                           \
  "vpand %[mask], %%xmm" #a ", %%xmm14\n\tvpbroadcastq %%xmm14, %%ymm14\n\t"                                           \
  "vpsrlvq %[first], " YMM(a) ", %%ymm15\n\tvpaddq %%ymm15, " YMM(b) ", " YMM(b) "\n\t"                                \
  "vperm2i128 $0x81, " YMM(a) ", " YMM(a) ", %%ymm15\n\tvpalignr $8, " YMM(a) ", %%ymm15, " YMM(a) "\n\t"              \
  TERMS_##n(n, m, m, b, __VA_ARGS__, a)

#define PRODUCT_14(row, place, ...) DIGIT(place) TERMS_14(14, a, a, __VA_ARGS__) REDUCE(14, __VA_ARGS__)
#define PRODUCT_10(row, place, ...) DIGIT(place) TERMS_10(10, a, a, __VA_ARGS__) REDUCE(10, __VA_ARGS__)

/* Rows V l + k of all l against vector v are what rows V l + v of all l are against vector k. So of a square these rows
 * take the vectors below k twice, vector k, and no more. */
#define SQUARE_14(row, place, ...) DIGIT(place) TERMS_##row(row, twice, a, __VA_ARGS__) REDUCE(14, __VA_ARGS__)
#define SQUARE_10(row, place, ...) DIGIT(place) TERMS_##row(row, twice, a, __VA_ARGS__) REDUCE(10, __VA_ARGS__)

#define BLOCK_14(row)                                                                                                  \
  row(1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)                                                              \
      row(2, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0)                                                         \
      row(3, 64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1)                                                         \
      row(4, 96, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2)                                                         \
      row(5, 128, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3)                                                        \
      row(6, 160, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4)                                                        \
      row(7, 192, 6, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5)                                                        \
      row(8, 4, 7, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5, 6)                                                          \
      row(9, 36, 8, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7)                                                         \
      row(10, 68, 9, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8)                                                        \
      row(11, 100, 10, 11, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)                                                       \
      row(12, 132, 11, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)                                                       \
      row(13, 164, 12, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11) LEAVE                                                 \
      row(14, 196, 13, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
#define BLOCK_10(row)                                                                                                  \
  row(1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)                                                                              \
      row(2, 32, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0)                                                                         \
      row(3, 64, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1)                                                                         \
      row(4, 96, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2)                                                                         \
      row(5, 128, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3)                                                                        \
      row(6, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4)                                                                          \
      row(7, 36, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5) LEAVE                                                                   \
      row(8, 68, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6)                                                                         \
      row(9, 100, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7)                                                                        \
      row(10, 132, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8)

/* A block for each lane; the last one has 13 rows (7), which leaves vector 0 in register 13 (7). */
#define LEAVE "subl $1, %[left]\n\tjz 2f\n\t"
#define LOOP(block) "1:\n\t" block "addq $8, %[b]\n\tjmp 1b\n2:\n\t"

#define CLEAR(register) "vpxor " YMM(register) ", " YMM(register) ", " YMM(register) "\n\t"
#define STORE(vector, register) "vmovdqa " YMM(register) ", " AT(vector, t) "\n\t"
#define CLEAR_10 CLEAR(0) CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7) CLEAR(8) CLEAR(9)
#define CLEAR_14 CLEAR_10 CLEAR(10) CLEAR(11) CLEAR(12) CLEAR(13)
#define STORE_10                                                                                                       \
  STORE(0, 7) STORE(1, 8) STORE(2, 9) STORE(3, 0) STORE(4, 1) STORE(5, 2) STORE(6, 3) STORE(7, 4) STORE(8, 5)          \
      STORE(9, 6)
#define STORE_14                                                                                                       \
  STORE(0, 13) STORE(1, 0) STORE(2, 1) STORE(3, 2) STORE(4, 3) STORE(5, 4) STORE(6, 5) STORE(7, 6) STORE(8, 7)         \
      STORE(9, 8) STORE(10, 9) STORE(11, 10) STORE(12, 11) STORE(13, 12)

#define ROWS(vectors, row)                                                                                             \
  __asm__ volatile(CLEAR_##vectors LOOP(BLOCK_##vectors(row)) STORE_##vectors                                          \
                   : [b] "+r"(b), [left] "+r"(left)                                                                    \
                   : [t] "r"(scratch->sum), [a] "r"(scratch->once), [twice] "r"(scratch->twice), [m] "r"(scaled),               \
                     [mask] "m"(*(const __m128i *)mask), [first] "m"(*(const __m256i *)first)                          \
                   : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", \
                     "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory")

/* clang-format on */

/* What a product keeps in the scratch of its field. */
typedef struct {
  __m256i once[OTRF_AVX2_VECTORS];  /* the number that the digits multiply, a vector at a time */
  __m256i twice[OTRF_AVX2_VECTORS]; /* for squares */
  __m256i sum[OTRF_AVX2_VECTORS];
} product_scratch;

_Static_assert(sizeof(product_scratch) <= sizeof(otrf_mont_scratch), "the scratch of a field is too small");

/* scratch->sum = the sum of all rows: b is a number in memory. */
KERNEL void rows(product_scratch *scratch, const void *b, const otrf_avx2_row *scaled, const int vectors,
                 const int square) {
  static const _Alignas(16) otrf_limb mask[2] = {OTRF_AVX2_MASK, 0};
  static const _Alignas(32) otrf_limb first[4] = {OTRF_AVX2_BITS, 64, 64, 64}; /* shifts that leave lane 0 alone */
  int left = OTRF_AVX2_LANES;
  if (vectors == 14 && square) {
    ROWS(14, SQUARE_14);
  } else if (vectors == 14) {
    ROWS(14, PRODUCT_14);
  } else if (square) {
    ROWS(10, SQUARE_10);
  } else {
    ROWS(10, PRODUCT_10);
  }
}

/* ---- around the rows ---- */

/* One digit more by m itself, with a quotient that is computed. */
KERNEL void reduce_last(__m256i *t, const otrf_avx2_modulus *modulus, const int vectors) {
  const __m256i mask = _mm256_set1_epi64x((long long)OTRF_AVX2_MASK);
  const __m256i inverse = _mm256_set1_epi64x((long long)modulus->inverse);
  const __m256i *const m = (const __m256i *)&modulus->m;
  const __m256i lowest = _mm256_broadcastq_epi64(_mm256_castsi256_si128(t[0]));
  const __m256i quotient = _mm256_and_si256(_mm256_mul_epu32(lowest, inverse), mask);
  const __m256i zero = _mm256_setzero_si256(), done = _mm256_add_epi64(t[0], _mm256_mul_epu32(quotient, m[0]));
  for (int v = 1; v < vectors; v++) {
    t[v - 1] = _mm256_add_epi64(t[v], _mm256_mul_epu32(quotient, m[v]));
  }
  t[0] = _mm256_add_epi64(t[0], _mm256_blend_epi32(zero, _mm256_srli_epi64(done, OTRF_AVX2_BITS), 3));
  t[vectors - 1] = _mm256_permute4x64_epi64(_mm256_blend_epi32(done, zero, 3), 0x39);
}

/* Two parallel passes of carries bring the sums, which are below 2^63, to digits of at most 2^28 + 2^7. */
KERNEL void store(void *r, const __m256i *t, const int vectors) {
  const __m256i mask = _mm256_set1_epi64x((long long)OTRF_AVX2_MASK);
  __m256i *const pairs = r, digits[OTRF_AVX2_VECTORS];
#pragma GCC unroll 14
  for (int v = 0; v < vectors; v++) {
    digits[v] = t[v];
  }
#pragma GCC unroll 2
  for (int pass = 0; pass < 2; pass++) {
    __m256i carry = _mm256_srli_epi64(digits[vectors - 1], OTRF_AVX2_BITS);
    carry = _mm256_alignr_epi8(carry, _mm256_permute2x128_si256(carry, carry, 0x08), 8);
#pragma GCC unroll 14
    for (int v = 0; v < vectors; v++) {
      const __m256i next = _mm256_srli_epi64(digits[v], OTRF_AVX2_BITS);
      digits[v] = _mm256_add_epi64(_mm256_and_si256(digits[v], mask), carry);
      carry = next;
    }
  }
#pragma GCC unroll 7
  for (int v = 0; v < HALF(vectors); v++) {
    _mm256_store_si256(pairs + v, _mm256_or_si256(digits[v], _mm256_slli_epi64(digits[v + HALF(vectors)], 32)));
  }
}

/* r = a * b / R mod m. */
KERNEL void multiply(void *r, const void *a, const void *b, otrf_field *field, const int vectors, const int square) {
  const otrf_avx2_modulus *const modulus = field->modulus;
  const __m256i *const pairs = a;
  product_scratch *const scratch = (product_scratch *)&field->scratch;
#pragma GCC unroll 7
  for (int v = 0; v < HALF(vectors); v++) {
    const __m256i low = pairs[v], high = _mm256_srli_epi64(low, 32);
    scratch->once[v] = low;
    scratch->once[v + HALF(vectors)] = high;
    if (square) {
      scratch->twice[v] = _mm256_add_epi32(low, low);
      scratch->twice[v + HALF(vectors)] = _mm256_add_epi32(high, high);
    }
  }
  rows(scratch, b, &modulus->scaled, vectors, square);
  if (vectors == 10) { /* for the group k is 1 */
    reduce_last(scratch->sum, modulus, vectors);
  }
  store(r, scratch->sum, vectors);
}

KERNEL void select_entry(void *r, const void *table, size_t entries, unsigned index, const int pairs) {
  const __m256i *entry = table;
  const __m256i wanted = _mm256_set1_epi64x(index), unit = _mm256_set1_epi64x(1);
  __m256i current = _mm256_setzero_si256(), value[OTRF_AVX2_PAIRS];
  memset(value, 0, sizeof value);
  for (size_t i = 0; i < entries; i++, entry += pairs) {
    const __m256i here = _mm256_cmpeq_epi64(current, wanted);
#pragma GCC unroll 7
    for (int v = 0; v < pairs; v++) {
      value[v] = _mm256_or_si256(value[v], _mm256_and_si256(entry[v], here));
    }
    current = _mm256_add_epi64(current, unit);
  }
  memcpy(r, value, (size_t)pairs * sizeof *value);
}

/* ---- the field; one set of functions for each number of vectors ---- */

OTRF_TARGET_AVX2 static void mul_14(void *r, const void *a, const void *b, otrf_field *field) {
  multiply(r, a, b, field, 14, 0);
}

OTRF_TARGET_AVX2 static void mul_10(void *r, const void *a, const void *b, otrf_field *field) {
  multiply(r, a, b, field, 10, 0);
}

OTRF_TARGET_AVX2 static void square_14(void *r, const void *a, size_t count, otrf_field *field) {
  memmove(r, a, field->size);
  while (count-- > 0) {
    multiply(r, r, r, field, 14, 1);
  }
}

OTRF_TARGET_AVX2 static void square_10(void *r, const void *a, size_t count, otrf_field *field) {
  memmove(r, a, field->size);
  while (count-- > 0) {
    multiply(r, r, r, field, 10, 1);
  }
}

OTRF_TARGET_AVX2 static void select_14(void *r, const void *table, size_t entries, unsigned index, otrf_field *field) {
  (void)field;
  select_entry(r, table, entries, index, 7);
}

OTRF_TARGET_AVX2 static void select_10(void *r, const void *table, size_t entries, unsigned index, otrf_field *field) {
  (void)field;
  select_entry(r, table, entries, index, 5);
}

static void in(void *r, const otrf_limb *a, otrf_field *field) {
  const otrf_avx2_modulus *modulus = field->modulus;
  otrf_avx2_number digits;
  otrf_avx2_digits(&digits, a, modulus);
  field->mul(r, &digits, &modulus->square, field);
  otrf_wipe(&digits, sizeof digits);
}

static void out(otrf_limb *r, const void *a, otrf_field *field) {
  static const otrf_avx2_number unit = {{{1}}};
  otrf_avx2_number plain;
  field->mul(&plain, a, &unit, field);
  otrf_avx2_limbs(r, &plain, field->modulus);
  otrf_wipe(&plain, sizeof plain);
}

void otrf_field_on_avx2(otrf_field *field, const otrf_avx2_modulus *modulus) {
  const int group = modulus->vectors == OTRF_AVX2_VECTORS;
  *field = (otrf_field){
      .size = modulus->vectors / 2 * sizeof(__m256i),
      .one = &modulus->one,
      .modulus = modulus,
      .mul = group ? mul_14 : mul_10,
      .square = group ? square_14 : square_10,
      .select = group ? select_14 : select_10,
      .in = in,
      .out = out,
  };
}
#else
void otrf_field_on_avx2(otrf_field *field, const otrf_avx2_modulus *modulus) {
  (void)modulus;
  memset(field, 0, sizeof *field);
}
#endif
