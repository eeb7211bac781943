/* Exponentiations, products and the range check of the group, on the edges of their range and on anything: the same at
 * each level, and by each function that leads to the same number. */
#include "field/limbs.h"
#include "fuzz.h"
#include "group/group.h"

/* An element by its choice: 0, 1, 2, p - 2, p - 1, p, p + 1, 2^1536 - 1, or what the input says. */
static void element(uint8_t out[192], input *in) {
  const uint8_t choice = take_byte(in) & 15;
  if (choice >= 8) {
    take(out, 192, in);
    return;
  }
  memset(out, 0, 192);
  if (choice < 3) {
    out[191] = choice;
    return;
  }
  otrf_limbs_to_bytes(out, 192, otrf_p, OTRF_P_LIMBS); /* it ends in ff */
  if (choice < 6) {
    out[191] = (uint8_t)(0xfd + (choice - 3));
  } else if (choice == 6) {
    memset(out + 184, 0, 8);
    for (size_t i = 184; i-- > 0 && ++out[i] == 0;) {
    }
  } else {
    memset(out, 0xff, 192);
  }
}

static int in_range(const uint8_t value[192]) {
  uint8_t low[192] = {0}, high[192];
  low[191] = 2;
  otrf_limbs_to_bytes(high, 192, otrf_p, OTRF_P_LIMBS);
  high[191] = 0xfd;
  return memcmp(value, low, 192) >= 0 && memcmp(value, high, 192) <= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const int level = take_byte(&in) % LEVELS;
  const size_t lengths = take_byte(&in), len = 8 * (1 + lengths % 24), many = 1 + lengths / 24;
  uint8_t a[192], b[192], exponent[192], bases[11 * 192], exponents[11 * 40], out[2][192], results[11 * 192];
  element(a, &in);
  element(b, &in);
  take(exponent, sizeof exponent, &in);
  for (size_t i = 0; i < many; i++) {
    memcpy(bases + 192 * i, i % 2 ? a : b, 192);
    memcpy(exponents + 40 * i, exponent + i, 40);
  }
  HOLDS(otrf_in_group(a) == in_range(a));

  otrf_cpu_use(level);
  const int status = otrf_modexp(out[0], a, exponent, len);
  HOLDS(status == (in_range(a) ? OTRF_OK : OTRF_ERR_GROUP));
  otrf_cpu_use(OTRF_LEVEL_PORTABLE);
  HOLDS(otrf_modexp(out[1], a, exponent, len) == status);
  HOLDS(memcmp(out[0], out[1], 192) == 0);

  otrf_cpu_use(level);
  HOLDS(otrf_modexp_g(out[0], exponent, len) == OTRF_OK);
  uint8_t two[192] = {0};
  two[191] = 2;
  HOLDS(otrf_modexp(out[1], two, exponent, len) == OTRF_OK);
  HOLDS(memcmp(out[0], out[1], 192) == 0);
  HOLDS(otrf_modexp_g(out[0], exponent, len - 1) == OTRF_ERR_SIZE);

  const int all = in_range(b) && (many < 2 || in_range(a));
  HOLDS(otrf_modexp_many(results, bases, exponents, many) == (all ? OTRF_OK : OTRF_ERR_GROUP));
  for (size_t i = 0; i < many; i++) {
    memset(out[0], 0, 192);
    HOLDS(!all || otrf_modexp(out[0], bases + 192 * i, exponents + 40 * i, 40) == OTRF_OK);
    HOLDS(memcmp(out[0], results + 192 * i, 192) == 0);
  }

  /* a^e b^f is the product of the two results, where these exist */
  HOLDS(otrf_double_modexp_vartime(out[0], a, exponent, len, b, exponent, 1 + lengths % 192) == OTRF_OK);
  if (in_range(a) && in_range(b)) {
    uint8_t wide[192] = {0}, first[192], second[192];
    memcpy(wide + 192 - (1 + lengths % 192), exponent, 1 + lengths % 192);
    HOLDS(otrf_modexp(first, a, exponent, len) == OTRF_OK && otrf_modexp(second, b, wide, 192) == OTRF_OK);
    HOLDS(otrf_multiply(out[1], first, second) == OTRF_OK);
    HOLDS(memcmp(out[0], out[1], 192) == 0);
  }
  HOLDS(otrf_multiply(out[0], a, b) == OTRF_OK && otrf_multiply(out[1], b, a) == OTRF_OK);
  HOLDS(memcmp(out[0], out[1], 192) == 0);
  HOLDS(otrf_response(out[0], a, b, exponent) == OTRF_OK);
  return 0;
}
