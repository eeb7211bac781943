/* otrfast C core: the public header. Every public signature is written here once, in the order of the folders and files
 * that hold the functions.
 *
 * Conventions
 *   Outputs come first. Sizes are in bytes. An element is OTRF_ELEMENT_BYTES big-endian, below 2^1536.
 *   A function that can fail returns OTRF_OK or a negative status; on failure its outputs are zeroed and nothing else
 *   has changed. A pointer marked by OTRF_NONNULL may not be NULL; any other may be NULL if its length is 0.
 *   A handle is made by its _new function, belongs to the caller, and is wiped and released by its _free function,
 * which takes NULL too. A _new function that returns a pointer returns NULL if malloc failed. Several threads may call
 * functions on different handles; a handle is used by one thread at a time.
 *
 * Time
 *   The short name is the constant-time one: no branch and no address depends on what is called secret here, nor on any
 *   number that a function computes with. Lengths, and whether a call succeeds, are public.
 *   A function that computes with numbers in a time that depends on their values ends in _vartime; its arguments are
 *   public. Reading a line or a message is not computing with numbers: what stands on the wire is public.
 *
 * Two doors lead from Python into the core. The regions between the cdef marks are what cffi serves: what is rare.
 * Everything else is served by the hand-written module in python/, see python/core.h. Nothing is served by both.
 * build_native.py hands these regions to cffi, less the attributes that are defined below. */
#ifndef OTRF_INCLUDE_OTRFAST_H
#define OTRF_INCLUDE_OTRFAST_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__) || defined(__clang__)
#define OTRF_NODISCARD __attribute__((warn_unused_result))
#define OTRF_NONNULL(...) __attribute__((nonnull(__VA_ARGS__))) /* the numbers of the parameters */
#define OTRF_NONNULL_ALL __attribute__((nonnull))
#else
#define OTRF_NODISCARD
#define OTRF_NONNULL(...)
#define OTRF_NONNULL_ALL
#endif

/* ---- Sizes and statuses ---- */

/* cdef: begin */
#define OTRF_ELEMENT_BYTES 192
#define OTRF_DH_BYTES 40      /* the exponent of a D-H key */
#define OTRF_SCALAR_BYTES 192 /* the longest exponent, that of SMP */
#define OTRF_CHALLENGE_BYTES 32
#define OTRF_DSA_P_BYTES 128
#define OTRF_DSA_Q_BYTES 20
#define OTRF_DSA_VALUE_BYTES 32 /* what is signed */
#define OTRF_SIGNATURE_BYTES 40
#define OTRF_SEED_BYTES 32 /* random bytes that a key or a nonce is made from */

#define OTRF_OK 0
#define OTRF_ERR_MEMORY -1       /* malloc failed */
#define OTRF_ERR_GMP -2          /* no usable GMP was found, or it failed its known answer */
#define OTRF_ERR_GROUP -3        /* an element outside 2 .. p-2 */
#define OTRF_ERR_MAC -4          /* a MAC does not hold */
#define OTRF_ERR_COUNTER -5      /* a counter not above the last accepted one, or no counter left */
#define OTRF_ERR_SIZE -6         /* a length outside what the function takes */
#define OTRF_ERR_KEY -7          /* DSA numbers that cannot be used */
#define OTRF_ERR_FORMAT -8       /* a line that does not hold the expected kind of message in clean base64 */
#define OTRF_ERR_GENERAL_PATH -9 /* a message that needs more than opening: its fields are given */
#define OTRF_ERR_STATE -10       /* a sealed state that was made with another key, or damaged */
#define OTRF_ERR_THREADS -11     /* keys that another thread is using: raised by python/ alone */
/* cdef: end */

#define OTRF_SHA1_BYTES 20
#define OTRF_SHA256_BYTES 32
#define OTRF_AES_KEY_BYTES 16
#define OTRF_AES_BLOCK_BYTES 16
#define OTRF_MAC_BYTES 20
#define OTRF_SSID_BYTES 8
#define OTRF_KEYID_BYTES 4
#define OTRF_EXTRA_KEY_BYTES 32

/* ---- platform/cpu.c: the processor ---- */

/* cdef: begin */
/* Dispatch levels, each including those below it if the processor has them. */
#define OTRF_LEVEL_PORTABLE 0 /* portable C and GMP only */
#define OTRF_LEVEL_AESNI 1    /* + AES-NI, SHA-NI, SSSE3/AVX2 base64 */
#define OTRF_LEVEL_VAES 2     /* + VAES and AVX-512 base64 */
#define OTRF_LEVEL_AVX2 3     /* + exponentiation on AVX2 instead of GMP's */
#define OTRF_LEVEL_IFMA 4     /* + exponentiation on AVX-512 IFMA */

/* Use `level`, or the highest possible one below it.
 * Returns the level now in force.
 * Not to be called while other threads are inside the core: for start-up and for tests. */
int otrf_cpu_use(int level);
/* cdef: end */

/* Returns the highest level that this processor, with its operating system, can run. */
OTRF_NODISCARD int otrf_cpu_level(void);

/* ---- platform/memory.c: comparing ---- */

/* Compare `len` secret bytes.
 * Returns 1 if they are the same, else 0. */
OTRF_NODISCARD int otrf_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* ---- field/gmp.c, group/group.c: start-up, and arithmetic in the 1536-bit group of RFC 3526, number 5 ---- */

/* cdef: begin */
/* Open GMP and take its function table; the word size and known answers are checked before the table is used.
 * To be called once, before anything that computes with numbers.
 *
 * Returns OTRF_OK, or OTRF_ERR_GMP with nothing changed.
 * In: path  a file name for dlopen */
OTRF_NODISCARD int otrf_gmp_open(const char *path) OTRF_NONNULL_ALL;

/* Returns the version of the GMP in use; "" before otrf_gmp_open. */
OTRF_NODISCARD const char *otrf_gmp_version(void);

/* out = a * b mod p; a and b are secret elements.
 * Returns OTRF_OK or OTRF_ERR_GMP. */
OTRF_NODISCARD int otrf_multiply(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t a[OTRF_ELEMENT_BYTES],
                                 const uint8_t b[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;
/* cdef: end */

/* Returns 1 if 2 <= value <= p-2, else 0. */
OTRF_NODISCARD int otrf_in_group(const uint8_t value[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;

/* The answer of an SMP proof: out = (r - secret * challenge) mod q, q = (p-1)/2; r and secret are secret.
 * Returns OTRF_OK or OTRF_ERR_GMP. */
OTRF_NODISCARD int otrf_response(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t r[OTRF_SCALAR_BYTES],
                                 const uint8_t secret[OTRF_SCALAR_BYTES],
                                 const uint8_t challenge[OTRF_CHALLENGE_BYTES]) OTRF_NONNULL_ALL;

/* ---- group/modexp.c: exponentiation modulo p ---- */

/* Fixed-base exponentiation: out = 2^exponent.
 *
 * Returns OTRF_OK, OTRF_ERR_GMP or OTRF_ERR_SIZE.
 * In: exponent      secret, big-endian
 *     exponent_len  a multiple of 8 up to OTRF_SCALAR_BYTES, not 0 */
OTRF_NODISCARD int otrf_modexp_g(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t *exponent,
                                 size_t exponent_len) OTRF_NONNULL_ALL;

/* out = base^exponent; the exponent as above.
 * Returns OTRF_OK, OTRF_ERR_GMP, OTRF_ERR_SIZE, or OTRF_ERR_GROUP unless 2 <= base <= p-2. */
OTRF_NODISCARD int otrf_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t base[OTRF_ELEMENT_BYTES],
                               const uint8_t *exponent, size_t exponent_len) OTRF_NONNULL_ALL;

/* n fixed-base exponentiations, eight at a time if the processor can.
 *
 * Returns OTRF_OK or OTRF_ERR_GMP.
 * Out: out       n elements
 * In:  exponents n secret exponents of OTRF_DH_BYTES */
OTRF_NODISCARD int otrf_modexp_g_many(uint8_t *out, const uint8_t *exponents, size_t n) OTRF_NONNULL_ALL;

/* n exponentiations of n bases; exponents as above.
 * Returns OTRF_OK, OTRF_ERR_GMP, or OTRF_ERR_GROUP unless every base is in 2 .. p-2. */
OTRF_NODISCARD int otrf_modexp_many(uint8_t *out, const uint8_t *bases, const uint8_t *exponents,
                                    size_t n) OTRF_NONNULL_ALL;

/* cdef: begin */
/* out = base1^exponent1 * base2^exponent2, with one chain of squarings.
 *
 * Returns OTRF_OK, OTRF_ERR_GMP or OTRF_ERR_SIZE.
 * In: base1, base2          elements
 *     exponent1, exponent2  big-endian, of 1 to OTRF_SCALAR_BYTES bytes */
OTRF_NODISCARD int otrf_double_modexp_vartime(uint8_t out[OTRF_ELEMENT_BYTES], const uint8_t base1[OTRF_ELEMENT_BYTES],
                                              const uint8_t *exponent1, size_t exponent1_len,
                                              const uint8_t base2[OTRF_ELEMENT_BYTES], const uint8_t *exponent2,
                                              size_t exponent2_len) OTRF_NONNULL_ALL;
/* cdef: end */

/* ---- hash/sha.c, hash/hmac.c ---- */

/* out = the digest of `len` secret bytes. */
void otrf_sha1(uint8_t out[OTRF_SHA1_BYTES], const uint8_t *data, size_t len) OTRF_NONNULL(1);
void otrf_sha256(uint8_t out[OTRF_SHA256_BYTES], const uint8_t *data, size_t len) OTRF_NONNULL(1);

/* out = the HMAC of `len` secret bytes under a secret key of any length. */
void otrf_hmac_sha1(uint8_t out[OTRF_SHA1_BYTES], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len)
    OTRF_NONNULL(1);
void otrf_hmac_sha256(uint8_t out[OTRF_SHA256_BYTES], const uint8_t *key, size_t key_len, const uint8_t *data,
                      size_t len) OTRF_NONNULL(1);

/* ---- aes/aes_ctr.c ---- */

/* Encrypt or decrypt with AES-128-CTR.
 *
 * Out: out      `len` bytes; may be `data`
 * In:  key      secret
 *      counter  the first counter block, counted up as one 128-bit number
 *      data     `len` secret bytes */
void otrf_aes_ctr(uint8_t *out, const uint8_t key[OTRF_AES_KEY_BYTES], const uint8_t counter[OTRF_AES_BLOCK_BYTES],
                  const uint8_t *data, size_t len) OTRF_NONNULL(2, 3);

/* ---- dsa/dsa.c, dsa_generate.c, dsa_public.c ---- */

/* A private key with its fixed-base table. */
typedef struct otrf_dsa_key otrf_dsa_key;

/* Take over a private key.
 *
 * Returns the key, or NULL if malloc failed or the numbers cannot be used: 0 < x < q and y = g^x are checked.
 * In: p, q, g, y  public, big-endian
 *     x           secret */
OTRF_NODISCARD otrf_dsa_key *otrf_dsa_new(const uint8_t p[OTRF_DSA_P_BYTES], const uint8_t q[OTRF_DSA_Q_BYTES],
                                          const uint8_t g[OTRF_DSA_P_BYTES], const uint8_t y[OTRF_DSA_P_BYTES],
                                          const uint8_t x[OTRF_DSA_Q_BYTES]) OTRF_NONNULL_ALL;
void otrf_dsa_free(otrf_dsa_key *key);

/* Read the numbers of a key back; x is secret. */
void otrf_dsa_export(uint8_t p[OTRF_DSA_P_BYTES], uint8_t q[OTRF_DSA_Q_BYTES], uint8_t g[OTRF_DSA_P_BYTES],
                     uint8_t y[OTRF_DSA_P_BYTES], uint8_t x[OTRF_DSA_Q_BYTES],
                     const otrf_dsa_key *key) OTRF_NONNULL_ALL;

/* Sign: the nonce is that of RFC 6979 with `random` as additional data (section 3.6).
 *
 * Returns OTRF_OK, or OTRF_ERR_KEY if the numbers of the key allow no signature.
 * Out: signature  r || s
 * In:  key        x is secret, and so is the nonce
 *      value      read as a number modulo q */
OTRF_NODISCARD int otrf_dsa_sign(uint8_t signature[OTRF_SIGNATURE_BYTES], const otrf_dsa_key *key,
                                 const uint8_t value[OTRF_DSA_VALUE_BYTES],
                                 const uint8_t random[OTRF_SEED_BYTES]) OTRF_NONNULL_ALL;

/* Make a 1024/160-bit key (FIPS 186-4 shape, sieved search). The time depends on the primes that the search finds and
 * passes over, which are published or thrown away; on x, which is drawn after them, it does not depend.
 *
 * Returns the key, or NULL if malloc failed or GMP is not open.
 * In: seed  secret random bytes; expanded by HMAC-SHA256 */
OTRF_NODISCARD otrf_dsa_key *otrf_dsa_generate_vartime(const uint8_t seed[OTRF_SEED_BYTES]) OTRF_NONNULL_ALL;

/* Check a signature with a peer's public key.
 *
 * Returns 1 if it holds, else 0.
 * In: p, q, g, y  big-endian without leading zeros; p up to 384 bytes, q of 20 to 32
 *     signature   r || s, 20 bytes each, whatever the size of q */
OTRF_NODISCARD int otrf_dsa_verify_vartime(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len,
                                           const uint8_t *g, size_t g_len, const uint8_t *y, size_t y_len,
                                           const uint8_t value[OTRF_DSA_VALUE_BYTES],
                                           const uint8_t signature[OTRF_SIGNATURE_BYTES]) OTRF_NONNULL_ALL;

/* cdef: begin */
/* Check that a public key is sound: its size is 1024/160; q divides p-1; 2 <= g, y <= p-2; g^q = y^q = 1 mod p;
 * and g is 1 modulo no factor of p.
 *
 * Returns 1 if it is, else 0.
 * In: p, q, g, y  as above */
OTRF_NODISCARD int otrf_dsa_check_vartime(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len,
                                          const uint8_t *g, size_t g_len, const uint8_t *y,
                                          size_t y_len) OTRF_NONNULL_ALL;

/* Examine p and q of a key: both pass Miller-Rabin with bases that whoever chose them cannot know. They follow from
 * the two numbers and the secret, so the verdict on a pair is the same each time.
 *
 * Returns 1 if they do, else 0.
 * In: p, q    big-endian, of full length
 *     secret  random bytes that no peer has seen */
OTRF_NODISCARD int otrf_dsa_examine_vartime(const uint8_t p[OTRF_DSA_P_BYTES], const uint8_t q[OTRF_DSA_Q_BYTES],
                                            const uint8_t secret[OTRF_SEED_BYTES]) OTRF_NONNULL_ALL;
/* cdef: end */

/* ---- otr/keys.c: D-H keys, shared secrets, SMP exponents ---- */

/* One D-H key pair: a secret exponent and its public element. */
typedef struct otrf_dh_key otrf_dh_key;

/* The secret that a D-H exchange ends in. */
typedef struct otrf_shared otrf_shared;

/* Make a pair from a secret exponent.
 * Returns OTRF_OK, OTRF_ERR_GMP or OTRF_ERR_MEMORY. */
OTRF_NODISCARD int otrf_dh_new(otrf_dh_key **out, const uint8_t exponent[OTRF_DH_BYTES]) OTRF_NONNULL_ALL;

/* Make n pairs from n exponents, eight at a time if the processor can. On failure all n of `out` are NULL.
 * Returns OTRF_OK, OTRF_ERR_GMP or OTRF_ERR_MEMORY. */
OTRF_NODISCARD int otrf_dh_new_many(otrf_dh_key **out, const uint8_t *exponents, size_t n) OTRF_NONNULL_ALL;
void otrf_dh_free(otrf_dh_key *key);

/* Returns the public element, OTRF_ELEMENT_BYTES, valid as long as the handle. */
OTRF_NODISCARD const uint8_t *otrf_dh_public(const otrf_dh_key *key) OTRF_NONNULL_ALL;

/* Agree on a secret with the holder of `public_element`.
 * Returns OTRF_OK, OTRF_ERR_GMP, OTRF_ERR_MEMORY, or OTRF_ERR_GROUP unless it is in 2 .. p-2. */
OTRF_NODISCARD int otrf_dh_agree(otrf_shared **out, const otrf_dh_key *key,
                                 const uint8_t public_element[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;

/* The same for n keys with n elements, eight at a time if the processor can. out[i] is NULL if element i is not in the
 * group, and everywhere on failure.
 * Returns OTRF_OK, OTRF_ERR_GMP or OTRF_ERR_MEMORY. */
OTRF_NODISCARD int otrf_dh_agree_many(otrf_shared **out, const otrf_dh_key *const *keys, const uint8_t *public_elements,
                                      size_t n) OTRF_NONNULL_ALL;
void otrf_shared_free(otrf_shared *shared);

/* cdef: begin */
/* A secret exponent of an SMP run. */
typedef struct otrf_exponent otrf_exponent;

/* Take over a value of up to OTRF_SCALAR_BYTES, big-endian.
 * Returns NULL if it is longer, too. */
OTRF_NODISCARD otrf_exponent *otrf_exponent_new(const uint8_t *value, size_t len) OTRF_NONNULL_ALL;
void otrf_exponent_free(otrf_exponent *exponent);

/* otrf_modexp_g, otrf_modexp and otrf_response on handles instead of bytes. */
OTRF_NODISCARD int otrf_exponent_modexp_g(uint8_t out[OTRF_ELEMENT_BYTES],
                                          const otrf_exponent *exponent) OTRF_NONNULL_ALL;
OTRF_NODISCARD int otrf_exponent_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_exponent *exponent,
                                        const uint8_t base[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;
OTRF_NODISCARD int otrf_exponent_response(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_exponent *r,
                                          const otrf_exponent *secret,
                                          const uint8_t challenge[OTRF_CHALLENGE_BYTES]) OTRF_NONNULL_ALL;
/* cdef: end */

/* ---- otr/fixed_base.c ---- */

/* cdef: begin */
/* An element that is raised to several exponents. Making it costs about as much as one exponentiation of 1536 bits,
 * each exponentiation with it a fifth of that. */
typedef struct otrf_fixed_base otrf_fixed_base;

/* Make one from a secret element.
 * Returns OTRF_OK, OTRF_ERR_GMP, OTRF_ERR_MEMORY, or OTRF_ERR_GROUP unless 2 <= element <= p-2. */
OTRF_NODISCARD int otrf_fixed_base_new(otrf_fixed_base **out,
                                       const uint8_t element[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;
void otrf_fixed_base_free(otrf_fixed_base *base);

/* out = base^exponent; both are secret.
 * Returns OTRF_OK. */
OTRF_NODISCARD int otrf_fixed_base_modexp(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_fixed_base *base,
                                          const otrf_exponent *exponent) OTRF_NONNULL_ALL;

/* out = base^exponent * other^other_exponent, as otrf_double_modexp_vartime.
 * Returns OTRF_OK or OTRF_ERR_SIZE. */
OTRF_NODISCARD int otrf_fixed_base_double_modexp_vartime(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_fixed_base *base,
                                                         const uint8_t *exponent, size_t exponent_len,
                                                         const uint8_t other[OTRF_ELEMENT_BYTES],
                                                         const uint8_t *other_exponent,
                                                         size_t other_exponent_len) OTRF_NONNULL_ALL;
/* cdef: end */

/* ---- otr/ake.c: the authentication of a key exchange ----
 *
 * Each side proves who it is with its X: its public key, the id of its D-H key and its signature over both D-H values.
 * `initiator` is 1 for the X in Reveal Signature (keys c, m1, m2), 0 for the one in Signature (c', m1', m2'). */

/* The keys that an AKE derives from its shared secret, and its session id. */
typedef struct otrf_ake_keys otrf_ake_keys;

OTRF_NODISCARD otrf_ake_keys *otrf_ake_keys_new(const otrf_shared *shared) OTRF_NONNULL_ALL;
void otrf_ake_keys_free(otrf_ake_keys *keys);

/* Returns the session id, OTRF_SSID_BYTES, public, valid as long as the handle. */
OTRF_NODISCARD const uint8_t *otrf_ake_keys_ssid(const otrf_ake_keys *keys) OTRF_NONNULL_ALL;

/* Encrypt our X and compute the MAC over it.
 *
 * Returns OTRF_OK, OTRF_ERR_MEMORY or OTRF_ERR_SIZE.
 * Out: encrypted  `len` bytes
 * In:  x          `len` secret bytes, at most 2^28 */
OTRF_NODISCARD int otrf_ake_seal(uint8_t *encrypted, uint8_t mac[OTRF_MAC_BYTES], const otrf_ake_keys *keys,
                                 int initiator, const uint8_t *x, size_t len) OTRF_NONNULL_ALL;

/* Check the MAC over a peer's encrypted X, then decrypt it.
 *
 * Returns OTRF_OK, OTRF_ERR_MAC, OTRF_ERR_MEMORY or OTRF_ERR_SIZE.
 * Out: x          `len` bytes
 * In:  encrypted  `len` bytes, at most 2^28 */
OTRF_NODISCARD int otrf_ake_open(uint8_t *x, const otrf_ake_keys *keys, int initiator, const uint8_t *encrypted,
                                 size_t len, const uint8_t mac[OTRF_MAC_BYTES]) OTRF_NONNULL_ALL;

/* Compute what a side signs: the HMAC over its own D-H value, the other one, its public key and the id of its D-H key.
 *
 * Returns OTRF_OK, OTRF_ERR_MEMORY, or OTRF_ERR_SIZE if the public key is longer than 2^28. */
OTRF_NODISCARD int otrf_ake_signed(uint8_t value[OTRF_DSA_VALUE_BYTES], const otrf_ake_keys *keys, int initiator,
                                   const uint8_t *public_key, size_t public_key_len,
                                   const uint8_t own[OTRF_ELEMENT_BYTES], const uint8_t other[OTRF_ELEMENT_BYTES],
                                   const uint8_t keyid[OTRF_KEYID_BYTES]) OTRF_NONNULL_ALL;

/* ---- otr/data_keys.c ---- */

/* The keys of one (our D-H key, their D-H key) pair: AES and MAC keys for both directions, counters, the extra key.
 * What a direction needs beside its key (schedule, HMAC states) is made when it is first used. */
typedef struct otrf_data_keys otrf_data_keys;

/* Derive them.
 * In: high  1 if our public element is the numerically greater one, else 0 */
OTRF_NODISCARD otrf_data_keys *otrf_data_keys_new(const otrf_shared *shared, int high) OTRF_NONNULL_ALL;
void otrf_data_keys_free(otrf_data_keys *keys);

/* Returns the counter of the last message sealed, or accepted; 0 before the first. */
OTRF_NODISCARD uint64_t otrf_data_keys_send_counter(const otrf_data_keys *keys) OTRF_NONNULL_ALL;
OTRF_NODISCARD uint64_t otrf_data_keys_receive_counter(const otrf_data_keys *keys) OTRF_NONNULL_ALL;

/* The messages whose copies a pair of keys knows again, by the first bytes of their MACs. */
#define OTRF_ACCEPTED 8
#define OTRF_ACCEPTED_BYTES (4 * OTRF_ACCEPTED)

/* Read the first 4 bytes of the MAC of each of the last messages opened; they are public.
 * Returns how many bytes. */
OTRF_NODISCARD size_t otrf_data_keys_accepted(uint8_t out[OTRF_ACCEPTED_BYTES],
                                              const otrf_data_keys *keys) OTRF_NONNULL_ALL;

/* Returns 1 if the receiving MAC key has verified a message, else 0. */
OTRF_NODISCARD int otrf_data_keys_verified(const otrf_data_keys *keys) OTRF_NONNULL_ALL;

/* Read the receiving MAC key, and the extra symmetric key; both are secret. */
void otrf_data_keys_receive_mac(uint8_t out[OTRF_MAC_BYTES], const otrf_data_keys *keys) OTRF_NONNULL_ALL;
void otrf_data_keys_extra(uint8_t out[OTRF_EXTRA_KEY_BYTES], const otrf_data_keys *keys) OTRF_NONNULL_ALL;

/* ---- otr/message.c: sealing data messages, and opening a parsed one ----
 *
 * A data message, before base64, is
 *
 *     prefix                            | CTR (8) | DATA ciphertext | MAC (20) | DATA revealed MAC keys
 *     head           | MPI next D-H key |
 *
 * The MAC is over everything before it. The head is a header (version, type and, in version 3, the instance tags), then
 * flags (1), sender keyid (4), recipient keyid (4). The plain text is text || 0x00 || TLVs. */

#define OTRF_HEAD_BYTES 20    /* the longest head, that of version 3 */
#define OTRF_PREFIX_BYTES 216 /* the longest prefix */

/* Sealing and opening assemble messages in scratch memory that the caller gives: OTRF_SCRATCH_BYTES and the length of
 * the line (the sum of both, for many lines). What sealing leaves there is what goes over the wire. */
#define OTRF_SCRATCH_BYTES 128

/* Set the prefix of the messages to be sealed. The MAC of its leading blocks is computed here, once for all of them.
 * Returns OTRF_OK, OTRF_ERR_MEMORY, or OTRF_ERR_SIZE unless it has 1 to OTRF_PREFIX_BYTES bytes. */
OTRF_NODISCARD int otrf_data_keys_prefix(otrf_data_keys *keys, const uint8_t *prefix,
                                         size_t prefix_len) OTRF_NONNULL_ALL;

/* Returns the length of the line that carries so much text, TLVs and revealed MAC keys under the prefix set before; 0
 * if no prefix is set, or if the lengths would not fit their fields. */
OTRF_NODISCARD size_t otrf_line_len(const otrf_data_keys *keys, size_t text_len, size_t tlvs_len,
                                    size_t revealed_len) OTRF_NONNULL_ALL;

/* Write the encoded message, `?OTR:` base64 `.`, under the prefix set before and the next counter.
 *
 * Returns OTRF_OK; OTRF_ERR_COUNTER if all 2^64 - 1 counters are used; OTRF_ERR_SIZE if otrf_line_len is 0. On failure
 * no counter is used and nothing is written. Out: line        otrf_line_len bytes; no zero byte follows them In:  text,
 * tlvs  secret revealed    the value of the field of revealed MAC keys */
OTRF_NODISCARD int otrf_seal(char *line, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *text, size_t text_len,
                             const uint8_t *tlvs, size_t tlvs_len, const uint8_t *revealed, size_t revealed_len)
    OTRF_NONNULL(1, 2, 3);

/* The same two for a plain text that is carried as it is: any bytes, and no zero byte put behind them. */
OTRF_NODISCARD size_t otrf_whole_line_len(const otrf_data_keys *keys, size_t text_len,
                                          size_t revealed_len) OTRF_NONNULL_ALL;
OTRF_NODISCARD int otrf_seal_whole(char *line, uint8_t *scratch, otrf_data_keys *keys, const uint8_t *text,
                                   size_t text_len, const uint8_t *revealed, size_t revealed_len) OTRF_NONNULL(1, 2, 3);

/* Check the MAC over `authenticated`, then the counter; store the counter; decrypt.
 *
 * Returns OTRF_OK, OTRF_ERR_MAC or OTRF_ERR_COUNTER.
 * Out: plaintext  ciphertext_len bytes, which may not overlap the inputs */
OTRF_NODISCARD int otrf_open(uint8_t *plaintext, otrf_data_keys *keys, const uint8_t *authenticated,
                             size_t authenticated_len, uint64_t counter, const uint8_t *ciphertext,
                             size_t ciphertext_len, const uint8_t mac[OTRF_MAC_BYTES]) OTRF_NONNULL_ALL;

/* ---- otr/reader.c: lines and the fields of data messages ---- */

/* The fields of a data message behind its header. The pointers are into the scratch memory of the call. */
typedef struct {
  uint8_t flags;
  uint32_t sender_keyid, recipient_keyid;
  uint64_t counter;
  uint8_t next_key[OTRF_ELEMENT_BYTES];
  const uint8_t *authenticated; /* what the MAC is over */
  size_t authenticated_len;
  const uint8_t *ciphertext;
  size_t ciphertext_len;
  const uint8_t *mac;
  const uint8_t *revealed;
  size_t revealed_len;
} otrf_data_fields;

/* Read the data message in a line.
 *
 * Returns OTRF_OK; OTRF_ERR_FORMAT if there is anything but clean base64 between `?OTR:` and the final dot, if the
 * message does not begin with `header`, if a length does not fit to the last byte, or if the next D-H key is not a
 * minimal MPI in the group.
 * Out: scratch  as for opening */
OTRF_NODISCARD int otrf_read_data_message(otrf_data_fields *fields, uint8_t *scratch, const uint8_t *header,
                                          size_t header_len, const char *line, size_t line_len) OTRF_NONNULL_ALL;

/* ---- otr/fast_path.c ---- */

/* Set the head that otrf_open_line and otrf_open_many expect.
 * Returns OTRF_OK, OTRF_ERR_MEMORY, or OTRF_ERR_SIZE unless it has 12 to OTRF_HEAD_BYTES bytes. */
OTRF_NODISCARD int otrf_data_keys_head(otrf_data_keys *keys, const uint8_t *head, size_t head_len) OTRF_NONNULL_ALL;

/* The fast path: take a line to its text if the message in it needs nothing but opening. No byte is decrypted before
 * the MAC has been checked.
 *
 * Returns
 *   OTRF_OK                the text stands within `scratch`, where the caller wipes it; it has at least one byte
 *   OTRF_ERR_GENERAL_PATH  the message has the expected header, and something that the general path has to look at: key
 *                          ids other than those of the head, a MAC or a counter that does not hold, TLVs, an empty
 * text. Nothing has changed; `fields` are those of the message OTRF_ERR_FORMAT        as otrf_read_data_message; or no
 * head is set. Nothing has changed The flags byte of the head is not compared. */
OTRF_NODISCARD int otrf_open_line(uint8_t **text, size_t *text_len, otrf_data_fields *fields, uint8_t *scratch,
                                  otrf_data_keys *keys, const char *line, size_t line_len) OTRF_NONNULL_ALL;

/* ---- otr/batch.c ---- */

/* Seal n texts without TLVs, as many at a time as the processor can hash together.
 *
 * Returns what otrf_seal does, for all n together.
 * Out: lines[i]  otrf_line_len bytes each */
OTRF_NODISCARD int otrf_seal_many(char *const *lines, uint8_t *scratch, otrf_data_keys *keys,
                                  const uint8_t *const *texts, const size_t *text_lens, size_t n) OTRF_NONNULL_ALL;

/* Open the leading ones of n lines, as long as otrf_open_line would return OTRF_OK.
 * Returns how many. */
OTRF_NODISCARD size_t otrf_open_many(uint8_t **texts, size_t *text_lens, uint8_t *scratch, otrf_data_keys *keys,
                                     const char *const *lines, const size_t *line_lens, size_t n) OTRF_NONNULL_ALL;

/* ---- otr/state.c: states at rest ---- */

/* What states are sealed under: AES-128-CTR, then HMAC-SHA-256 over associated data and ciphertext. */
typedef struct otrf_state_key otrf_state_key;

#define OTRF_STATE_EXTRA_BYTES 40 /* a counter before the ciphertext, a MAC after it */
#define OTRF_DH_STATE_BYTES (OTRF_DH_BYTES + OTRF_ELEMENT_BYTES)
#define OTRF_DATA_KEYS_STATE_BYTES 114

/* Make a key; each state sealed with it takes the next counter, from 1 on, so no two handles may be made from one
 * data key to seal with. Returns NULL if malloc failed. */
OTRF_NODISCARD otrf_state_key *otrf_state_key_new(const uint8_t data_key[OTRF_SEED_BYTES]) OTRF_NONNULL_ALL;
void otrf_state_key_free(otrf_state_key *key);

/* The memory that sealing or opening a text of `len` bytes works in, and where in it the text is. */
OTRF_NODISCARD size_t otrf_state_scratch(size_t associated_len, size_t len);
OTRF_NODISCARD uint8_t *otrf_state_text(uint8_t *scratch, size_t associated_len);

/* Seal the text in scratch: the sealed state, len + OTRF_STATE_EXTRA_BYTES bytes, begins 8 bytes before it.
 * Returns OTRF_OK, or OTRF_ERR_COUNTER if all counters are used. */
OTRF_NODISCARD int otrf_state_seal(uint8_t *scratch, otrf_state_key *key, const uint8_t *associated,
                                   size_t associated_len, size_t len) OTRF_NONNULL(1, 2);

/* Open a sealed state: its text, sealed_len - OTRF_STATE_EXTRA_BYTES bytes, is then in scratch, which has
 * otrf_state_scratch(associated_len, sealed_len) bytes.
 * Returns OTRF_OK, or OTRF_ERR_STATE. */
OTRF_NODISCARD int otrf_state_open(uint8_t *scratch, const otrf_state_key *key, const uint8_t *associated,
                                   size_t associated_len, const uint8_t *sealed, size_t sealed_len)
    OTRF_NONNULL(1, 2, 5);

/* Secrets as bytes of a state, for its plain text alone; and back. Each import returns NULL if malloc failed. */
void otrf_dh_export(uint8_t out[OTRF_DH_STATE_BYTES], const otrf_dh_key *key) OTRF_NONNULL_ALL;
OTRF_NODISCARD otrf_dh_key *otrf_dh_import(const uint8_t in[OTRF_DH_STATE_BYTES]) OTRF_NONNULL_ALL;
void otrf_shared_export(uint8_t out[OTRF_ELEMENT_BYTES], const otrf_shared *shared) OTRF_NONNULL_ALL;
OTRF_NODISCARD otrf_shared *otrf_shared_import(const uint8_t in[OTRF_ELEMENT_BYTES]) OTRF_NONNULL_ALL;
void otrf_data_keys_export(uint8_t out[OTRF_DATA_KEYS_STATE_BYTES], const otrf_data_keys *keys) OTRF_NONNULL_ALL;
OTRF_NODISCARD otrf_data_keys *otrf_data_keys_import(const uint8_t in[OTRF_DATA_KEYS_STATE_BYTES]) OTRF_NONNULL_ALL;

/* Have the messages that are sealed from now on take counters above `floor` and below `end`, 0: as many as there are.
 */
void otrf_data_keys_count_between(otrf_data_keys *keys, uint64_t floor, uint64_t end) OTRF_NONNULL_ALL;

#endif
