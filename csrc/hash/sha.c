/* SHA-1 and SHA-256 (FIPS 180-4): compression in portable C and with the SHA extensions, and the one-shot digests. */
#include <string.h>

#include "hash/hash.h"
#include "hash/sha1_rounds.h"
#include "otrfast.h"
#include "platform/cpu.h"
#include "platform/memory.h"

#define ROL(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define ROR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

/* ---- SHA-1, portable ---- */

#define ADD(x, y) ((x) + (y))
#define XOR4(x, y, z, u) ((x) ^ (y) ^ (z) ^ (u))
#define SPLAT(k) ((uint32_t)(k))
#define CHOOSE(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define PARITY(x, y, z) ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z) (((x) & (y)) + ((z) & ((x) ^ (y))))

OTRF_INLINE void sha1_run(uint32_t state[5], const uint8_t *data, size_t blocks) {
  uint32_t w[16];
  for (; blocks > 0; blocks--, data += 64) {
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (size_t t = 0; t < 16; t++) {
      w[t] = otrf_load32(data + 4 * t);
    }
    OTRF_SHA1_ROUNDS;
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
  }
  otrf_wipe(w, sizeof w);
}

/* ---- SHA-256, portable ---- */

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define SUM0(x) (ROR(x, 2) ^ ROR(x, 13) ^ ROR(x, 22))
#define SUM1(x) (ROR(x, 6) ^ ROR(x, 11) ^ ROR(x, 25))
#define SIGMA0(x) (ROR(x, 7) ^ ROR(x, 18) ^ ((x) >> 3))
#define SIGMA1(x) (ROR(x, 17) ^ ROR(x, 19) ^ ((x) >> 10))

#define INPUT2(t) (w[t])
#define WORD2(t) (w[(t)&15] += SIGMA1(w[((t) + 14) & 15]) + w[((t) + 9) & 15] + SIGMA0(w[((t) + 1) & 15]))

/* The majority of a, b, c is b ^ ((a ^ b) & (b ^ c)), and this step's a ^ b is the next step's b ^ c. */
#define STEP2(k, word, a, b, c, d, e, f, g, h)                   \
  do {                                                           \
    uint32_t one = h + SUM1(e) + CHOOSE(e, f, g) + (k) + (word); \
    const uint32_t a_b = a ^ b;                                  \
    d += one;                                                    \
    h = one + SUM0(a) + (b ^ (a_b & b_c));                       \
    b_c = a_b;                                                   \
  } while (0)

#define EIGHT2(word, t)                                                     \
  do {                                                                      \
    STEP2(round_constants[(t) + 0], word((t) + 0), a, b, c, d, e, f, g, h); \
    STEP2(round_constants[(t) + 1], word((t) + 1), h, a, b, c, d, e, f, g); \
    STEP2(round_constants[(t) + 2], word((t) + 2), g, h, a, b, c, d, e, f); \
    STEP2(round_constants[(t) + 3], word((t) + 3), f, g, h, a, b, c, d, e); \
    STEP2(round_constants[(t) + 4], word((t) + 4), e, f, g, h, a, b, c, d); \
    STEP2(round_constants[(t) + 5], word((t) + 5), d, e, f, g, h, a, b, c); \
    STEP2(round_constants[(t) + 6], word((t) + 6), c, d, e, f, g, h, a, b); \
    STEP2(round_constants[(t) + 7], word((t) + 7), b, c, d, e, f, g, h, a); \
  } while (0)

OTRF_INLINE void sha256_run(uint32_t state[8], const uint8_t *data, size_t blocks) {
  uint32_t w[16];
  for (; blocks > 0; blocks--, data += 64) {
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7], b_c = b ^ c;
    for (size_t t = 0; t < 16; t++) {
      w[t] = otrf_load32(data + 4 * t);
    }
    EIGHT2(INPUT2, 0);
    EIGHT2(INPUT2, 8);
    for (size_t t = 16; t < 64; t += 16) {
      EIGHT2(WORD2, t);
      EIGHT2(WORD2, t + 8);
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
  otrf_wipe(w, sizeof w);
}

/* ---- dispatch and one-shot digests ---- */

static void sha1_portable(uint32_t state[5], const uint8_t *data, size_t blocks) { sha1_run(state, data, blocks); }

static void sha256_portable(uint32_t state[8], const uint8_t *data, size_t blocks) { sha256_run(state, data, blocks); }

#if OTRF_X86
/* The same code, compiled for the bit instructions that came with AVX2: a sixth faster. */
OTRF_TARGET_AVX2 static void sha1_bmi(uint32_t state[5], const uint8_t *data, size_t blocks) {
  sha1_run(state, data, blocks);
}

OTRF_TARGET_AVX2 static void sha256_bmi(uint32_t state[8], const uint8_t *data, size_t blocks) {
  sha256_run(state, data, blocks);
}
#endif

void otrf_sha1_blocks(uint32_t state[5], const uint8_t *data, size_t blocks) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_SHANI | OTRF_HAS_VBMI))) {
    otrf_sha1_blocks_ni512(state, data, blocks);
    return;
  }
  if (otrf_has(OTRF_HAS_SHANI)) {
    otrf_sha1_blocks_ni(state, data, blocks);
    return;
  }
  if (otrf_has(OTRF_HAS_AVX2)) {
    sha1_bmi(state, data, blocks);
    return;
  }
#endif
  sha1_portable(state, data, blocks);
}

void otrf_sha256_blocks(uint32_t state[8], const uint8_t *data, size_t blocks) {
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_SHANI))) {
    otrf_sha256_blocks_ni(state, data, blocks, round_constants);
    return;
  }
  if (otrf_has(OTRF_HAS_AVX2)) {
    sha256_bmi(state, data, blocks);
    return;
  }
#endif
  sha256_portable(state, data, blocks);
}

/* Both hashes pad alike: 0x80, zeros, the length in bits over 64 bits. Returns the length of what is left to
 * compress. */
static size_t padded_tail(uint8_t block[128], const uint8_t *rest, size_t rest_len, uint64_t total) {
  const size_t size = rest_len < 56 ? 64 : 128;
  memset(block, 0, 128);
  if (rest_len > 0) {
    memcpy(block, rest, rest_len);
  }
  block[rest_len] = 0x80;
  otrf_store64(block + size - 8, total << 3);
  return size;
}

void otrf_sha1_finish(uint32_t state[5], const uint8_t *data, size_t len, uint64_t total) {
  uint8_t block[128];
  const size_t whole = len & ~(size_t)63;
  otrf_sha1_blocks(state, data, whole / 64);
  otrf_sha1_blocks(state, block, padded_tail(block, data + whole, len - whole, total) / 64);
  otrf_wipe(block, sizeof block);
}

void otrf_sha256_finish(uint32_t state[8], const uint8_t *data, size_t len, uint64_t total) {
  uint8_t block[128];
  const size_t whole = len & ~(size_t)63;
  otrf_sha256_blocks(state, data, whole / 64);
  otrf_sha256_blocks(state, block, padded_tail(block, data + whole, len - whole, total) / 64);
  otrf_wipe(block, sizeof block);
}

const uint32_t otrf_sha1_start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

const uint32_t otrf_sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void otrf_sha1(uint8_t out[OTRF_SHA1_BYTES], const uint8_t *data, size_t len) {
  uint32_t state[5];
  memcpy(state, otrf_sha1_start, sizeof state);
  otrf_sha1_finish(state, data, len, len);
  otrf_store_words(out, state, 5);
  otrf_wipe(state, sizeof state);
}

void otrf_sha256(uint8_t out[OTRF_SHA256_BYTES], const uint8_t *data, size_t len) {
  uint32_t state[8];
  memcpy(state, otrf_sha256_start, sizeof state);
  otrf_sha256_finish(state, data, len, len);
  otrf_store_words(out, state, 8);
  otrf_wipe(state, sizeof state);
}
