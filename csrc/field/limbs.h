/* Numbers as limbs: limbs.c, select.c. */
#ifndef OTRF_FIELD_LIMBS_H
#define OTRF_FIELD_LIMBS_H

#include "field/gmp.h"

/* limbs = the big-endian number in bytes; len <= 8 * n. */
void otrf_limbs_from_bytes(otrf_limb *limbs, size_t n, const uint8_t *bytes, size_t len);

/* bytes = the number in limbs, big-endian, cut to len bytes. */
void otrf_limbs_to_bytes(uint8_t *bytes, size_t len, const otrf_limb *limbs, size_t n);

/* Returns 1 if a < b, else 0. */
int otrf_limbs_below(const otrf_limb *a, const otrf_limb *b, size_t n);

/* Returns 1 if a = 0, else 0. */
int otrf_limbs_zero(const otrf_limb *a, size_t n);

/* r = a mod m of m_n limbs, whose top limb is not 0. a_n <= 2 * OTRF_MAX_LIMBS. */
void otrf_limbs_mod(otrf_limb *r, const otrf_limb *a, size_t a_n, const otrf_limb *m, size_t m_n);

/* Returns a mod r, r > 0. */
uint64_t otrf_limbs_mod_small_vartime(const otrf_limb *a, size_t n, uint64_t r);

/* r = entry `index` of a table of numbers of n limbs, reading all of it. The index is secret. */
void otrf_limbs_select(otrf_limb *r, const otrf_limb *table, size_t n, size_t entries, size_t index);

#endif
