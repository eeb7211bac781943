/* Constant time, statistical: Welch's t between the times for one fixed secret and for random ones, taken in random
 * order. usage: welch GMP LEVEL SECONDS; prints a line for each function, and returns 1 if one shows a difference.
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dsa/dsa.h"

#define SAMPLES 200000
#define T_LIMIT 10.0
#define EFFECT_LIMIT 0.005 /* of the mean: below the noise that a t of this many samples can still tell apart */

static uint8_t secret[8 * 192], other[192], base[8 * 192], out[8 * 192], text[64];
static otrf_dsa_key *key;

/* End the program with a status of its own if a call failed. */
static void must(int status) {
  if (status != OTRF_OK) {
    exit(5);
  }
}

static void modexp(void) { must(otrf_modexp(out, base, secret, 40)); }
static void modexp_long(void) { must(otrf_modexp(out, base, secret, 192)); }
static void modexp_g(void) { must(otrf_modexp_g(out, secret, 40)); }
static void modexp_g_long(void) { must(otrf_modexp_g(out, secret, 192)); }
static void modexp_many(void) { must(otrf_modexp_many(out, base, secret, 8)); }
static void modexp_g_many(void) { must(otrf_modexp_g_many(out, secret, 8)); }
static void multiply(void) { must(otrf_multiply(out, secret, other)); }
static void response(void) { must(otrf_response(out, other, secret, base)); }

/* The data go in as the value to be signed does, and as the key: the nonce depends on both. */
static void dsa_sign(void) {
  memcpy(key->x, secret, 16);
  must(otrf_dsa_sign(out, key, text, secret));
}

static void control_vartime(void) { must(otrf_double_modexp_vartime(out, base, secret, 40, base, secret, 40)); }

static const struct {
  const char *name;
  void (*run)(void);
  int leaks;
} cases[] = {
    {"otrf_modexp, 320 bits", modexp, 0},     {"otrf_modexp, 1536 bits", modexp_long, 0},
    {"otrf_modexp_g, 320 bits", modexp_g, 0}, {"otrf_modexp_g, 1536 bits", modexp_g_long, 0},
    {"otrf_modexp_many, 8", modexp_many, 0},  {"otrf_modexp_g_many, 8", modexp_g_many, 0},
    {"otrf_multiply", multiply, 0},           {"otrf_response", response, 0},
    {"otrf_dsa_sign", dsa_sign, 0},           {"control: otrf_double_modexp_vartime", control_vartime, 1},
};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t state = 0x2545f4914f6cdd1d;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct {
  double count, mean, squares;
} moments;

static void add(moments *m, double x) {
  const double delta = x - m->mean;
  m->count += 1;
  m->mean += delta / m->count;
  m->squares += delta * (x - m->mean);
}

static double times[SAMPLES], sorted[SAMPLES];
static uint8_t class_of[SAMPLES];

static size_t measure(void (*run)(void), double seconds) {
  const double end = now() + seconds;
  size_t n = 0;
  while (n < SAMPLES && now() < end) {
    class_of[n] = next() & 1;
    for (size_t i = 0; i < sizeof secret; i++) {
      secret[i] = (uint8_t)(next() & (class_of[n] ? 0xff : 0));
    }
    run(); /* the first call after new data meets cold caches for either class: it does not count */
    const double start = now();
    run();
    times[n++] = now() - start;
  }
  return n;
}

/* A key whose q is hardly below 2^160: a nonce above q is drawn again, which takes time and says nothing of the next
 * one. */
static otrf_dsa_key *key_near_the_top(void) {
  for (;;) {
    otrf_dsa_key *made = otrf_dsa_generate_vartime(text);
    if (made == NULL) {
      exit(2);
    }
    if (made->q.q[2] >> 24 == 0xff) {
      return made;
    }
    otrf_dsa_free(made);
    text[0] = (uint8_t)(text[0] + 1);
    text[1] = (uint8_t)(text[1] + (text[0] == 0));
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || otrf_cpu_use(atoi(argv[2])) != atoi(argv[2]) || otrf_gmp_open(argv[1]) != OTRF_OK) {
    return 2;
  }
  int bad = 0;
  for (size_t i = 0; i < sizeof base; i++) {
    base[i] = (uint8_t)(37 * i + 5) & 0x7f;
    other[i % 192] = (uint8_t)(59 * i + 1);
  }
  key = key_near_the_top();
  printf("%-36s %9s %9s %9s %9s\n", "", "samples", "us", "t", "effect");
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    moments m[2] = {{0, 0, 0}, {0, 0, 0}};
    const size_t n = measure(cases[c].run, atof(argv[3]));
    memcpy(sorted, times, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, ascending);
    /* What lies above the ninth decile is the machine's doing: interrupts, other processes. */
    const double limit = sorted[n * 9 / 10];
    for (size_t i = 0; i < n; i++) {
      if (times[i] <= limit) {
        add(&m[class_of[i]], times[i]);
      }
    }
    const double error = m[0].squares / (m[0].count - 1) / m[0].count + m[1].squares / (m[1].count - 1) / m[1].count;
    const double t = (m[0].mean - m[1].mean) / sqrt(error), effect = (m[0].mean - m[1].mean) / m[1].mean;
    const int differs = fabs(t) >= T_LIMIT && fabs(effect) >= EFFECT_LIMIT;
    printf("%-36s %9zu %9.2f %9.1f %8.3f%%%s\n", cases[c].name, n, m[1].mean * 1e6, t, effect * 100,
           differs ? "  differs" : "");
    fflush(stdout);
    bad |= differs != cases[c].leaks;
  }
  otrf_dsa_free(key);
  return bad;
}
