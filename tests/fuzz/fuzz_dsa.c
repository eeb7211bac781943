/* DSA keys and signatures of a peer: any numbers of any length, or a sound key with some of its bytes changed. */
#include "fuzz.h"

#define CAPACITY 400

typedef struct {
  uint8_t bytes[CAPACITY];
  size_t len;
} number;

static otrf_dsa_key *sound;

static void numbers_of_sound(number n[4]) {
  uint8_t x[20];
  if (sound == NULL) {
    static const uint8_t seed[32] = {1};
    otrf_cpu_use(OTRF_LEVEL_IFMA);
    sound = otrf_dsa_generate_vartime(seed);
    HOLDS(sound != NULL);
  }
  n[0].len = n[2].len = n[3].len = 128;
  n[1].len = 20;
  otrf_dsa_export(n[0].bytes, n[1].bytes, n[2].bytes, n[3].bytes, x, sound);
}

/* Change some bytes: each by a position, a number and a value. */
static void change(number n[4], uint8_t count, input *in) {
  for (; count > 0 && in->size > 0; count--) {
    number *const which = &n[take_byte(in) % 4];
    const size_t at = take_byte(in) % which->len;
    which->bytes[at] ^= take_byte(in);
  }
}

static int verdicts(const number n[4], const uint8_t value[32], const uint8_t signature[40], int examine) {
  int check =
      otrf_dsa_check_vartime(n[0].bytes, n[0].len, n[1].bytes, n[1].len, n[2].bytes, n[2].len, n[3].bytes, n[3].len);
  if (check && examine) { /* then all have their full length */
    check = otrf_dsa_examine_vartime(n[0].bytes, n[1].bytes, value);
  }
  const int verify = otrf_dsa_verify_vartime(n[0].bytes, n[0].len, n[1].bytes, n[1].len, n[2].bytes, n[2].len,
                                             n[3].bytes, n[3].len, value, signature);
  HOLDS(check == (check & 1) && verify == (verify & 1));
  return 2 * check + verify;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const size_t p_lens[] = {128, 256, 384, 64}, q_lens[] = {20, 28, 32, 21};
  input in = {data, size};
  number n[4];
  uint8_t value[32], random[32] = {0}, signature[40];
  const uint8_t head = take_byte(&in), shape = take_byte(&in);
  memset(n, 0, sizeof n);
  if (head & 0x80) {
    numbers_of_sound(n);
    take(value, sizeof value, &in);
    HOLDS(otrf_dsa_sign(signature, sound, value, random) == OTRF_OK);
    HOLDS(verdicts(n, value, signature, 0) == 3);
    if (shape & 1) {
      signature[take_byte(&in) % 40] ^= 1;
      HOLDS(verdicts(n, value, signature, 0) == 2);
    } else {
      change(n, 1 + shape / 16, &in);
    }
  } else {
    for (size_t i = 0; i < 4; i++) {
      n[i].len = i == 1 ? q_lens[shape / 4 % 4] : p_lens[shape % 4];
      if (shape & 0x40) {
        n[i].len = (n[i].len + take_byte(&in)) % (i == 1 ? 40 : CAPACITY);
      }
      take(n[i].bytes, n[i].len, &in);
    }
    take(value, sizeof value, &in);
    take(signature, sizeof signature, &in);
  }
  otrf_cpu_use(head % LEVELS);
  const int first = verdicts(n, value, signature, head >> 6 & 1);
  otrf_cpu_use(OTRF_LEVEL_PORTABLE);
  HOLDS(verdicts(n, value, signature, head >> 6 & 1) == first);
  uint8_t p[128], q[20], g[128], y[128], x[20];
  memcpy(p, n[0].bytes, sizeof p);
  memcpy(q, n[1].bytes, sizeof q);
  memcpy(g, n[2].bytes, sizeof g);
  memcpy(y, n[3].bytes, sizeof y);
  memcpy(x, value, sizeof x);
  otrf_dsa_free(otrf_dsa_new(p, q, g, y, x));
  return 0;
}
