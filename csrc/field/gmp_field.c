/* A field on GMP's constant-time mpn functions. */
#include <string.h>

#include "field/field.h"
#include "field/limbs.h"

static void mul(void *r, const void *a, const void *b, otrf_field *field) {
  otrf_mont_mul(r, a, b, field->modulus, &field->scratch);
}

static void square(void *r, const void *a, size_t count, otrf_field *field) {
  memmove(r, a, field->size);
  while (count-- > 0) {
    otrf_mont_sqr(r, r, field->modulus, &field->scratch);
  }
}

static void select_entry(void *r, const void *table, size_t entries, unsigned index, otrf_field *field) {
  otrf_limbs_select(r, table, field->size / sizeof(otrf_limb), entries, index);
}

static void in(void *r, const otrf_limb *a, otrf_field *field) { otrf_mont_in(r, a, field->modulus, &field->scratch); }

static void out(otrf_limb *r, const void *a, otrf_field *field) {
  otrf_mont_out(r, a, field->modulus, &field->scratch);
}

void otrf_field_on_gmp(otrf_field *field, const otrf_modulus *modulus) {
  *field = (otrf_field){
      .size = modulus->n * sizeof(otrf_limb),
      .one = modulus->one,
      .modulus = modulus,
      .mul = mul,
      .square = square,
      .select = select_entry,
      .in = in,
      .out = out,
  };
}
