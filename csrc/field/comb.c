/* Fixed-base exponentiation by a comb, for secret exponents. */
#include "field/comb.h"

#include <string.h>

#include "platform/memory.h"

void otrf_comb_build(uint8_t *table, const void *base, size_t columns, otrf_field *field) {
  const size_t size = field->size;
  otrf_element power;
  memcpy(&power, base, size);
  for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
    memcpy(table + t * OTRF_COMB_ENTRIES * size, field->one, size);
  }
  for (size_t row = 0; row < OTRF_COMB_TEETH; row++) {
    for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
      /* power = base^(2^((row * TABLES + t) * columns)): the entries with this row are those without it, times it. */
      uint8_t *entries = table + t * OTRF_COMB_ENTRIES * size;
      const size_t step = (size_t)1 << row;
      for (size_t i = 0; i < step; i++) {
        field->mul(entries + (step + i) * size, entries + i * size, &power, field);
      }
      if (row + 1 < OTRF_COMB_TEETH || t + 1 < OTRF_COMB_TABLES) {
        field->square(&power, &power, columns, field);
      }
    }
  }
}

unsigned otrf_comb_index(const otrf_limb *exponent, size_t exponent_n, size_t columns, size_t t, size_t column) {
  unsigned index = 0;
  for (size_t row = 0; row < OTRF_COMB_TEETH; row++) {
    const size_t position = (row * OTRF_COMB_TABLES + t) * columns + column;
    if (position / 64 < exponent_n) {
      index |= (unsigned)((exponent[position / 64] >> (position % 64)) & 1) << row;
    }
  }
  return index;
}

void otrf_comb_modexp(void *r, const uint8_t *table, const otrf_limb *exponent, size_t exponent_n, size_t columns,
                      otrf_field *field) {
  otrf_element value, entry;
  for (size_t column = columns; column-- > 0;) {
    if (column + 1 < columns) {
      field->square(&value, &value, 1, field);
    }
    for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
      const unsigned index = otrf_comb_index(exponent, exponent_n, columns, t, column);
      const int first = column + 1 == columns && t == 0;
      field->select(first ? &value : &entry, table + t * OTRF_COMB_ENTRIES * field->size, OTRF_COMB_ENTRIES, index,
                    field);
      if (!first) {
        field->mul(&value, &value, &entry, field);
      }
    }
  }
  memcpy(r, &value, field->size);
  otrf_wipe(&value, sizeof value);
  otrf_wipe(&entry, sizeof entry);
  otrf_wipe_stack();
}
