/* Primality of public numbers, and the expansion of a seed that supplies candidates and bases. */
#include "dsa.h"

__extension__ typedef unsigned __int128 wide;

void otrf_expansion_start(otrf_expansion *expansion, const uint8_t seed[32]) {
    memset(expansion, 0, sizeof *expansion);
    memcpy(expansion->seed, seed, 32);
}

void otrf_expand(uint8_t *out, size_t len, otrf_expansion *expansion) {
    for (size_t i = 0; i < len; i++) {
        if (expansion->left == 0) {
            uint8_t counter[4];
            otrf_store32(counter, expansion->counter++);
            otrf_hmac_sha256(expansion->block, expansion->seed, 32, counter, 4);
            expansion->left = sizeof expansion->block;
        }
        out[i] = expansion->block[sizeof expansion->block - expansion->left--];
    }
}

uint32_t otrf_limbs_mod_small(const otrf_limb *a, size_t n, uint32_t r) {
    uint64_t remainder = 0;
    while (n-- > 0) {
        remainder = (remainder << 32 | a[n] >> 32) % r;
        remainder = (remainder << 32 | (a[n] & 0xffffffff)) % r;
    }
    return (uint32_t)remainder;
}

size_t otrf_small_primes(uint16_t *primes, size_t capacity, uint32_t bound) {
    uint8_t composite[1 << 14] = {0}; /* entry i stands for 2 i + 1 */
    size_t count = 0;
    for (uint32_t r = 3; r < bound && r < 1 << 15 && count < capacity; r += 2) {
        if (composite[r / 2]) {
            continue;
        }
        primes[count++] = (uint16_t)r;
        for (uint32_t multiple = r * r; r < 182 && multiple < 1 << 15; multiple += 2 * r) {
            composite[multiple / 2] = 1;
        }
    }
    return count;
}

int otrf_is_probable(const otrf_modulus *modulus) {
    const long n = (long)modulus->n;
    otrf_mont_scratch scratch;
    otrf_limb value[OTRF_MAX_LIMBS];
    memcpy(value, modulus->one, sizeof value);
    for (size_t i = 64 * modulus->n; i-- > 0;) {
        otrf_mont_sqr(value, value, modulus, &scratch);
        /* m is odd, so m - 1 has the bits of m but the lowest. */
        if (i > 0 && (modulus->m[i / 64] >> (i % 64) & 1)) {
            const otrf_limb carry = otrf_gmp.add_n(value, value, value, n);
            const otrf_limb borrow = otrf_gmp.sub_n(value, value, modulus->m, n);
            otrf_gmp.cnd_add_n(borrow & ~carry & 1, value, value, modulus->m, n);
        }
    }
    return memcmp(value, modulus->one, modulus->n * sizeof *value) == 0;
}

/* base = a number in 2 .. m-2 in Montgomery form; which one it stands for does not matter, as all are equally likely. */
static void random_base(otrf_limb *base, const otrf_modulus *modulus, const otrf_limb *minus_one,
                        otrf_expansion *expansion) {
    uint8_t bytes[8 * OTRF_MAX_LIMBS];
    do {
        otrf_expand(bytes, 8 * modulus->n, expansion);
        otrf_limbs_from_bytes(base, modulus->n, bytes, 8 * modulus->n);
        otrf_limbs_mod(base, base, modulus->n, modulus->m, modulus->n);
    } while (otrf_limbs_zero(base, modulus->n) || memcmp(base, modulus->one, modulus->n * sizeof *base) == 0 ||
             memcmp(base, minus_one, modulus->n * sizeof *base) == 0);
}

int otrf_is_prime(const otrf_modulus *modulus, int rounds, otrf_expansion *expansion) {
    const size_t size = modulus->n * sizeof(otrf_limb);
    otrf_mont_scratch scratch;
    otrf_limb minus_one[OTRF_MAX_LIMBS], odd[OTRF_MAX_LIMBS] = {0}, value[OTRF_MAX_LIMBS];
    otrf_gmp.sub_n(minus_one, modulus->m, modulus->one, (long)modulus->n);
    /* m - 1 = odd * 2^twos */
    size_t twos = 1;
    while ((modulus->m[twos / 64] >> (twos % 64) & 1) == 0) {
        twos++;
    }
    for (size_t i = twos; i < 64 * modulus->n; i++) {
        odd[(i - twos) / 64] |= (modulus->m[i / 64] >> (i % 64) & 1) << ((i - twos) % 64);
    }
    for (int round = 0; round < rounds; round++) {
        random_base(value, modulus, minus_one, expansion);
        otrf_mont_power(value, value, odd, modulus->n, modulus);
        int passes = memcmp(value, modulus->one, size) == 0 || memcmp(value, minus_one, size) == 0;
        for (size_t i = 1; i < twos && !passes; i++) {
            otrf_mont_sqr(value, value, modulus, &scratch);
            passes = memcmp(value, minus_one, size) == 0;
        }
        if (!passes) {
            return 0;
        }
    }
    return 1;
}
