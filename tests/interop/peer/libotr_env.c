/* Stands in front of `time` and libgcrypt's generator: the dynamic linker takes a program's own symbols first. */

#define _GNU_SOURCE
#include "libotr_env.h"

#include <dlfcn.h>
#include <gcrypt.h>
#include <time.h>

static int64_t clock_seconds = 1000000000;
static uint64_t seed_state;
static int seeded;

void env_set_clock(int64_t seconds) { clock_seconds = seconds; }

void env_set_seed(uint64_t seed) {
  seeded = seed != 0;
  seed_state = seed;
}

time_t time(time_t *out) {
  if (out)
    *out = (time_t)clock_seconds;
  return (time_t)clock_seconds;
}

/* splitmix64: any stream will do that repeats with its seed. */
static uint8_t seeded_byte(void) {
  uint64_t z = (seed_state += 0x9e3779b97f4a7c15u);

  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint8_t)(z >> 56);
}

void gcry_randomize(void *buffer, size_t length, enum gcry_random_level level) {
  static void (*real)(void *, size_t, enum gcry_random_level);
  uint8_t *out = buffer;

  if (seeded) {
    for (size_t i = 0; i < length; i++)
      out[i] = seeded_byte();
    return;
  }
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "gcry_randomize");
  real(buffer, length, level);
}

void *gcry_random_bytes(size_t count, enum gcry_random_level level) {
  void *out = gcry_xmalloc(count);

  gcry_randomize(out, count, level);
  return out;
}

void *gcry_random_bytes_secure(size_t count, enum gcry_random_level level) {
  void *out = gcry_xmalloc_secure(count);

  gcry_randomize(out, count, level);
  return out;
}
