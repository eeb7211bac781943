/* The 1536-bit group of RFC 3526, number 5: group.c, modexp.c. */
#ifndef OTRF_GROUP_GROUP_H
#define OTRF_GROUP_GROUP_H

#include "field/comb.h"
#include "field/field.h"

/* The prime p, and p with its tables; the second is filled by otrf_group_start. */
extern OTRF_HIDDEN const otrf_limb otrf_p[OTRF_P_LIMBS];
extern OTRF_HIDDEN otrf_modulus otrf_p_modulus;

/* The columns of a comb for exponents of OTRF_SCALAR_BYTES. */
#define OTRF_SCALAR_COLUMNS OTRF_COMB_COLUMNS(8 * OTRF_SCALAR_BYTES)

/* Build the tables. OTRF_ERR_GMP if a known answer does not come out. */
int otrf_group_start(void);

/* The field of the group on the best implementation in force. */
void otrf_group_field(otrf_field *field);

/* Returns the comb of base 2, in that field, for exponents of e_n limbs; `columns` is set to its number of columns. */
const uint8_t *otrf_group_comb(size_t *columns, size_t e_n, const otrf_field *field);

/* out = what a comb of the group gives for a secret exponent of up to 24 limbs in bytes, a multiple of 8 of them. What
 * it leaves behind is wiped, the field's scratch too. */
void otrf_group_comb_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t *comb, size_t columns,
                            const uint8_t *exponent, size_t exponent_len, otrf_field *field);

/* Limbs below p of an element below 2^1536. */
void otrf_element_limbs(otrf_limb v[OTRF_P_LIMBS], const uint8_t value[OTRF_ELEMENT_BYTES]);

#endif
