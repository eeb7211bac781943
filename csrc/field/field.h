/* A field: a modulus together with one implementation of multiplication modulo it, so that combs and windows are
 * written once. Implementations: gmp_field.c, avx2.c, ifma.c. */
#ifndef OTRF_FIELD_FIELD_H
#define OTRF_FIELD_FIELD_H

#include "field/montgomery.h"

#define OTRF_MAX_ELEMENT_BYTES (8 * OTRF_MAX_LIMBS)

/* An element in the Montgomery form of its field, which uses the first `size` bytes. */
typedef struct {
  _Alignas(64) uint8_t bytes[OTRF_MAX_ELEMENT_BYTES];
} otrf_element;

typedef struct otrf_field otrf_field;

struct otrf_field {
  size_t size;
  const void *one;
  const void *modulus;
  void (*mul)(void *r, const void *a, const void *b, otrf_field *field);
  /* r = a^(2^count) */
  void (*square)(void *r, const void *a, size_t count, otrf_field *field);
  /* r = table[index], reading all of the table */
  void (*select)(void *r, const void *table, size_t entries, unsigned index, otrf_field *field);
  /* from limbs below the modulus, and back */
  void (*in)(void *r, const otrf_limb *a, otrf_field *field);
  void (*out)(otrf_limb *r, const void *a, otrf_field *field);
  otrf_mont_scratch scratch; /* wiped by whoever multiplied secrets */
};

/* The field of a modulus on GMP's functions; its elements are limbs. */
void otrf_field_on_gmp(otrf_field *field, const otrf_modulus *modulus);

#endif
