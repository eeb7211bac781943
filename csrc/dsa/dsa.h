/* DSA: arithmetic modulo q, primality, and what a key handle holds. */
#ifndef OTRF_DSA_DSA_H
#define OTRF_DSA_DSA_H

#include "field/avx2.h"
#include "field/comb.h"
#include "field/ifma.h"

#define OTRF_MAX_Q_LIMBS 4
#define OTRF_Q_LIMBS 3      /* 160 bits */
#define OTRF_DSA_P_LIMBS 16 /* 1024 bits */

/* ---- modulo q: scalar.c. Numbers are `n` limbs, in Montgomery form unless a comment says otherwise. */

/* An odd q of 129 to 256 bits; R = 2^(64 n). */
typedef struct {
  size_t n;
  otrf_limb inverse; /* -1/q mod 2^64 */
  otrf_limb q[OTRF_MAX_Q_LIMBS];
  otrf_limb one[OTRF_MAX_Q_LIMBS];    /* R mod q */
  otrf_limb square[OTRF_MAX_Q_LIMBS]; /* R^2 mod q */
} otrf_scalars;

/* n is 3 or 4, and the top limb of q is not 0. */
void otrf_scalars_init(otrf_scalars *field, const otrf_limb *q, size_t n);

/* r = a * b / R; so it is a plain number if one of a and b is. */
void otrf_scalar_mul(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field);
void otrf_scalar_in(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field);
void otrf_scalar_add(otrf_limb *r, const otrf_limb *a, const otrf_limb *b, const otrf_scalars *field);

/* r = 1/a, neither in Montgomery form, for a below q. Not constant-time: a is public, or blinded. 0 if there is
 * none. */
int otrf_scalar_invert_vartime(otrf_limb *r, const otrf_limb *a, const otrf_scalars *field);

/* The field modulo q for exponentiation; its elements are limbs. */
void otrf_field_on_scalars(otrf_field *field, const otrf_scalars *scalars);

/* ---- primality of public numbers: prime.c */

/* Bytes without end from HMAC-SHA256 of a counter under a seed. */
typedef struct {
  uint8_t seed[OTRF_SEED_BYTES];
  uint8_t block[OTRF_SHA256_BYTES];
  uint32_t counter;
  size_t left;
} otrf_expansion;

void otrf_expansion_start(otrf_expansion *expansion, const uint8_t seed[OTRF_SEED_BYTES]);
void otrf_expand(uint8_t *out, size_t len, otrf_expansion *expansion);

/* A field modulo p, q or a candidate, with what its implementation needs to know of the modulus. */
typedef struct {
  size_t n;
  otrf_limb m[OTRF_MAX_LIMBS];
  union {
    otrf_scalars scalars;
    otrf_modulus gmp;
    otrf_avx2_modulus avx2;
    otrf_ifma_modulus ifma;
  } modulus;
  otrf_field field;
} otrf_dsa_field;

/* The field modulo an odd m with its top limb not 0, on the best implementation in force for its size. Pointers lead
 * into it: it may not be moved. */
void otrf_dsa_field_init(otrf_dsa_field *field, const otrf_limb *m, size_t n);

/* 1 if m passes `rounds` Miller-Rabin rounds with bases from the expansion. */
int otrf_is_prime_vartime(otrf_dsa_field *field, int rounds, otrf_expansion *expansion);

/* 1 if 2^(m-1) = 1 mod m: all odd primes, and hardly anything else. */
int otrf_is_probable_prime_vartime(otrf_dsa_field *field);

/* The same for eight m of 1024 bits at once: bit i for m[i]. For processors with IFMA. */
unsigned otrf_ifma_x8_probable_primes(const otrf_limb (*m)[OTRF_DSA_P_LIMBS]);

/* The odd primes below `bound`; returns how many. `primes` takes up to `capacity`. */
size_t otrf_small_primes(uint16_t *primes, size_t capacity, uint32_t bound);

/* ---- keys: dsa.c */

#define OTRF_NONCE_COLUMNS OTRF_COMB_COLUMNS(8 * OTRF_DSA_Q_BYTES)

/* The numbers of a private key in limbs, and the comb of its g for the implementation that was in force when it was
 * made. */
struct otrf_dsa_key {
  otrf_dsa_field p;
  otrf_scalars q;
  otrf_limb g[OTRF_DSA_P_LIMBS];
  otrf_limb y[OTRF_DSA_P_LIMBS];
  otrf_limb x[OTRF_Q_LIMBS];
  _Alignas(64) uint8_t comb[];
};

/* A key with p, q, g and the comb; y and x are the caller's to fill in. NULL if malloc failed. */
otrf_dsa_key *otrf_dsa_key_make(const otrf_limb *p, const otrf_limb *q, const otrf_limb *g);

/* r = g^e mod p for a secret e of OTRF_Q_LIMBS limbs. */
void otrf_dsa_modexp_g(otrf_limb r[OTRF_DSA_P_LIMBS], const otrf_dsa_key *key, const otrf_limb *e);

#endif
