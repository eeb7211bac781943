/* otrfast C core: the only public header. Every signature is written here once; build_native.py hands the region
 * between the two cdef marks to cffi unchanged, so nothing in it may need a preprocessor beyond the defines it holds.
 *
 * Conventions. Outputs come first. Sizes are in bytes. An element is 192 bytes big-endian, below 2^1536. Functions return
 * OTRF_OK or a negative status; on failure the outputs are zeroed and nothing else has changed. "Secret" in a comment
 * means: no branch and no address depends on the value. All functions are safe to call from several threads on
 * different handles; a handle belongs to one thread at a time.
 */
#ifndef OTRFAST_H
#define OTRFAST_H

#include <stddef.h>
#include <stdint.h>

/* cdef: begin */

#define OTRF_ELEMENT_BYTES 192
#define OTRF_DH_BYTES 40
#define OTRF_SCALAR_BYTES 192
#define OTRF_DSA_P_BYTES 128
#define OTRF_DSA_Q_BYTES 20
#define OTRF_SIGNATURE_BYTES 40

#define OTRF_OK 0
#define OTRF_ERR_MEMORY -1      /* malloc failed */
#define OTRF_ERR_GMP -2         /* no usable GMP was found, or it failed its known answer */
#define OTRF_ERR_GROUP -3       /* an element outside 2 .. p-2 */
#define OTRF_ERR_MAC -4         /* a MAC does not hold */
#define OTRF_ERR_COUNTER -5     /* a counter not above the last accepted one */
#define OTRF_ERR_SIZE -6        /* a length outside what the function takes */
#define OTRF_ERR_KEY -7         /* DSA numbers that can not be used */
#define OTRF_ERR_GENERAL_PATH -8 /* the fast lane leaves this line to the general path */

/* ---- Start-up: gmp.c, cpu.c ------------------------------------------------------------------------------- */

/* Open GMP from `path` (a file name for dlopen) and take its function table. The word size and a known-answer power are
 * checked before the table is used. OTRF_ERR_GMP and no change where that fails. Call once, before anything else. */
int otrf_gmp_open(const char *path);

/* The version string of the GMP in use; "" before otrf_gmp_open. */
const char *otrf_gmp_version(void);

/* Dispatch levels, each including those below it where the processor has them. */
#define OTRF_LEVEL_PORTABLE 0   /* portable C and GMP only */
#define OTRF_LEVEL_AESNI 1      /* + AES-NI, SHA-NI, SSSE3/AVX2 base64 */
#define OTRF_LEVEL_VAES 2       /* + VAES and AVX-512 base64 */
#define OTRF_LEVEL_IFMA 3       /* + AVX-512 IFMA powers */

/* The highest level this processor (with its operating system) can run. */
int otrf_cpu_level(void);

/* Use `level`, or the highest possible one below it; returns the level now in force. Not to be called while other
 * threads are inside the core: meant for start-up and for tests. */
int otrf_cpu_use(int level);

/* ---- Powers modulo p, the 1536-bit prime of RFC 3526 group 5: modexp.c, modexp_ifma.c ------------------------- */

/* out = 2^exponent. The exponent is secret; exponent_len is OTRF_DH_BYTES or OTRF_SCALAR_BYTES. */
int otrf_power_fixed(uint8_t out[192], const uint8_t *exponent, size_t exponent_len);

/* out = base^exponent. The exponent is secret; OTRF_ERR_GROUP unless 2 <= base <= p-2. */
int otrf_power(uint8_t out[192], const uint8_t base[192], const uint8_t *exponent, size_t exponent_len);

/* n powers of 2 with secret 40-byte exponents: `out` is n elements, `exponents` n times 40 bytes. */
int otrf_power_fixed_many(uint8_t *out, const uint8_t *exponents, size_t n);

/* n powers of n bases with secret 40-byte exponents, eight at a time where the processor can. Each base must have passed
 * otrf_in_group. */
int otrf_power_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents, size_t n);

/* out = base1^exponent1 * base2^exponent2 in one pass. Public values: not constant-time. Exponents of 1 to 192 bytes. */
int otrf_double_power(uint8_t out[192], const uint8_t base1[192], const uint8_t *exponent1, size_t exponent1_len,
                      const uint8_t base2[192], const uint8_t *exponent2, size_t exponent2_len);

/* 1 where 2 <= value <= p-2, else 0. */
int otrf_in_group(const uint8_t value[192]);

/* out = a * b mod p. a and b are secret. */
int otrf_multiply(uint8_t out[192], const uint8_t a[192], const uint8_t b[192]);

/* out = (r - secret * challenge) mod q, q = (p-1)/2: the answer of an SMP proof. r, secret are secret. */
int otrf_response(uint8_t out[192], const uint8_t r[192], const uint8_t secret[192], const uint8_t challenge[32]);

/* ---- DSA: dsa.c ------------------------------------------------------------------------------------------- */

/* A private key with its fixed-base table; wiped by otrf_dsa_free. */
typedef struct otrf_dsa_key otrf_dsa_key;

/* Make a 1024/160-bit key out of 32 random bytes (expanded by HMAC-SHA256; FIPS 186-4 shape, sieved search). NULL where
 * malloc failed. */
otrf_dsa_key *otrf_dsa_generate(const uint8_t seed[32]);

/* Take over a private key. NULL where malloc failed or the numbers are unusable (0 < x < q, y = g^x are checked). */
otrf_dsa_key *otrf_dsa_new(const uint8_t p[128], const uint8_t q[20], const uint8_t g[128], const uint8_t y[128],
                           const uint8_t x[20]);
void otrf_dsa_free(otrf_dsa_key *key);

/* Read the key's numbers back. */
void otrf_dsa_export(uint8_t p[128], uint8_t q[20], uint8_t g[128], uint8_t y[128], uint8_t x[20],
                     const otrf_dsa_key *key);

/* r || s over `value` taken as a number modulo q; nonce by RFC 6979 with `random` as additional data (section 3.6). The
 * private key and the nonce are secret. */
int otrf_dsa_sign(uint8_t signature[40], const otrf_dsa_key *key, const uint8_t value[32], const uint8_t random[32]);

/* 1 where the signature holds, else 0. Public values. Numbers are big-endian without leading zeros; p up to 384 bytes,
 * q up to 32; the signature is r || s of q_len bytes each... 20 each for the 1024/160 keys that OTR uses. */
int otrf_dsa_verify(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g, size_t g_len,
                    const uint8_t *y, size_t y_len, const uint8_t value[32], const uint8_t signature[40]);

/* 1 where the numbers make a sound public key, else 0: sizes 1024/160, 2048/224 or 3072/256; q divides p-1;
 * 2 <= g, y <= p-2; g^q = y^q = 1 mod p; and, with `primality`, p and q prime (Miller-Rabin; bases from SHA-256 of the
 * numbers). Public values. */
int otrf_dsa_check(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g, size_t g_len,
                   const uint8_t *y, size_t y_len, int primality);

/* cdef: end */

#endif
