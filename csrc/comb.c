/* Powers of a fixed base by a comb of six teeth and two tables, for secret exponents. */
#include "powers.h"

#include <string.h>

void otrf_comb_build(otrf_limb *table, const otrf_limb *base, size_t columns, const otrf_modulus *modulus) {
    const size_t n = modulus->n;
    otrf_mont_scratch scratch;
    otrf_limb power[OTRF_MAX_LIMBS];
    memcpy(power, base, n * sizeof *power);
    memcpy(table, modulus->one, n * sizeof *table);
    memcpy(table + OTRF_COMB_ENTRIES * n, modulus->one, n * sizeof *table);
    for (size_t row = 0; row < OTRF_COMB_TEETH; row++) {
        for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
            /* power = base^(2^((2 * row + t) * columns)): the entries with this row are those without it, times it. */
            otrf_limb *entries = table + t * OTRF_COMB_ENTRIES * n;
            const size_t step = (size_t)1 << row;
            for (size_t i = 0; i < step; i++) {
                otrf_mont_mul(entries + (step + i) * n, entries + i * n, power, modulus, &scratch);
            }
            for (size_t i = 0; i < columns; i++) {
                otrf_mont_sqr(power, power, modulus, &scratch);
            }
        }
    }
}

unsigned otrf_comb_index(const otrf_limb *exponent, size_t exponent_n, size_t columns, size_t t, size_t column) {
    unsigned index = 0;
    for (size_t row = 0; row < OTRF_COMB_TEETH; row++) {
        const size_t position = (2 * row + t) * columns + column;
        if (position / 64 < exponent_n) {
            index |= (unsigned)((exponent[position / 64] >> (position % 64)) & 1) << row;
        }
    }
    return index;
}

void otrf_comb_power(otrf_limb *r, const otrf_limb *table, const otrf_limb *exponent, size_t exponent_n, size_t columns,
                     const otrf_modulus *modulus) {
    const size_t n = modulus->n;
    otrf_mont_scratch scratch;
    otrf_limb value[OTRF_MAX_LIMBS], entry[OTRF_MAX_LIMBS];
    memcpy(value, modulus->one, n * sizeof *value);
    for (size_t column = columns; column-- > 0;) {
        otrf_mont_sqr(value, value, modulus, &scratch);
        for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
            const unsigned index = otrf_comb_index(exponent, exponent_n, columns, t, column);
            otrf_gmp.sec_tabselect(entry, table + t * OTRF_COMB_ENTRIES * n, (long)n, OTRF_COMB_ENTRIES, (long)index);
            otrf_mont_mul(value, value, entry, modulus, &scratch);
        }
    }
    memcpy(r, value, n * sizeof *r);
    otrf_wipe(value, sizeof value);
    otrf_wipe(entry, sizeof entry);
    otrf_wipe(&scratch, sizeof scratch);
}
