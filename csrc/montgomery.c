/* Numbers as limbs, and Montgomery arithmetic for any public odd modulus, on GMP's constant-time mpn functions. */
#include "powers.h"

#include <string.h>

void otrf_limbs_from_bytes(otrf_limb *limbs, size_t n, const uint8_t *bytes, size_t len) {
    memset(limbs, 0, n * sizeof *limbs);
    for (size_t i = 0; i < len; i++) {
        limbs[i / 8] |= (otrf_limb)bytes[len - 1 - i] << (8 * (i % 8));
    }
}

void otrf_limbs_to_bytes(uint8_t *bytes, size_t len, const otrf_limb *limbs, size_t n) {
    for (size_t i = 0; i < len; i++) {
        bytes[len - 1 - i] = i / 8 < n ? (uint8_t)(limbs[i / 8] >> (8 * (i % 8))) : 0;
    }
}

int otrf_limbs_below(const otrf_limb *a, const otrf_limb *b, size_t n) {
    otrf_limb borrow = 0;
    for (size_t i = 0; i < n; i++) {
        /* The borrow out of a - b - borrow, from the signs alone. */
        otrf_limb difference = a[i] - b[i] - borrow;
        borrow = ((~a[i] & b[i]) | (~(a[i] ^ b[i]) & difference)) >> 63;
    }
    return (int)borrow;
}

int otrf_limbs_zero(const otrf_limb *a, size_t n) {
    otrf_limb any = 0;
    for (size_t i = 0; i < n; i++) {
        any |= a[i];
    }
    return (int)(((any | (0 - any)) >> 63) ^ 1);
}

void otrf_limbs_mod(otrf_limb *r, const otrf_limb *a, size_t a_n, const otrf_limb *m, size_t m_n) {
    otrf_limb scratch[8 * OTRF_MAX_LIMBS];
    otrf_limb number[2 * OTRF_MAX_LIMBS];
    memcpy(number, a, a_n * sizeof *a);
    if (a_n < m_n) {
        memset(number + a_n, 0, (m_n - a_n) * sizeof *a);
        a_n = m_n;
    }
    otrf_gmp.sec_div_r(number, (long)a_n, m, (long)m_n, scratch);
    memcpy(r, number, m_n * sizeof *r);
    otrf_wipe(scratch, sizeof scratch);
    otrf_wipe(number, sizeof number);
}

void otrf_modulus_init(otrf_modulus *modulus, const otrf_limb *m, size_t n) {
    otrf_limb power[2 * OTRF_MAX_LIMBS + 1] = {0};
    memset(modulus, 0, sizeof *modulus);
    modulus->n = n;
    memcpy(modulus->m, m, n * sizeof *m);
    /* Newton's step doubles the correct low bits of 1/m: 3, 6, 12, 24, 48, 96. */
    otrf_limb inverse = m[0];
    for (int i = 0; i < 5; i++) {
        inverse *= 2 - m[0] * inverse;
    }
    modulus->inverse = 0 - inverse;
    power[n] = 1;
    otrf_limbs_mod(modulus->one, power, n + 1, m, n);
    /* R^2 = R * R, reduced from the product of R mod m with 2^(64 n). */
    memset(power, 0, sizeof power);
    memcpy(power + n, modulus->one, n * sizeof *m);
    otrf_limbs_mod(modulus->square, power, 2 * n, m, n);
}

/* r = product / R mod m, clearing the product from below: each addmul makes one more limb 0 and leaves its carry there. */
static void reduce(otrf_limb *r, otrf_limb *product, const otrf_modulus *modulus) {
    const long n = (long)modulus->n;
    for (long i = 0; i < n; i++) {
        otrf_limb quotient = product[i] * modulus->inverse;
        product[i] = otrf_gmp.addmul_1(product + i, modulus->m, n, quotient);
    }
    otrf_limb carry = otrf_gmp.add_n(r, product + n, product, n);
    /* The sum is below 2 m: take m off, and put it back where that borrowed more than the carry. */
    otrf_limb borrow = otrf_gmp.sub_n(r, r, modulus->m, n);
    otrf_gmp.cnd_add_n(borrow & ~carry & 1, r, r, modulus->m, n);
}

void otrf_mont_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_modulus *modulus,
                   otrf_mont_scratch *scratch) {
    const long n = (long)modulus->n;
    otrf_gmp.sec_mul(scratch->product, a, n, b, n, scratch->gmp);
    reduce(r, scratch->product, modulus);
}

void otrf_mont_sqr(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
    otrf_gmp.sec_sqr(scratch->product, a, (long)modulus->n, scratch->gmp);
    reduce(r, scratch->product, modulus);
}

void otrf_mont_in(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
    otrf_mont_mul(r, a, modulus->square, modulus, scratch);
}

void otrf_mont_out(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch) {
    memcpy(scratch->product, a, modulus->n * sizeof *a);
    memset(scratch->product + modulus->n, 0, modulus->n * sizeof *a);
    reduce(r, scratch->product, modulus);
}

/* ---- public exponents: sliding windows ---- */

#define WINDOW 5
#define ODD_POWERS (1 << (WINDOW - 1))

typedef struct {
    otrf_limb odd[ODD_POWERS * OTRF_MAX_LIMBS]; /* a, a^3, a^5, ... */
    const otrf_limb *exponent;
    long end;     /* the bit below which the exponent has not been used yet */
    long due;     /* the bit at which `window` has to be multiplied in, -1 for none */
    size_t index; /* which odd power */
} sliding;

static int bit(const otrf_limb *e, long i) { return (int)((e[i / 64] >> (i % 64)) & 1); }

static long bit_length(const otrf_limb *e, size_t n) {
    long bits = (long)n * 64;
    while (bits > 0 && !bit(e, bits - 1)) {
        bits--;
    }
    return bits;
}

static void sliding_start(sliding *s, const otrf_limb *a, const otrf_limb *e, size_t e_n, const otrf_modulus *modulus,
                          otrf_mont_scratch *scratch) {
    const size_t n = modulus->n;
    otrf_limb squared[OTRF_MAX_LIMBS];
    s->exponent = e;
    s->end = bit_length(e, e_n);
    s->due = -1;
    memcpy(s->odd, a, n * sizeof *a);
    otrf_mont_sqr(squared, a, modulus, scratch);
    for (size_t i = 1; i < ODD_POWERS; i++) {
        otrf_mont_mul(s->odd + i * n, s->odd + (i - 1) * n, squared, modulus, scratch);
    }
}

/* Where a window opens at bit i, find its odd value and the bit at which it is due. */
static void sliding_open(sliding *s, long i) {
    if (s->due >= 0 || i >= s->end || !bit(s->exponent, i)) {
        return;
    }
    long low = i - WINDOW + 1 > 0 ? i - WINDOW + 1 : 0;
    while (!bit(s->exponent, low)) {
        low++;
    }
    size_t value = 0;
    for (long j = i; j >= low; j--) {
        value = 2 * value + (size_t)bit(s->exponent, j);
    }
    s->due = low;
    s->index = value / 2;
}

static void sliding_run(otrf_limb *r, sliding *const *parts, size_t count, const otrf_modulus *modulus,
                        otrf_mont_scratch *scratch) {
    long top = 0;
    for (size_t k = 0; k < count; k++) {
        top = parts[k]->end > top ? parts[k]->end : top;
    }
    otrf_limb value[OTRF_MAX_LIMBS];
    memcpy(value, modulus->one, modulus->n * sizeof *value);
    for (long i = top - 1; i >= 0; i--) {
        otrf_mont_sqr(value, value, modulus, scratch);
        for (size_t k = 0; k < count; k++) {
            sliding_open(parts[k], i);
            if (parts[k]->due == i) {
                otrf_mont_mul(value, value, parts[k]->odd + parts[k]->index * modulus->n, modulus, scratch);
                parts[k]->due = -1;
                parts[k]->end = i;
            }
        }
    }
    memcpy(r, value, modulus->n * sizeof *r);
}

void otrf_mont_power(otrf_limb *r, const otrf_limb *a, const otrf_limb *e, size_t e_n, const otrf_modulus *modulus) {
    otrf_mont_scratch scratch;
    sliding part;
    sliding *const parts[] = {&part};
    sliding_start(&part, a, e, e_n, modulus, &scratch);
    sliding_run(r, parts, 1, modulus, &scratch);
}

void otrf_mont_double_power(otrf_limb *r, const otrf_limb *a, const otrf_limb *e, size_t e_n, const otrf_limb *b,
                            const otrf_limb *f, size_t f_n, const otrf_modulus *modulus) {
    otrf_mont_scratch scratch;
    sliding first, second;
    sliding *const parts[] = {&first, &second};
    sliding_start(&first, a, e, e_n, modulus, &scratch);
    sliding_start(&second, b, f, f_n, modulus, &scratch);
    sliding_run(r, parts, 2, modulus, &scratch);
}
