/* Private header of the power code: the GMP function table, Montgomery arithmetic, combs. */
#ifndef OTRFAST_POWERS_H
#define OTRFAST_POWERS_H

#include "internal.h"
#include "otrfast.h"

#pragma GCC visibility push(hidden)

/* A limb, least significant first in every array; GMP's mp_limb_t where mp_bits_per_limb is 64. */
typedef uint64_t otrf_limb;

#define OTRF_P_LIMBS 24   /* the 1536-bit group */
#define OTRF_MAX_LIMBS 48 /* DSA up to 3072 bits */

/* What the core takes from GMP: documented mpn functions alone, so that every GMP since 6.0 has them. mp_size_t is long
 * and mp_bitcnt_t unsigned long in GMP's interface. */
typedef struct {
  otrf_limb (*add_n)(otrf_limb *, const otrf_limb *, const otrf_limb *, long);
  otrf_limb (*sub_n)(otrf_limb *, const otrf_limb *, const otrf_limb *, long);
  otrf_limb (*addmul_1)(otrf_limb *, const otrf_limb *, long, otrf_limb);
  otrf_limb (*cnd_sub_n)(otrf_limb, otrf_limb *, const otrf_limb *, const otrf_limb *, long);
  otrf_limb (*cnd_add_n)(otrf_limb, otrf_limb *, const otrf_limb *, const otrf_limb *, long);
  void (*sec_mul)(otrf_limb *, const otrf_limb *, long, const otrf_limb *, long, otrf_limb *);
  long (*sec_mul_itch)(long, long);
  void (*sec_sqr)(otrf_limb *, const otrf_limb *, long, otrf_limb *);
  long (*sec_sqr_itch)(long);
  void (*sec_powm)(otrf_limb *, const otrf_limb *, long, const otrf_limb *, unsigned long, const otrf_limb *, long,
                   otrf_limb *);
  long (*sec_powm_itch)(long, unsigned long, long);
  void (*sec_div_r)(otrf_limb *, long, const otrf_limb *, long, otrf_limb *);
  long (*sec_div_r_itch)(long, long);
  long (*gcdext)(otrf_limb *, otrf_limb *, long *, otrf_limb *, long, otrf_limb *, long);
} otrf_gmp_table;

/* Filled by otrf_gmp_open and constant from then on. */
extern otrf_gmp_table otrf_gmp;

/* Scratch enough for every mpn_sec_* call the core makes; otrf_gmp_open holds the itch functions against it. */
#define OTRF_SCRATCH_LIMBS 2560

/* ---- numbers as bytes: montgomery.c */

/* limbs = the big-endian number in bytes; len <= 8 * n. */
void otrf_limbs_from_bytes(otrf_limb *limbs, size_t n, const uint8_t *bytes, size_t len);

/* bytes = the number in limbs, big-endian, cut to len bytes. */
void otrf_limbs_to_bytes(uint8_t *bytes, size_t len, const otrf_limb *limbs, size_t n);

/* 1 where a < b; constant-time. */
int otrf_limbs_below(const otrf_limb *a, const otrf_limb *b, size_t n);

/* 1 where a = 0; constant-time. */
int otrf_limbs_zero(const otrf_limb *a, size_t n);

/* r = a mod m of m_n limbs, whose top limb is not 0; constant-time. a_n <= 2 * OTRF_MAX_LIMBS. */
void otrf_limbs_mod(otrf_limb *r, const otrf_limb *a, size_t a_n, const otrf_limb *m, size_t m_n);

/* r = entry `index` of a table of numbers of n limbs, reading all of it: select.c. The index is secret. */
void otrf_limbs_select(otrf_limb *r, const otrf_limb *table, size_t n, size_t entries, size_t index);

/* ---- Montgomery arithmetic: montgomery.c */

/* A public odd modulus m of n limbs, top limb not 0, with what multiplication needs; R = 2^(64 n). */
typedef struct {
  size_t n;
  otrf_limb inverse; /* -1/m mod 2^64 */
  otrf_limb m[OTRF_MAX_LIMBS];
  otrf_limb one[OTRF_MAX_LIMBS];    /* R mod m */
  otrf_limb square[OTRF_MAX_LIMBS]; /* R^2 mod m */
} otrf_modulus;

/* Room for one product and GMP's own scratch, or for what AVX2 has in their place; whoever feeds secrets through it
 * wipes it. */
typedef struct {
  _Alignas(64) otrf_limb product[2 * OTRF_MAX_LIMBS];
  otrf_limb gmp[4 * OTRF_MAX_LIMBS];
} otrf_mont_scratch;

void otrf_modulus_init(otrf_modulus *modulus, const otrf_limb *m, size_t n);

/* r = a * b / R mod m and r = a^2 / R mod m, in 0 .. m-1. r may be a or b. Constant-time. */
void otrf_mont_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_modulus *modulus,
                   otrf_mont_scratch *scratch);
void otrf_mont_sqr(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);

/* Into and out of Montgomery form; a < m. */
void otrf_mont_in(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);
void otrf_mont_out(otrf_limb *r, const otrf_limb *a, const otrf_modulus *modulus, otrf_mont_scratch *scratch);

/* ---- fields: field.c, avx2.c, ifma.c
 *
 * A modulus together with one way to multiply under it, so that combs and windows are written once. Elements are in the
 * Montgomery form of that way, `size` bytes each. */

#define OTRF_MAX_ELEMENT_BYTES (8 * OTRF_MAX_LIMBS)

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

void otrf_field_on_gmp(otrf_field *field, const otrf_modulus *modulus);

/* ---- powers in a field: windows.c. Elements in, elements out. */

/* r = a^e; e is secret. */
void otrf_field_power_secret(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field);

/* r = a^e by sliding windows; e is public. */
void otrf_field_power(void *r, const void *a, const otrf_limb *e, size_t e_n, otrf_field *field);

/* r = a^e * b^f, one chain of squarings; e and f are public. */
void otrf_field_double_power(void *r, const void *a, const otrf_limb *e, size_t e_n, const void *b, const otrf_limb *f,
                             size_t f_n, otrf_field *field);

/* ---- fixed-base combs: comb.c
 *
 * An exponent is cut into TEETH * TABLES pieces of `columns` bits. Table t holds, for every choice of rows, the product
 * of base^(2^((row * TABLES + t) * columns)); column j of the pieces picks one entry of each table. Four tables of 32
 * entries cost as many multiplications as two of 64, and half the time to scan. */

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

/* The entry that column `column` of table t selects for the exponent; constant-time. */
unsigned otrf_comb_index(const otrf_limb *exponent, size_t exponent_n, size_t columns, size_t t, size_t column);

/* r = base^exponent; the exponent is secret. */
void otrf_comb_power(void *r, const uint8_t *table, const otrf_limb *exponent, size_t exponent_n, size_t columns,
                     otrf_field *field);

/* ---- the group: modexp.c */

/* The 1536-bit prime and its tables for base 2; filled by otrf_gmp_open. */
extern const otrf_limb otrf_p[OTRF_P_LIMBS];
extern otrf_modulus otrf_p_modulus;

/* The columns of a comb for exponents of OTRF_SCALAR_BYTES. */
#define OTRF_SCALAR_COLUMNS OTRF_COMB_COLUMNS(8 * OTRF_SCALAR_BYTES)

/* The field of the group on the best way to multiply that is in force. */
void otrf_group_field(otrf_field *field);

/* out = the power that a comb of the group gives for a secret exponent of up to 24 limbs in bytes, a multiple of 8 of
 * them. What it leaves behind is wiped, the field's scratch too. */
void otrf_comb_element(uint8_t out[192], const uint8_t *comb, size_t columns, const uint8_t *exponent,
                       size_t exponent_len, otrf_field *field);

/* Limbs below p of an element below 2^1536. */
void otrf_element_limbs(otrf_limb v[OTRF_P_LIMBS], const uint8_t value[192]);

/* Build the tables. OTRF_ERR_GMP where a known answer does not come out. */
int otrf_powers_start(void);

#pragma GCC visibility pop

#endif
