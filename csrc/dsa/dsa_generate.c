/* Making DSA keys of 1024/160 bits: q, then a sieved search for p = 1 mod 2q, then g, x and y. */
#include <stdlib.h>
#include <string.h>

#include "dsa/dsa.h"
#include "field/ifma_x8.h"
#include "field/limbs.h"
#include "field/windows.h"
#include "platform/cpu.h"
#include "platform/memory.h"

#define SIEVE_PRIMES 3511 /* the odd primes below 2^15 */
#define TRIAL_PRIMES 200  /* of these, what q is divided by first */
#define GROUP 4           /* primes of 15 bits whose product fits 64 */
#define SIEVE_LENGTH 4096 /* candidates at a time; one in about 355 is prime */
#define Q_ROUNDS 24       /* Miller-Rabin with random bases, for random numbers of these sizes: well below 2^-100 */
#define P_ROUNDS 4

typedef struct {
  otrf_limb start[OTRF_DSA_P_LIMBS]; /* candidate i is start + i * step */
  otrf_limb step[OTRF_Q_LIMBS];      /* 2 q */
  size_t count;
  uint16_t primes[SIEVE_PRIMES];
  uint16_t next[SIEVE_PRIMES]; /* the first candidate from the interval's start on that the prime divides */
  uint8_t composite[SIEVE_LENGTH];
} search;

/* q = a random prime of exactly 160 bits. */
static void find_q(otrf_limb q[OTRF_Q_LIMBS], const uint16_t *primes, otrf_expansion *expansion) {
  otrf_dsa_field field;
  int found = 0;
  while (!found) {
    uint8_t bytes[OTRF_DSA_Q_BYTES];
    otrf_expand(bytes, sizeof bytes, expansion);
    bytes[0] |= 0x80;
    bytes[sizeof bytes - 1] |= 1;
    otrf_limbs_from_bytes(q, OTRF_Q_LIMBS, bytes, sizeof bytes);
    found = 1;
    for (size_t i = 0; i < TRIAL_PRIMES && found; i++) {
      found = otrf_limbs_mod_small_vartime(q, OTRF_Q_LIMBS, primes[i]) != 0;
    }
    if (found) {
      otrf_dsa_field_init(&field, q, OTRF_Q_LIMBS);
      found = otrf_is_probable_prime_vartime(&field) && otrf_is_prime_vartime(&field, Q_ROUNDS, expansion);
    }
  }
}

/* 1/a mod the odd prime r, by Euclid; 0 < a < r. */
static uint32_t inverse_small(uint32_t a, uint32_t r) {
  int32_t high = (int32_t)r, low = (int32_t)a, high_factor = 0, low_factor = 1;
  while (low > 1) {
    const int32_t quotient = high / low, rest = high % low, factor = high_factor - quotient * low_factor;
    high = low;
    low = rest;
    high_factor = low_factor;
    low_factor = factor;
  }
  return (uint32_t)(low_factor < 0 ? low_factor + (int32_t)r : low_factor);
}

/* Find where primes[from] and the ones after it first divide a candidate. Their product fits 64 bits, so the long
 * remainders are taken once for all of them. */
static void search_place(search *s, size_t from, size_t count) {
  uint64_t product = 1;
  for (size_t i = from; i < from + count; i++) {
    product *= s->primes[i];
  }
  const uint64_t start = otrf_limbs_mod_small_vartime(s->start, OTRF_DSA_P_LIMBS, product);
  const uint64_t step = otrf_limbs_mod_small_vartime(s->step, OTRF_Q_LIMBS, product);
  for (size_t i = from; i < from + count; i++) {
    const uint32_t r = s->primes[i];
    const uint32_t inverse = inverse_small((uint32_t)(step % r), r);
    s->next[i] = (uint16_t)((r - (uint32_t)(start % r)) * inverse % r);
  }
}

/* start = a random number of 1024 bits, lowered to 1 mod 2q; 0 if that takes away the top bit. */
static int search_start(search *s, otrf_expansion *expansion) {
  uint8_t bytes[OTRF_DSA_P_BYTES];
  otrf_limb excess[OTRF_DSA_P_LIMBS] = {0};
  otrf_expand(bytes, sizeof bytes, expansion);
  bytes[0] |= 0x80;
  otrf_limbs_from_bytes(s->start, OTRF_DSA_P_LIMBS, bytes, sizeof bytes);
  otrf_limbs_mod(excess, s->start, OTRF_DSA_P_LIMBS, s->step, OTRF_Q_LIMBS);
  otrf_gmp.sub_n(s->start, s->start, excess, OTRF_DSA_P_LIMBS);
  s->start[0] |= 1; /* it is a multiple of 2q, so even */
  for (size_t i = 0; i < s->count; i += GROUP) {
    search_place(s, i, s->count - i < GROUP ? s->count - i : GROUP);
  }
  return s->start[OTRF_DSA_P_LIMBS - 1] >> 63 != 0;
}

/* Mark the interval's composites, and move `next` on to the interval after it. */
static void sieve(search *s) {
  memset(s->composite, 0, sizeof s->composite);
  for (size_t i = 0; i < s->count; i++) {
    uint32_t at = s->next[i];
    for (; at < SIEVE_LENGTH; at += s->primes[i]) {
      s->composite[at] = 1;
    }
    s->next[i] = (uint16_t)(at - SIEVE_LENGTH);
  }
}

/* p = start + i * step; 0 if it grows beyond 1024 bits. */
static int candidate(otrf_limb p[OTRF_DSA_P_LIMBS], const search *s, size_t i) {
  memcpy(p, s->start, sizeof s->start);
  otrf_limb carry = otrf_gmp.addmul_1(p, s->step, OTRF_Q_LIMBS, i);
  for (size_t j = OTRF_Q_LIMBS; j < OTRF_DSA_P_LIMBS; j++) {
    p[j] += carry;
    carry = p[j] < carry;
  }
  return carry == 0;
}

/* Fill `candidates` from candidate *at of the interval on with what the sieve has left; returns how many. */
static size_t collect(otrf_limb (*candidates)[OTRF_DSA_P_LIMBS], size_t capacity, const search *s, size_t *at) {
  size_t count = 0;
  for (; count < capacity && *at < SIEVE_LENGTH; ++*at) {
    if (!s->composite[*at] && candidate(candidates[count], s, *at)) {
      count++;
    }
  }
  return count;
}

/* Which of the candidates pass Fermat's test. */
static unsigned probable(otrf_limb (*candidates)[OTRF_DSA_P_LIMBS], size_t count) {
  if (count == OTRF_IFMA_X8_LANES) {
    return otrf_ifma_x8_probable_primes((const otrf_limb(*)[OTRF_DSA_P_LIMBS])candidates);
  }
  unsigned mask = 0;
  for (size_t i = 0; i < count; i++) {
    otrf_dsa_field field;
    otrf_dsa_field_init(&field, candidates[i], OTRF_DSA_P_LIMBS);
    mask |= (unsigned)otrf_is_probable_prime_vartime(&field) << i;
  }
  return mask;
}

/* Put the first prime of the interval into p; 0 if it has none. The answer is the same however many are tested at
 * once. */
static int first_prime(otrf_limb p[OTRF_DSA_P_LIMBS], const search *s, otrf_expansion *expansion) {
  const size_t capacity = otrf_has(OTRF_HAS_IFMA) ? OTRF_IFMA_X8_LANES : 1;
  otrf_limb candidates[OTRF_IFMA_X8_LANES][OTRF_DSA_P_LIMBS];
  size_t at = 0, count;
  while ((count = collect(candidates, capacity, s, &at)) > 0) {
    const unsigned mask = probable(candidates, count);
    for (size_t i = 0; i < count; i++) {
      otrf_dsa_field field;
      if ((mask >> i & 1) == 0) {
        continue;
      }
      otrf_dsa_field_init(&field, candidates[i], OTRF_DSA_P_LIMBS);
      if (otrf_is_prime_vartime(&field, P_ROUNDS, expansion)) {
        memcpy(p, candidates[i], sizeof candidates[i]);
        return 1;
      }
    }
  }
  return 0;
}

static void find_p(otrf_limb p[OTRF_DSA_P_LIMBS], search *s, otrf_expansion *expansion) {
  for (;;) {
    while (!search_start(s, expansion)) {
    }
    for (int interval = 0; interval < 4; interval++) {
      sieve(s);
      if (first_prime(p, s, expansion)) {
        return;
      }
      candidate(s->start, s, SIEVE_LENGTH);
    }
  }
}

/* g = h^((p-1)/q) for the first h from 2 on that does not give 1. */
static void find_g(otrf_limb g[OTRF_DSA_P_LIMBS], const otrf_limb *p, const otrf_limb *q) {
  otrf_dsa_field field;
  otrf_element power;
  otrf_limb cofactor[OTRF_DSA_P_LIMBS] = {0}, rest[OTRF_DSA_P_LIMBS];
  /* (p-1)/q, bit by bit from the top; p - 1 has the bits of p but the lowest. */
  memset(rest, 0, sizeof rest);
  otrf_limb wide_q[OTRF_DSA_P_LIMBS] = {0};
  memcpy(wide_q, q, OTRF_Q_LIMBS * sizeof *q);
  for (size_t i = 64 * OTRF_DSA_P_LIMBS; i-- > 0;) {
    otrf_gmp.add_n(rest, rest, rest, OTRF_DSA_P_LIMBS);
    rest[0] |= i > 0 ? p[i / 64] >> (i % 64) & 1 : 0;
    if (!otrf_limbs_below(rest, wide_q, OTRF_DSA_P_LIMBS)) {
      otrf_gmp.sub_n(rest, rest, wide_q, OTRF_DSA_P_LIMBS);
      cofactor[i / 64] |= (otrf_limb)1 << (i % 64);
    }
  }
  otrf_dsa_field_init(&field, p, OTRF_DSA_P_LIMBS);
  otrf_limb base[OTRF_DSA_P_LIMBS] = {1};
  do {
    base[0] += 1;
    field.field.in(&power, base, &field.field);
    otrf_field_modexp_vartime(&power, &power, cofactor, OTRF_DSA_P_LIMBS, &field.field);
    field.field.out(g, &power, &field.field);
    g[0] ^= 1;
  } while (otrf_limbs_zero(g, OTRF_DSA_P_LIMBS));
  g[0] ^= 1;
}

/* x = 1 + (28 random bytes mod (q - 1)): 64 bits more than q has, so that no x is likelier than another. */
static void draw_x(otrf_limb x[OTRF_Q_LIMBS], const otrf_limb *q, otrf_expansion *expansion) {
  static const otrf_limb unit[OTRF_Q_LIMBS] = {1};
  uint8_t bytes[OTRF_DSA_Q_BYTES + 8];
  otrf_limb number[4], last[OTRF_Q_LIMBS];
  otrf_expand(bytes, sizeof bytes, expansion);
  otrf_limbs_from_bytes(number, 4, bytes, sizeof bytes);
  memcpy(last, q, sizeof last);
  last[0] -= 1; /* q is odd */
  otrf_limbs_mod(x, number, 4, last, OTRF_Q_LIMBS);
  otrf_gmp.add_n(x, x, unit, OTRF_Q_LIMBS);
  otrf_wipe(bytes, sizeof bytes);
  otrf_wipe(number, sizeof number);
}

otrf_dsa_key *otrf_dsa_generate_vartime(const uint8_t seed[OTRF_SEED_BYTES]) {
  if (!otrf_gmp_ready()) {
    return NULL;
  }
  search *s = calloc(1, sizeof *s);
  if (s == NULL) {
    return NULL;
  }
  otrf_expansion expansion;
  otrf_limb p[OTRF_DSA_P_LIMBS], q[OTRF_Q_LIMBS], g[OTRF_DSA_P_LIMBS];
  otrf_expansion_start(&expansion, seed);
  s->count = otrf_small_primes(s->primes, SIEVE_PRIMES, 1 << 15);
  find_q(q, s->primes, &expansion);
  otrf_gmp.add_n(s->step, q, q, OTRF_Q_LIMBS);
  find_p(p, s, &expansion);
  find_g(g, p, q);
  otrf_dsa_key *key = otrf_dsa_key_make(p, q, g);
  if (key != NULL) {
    draw_x(key->x, q, &expansion);
    otrf_dsa_modexp_g(key->y, key, key->x);
  }
  otrf_wipe(&expansion, sizeof expansion);
  free(s);
  return key;
}
