/* Fixed-base exponentiation by a comb.
 *
 * An exponent is cut into TEETH * TABLES pieces of `columns` bits. Table t holds, for every choice of rows, the product
 * of base^(2^((row * TABLES + t) * columns)); column j of the pieces picks one entry of each table. Four tables of 32
 * entries cost as many multiplications as two of 64, and half the time to scan. */
#ifndef OTRF_FIELD_COMB_H
#define OTRF_FIELD_COMB_H

#include "field/field.h"

#define OTRF_COMB_TEETH 5
#define OTRF_COMB_ENTRIES 32
#define OTRF_COMB_TABLES 4
#define OTRF_COMB_PIECES (OTRF_COMB_TEETH * OTRF_COMB_TABLES)

/* The columns that make the comb cover `bits`. */
#define OTRF_COMB_COLUMNS(bits) (((bits) + OTRF_COMB_PIECES - 1) / OTRF_COMB_PIECES)

/* Bytes of a comb in a field with elements of `size` bytes. */
#define OTRF_COMB_BYTES(size) (OTRF_COMB_TABLES * OTRF_COMB_ENTRIES * (size))

/* table = the comb of a base; aligned to 64 bytes. */
void otrf_comb_build(uint8_t *table, const void *base, size_t columns, otrf_field *field);

/* Returns the entry that column `column` of table t selects for a secret exponent. */
unsigned otrf_comb_index(const otrf_limb *exponent, size_t exponent_n, size_t columns, size_t t, size_t column);

/* r = base^exponent; the exponent is secret. */
void otrf_comb_modexp(void *r, const uint8_t *table, const otrf_limb *exponent, size_t exponent_n, size_t columns,
                      otrf_field *field);

#endif
