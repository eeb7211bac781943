/* Montgomery multiplication of one number at a time with AVX-512 IFMA, 1536 or 1024 bits. */
#include "field/ifma.h"

#include <string.h>

#include "platform/memory.h"

#if OTRF_X86
#include <immintrin.h>

#define KERNEL OTRF_TARGET_IFMA OTRF_INLINE

/* z += b * a, one row: a digit b against all of a. z[w] collects digits w, w + V, w + 2 V, ... above the row's start.
 */
KERNEL void row(__m512i *z, __m512i b, const __m512i *a, const int vectors) {
  z[0] = _mm512_madd52lo_epu64(z[0], a[0], b);
  z[1] = _mm512_madd52lo_epu64(z[1], a[1], b);
  z[2] = _mm512_madd52lo_epu64(z[2], a[2], b);
  if (vectors > 3) {
    z[3] = _mm512_madd52lo_epu64(z[3], a[3], b);
  }
  z[1] = _mm512_madd52hi_epu64(z[1], a[0], b);
  z[2] = _mm512_madd52hi_epu64(z[2], a[1], b);
  z[3] = _mm512_madd52hi_epu64(z[3], a[2], b);
  if (vectors > 3) {
    z[4] = _mm512_madd52hi_epu64(z[4], a[3], b);
  }
}

/* Move every lane down (up) by one, that is by V digits; 0 comes in. */
KERNEL __m512i down(__m512i a) { return _mm512_alignr_epi64(_mm512_setzero_si512(), a, 1); }
KERNEL __m512i up(__m512i a) { return _mm512_alignr_epi64(a, _mm512_setzero_si512(), 7); }

/* Bring accumulators below 2^60 to digits below 2^52. One parallel pass leaves at most one carry for each digit; those
 * ripple through runs of full digits, which the carry chain of an ordinary addition does for all digits at once. */
KERNEL void normalise(__m512i *d, const int vectors) {
  const __m512i mask = _mm512_set1_epi64((long long)OTRF_IFMA_MASK);
  const __m512i unit = _mm512_set1_epi64(1);
  const unsigned spread = vectors == 4 ? 0x11111111u : 0x00249249u;
  __m512i carry[OTRF_IFMA_VECTORS];
  unsigned over = 0, full = 0;
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    carry[v] = _mm512_srli_epi64(d[v], OTRF_IFMA_BITS);
    d[v] = _mm512_and_si512(d[v], mask);
  }
  d[0] = _mm512_add_epi64(d[0], up(carry[vectors - 1]));
#pragma GCC unroll 4
  for (int v = 1; v < vectors; v++) {
    d[v] = _mm512_add_epi64(d[v], carry[v - 1]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    over |= _pdep_u32(_mm512_cmpgt_epu64_mask(d[v], mask), spread << v);
    full |= _pdep_u32(_mm512_cmpeq_epu64_mask(d[v], mask), spread << v);
  }
  const unsigned arrive = ((over << 1) + full) ^ full;
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    const __mmask8 lanes = (__mmask8)_pext_u32(arrive, spread << v);
    d[v] = _mm512_and_si512(_mm512_mask_add_epi64(d[v], lanes, d[v], unit), mask);
  }
}

/* The lowest digits of t, carried out so that each is below 2^52, for the first lane only; returns the carry. */
KERNEL __m128i low_digits(__m128i *low, const __m512i *t, const int count) {
  const __m128i mask = _mm_set1_epi64x((long long)OTRF_IFMA_MASK);
  __m128i carry = _mm_setzero_si128();
#pragma GCC unroll 4
  for (int v = 0; v < count; v++) {
    const __m128i sum = _mm_add_epi64(_mm512_castsi512_si128(t[v]), carry);
    low[v] = _mm_and_si128(sum, mask);
    carry = _mm_srli_epi64(sum, OTRF_IFMA_BITS);
  }
  return carry;
}

/* t plus a number that only the first lane of `low` holds. */
KERNEL __m512i add_first(__m512i t, __m128i low) { return _mm512_mask_add_epi64(t, 1, t, _mm512_castsi128_si512(low)); }

/* quotient = low / -m modulo 2^(52 V). Of the sums only 52 bits are read, so the last one keeps what lies above. */
KERNEL void last_quotient(__m128i *q, const __m128i *low, const otrf_limb *inverse, const int vectors) {
  __m128i i[OTRF_IFMA_VECTORS], lo = _mm_setzero_si128(), hi = lo;
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    i[v] = _mm_cvtsi64_si128((long long)inverse[v]);
  }
  if (vectors == 4) {
    /* p = -1 modulo 2^64: the first digit of the inverse is 1. */
    q[0] = low[0];
    q[1] = _mm_madd52lo_epu64(low[1], low[0], i[1]);
    q[2] = _mm_madd52lo_epu64(low[2], low[0], i[2]);
    q[2] = _mm_madd52lo_epu64(q[2], low[1], i[1]);
    hi = _mm_madd52hi_epu64(hi, low[0], i[1]);
    q[2] = _mm_add_epi64(_mm_add_epi64(q[2], hi), _mm_srli_epi64(q[1], OTRF_IFMA_BITS));
    q[3] = _mm_madd52lo_epu64(low[3], low[0], i[3]);
    q[3] = _mm_madd52lo_epu64(q[3], low[1], i[2]);
    q[3] = _mm_madd52lo_epu64(q[3], low[2], i[1]);
    lo = _mm_madd52hi_epu64(lo, low[0], i[2]);
    lo = _mm_madd52hi_epu64(lo, low[1], i[1]);
    q[3] = _mm_add_epi64(_mm_add_epi64(q[3], lo), _mm_srli_epi64(q[2], OTRF_IFMA_BITS));
  } else {
    q[0] = _mm_madd52lo_epu64(lo, low[0], i[0]);
    q[1] = _mm_madd52lo_epu64(lo, low[0], i[1]);
    q[1] = _mm_madd52lo_epu64(q[1], low[1], i[0]);
    q[1] = _mm_madd52hi_epu64(q[1], low[0], i[0]);
    q[2] = _mm_madd52lo_epu64(lo, low[0], i[2]);
    q[2] = _mm_madd52lo_epu64(q[2], low[1], i[1]);
    q[2] = _mm_madd52lo_epu64(q[2], low[2], i[0]);
    hi = _mm_madd52hi_epu64(hi, low[0], i[1]);
    hi = _mm_madd52hi_epu64(hi, low[1], i[0]);
    q[2] = _mm_add_epi64(_mm_add_epi64(q[2], hi), _mm_srli_epi64(q[1], OTRF_IFMA_BITS));
  }
}

/* The last block reduces by m itself, not by its multiple, which is V digits longer: so results are below 2 m. */
KERNEL void finish(__m512i *r, const __m512i *t, __m512i *z, const otrf_ifma_modulus *modulus, const int vectors) {
  __m512i m[OTRF_IFMA_VECTORS];
  __m128i low[OTRF_IFMA_VECTORS], q[OTRF_IFMA_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    m[v] = _mm512_load_si512(modulus->m.digit[v]);
    z[v] = t[v];
  }
  low_digits(low, t, vectors);
  last_quotient(q, low, modulus->inverse, vectors);
  row(z, _mm512_broadcastq_epi64(q[0]), m, vectors);
  row(z + 1, _mm512_broadcastq_epi64(q[1]), m, vectors);
  row(z + 2, _mm512_broadcastq_epi64(q[2]), m, vectors);
  if (vectors > 3) {
    row(z + 3, _mm512_broadcastq_epi64(q[3]), m, vectors);
  }
  /* The first lane is now a multiple of 2^(52 V): what its lower digits carry is what its top digit lacks. */
  const __m128i top = _mm_add_epi64(_mm512_castsi512_si128(z[vectors - 1]), _mm_set1_epi64x((long long)OTRF_IFMA_MASK));
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    r[v] = _mm512_add_epi64(down(z[v]), z[v + vectors]);
  }
  r[0] = add_first(r[0], _mm_srli_epi64(top, OTRF_IFMA_BITS));
  normalise(r, vectors);
}

/* z += `count` rows of the product: the digits of b from V * block on, against a. */
KERNEL void product_rows(__m512i *z, const __m512i *a, const otrf_limb (*b)[8], int block, const int count,
                         const int vectors) {
  row(z, _mm512_set1_epi64((long long)b[0][block]), a, vectors);
  row(z + 1, _mm512_set1_epi64((long long)b[1][block]), a, vectors);
  if (count > 2) {
    row(z + 2, _mm512_set1_epi64((long long)b[2][block]), a, vectors);
  }
  if (count > 3) {
    row(z + 3, _mm512_set1_epi64((long long)b[3][block]), a, vectors);
  }
}

/* One block: t = u + z has V digits of the product and all that was carried on to them. Its low V digits are the
 * quotient as they stand, because k m = -1 modulo 2^(52 V); they vanish, and u and z become the sum V digits up, with
 * `count` rows of the next block in z. These rows wait for nothing: the processor runs them while the quotient is on
 * its way. */
KERNEL void block(__m512i *u, __m512i *z, const __m512i *a, const otrf_limb (*b)[8], int next, const int count,
                  const __m512i *scaled, const int vectors) {
  __m512i t[OTRF_IFMA_VECTORS];
  __m128i low[OTRF_IFMA_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    t[v] = _mm512_add_epi64(u[v], z[v]);
    u[v] = _mm512_add_epi64(down(t[v]), z[v + vectors]);
    z[v] = z[v + vectors] = _mm512_setzero_si512();
  }
  product_rows(z, a, b, next, count, vectors);
  u[0] = add_first(u[0], low_digits(low, t, vectors));
  row(z, _mm512_broadcastq_epi64(low[0]), scaled, vectors);
  row(z + 1, _mm512_broadcastq_epi64(low[1]), scaled, vectors);
  row(z + 2, _mm512_broadcastq_epi64(low[2]), scaled, vectors);
  if (vectors > 3) {
    row(z + 3, _mm512_broadcastq_epi64(low[3]), scaled, vectors);
  }
}

/* r = a * b / R mod m. */
KERNEL void multiply(__m512i *r, const __m512i *a, const otrf_limb (*b)[8], const otrf_ifma_modulus *modulus,
                     const int vectors) {
  const int blocks = vectors == 4 ? 7 : 6; /* whole ones; two digits of b are left */
  __m512i scaled[OTRF_IFMA_VECTORS], u[OTRF_IFMA_VECTORS], z[2 * OTRF_IFMA_VECTORS];
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    scaled[v] = _mm512_load_si512(modulus->scaled.digit[v]);
    u[v] = _mm512_setzero_si512();
    z[v] = z[v + vectors] = u[v];
  }
  product_rows(z, a, b, 0, vectors, vectors);
  for (int i = 1; i < blocks; i++) {
    block(u, z, a, b, i, vectors, scaled, vectors);
  }
  block(u, z, a, b, blocks, 2, scaled, vectors);
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    u[v] = _mm512_add_epi64(u[v], z[v]);
  }
  finish(r, u, z, modulus, vectors);
}

KERNEL void load(__m512i *r, const otrf_ifma_number *a, const int vectors) {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    r[v] = _mm512_load_si512(a->digit[v]);
  }
}

KERNEL void store(otrf_ifma_number *r, const __m512i *a, const int vectors) {
#pragma GCC unroll 4
  for (int v = 0; v < vectors; v++) {
    _mm512_store_si512(r->digit[v], a[v]);
  }
}

/* ---- the field; one set of functions for each number of vectors ---- */

KERNEL void mul(void *r, const otrf_ifma_number *a, const otrf_ifma_number *b, const otrf_field *field,
                const int vectors) {
  __m512i x[OTRF_IFMA_VECTORS];
  load(x, a, vectors);
  multiply(x, x, b->digit, field->modulus, vectors);
  store(r, x, vectors);
}

KERNEL void square(otrf_ifma_number *r, const void *a, size_t count, const otrf_field *field, const int vectors) {
  __m512i x[OTRF_IFMA_VECTORS];
  load(x, a, vectors);
  store(r, x, vectors);
  while (count-- > 0) {
    multiply(x, x, r->digit, field->modulus, vectors);
    store(r, x, vectors);
  }
}

OTRF_TARGET_IFMA static void mul_4(void *r, const void *a, const void *b, otrf_field *field) { mul(r, a, b, field, 4); }

OTRF_TARGET_IFMA static void mul_3(void *r, const void *a, const void *b, otrf_field *field) { mul(r, a, b, field, 3); }

OTRF_TARGET_IFMA static void square_4(void *r, const void *a, size_t count, otrf_field *field) {
  square(r, a, count, field, 4);
}

OTRF_TARGET_IFMA static void square_3(void *r, const void *a, size_t count, otrf_field *field) {
  square(r, a, count, field, 3);
}

OTRF_TARGET_IFMA static void select_entry(void *r, const void *table, size_t entries, unsigned index,
                                          otrf_field *field) {
  const otrf_ifma_number *entry = table;
  const __m512i wanted = _mm512_set1_epi64(index), unit = _mm512_set1_epi64(1);
  __m512i current = _mm512_setzero_si512(), value[OTRF_IFMA_VECTORS] = {current, current, current, current};
  (void)field;
  for (size_t i = 0; i < entries; i++) {
    const __mmask8 here = _mm512_cmpeq_epu64_mask(current, wanted);
    value[0] = _mm512_mask_load_epi64(value[0], here, entry[i].digit[0]);
    value[1] = _mm512_mask_load_epi64(value[1], here, entry[i].digit[1]);
    value[2] = _mm512_mask_load_epi64(value[2], here, entry[i].digit[2]);
    value[3] = _mm512_mask_load_epi64(value[3], here, entry[i].digit[3]);
    current = _mm512_add_epi64(current, unit);
  }
  store(r, value, OTRF_IFMA_VECTORS);
}

static void in(void *r, const otrf_limb *a, otrf_field *field) {
  const otrf_ifma_modulus *modulus = field->modulus;
  otrf_ifma_number digits;
  otrf_ifma_digits(&digits, a, modulus);
  field->mul(r, &digits, &modulus->square, field);
  otrf_wipe(&digits, sizeof digits);
}

static void out(otrf_limb *r, const void *a, otrf_field *field) {
  const otrf_ifma_number unit = {{{1}}};
  otrf_ifma_number plain;
  field->mul(&plain, a, &unit, field);
  otrf_ifma_limbs(r, &plain, field->modulus);
  otrf_wipe(&plain, sizeof plain);
}

void otrf_field_on_ifma(otrf_field *field, const otrf_ifma_modulus *modulus) {
  *field = (otrf_field){
      .size = sizeof(otrf_ifma_number),
      .one = &modulus->one,
      .modulus = modulus,
      .mul = modulus->vectors == 4 ? mul_4 : mul_3,
      .square = modulus->vectors == 4 ? square_4 : square_3,
      .select = select_entry,
      .in = in,
      .out = out,
  };
}
#else
void otrf_field_on_ifma(otrf_field *field, const otrf_ifma_modulus *modulus) {
  (void)modulus;
  memset(field, 0, sizeof *field);
}
#endif
