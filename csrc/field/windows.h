/* Exponentiation in a field by windows. Elements in, elements out. */
#ifndef OTRF_FIELD_WINDOWS_H
#define OTRF_FIELD_WINDOWS_H

#include "field/field.h"

/* r = a^e by fixed windows; e is secret. */
void otrf_field_modexp(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field);

/* r = a^e by sliding windows; e is public. */
void otrf_field_modexp_vartime(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field);

/* r = a^e * b^f, one chain of squarings; e and f are public. */
void otrf_field_double_modexp_vartime(void *r, const void *a, const otrf_limb *e, size_t e_n, const void *b,
                                      const otrf_limb *f, size_t f_n, otrf_field *field);

#endif
