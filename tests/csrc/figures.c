/* How long exponentiations and signatures take beside mpz_powm, all in one run, interleaved; the best of many rounds
 * each. usage: figures GMP LEVEL */
#define _POSIX_C_SOURCE 199309L
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "field/limbs.h"
#include "group/group.h"

#define ROUNDS 60

typedef struct {
  int allocated, size;
  otrf_limb *limbs;
} mpz;

static void (*mpz_powm)(mpz *, const mpz *, const mpz *, const mpz *);
static mpz mpz_result, mpz_base, mpz_short, mpz_long, mpz_modulus;

static uint8_t base[8 * 192], exponent[8 * 192], out[8 * 192];
static uint8_t p[128], q[20], g[128], y[128], x[20], signature[40], text[32];
static otrf_dsa_key *key;

/* End the program with a status of its own if a call failed. */
static void must(int status) {
  if (status != OTRF_OK) {
    exit(5);
  }
}

static void powm(void) { mpz_powm(&mpz_result, &mpz_base, &mpz_short, &mpz_modulus); }
static void powm_long(void) { mpz_powm(&mpz_result, &mpz_base, &mpz_long, &mpz_modulus); }
static void modexp(void) { must(otrf_modexp(out, base, exponent, 40)); }
static void modexp_long(void) { must(otrf_modexp(out, base, exponent, 192)); }
static void modexp_many(void) { must(otrf_modexp_many(out, base, exponent, 8)); }
static void modexp_g(void) { must(otrf_modexp_g(out, exponent, 40)); }
static void modexp_g_long(void) { must(otrf_modexp_g(out, exponent, 192)); }
static void modexp_g_many(void) { must(otrf_modexp_g_many(out, exponent, 8)); }
static void double_modexp_vartime(void) {
  must(otrf_double_modexp_vartime(out, base, exponent, 192, base + 192, exponent, 32));
}
static void dsa_sign(void) { must(otrf_dsa_sign(signature, key, text, text)); }
static void dsa_verify(void) { must(otrf_dsa_verify_vartime(p, 128, q, 20, g, 128, y, 128, text, signature) - 1); }
static void dsa_check(void) { must(otrf_dsa_check_vartime(p, 128, q, 20, g, 128, y, 128) - 1); }
static void dsa_examine(void) { must(otrf_dsa_examine_vartime(p, q, text) - 1); }

static const struct {
  const char *name;
  void (*run)(void);
  int repeat, count, against; /* `against`: the index of what it is compared with, -1 for nothing */
} cases[] = {
    {"mpz_powm, 320 bits", powm, 3, 1, 0},
    {"mpz_powm, 1536 bits", powm_long, 1, 1, 1},
    {"otrf_modexp, 320 bits", modexp, 3, 1, 0},
    {"otrf_modexp_many, 8, each", modexp_many, 1, 8, 0},
    {"otrf_modexp_g, 320 bits", modexp_g, 5, 1, 0},
    {"otrf_modexp_g_many, 8, each", modexp_g_many, 3, 8, 0},
    {"otrf_modexp, 1536 bits", modexp_long, 1, 1, 1},
    {"otrf_modexp_g, 1536 bits", modexp_g_long, 2, 1, 1},
    {"otrf_double_modexp_vartime, 1536 + 256 bits", double_modexp_vartime, 1, 1, 1},
    {"otrf_dsa_sign", dsa_sign, 5, 1, -1},
    {"otrf_dsa_verify_vartime", dsa_verify, 5, 1, -1},
    {"otrf_dsa_check_vartime", dsa_check, 3, 1, -1},
    {"otrf_dsa_examine_vartime", dsa_examine, 3, 1, -1},
};

#define CASES (sizeof cases / sizeof *cases)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static mpz number(otrf_limb *limbs, size_t n, const uint8_t *bytes) {
  otrf_limbs_from_bytes(limbs, n, bytes, 8 * n);
  return (mpz){(int)n, (int)n, limbs};
}

static int start(const char *gmp) {
  static otrf_limb b[OTRF_P_LIMBS], e[5], f[OTRF_P_LIMBS], m[OTRF_P_LIMBS];
  void *library = dlopen(gmp, RTLD_NOW), *symbol;
  void (*init)(mpz *);
  if (library == NULL) {
    return 0;
  }
  symbol = dlsym(library, "__gmpz_powm");
  memcpy(&mpz_powm, &symbol, sizeof symbol);
  symbol = dlsym(library, "__gmpz_init");
  memcpy(&init, &symbol, sizeof symbol);
  init(&mpz_result);
  for (size_t i = 0; i < sizeof base; i++) {
    base[i] = (uint8_t)(7 * i + 1) & 0x7f;
    exponent[i] = (uint8_t)(31 * i + 5) | (i % 8 == 0);
  }
  memcpy(m, otrf_p, sizeof m);
  mpz_modulus = (mpz){OTRF_P_LIMBS, OTRF_P_LIMBS, m};
  mpz_base = number(b, OTRF_P_LIMBS, base);
  mpz_short = number(e, 5, exponent);
  mpz_long = number(f, OTRF_P_LIMBS, exponent);
  key = otrf_dsa_generate_vartime(text);
  if (key != NULL) {
    otrf_dsa_export(p, q, g, y, x, key);
  }
  return key != NULL;
}

static int ascending(const void *a, const void *b) {
  const double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* The median of making keys, whose times differ by what the search meets. */
static double generate_median(void) {
  double times[101];
  for (uint8_t i = 0; i < 101; i++) {
    const uint8_t seed[32] = {i};
    const double begin = now();
    otrf_dsa_free(otrf_dsa_generate_vartime(seed));
    times[i] = now() - begin;
  }
  qsort(times, 101, sizeof *times, ascending);
  return times[50];
}

int main(int argc, char **argv) {
  double best[CASES];
  if (argc != 3 || otrf_cpu_use(atoi(argv[2])) != atoi(argv[2]) || otrf_gmp_open(argv[1]) != OTRF_OK ||
      !start(argv[1])) {
    return 2;
  }
  for (int round = 0; round < ROUNDS; round++) {
    for (size_t c = 0; c < CASES; c++) {
      const double begin = now();
      for (int i = 0; i < cases[c].repeat; i++) {
        cases[c].run();
      }
      const double each = (now() - begin) / cases[c].repeat / cases[c].count;
      best[c] = round == 0 || each < best[c] ? each : best[c];
    }
  }
  for (size_t c = 0; c < CASES; c++) {
    printf("%-36s %8.1f us", cases[c].name, best[c] * 1e6);
    if (cases[c].against >= 0) {
      printf("  %5.1f", best[cases[c].against] / best[c]);
    }
    printf("\n");
  }
  printf("%-36s %8.1f us\n", "otrf_dsa_generate_vartime, median", generate_median() * 1e6);
  otrf_dsa_free(key);
  return 0;
}
