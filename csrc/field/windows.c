/* Exponentiation in a field: fixed windows for secret exponents, sliding windows for public ones. */
#include "field/windows.h"

#include <string.h>

#include "platform/memory.h"

#define SECRET_WINDOW 5
#define SECRET_ENTRIES (1 << SECRET_WINDOW)

/* The `count` bits of the exponent from bit `low` on; bits beyond its end are 0. */
static unsigned bits_at(const otrf_limb *e, size_t e_n, size_t low, size_t count) {
  unsigned value = 0;
  for (size_t i = low + count; i-- > low;) {
    value = 2 * value + (i / 64 < e_n ? (unsigned)(e[i / 64] >> (i % 64)) & 1 : 0);
  }
  return value;
}

void otrf_field_modexp(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field) {
  _Alignas(64) uint8_t table[SECRET_ENTRIES * OTRF_MAX_ELEMENT_BYTES];
  otrf_element value, entry;
  const size_t size = field->size;
  memcpy(table, field->one, size);
  memcpy(table + size, a, size);
  for (size_t i = 2; i < SECRET_ENTRIES; i += 2) {
    field->square(table + i * size, table + i / 2 * size, 1, field);
    field->mul(table + (i + 1) * size, table + i * size, a, field);
  }
  size_t low = (64 * e_n + SECRET_WINDOW - 1) / SECRET_WINDOW * SECRET_WINDOW;
  low -= SECRET_WINDOW;
  field->select(&value, table, SECRET_ENTRIES, bits_at(e, e_n, low, SECRET_WINDOW), field);
  while (low > 0) {
    low -= SECRET_WINDOW;
    /* The choice does not depend on the squarings, so the processor works on both at once. */
    field->select(&entry, table, SECRET_ENTRIES, bits_at(e, e_n, low, SECRET_WINDOW), field);
    field->square(&value, &value, SECRET_WINDOW, field);
    field->mul(&value, &value, &entry, field);
  }
  memcpy(r, &value, size);
  otrf_wipe(table, SECRET_ENTRIES * size);
  otrf_wipe(&value, sizeof value);
  otrf_wipe(&entry, sizeof entry);
  otrf_wipe_stack();
}

/* ---- public exponents ---- */

#define MAX_WINDOW 6
#define MAX_ODD_POWERS (1 << (MAX_WINDOW - 1))

typedef struct {
  _Alignas(64) uint8_t odd[MAX_ODD_POWERS * OTRF_MAX_ELEMENT_BYTES]; /* a, a^3, a^5, ... */
  const otrf_limb *exponent;
  size_t e_n;
  size_t length; /* bits */
  size_t window;
  size_t end;   /* 1 + the bit at which the open window is multiplied in; 0: none is open */
  size_t index; /* which odd power that is */
} sliding;

static void sliding_start(sliding *s, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field) {
  otrf_element squared;
  s->exponent = e;
  s->e_n = e_n;
  s->length = 64 * e_n;
  while (s->length > 0 && bits_at(e, e_n, s->length - 1, 1) == 0) {
    s->length--;
  }
  s->window = s->length <= 256 ? 4 : MAX_WINDOW;
  s->end = 0;
  memcpy(s->odd, a, field->size);
  field->square(&squared, a, 1, field);
  for (size_t i = 1; i < (size_t)1 << (s->window - 1); i++) {
    field->mul(s->odd + i * field->size, s->odd + (i - 1) * field->size, &squared, field);
  }
}

/* At bit i: open a window there if the bit is set and none is open; multiply the open one in where it ends. */
static void sliding_step(sliding *s, void *value, size_t i, otrf_field *field) {
  if (s->end == 0 && i < s->length && bits_at(s->exponent, s->e_n, i, 1)) {
    size_t low = i + 1 > s->window ? i + 1 - s->window : 0;
    while (bits_at(s->exponent, s->e_n, low, 1) == 0) {
      low++;
    }
    s->end = low + 1;
    s->index = bits_at(s->exponent, s->e_n, low, i + 1 - low) / 2;
  }
  if (s->end == i + 1) {
    field->mul(value, value, s->odd + s->index * field->size, field);
    s->end = 0;
  }
}

void otrf_field_modexp_vartime(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field) {
  sliding s;
  otrf_element value;
  sliding_start(&s, a, e, e_n, field);
  memcpy(&value, field->one, field->size);
  for (size_t i = s.length; i-- > 0;) {
    field->square(&value, &value, 1, field);
    sliding_step(&s, &value, i, field);
  }
  memcpy(r, &value, field->size);
}

void otrf_field_double_modexp_vartime(void *r, const void *a, const otrf_limb *e, size_t e_n, const void *b,
                                      const otrf_limb *f, size_t f_n, otrf_field *field) {
  sliding first, second;
  otrf_element value;
  sliding_start(&first, a, e, e_n, field);
  sliding_start(&second, b, f, f_n, field);
  memcpy(&value, field->one, field->size);
  for (size_t i = first.length > second.length ? first.length : second.length; i-- > 0;) {
    field->square(&value, &value, 1, field);
    sliding_step(&first, &value, i, field);
    sliding_step(&second, &value, i, field);
  }
  memcpy(r, &value, field->size);
}
