/* GMP without linking it: the function table, taken by name from a library opened at run time. */
#include "field/gmp.h"

#include <dlfcn.h>
#include <string.h>

otrf_gmp_table otrf_gmp;

static const char *version = "";

/* The names as the library exports them, in the order of the table's members: each is one pointer wide. */
static const char *const names[] = {
    "__gmpn_add_n",         "__gmpn_sub_n",        "__gmpn_addmul_1",       "__gmpn_cnd_sub_n",    "__gmpn_cnd_add_n",
    "__gmpn_sec_mul",       "__gmpn_sec_mul_itch", "__gmpn_sec_sqr",        "__gmpn_sec_sqr_itch", "__gmpn_sec_powm",
    "__gmpn_sec_powm_itch", "__gmpn_sec_div_r",    "__gmpn_sec_div_r_itch", "__gmpn_gcdext",
};

#define NAMES (sizeof names / sizeof *names)

_Static_assert(sizeof(otrf_gmp_table) == NAMES * sizeof(void *), "one name for each member");

static int take_table(otrf_gmp_table *table, void *library) {
  for (size_t i = 0; i < NAMES; i++) {
    void *symbol = dlsym(library, names[i]);
    if (symbol == NULL) {
      return OTRF_ERR_GMP;
    }
    memcpy((char *)table + i * sizeof symbol, &symbol, sizeof symbol);
  }
  return OTRF_OK;
}

/* Whether the scratch that the core keeps on its stack is enough for every size it uses. */
static int scratch_fits(const otrf_gmp_table *table) {
  const long small = 4 * OTRF_MAX_LIMBS;
  for (long n = 3; n <= OTRF_MAX_LIMBS; n++) {
    if (table->sec_mul_itch(n, n) > small || table->sec_sqr_itch(n) > small ||
        table->sec_div_r_itch(2 * n, n) > 8 * OTRF_MAX_LIMBS) {
      return 0;
    }
  }
  return table->sec_powm_itch(OTRF_P_LIMBS, 64 * OTRF_P_LIMBS, OTRF_P_LIMBS) <= OTRF_SCRATCH_LIMBS &&
         table->sec_powm_itch(OTRF_P_LIMBS, 8 * OTRF_DH_BYTES, OTRF_P_LIMBS) <= OTRF_SCRATCH_LIMBS;
}

/* 3^5 mod 1009 = 243, and 3^(2^64 + 1) mod 2^64 - 59, which is prime: 3^(60 + 1) by Fermat. */
static int power_known(const otrf_gmp_table *table) {
  otrf_limb scratch[OTRF_SCRATCH_LIMBS];
  const otrf_limb base[1] = {3}, prime[1] = {0 - (otrf_limb)59}, long_exponent[2] = {1, 1}, short_exponent[1] = {61};
  otrf_limb by_long[1], by_short[1], small[1];
  const otrf_limb five[1] = {5}, modulus[1] = {1009};
  if (table->sec_powm_itch(1, 128, 1) > OTRF_SCRATCH_LIMBS) {
    return 0;
  }
  table->sec_powm(small, base, 1, five, 3, modulus, 1, scratch);
  table->sec_powm(by_long, base, 1, long_exponent, 128, prime, 1, scratch);
  table->sec_powm(by_short, base, 1, short_exponent, 64, prime, 1, scratch);
  return small[0] == 243 && by_long[0] == by_short[0];
}

int otrf_gmp_load(const char *path, int (*start)(void)) {
  otrf_gmp_table table;
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    return OTRF_ERR_GMP;
  }
  const int *word = dlsym(library, "__gmp_bits_per_limb");
  const char *const *name = dlsym(library, "__gmp_version");
  if (word == NULL || name == NULL || *word != 64 || take_table(&table, library) != OTRF_OK || !scratch_fits(&table) ||
      !power_known(&table)) {
    dlclose(library);
    return OTRF_ERR_GMP;
  }
  const otrf_gmp_table before = otrf_gmp;
  otrf_gmp = table;
  if (start() != OTRF_OK) {
    otrf_gmp = before;
    dlclose(library);
    return OTRF_ERR_GMP;
  }
  version = *name;
  return OTRF_OK;
}

const char *otrf_gmp_version(void) { return version; }
