/* An element that is raised to several exponents: a comb of its own, made when the element becomes known. */
#include <stdlib.h>
#include <string.h>

#include "field/comb.h"
#include "field/limbs.h"
#include "field/windows.h"
#include "group/group.h"
#include "otr/keys.h"
#include "platform/memory.h"

struct otrf_fixed_base {
  otrf_field field;
  size_t size; /* bytes of the whole */
  _Alignas(64) uint8_t comb[];
};

int otrf_fixed_base_new(otrf_fixed_base **out, const uint8_t element[OTRF_ELEMENT_BYTES]) {
  otrf_limb limbs[OTRF_P_LIMBS];
  otrf_element one;
  otrf_field field;
  *out = NULL;
  if (!otrf_gmp_ready()) {
    return OTRF_ERR_GMP;
  }
  if (!otrf_in_group(element)) {
    return OTRF_ERR_GROUP;
  }
  otrf_group_field(&field);
  const size_t size = sizeof(otrf_fixed_base) + OTRF_COMB_BYTES(field.size);
  otrf_fixed_base *const base = aligned_alloc(64, (size + 63) / 64 * 64);
  if (base == NULL) {
    return OTRF_ERR_MEMORY;
  }
  base->field = field;
  base->size = size;
  otrf_element_limbs(limbs, element);
  field.in(&one, limbs, &field);
  otrf_comb_build(base->comb, &one, OTRF_SCALAR_COLUMNS, &field);
  otrf_wipe(limbs, sizeof limbs);
  otrf_wipe(&one, sizeof one);
  otrf_wipe(&field.scratch, sizeof field.scratch);
  otrf_wipe_stack();
  *out = base;
  return OTRF_OK;
}

void otrf_fixed_base_free(otrf_fixed_base *base) {
  if (base != NULL) {
    otrf_wipe(base, base->size);
    free(base);
  }
}

int otrf_fixed_base_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_fixed_base *base,
                           const otrf_exponent *exponent) {
  otrf_field field = base->field; /* a copy: its scratch is not to be shared between threads */
  otrf_group_comb_modexp(out, base->comb, OTRF_SCALAR_COLUMNS, exponent->value, OTRF_SCALAR_BYTES, &field);
  return OTRF_OK;
}

int otrf_fixed_base_double_modexp_vartime(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_fixed_base *base,
                                          const uint8_t *exponent, size_t exponent_len,
                                          const uint8_t other[OTRF_ELEMENT_BYTES], const uint8_t *other_exponent,
                                          size_t other_exponent_len) {
  if (exponent_len > OTRF_SCALAR_BYTES || other_exponent_len > OTRF_SCALAR_BYTES) {
    memset(out, 0, OTRF_ELEMENT_BYTES);
    return OTRF_ERR_SIZE;
  }
  otrf_limb e[OTRF_P_LIMBS], limbs[OTRF_P_LIMBS];
  otrf_element a, b;
  otrf_field field = base->field;
  otrf_limbs_from_bytes(e, OTRF_P_LIMBS, exponent, exponent_len);
  otrf_comb_modexp(&a, base->comb, e, OTRF_P_LIMBS, OTRF_SCALAR_COLUMNS, &field);
  otrf_element_limbs(limbs, other);
  field.in(&b, limbs, &field);
  otrf_limbs_from_bytes(e, OTRF_P_LIMBS, other_exponent, other_exponent_len);
  otrf_field_modexp_vartime(&b, &b, e, OTRF_P_LIMBS, &field);
  field.mul(&a, &a, &b, &field);
  field.out(limbs, &a, &field);
  otrf_limbs_to_bytes(out, OTRF_ELEMENT_BYTES, limbs, OTRF_P_LIMBS);
  return OTRF_OK;
}
