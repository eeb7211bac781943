/* GMP without linking it: the functions that the core takes from a library opened at run time. */
#ifndef OTRF_FIELD_GMP_H
#define OTRF_FIELD_GMP_H

#include <stddef.h>
#include <stdint.h>

#include "otrfast.h"
#include "platform/compiler.h"

/* A limb, least significant first in every array; GMP's mp_limb_t where mp_bits_per_limb is 64. */
typedef uint64_t otrf_limb;

#define OTRF_P_LIMBS 24   /* the 1536-bit group */
#define OTRF_MAX_LIMBS 48 /* DSA up to 3072 bits */

/* Documented mpn functions alone, so that every GMP since 6.0 has them. mp_size_t is long and mp_bitcnt_t unsigned long
 * in GMP's interface. */
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

/* Filled by otrf_gmp_load and constant from then on. */
extern OTRF_HIDDEN otrf_gmp_table otrf_gmp;

/* Scratch enough for every mpn_sec_* call the core makes; otrf_gmp_load checks it against GMP's itch functions. */
#define OTRF_SCRATCH_LIMBS 2560

/* Open GMP from `path` and take its functions; then call `start`, which builds and tries what the core computes with
 * them. Returns OTRF_OK, or OTRF_ERR_GMP, with the functions of before in force again, if the library cannot be used
 * or `start` does not return OTRF_OK. */
int otrf_gmp_load(const char *path, int (*start)(void));

/* 1 if GMP has been opened, else 0. */
OTRF_INLINE int otrf_gmp_ready(void) { return otrf_gmp.add_n != NULL; }

#endif
