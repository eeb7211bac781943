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
#define OTRF_SHA1_BYTES 20
#define OTRF_SHA256_BYTES 32

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
#define OTRF_LEVEL_AVX2 3       /* + powers on AVX2 instead of GMP's */
#define OTRF_LEVEL_IFMA 4       /* + AVX-512 IFMA powers */

/* The highest level this processor (with its operating system) can run. */
int otrf_cpu_level(void);

/* Use `level`, or the highest possible one below it; returns the level now in force. Not to be called while other
 * threads are inside the core: meant for start-up and for tests. */
int otrf_cpu_use(int level);

/* ---- Powers modulo p, the 1536-bit prime of RFC 3526 group 5: modexp.c, avx2.c, ifma.c ------------------------- */

/* out = 2^exponent. The exponent is secret, its length is not: a multiple of 8 up to OTRF_SCALAR_BYTES. */
int otrf_power_fixed(uint8_t out[192], const uint8_t *exponent, size_t exponent_len);

/* out = base^exponent. The exponent is secret, its length, a multiple of 8 up to OTRF_SCALAR_BYTES, is not. OTRF_ERR_GROUP
 * unless 2 <= base <= p-2. */
int otrf_power(uint8_t out[192], const uint8_t base[192], const uint8_t *exponent, size_t exponent_len);

/* n powers of 2 with secret 40-byte exponents: `out` is n elements, `exponents` n times 40 bytes. */
int otrf_power_fixed_many(uint8_t *out, const uint8_t *exponents, size_t n);

/* n powers of n bases with secret 40-byte exponents, eight at a time where the processor can. OTRF_ERR_GROUP unless every base
 * is in 2 .. p-2. */
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
 * private key and the nonce are secret. OTRF_ERR_KEY where the numbers of the key allow no signature. */
int otrf_dsa_sign(uint8_t signature[40], const otrf_dsa_key *key, const uint8_t value[32], const uint8_t random[32]);

/* 1 where the signature holds, else 0. Public values. Numbers are big-endian without leading zeros; p up to 384 bytes,
 * q of 20 to 32; the signature is r || s, 20 bytes each whatever the size of q. */
int otrf_dsa_verify(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g, size_t g_len,
                    const uint8_t *y, size_t y_len, const uint8_t value[32], const uint8_t signature[40]);

/* 1 where the numbers make a sound public key, else 0: sizes 1024/160, 2048/224 or 3072/256; q divides p-1;
 * 2 <= g, y <= p-2; g^q = y^q = 1 mod p; and, with `primality`, p and q prime (Miller-Rabin; bases from SHA-256 of the
 * numbers). Public values. */
int otrf_dsa_check(const uint8_t *p, size_t p_len, const uint8_t *q, size_t q_len, const uint8_t *g, size_t g_len,
                   const uint8_t *y, size_t y_len, int primality);

/* ---- Hashes, HMAC, AES-128-CTR: sha.c, hmac.c, aes_ctr.c ------------------------------------------------------ */

/* The digest of `len` bytes. The data are secret. */
void otrf_sha1(uint8_t out[20], const uint8_t *data, size_t len);
void otrf_sha256(uint8_t out[32], const uint8_t *data, size_t len);

/* The HMAC of `len` bytes under a key of any length. Key and data are secret. */
void otrf_hmac_sha1(uint8_t out[20], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);
void otrf_hmac_sha256(uint8_t out[32], const uint8_t *key, size_t key_len, const uint8_t *data, size_t len);

/* Encrypt or decrypt `len` bytes; `counter` is the first counter block, counted up as one 128-bit number. `out` may be
 * `data`. Key and data are secret. */
void otrf_aes_ctr(uint8_t *out, const uint8_t key[16], const uint8_t counter[16], const uint8_t *data, size_t len);

/* 1 where the `len` bytes are the same, else 0. Both are secret. */
int otrf_equal(const uint8_t *a, const uint8_t *b, size_t len);

/* ---- Secrets that live long: keys.c -------------------------------------------------------------------------------
 *
 * Each handle is made by its _new function, owned by the caller, wiped and released by its _free function, which takes
 * NULL too. Where a _new function returns a pointer, NULL means that malloc failed. */

/* One D-H key pair: a secret exponent of 40 bytes and its public element. */
typedef struct otrf_dh_key otrf_dh_key;

/* Make a pair. `out` is NULL on failure. */
int otrf_dh_new(otrf_dh_key **out, const uint8_t exponent[40]);

/* Make n pairs of n exponents, `exponents` being n times 40 bytes, eight powers at a time where the processor can. All
 * of `out` is NULL on failure. */
int otrf_dh_new_many(otrf_dh_key **out, const uint8_t *exponents, size_t n);
void otrf_dh_free(otrf_dh_key *key);

/* The public element, 192 bytes, valid as long as the handle. */
const uint8_t *otrf_dh_public(const otrf_dh_key *key);

/* The secret that a D-H exchange ends in. */
typedef struct otrf_shared otrf_shared;

/* Agree on a secret with the holder of `public_element`. OTRF_ERR_GROUP unless it is in 2 .. p-2; `out` is NULL on
 * failure. */
int otrf_dh_agree(otrf_shared **out, const otrf_dh_key *key, const uint8_t public_element[192]);

/* The same for n keys with n elements, `public_elements` being n times 192 bytes. out[i] is NULL where element i is
 * not in the group, and everywhere on failure. */
int otrf_dh_agree_many(otrf_shared **out, const otrf_dh_key *const *keys, const uint8_t *public_elements, size_t n);
void otrf_shared_free(otrf_shared *shared);

/* ---- The authentication of a key exchange: ake.c
 *
 * Each side proves who it is with its X: its public key, the id of its D-H key and its signature over both D-H values.
 * `initiator` is 1 for the X in Reveal Signature (keys c, m1, m2), 0 for the one in Signature (c', m1', m2'). */

/* The keys that an AKE derives from its shared secret, and its session id. */
typedef struct otrf_ake_keys otrf_ake_keys;

otrf_ake_keys *otrf_ake_keys_new(const otrf_shared *shared);
void otrf_ake_keys_free(otrf_ake_keys *keys);

/* The session id, 8 bytes, public, valid as long as the handle. */
const uint8_t *otrf_ake_keys_ssid(const otrf_ake_keys *keys);

#define OTRF_KEYID_BYTES 4

/* Encrypt our X of `len` bytes, at most 2^28, and compute the MAC over it. OTRF_ERR_MEMORY, OTRF_ERR_SIZE; `encrypted` is
 * zeroed then. */
int otrf_ake_seal(uint8_t *encrypted, uint8_t mac[20], const otrf_ake_keys *keys, int initiator, const uint8_t *x,
                  size_t len);

/* Check the MAC over a peer's encrypted X, then decrypt it: `len` bytes, at most 2^28. OTRF_ERR_MAC, OTRF_ERR_MEMORY,
 * OTRF_ERR_SIZE; `x` is zeroed then. */
int otrf_ake_open(uint8_t *x, const otrf_ake_keys *keys, int initiator, const uint8_t *encrypted, size_t len,
                  const uint8_t mac[20]);

/* What a side signs: the HMAC over its own D-H value, the other one, its public key of at most 2^28 bytes, and the id of
 * its D-H key. OTRF_ERR_MEMORY, OTRF_ERR_SIZE. */
int otrf_ake_signed(uint8_t value[32], const otrf_ake_keys *keys, int initiator, const uint8_t *public_key,
                    size_t public_key_len, const uint8_t own[192], const uint8_t other[192], const uint8_t keyid[4]);

/* A secret exponent of an SMP run, 192 bytes big-endian. */
typedef struct otrf_exponent otrf_exponent;

/* Take over a value of up to 192 bytes, big-endian; NULL where it is longer, too. */
otrf_exponent *otrf_exponent_new(const uint8_t *value, size_t len);
void otrf_exponent_free(otrf_exponent *exponent);

/* otrf_power_fixed, otrf_power and otrf_response with handles in the place of the secrets. */
int otrf_exponent_power_fixed(uint8_t out[192], const otrf_exponent *exponent);
int otrf_exponent_power(uint8_t out[192], const otrf_exponent *exponent, const uint8_t base[192]);
int otrf_exponent_response(uint8_t out[192], const otrf_exponent *r, const otrf_exponent *secret,
                           const uint8_t challenge[32]);

/* A base in the group that several powers are taken of. Making it costs about as much as one power of 1536 bits, each
 * power from then on a fifth of that. */
typedef struct otrf_base otrf_base;

/* Make one. OTRF_ERR_GROUP unless 2 <= element <= p-2; `out` is NULL on failure. The element is secret. */
int otrf_base_new(otrf_base **out, const uint8_t element[192]);
void otrf_base_free(otrf_base *base);

/* out = base^exponent. Both are secret. */
int otrf_base_power(uint8_t out[192], const otrf_base *base, const otrf_exponent *exponent);

/* otrf_double_power with a base of this kind. The exponents and the other base are public. */
int otrf_base_double_power(uint8_t out[192], const otrf_base *base, const uint8_t *exponent, size_t exponent_len,
                           const uint8_t other[192], const uint8_t *other_exponent, size_t other_exponent_len);

/* The keys of one (our D-H key, their D-H key) pair: AES and MAC keys for both directions, counters, the extra key.
 * What a direction needs beside its key (schedule, HMAC states) is made when it is first used. */
typedef struct otrf_data_keys otrf_data_keys;

/* Derive them. `high` is 1 where our public element is the numerically greater one, else 0. */
otrf_data_keys *otrf_data_keys_new(const otrf_shared *shared, int high);
void otrf_data_keys_free(otrf_data_keys *keys);

/* The counter of the last message sealed, and of the last one accepted; 0 before the first. */
uint64_t otrf_data_keys_send_counter(const otrf_data_keys *keys);
uint64_t otrf_data_keys_receive_counter(const otrf_data_keys *keys);

/* 1 where the receiving MAC key has verified a message, else 0. */
int otrf_data_keys_verified(const otrf_data_keys *keys);

/* The receiving MAC key, and the extra symmetric key. */
void otrf_data_keys_receive_mac(uint8_t out[20], const otrf_data_keys *keys);
void otrf_data_keys_extra(uint8_t out[32], const otrf_data_keys *keys);

/* ---- Whole data messages: message.c, lane.c, batch.c --------------------------------------------------------------
 *
 * A data message is, in front of base64,
 *
 *     prefix                            | CTR (8) | DATA ciphertext | MAC (20) | DATA revealed MAC keys
 *     head           | MPI next D-H key |
 *
 * The MAC is over everything before it. The head ends in flags (1), sender keyid (4), recipient keyid (4). The plain
 * text is text || 0x00 || TLVs. */

#define OTRF_HEAD_BYTES 20    /* the longest head, that of version 3 */
#define OTRF_PREFIX_BYTES 216 /* the longest prefix */
#define OTRF_MAC_BYTES 20

/* Set the prefix of the messages to be sealed. OTRF_ERR_SIZE where it is longer than OTRF_PREFIX_BYTES. The MAC of its
 * leading blocks is computed here, once for all messages that follow. */
int otrf_data_keys_prefix(otrf_data_keys *keys, const uint8_t *prefix, size_t prefix_len);

/* Set the head that otrf_open_line and otrf_open_many expect. OTRF_ERR_SIZE unless it has 12 to OTRF_HEAD_BYTES
 * bytes. */
int otrf_data_keys_head(otrf_data_keys *keys, const uint8_t *head, size_t head_len);

/* Sealing and opening put messages together in `room` that the caller gives: OTRF_ROOM_BYTES and the length of the line
 * (the sum of both, for many lines). What sealing leaves there is what goes over the wire. */
#define OTRF_ROOM_BYTES 128

/* The length of the line that carries so much text, TLVs and revealed MAC keys under the prefix set before; 0 where no
 * prefix is set, or where the lengths would not fit their fields. */
size_t otrf_line_len(const otrf_data_keys *keys, size_t text_len, size_t tlvs_len, size_t revealed_len);

/* Write the armoured message `?OTR:` base64 `.` under the prefix set before and the next counter: otrf_line_len bytes,
 * without a zero byte behind them. OTRF_ERR_COUNTER where all 2^64 - 1 counters are used up, OTRF_ERR_SIZE where
 * otrf_line_len is 0; no counter is used then, and nothing written. Text and TLVs are secret. */
int otrf_seal(char *line, uint8_t *room, otrf_data_keys *keys, const uint8_t *text, size_t text_len,
              const uint8_t *tlvs, size_t tlvs_len, const uint8_t *revealed, size_t revealed_len);

/* Seal n texts without TLVs, as many at a time as the processor can hash together. lines[i] has otrf_line_len bytes.
 * The same failures as above, for all n together. */
int otrf_seal_many(char *const *lines, uint8_t *room, otrf_data_keys *keys, const uint8_t *const *texts,
                   const size_t *text_lens, size_t n);

/* Check the MAC over `authenticated`, then the counter; store the counter; decrypt. OTRF_ERR_MAC or OTRF_ERR_COUNTER,
 * and nothing changed. `plaintext` takes ciphertext_len bytes, may not overlap the inputs, and is zeroed on failure. */
int otrf_open(uint8_t *plaintext, otrf_data_keys *keys, const uint8_t *authenticated, size_t authenticated_len,
              uint64_t counter, const uint8_t *ciphertext, size_t ciphertext_len, const uint8_t mac[20]);

/* The fast lane: the text of an armoured message that needs nothing but opening. OTRF_OK, and the text stands within
 * `room`, where the caller wipes it; it is at least one byte long. OTRF_ERR_GENERAL_PATH, and nothing changed, for all
 * that the general path has to look at: armour with anything but clean base64 between `?OTR:` and the final dot, a head
 * other than the one set before (its flags byte is not compared), a length that does not fit, a next D-H key that is
 * not minimal or not in the group, a MAC or a counter that does not hold, TLVs, an empty text. No byte is decrypted
 * before the MAC has been checked. */
int otrf_open_line(uint8_t **text, size_t *text_len, uint8_t *room, otrf_data_keys *keys, const char *line,
                   size_t line_len);

/* Open the leading ones of n lines, as long as otrf_open_line would return OTRF_OK; returns how many. */
size_t otrf_open_many(uint8_t **texts, size_t *text_lens, uint8_t *room, otrf_data_keys *keys, const char *const *lines,
                      const size_t *line_lens, size_t n);

/* cdef: end */

#endif
