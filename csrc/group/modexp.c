/* Exponentiation in the 1536-bit group, on GMP, on AVX2 or on AVX-512 IFMA. */
#include "field/limbs.h"
#include "field/windows.h"
#include "group/group.h"
#include "group/ifma_x8_group.h"
#include "platform/cpu.h"
#include "platform/memory.h"

/* The tables exist and the length is one that an exponent may have: whole limbs. */
static int exponent_status(size_t exponent_len) {
  if (!otrf_gmp_ready()) {
    return OTRF_ERR_GMP;
  }
  return exponent_len % 8 == 0 && exponent_len - 8 <= OTRF_SCALAR_BYTES - 8 ? OTRF_OK : OTRF_ERR_SIZE;
}

int otrf_modexp_g(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t *exponent, size_t exponent_len) {
  const int status = exponent_status(exponent_len);
  if (status != OTRF_OK) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return status;
  }
  otrf_field field;
  otrf_group_field(&field);
  size_t columns;
  const uint8_t *const comb = otrf_group_comb(&columns, exponent_len / 8, &field);
  otrf_group_comb_modexp(out, comb, columns, exponent, exponent_len, &field);
  return OTRF_OK;
}

/* r = b^e with a secret e, by GMP's own constant-time function. */
static void modexp_gmp(otrf_limb r[OTRF_P_LIMBS], const otrf_limb b[OTRF_P_LIMBS], const otrf_limb *e, size_t e_n) {
  otrf_limb scratch[OTRF_SCRATCH_LIMBS];
  otrf_gmp.sec_powm(r, b, OTRF_P_LIMBS, e, 64 * e_n, otrf_p, OTRF_P_LIMBS, scratch);
  otrf_wipe(scratch, sizeof scratch);
}

/* The same in a field with a kernel of our own. */
static void modexp_own(otrf_limb r[OTRF_P_LIMBS], const otrf_limb b[OTRF_P_LIMBS], const otrf_limb *e, size_t e_n) {
  otrf_field field;
  otrf_element result;
  otrf_group_field(&field);
  field.in(&result, b, &field);
  otrf_field_modexp(&result, &result, e, e_n, &field);
  field.out(r, &result, &field);
  otrf_wipe(&result, sizeof result);
  otrf_wipe(&field.scratch, sizeof field.scratch);
}

int otrf_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t base[OTRF_ELEMENT_BYTES], const uint8_t *exponent,
                size_t exponent_len) {
  int status = exponent_status(exponent_len);
  if (status == OTRF_OK && !otrf_in_group(base)) {
    status = OTRF_ERR_GROUP;
  }
  if (status != OTRF_OK) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return status;
  }
  otrf_limb b[OTRF_P_LIMBS], e[OTRF_P_LIMBS], result[OTRF_P_LIMBS];
  otrf_limbs_from_bytes(b, OTRF_P_LIMBS, base, OTRF_ELEMENT_BYTES);
  otrf_limbs_from_bytes(e, exponent_len / 8, exponent, exponent_len);
  if (otrf_has(OTRF_HAS_IFMA) || otrf_has(OTRF_HAS_AVX2_MODEXP)) {
    modexp_own(result, b, e, exponent_len / 8);
  } else {
    modexp_gmp(result, b, e, exponent_len / 8);
  }
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, result, OTRF_P_LIMBS);
  otrf_wipe(e, sizeof e);
  otrf_wipe(result, sizeof result);
  otrf_wipe_stack();
  return OTRF_OK;
}

/* From this many on, eight at a time with some lanes idle beat one after the other. */
#define X8_WORTH 5

/* Up to eight exponentiations at a time; of base 2 if `bases` is NULL. */
static void modexp_x8(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  otrf_limb b[OTRF_IFMA_X8_LANES][OTRF_P_LIMBS] = {{0}}, e[OTRF_IFMA_X8_LANES][OTRF_DH_BYTES / 8] = {{0}};
  otrf_limb result[OTRF_IFMA_X8_LANES][OTRF_P_LIMBS];
  for (size_t i = 0; i < n; i++) {
    otrf_limbs_from_bytes(e[i], OTRF_DH_BYTES / 8, exponents + i * OTRF_DH_BYTES, OTRF_DH_BYTES);
    if (bases != NULL) {
      otrf_limbs_from_bytes(b[i], OTRF_P_LIMBS, bases + i * OTRF_ELEMENT_BYTES, OTRF_ELEMENT_BYTES);
    }
  }
  if (bases != NULL) {
    otrf_ifma_x8_modexp(result, (const otrf_limb(*)[OTRF_P_LIMBS])b, (const otrf_limb(*)[OTRF_DH_BYTES / 8]) e);
  } else {
    otrf_ifma_x8_modexp_g(result, (const otrf_limb(*)[OTRF_DH_BYTES / 8]) e);
  }
  for (size_t i = 0; i < n; i++) {
    otrf_limbs_to_bytes(out + i * OTRF_ELEMENT_BYTES, OTRF_ELEMENT_BYTES, result[i], OTRF_P_LIMBS);
  }
  otrf_wipe(e, sizeof e);
  otrf_wipe(result, sizeof result);
}

/* n exponentiations, of base 2 if `bases` is NULL: eight at a time as far as that pays, then one by one. */
static int modexp_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  size_t done = 0;
  int status = OTRF_OK;
  for (size_t i = 0; bases != NULL && i < n && status == OTRF_OK; i++) {
    status = otrf_in_group(bases + i * OTRF_ELEMENT_BYTES) ? OTRF_OK : OTRF_ERR_GROUP;
  }
  while (done < n && status == OTRF_OK) {
    const size_t left = n - done, step = left < OTRF_IFMA_X8_LANES ? left : OTRF_IFMA_X8_LANES;
    uint8_t *const to = out + done * OTRF_ELEMENT_BYTES;
    const uint8_t *const base = bases == NULL ? NULL : bases + done * OTRF_ELEMENT_BYTES;
    const uint8_t *const exponent = exponents + done * OTRF_DH_BYTES;
    if (step >= X8_WORTH && otrf_gmp_ready() && otrf_has(OTRF_HAS_IFMA)) {
      modexp_x8(to, base, exponent, step);
      done += step;
    } else {
      status =
          base == NULL ? otrf_modexp_g(to, exponent, OTRF_DH_BYTES) : otrf_modexp(to, base, exponent, OTRF_DH_BYTES);
      done += 1;
    }
  }
  if (status != OTRF_OK) {
    otrf_wipe(out, n * OTRF_ELEMENT_BYTES);
  }
  return status;
}

int otrf_modexp_g_many(uint8_t *out, const uint8_t *exponents, size_t n) {
  return modexp_many(out, NULL, exponents, n);
}

int otrf_modexp_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n) {
  return modexp_many(out, bases, exponents, n);
}

int otrf_double_modexp_vartime(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t base1[OTRF_ELEMENT_BYTES],
                               const uint8_t *exponent1, size_t exponent1_len, const uint8_t base2[OTRF_ELEMENT_BYTES],
                               const uint8_t *exponent2, size_t exponent2_len) {
  if (!otrf_gmp_ready() || exponent1_len - 1 >= OTRF_SCALAR_BYTES || exponent2_len - 1 >= OTRF_SCALAR_BYTES) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return !otrf_gmp_ready() ? OTRF_ERR_GMP : OTRF_ERR_SIZE;
  }
  static const uint8_t two[OTRF_ELEMENT_BYTES] = {[OTRF_ELEMENT_BYTES - 1] = 2};
  otrf_limb limbs[OTRF_P_LIMBS], e[OTRF_P_LIMBS], f[OTRF_P_LIMBS];
  otrf_element a, b;
  otrf_field field;
  otrf_group_field(&field);
  otrf_element_limbs(limbs, base1);
  field.in(&a, limbs, &field);
  otrf_element_limbs(limbs, base2);
  field.in(&b, limbs, &field);
  otrf_limbs_from_bytes(e, OTRF_P_LIMBS, exponent1, exponent1_len);
  otrf_limbs_from_bytes(f, OTRF_P_LIMBS, exponent2, exponent2_len);
  if (memcmp(base1, two, sizeof two) == 0) {
    /* Most SMP checks have base 2 here: its comb, and a short exponent of the other base, cost a third. */
    size_t columns;
    const uint8_t *const comb = otrf_group_comb(&columns, OTRF_P_LIMBS, &field);
    otrf_comb_modexp(&a, comb, e, OTRF_P_LIMBS, columns, &field);
    otrf_field_modexp_vartime(&b, &b, f, OTRF_P_LIMBS, &field);
    field.mul(&a, &a, &b, &field);
  } else {
    otrf_field_double_modexp_vartime(&a, &a, e, OTRF_P_LIMBS, &b, f, OTRF_P_LIMBS, &field);
  }
  field.out(limbs, &a, &field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, limbs, OTRF_P_LIMBS);
  return OTRF_OK;
}
