/* Primality of public numbers, and the expansion of a seed that supplies candidates and bases. */
#include <string.h>

#include "dsa/dsa.h"
#include "field/limbs.h"
#include "field/windows.h"
#include "platform/bytes.h"

void otrf_expansion_start(otrf_expansion *expansion, const uint8_t seed[OTRF_SEED_BYTES]) {
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

/* e = m - 1 as odd * 2^twos; returns twos. */
static size_t split(otrf_limb *odd, const otrf_limb *m, size_t n) {
  size_t twos = 1;
  while ((m[twos / 64] >> (twos % 64) & 1) == 0) {
    twos++;
  }
  memset(odd, 0, n * sizeof *odd);
  for (size_t i = twos; i < 64 * n; i++) {
    odd[(i - twos) / 64] |= (m[i / 64] >> (i % 64) & 1) << ((i - twos) % 64);
  }
  return twos;
}

/* value = 2 * value mod m */
static void twice(otrf_limb *value, const otrf_limb *m, size_t n) {
  const otrf_limb carry = otrf_gmp.add_n(value, value, value, (long)n);
  const otrf_limb borrow = otrf_gmp.sub_n(value, value, m, (long)n);
  otrf_gmp.cnd_add_n(borrow & ~carry & 1, value, value, m, (long)n);
}

int otrf_is_probable_prime_vartime(otrf_dsa_field *field) {
  otrf_limb result[OTRF_MAX_LIMBS];
  otrf_element value;
  otrf_field *const operations = &field->field;
  const size_t n = field->n;
  if (operations->size != n * sizeof *result) {
    const otrf_limb two[OTRF_MAX_LIMBS] = {2};
    otrf_limb exponent[OTRF_MAX_LIMBS];
    memcpy(exponent, field->m, sizeof exponent);
    exponent[0] -= 1; /* m is odd */
    operations->in(&value, two, operations);
    otrf_field_modexp_vartime(&value, &value, exponent, n, operations);
    operations->out(result, &value, operations);
    result[0] ^= 1;
    return otrf_limbs_zero(result, n);
  }
  /* Elements are limbs here: a product with 2 is a sum. */
  memcpy(result, operations->one, n * sizeof *result);
  for (size_t i = 64 * n; i-- > 0;) {
    operations->square(result, result, 1, operations);
    if (i > 0 && (field->m[i / 64] >> (i % 64) & 1)) {
      twice(result, field->m, n);
    }
  }
  return memcmp(result, operations->one, n * sizeof *result) == 0;
}

/* base = a random number in 2 .. m-2. */
static void random_base(otrf_limb *base, const otrf_limb *m, size_t n, otrf_expansion *expansion) {
  static const otrf_limb two[OTRF_MAX_LIMBS] = {2};
  uint8_t bytes[8 * OTRF_MAX_LIMBS];
  otrf_limb last[OTRF_MAX_LIMBS];
  otrf_gmp.sub_n(last, m, two, (long)n);
  do {
    otrf_expand(bytes, 8 * n, expansion);
    otrf_limbs_from_bytes(base, n, bytes, 8 * n);
    otrf_limbs_mod(base, base, n, m, n);
  } while (otrf_limbs_below(base, two, n) || otrf_limbs_below(last, base, n));
}

int otrf_is_prime_vartime(otrf_dsa_field *field, int rounds, otrf_expansion *expansion) {
  static const otrf_limb unit[OTRF_MAX_LIMBS] = {1};
  const size_t n = field->n, size = n * sizeof(otrf_limb);
  otrf_limb last[OTRF_MAX_LIMBS], odd[OTRF_MAX_LIMBS], limbs[OTRF_MAX_LIMBS];
  otrf_field *const operations = &field->field;
  otrf_element value;
  const size_t twos = split(odd, field->m, n);
  memcpy(last, field->m, size);
  last[0] -= 1;
  for (int round = 0; round < rounds; round++) {
    random_base(limbs, field->m, n, expansion);
    operations->in(&value, limbs, operations);
    otrf_field_modexp_vartime(&value, &value, odd, n, operations);
    operations->out(limbs, &value, operations);
    int passes = memcmp(limbs, unit, size) == 0 || memcmp(limbs, last, size) == 0;
    for (size_t i = 1; i < twos && !passes; i++) {
      operations->square(&value, &value, 1, operations);
      operations->out(limbs, &value, operations);
      passes = memcmp(limbs, last, size) == 0;
    }
    if (!passes) {
      return 0;
    }
  }
  return 1;
}
