/* AES-128 without look-ups and without special instructions: eight blocks at a time as bit planes, in constant time.
 *
 * Plane i holds bit i of every state byte. A plane is two 64-bit lanes of four blocks each; within a lane the byte in
 * row r and column c of block b is bit 16 r + 4 c + b, so that ShiftRows rotates the 16 bits of a row by multiples of
 * 4, and a step from row to row rotates the whole lane by 16. */
#include <string.h>

#include "aes/aes.h"
#include "platform/bytes.h"
#include "platform/memory.h"

typedef uint64_t plane __attribute__((vector_size(16)));

#define BLOCKS 8

/* ---- packing ---- */

static inline uint64_t load_little32(const uint8_t *in) { return __builtin_bswap32(otrf_load32(in)); }

/* Bytes 0..3 of a 32-bit number to the even bytes of a 64-bit one, and back. */
static inline uint64_t spread(uint64_t x) {
  x = (x | x << 16) & 0x0000ffff0000ffff;
  return (x | x << 8) & 0x00ff00ff00ff00ff;
}

static inline uint64_t gather(uint64_t x) {
  x &= 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  return (x | x >> 16) & 0x00000000ffffffff;
}

#define SWAP(a, b, mask, shift)                   \
  do {                                            \
    const uint64_t t = ((a >> shift) ^ b) & mask; \
    b ^= t;                                       \
    a ^= t << shift;                              \
  } while (0)

/* Transpose eight words, so that bit j of byte k of word i becomes bit i of byte k of word j. Its own inverse. */
static void transpose(uint64_t w[8]) {
  for (int i = 0; i < 8; i += 2) {
    SWAP(w[i], w[i + 1], 0x5555555555555555, 1);
  }
  for (int i = 0; i < 8; i += 4) {
    SWAP(w[i], w[i + 2], 0x3333333333333333, 2);
    SWAP(w[i + 1], w[i + 3], 0x3333333333333333, 2);
  }
  for (int i = 0; i < 4; i++) {
    SWAP(w[i], w[i + 4], 0x0f0f0f0f0f0f0f0f, 4);
  }
}

/* Word 4 c + b, for the columns c = 0 and 1 of block b, has column c in its even bytes and column c + 2 in its odd
 * ones. */
static void pack(plane planes[8], const uint8_t data[16 * BLOCKS]) {
  for (int lane = 0; lane < 2; lane++) {
    uint64_t w[8];
    for (int b = 0; b < 4; b++) {
      const uint8_t *block = data + 64 * lane + 16 * b;
      w[b] = spread(load_little32(block)) | spread(load_little32(block + 8)) << 8;
      w[4 + b] = spread(load_little32(block + 4)) | spread(load_little32(block + 12)) << 8;
    }
    transpose(w);
    for (int i = 0; i < 8; i++) {
      planes[i][lane] = w[i];
    }
    otrf_wipe(w, sizeof w);
  }
}

static void unpack(uint8_t data[16 * BLOCKS], const plane planes[8]) {
  for (int lane = 0; lane < 2; lane++) {
    uint64_t w[8];
    for (int i = 0; i < 8; i++) {
      w[i] = planes[i][lane];
    }
    transpose(w);
    for (int b = 0; b < 4; b++) {
      uint8_t *block = data + 64 * lane + 16 * b;
      otrf_store32(block, __builtin_bswap32((uint32_t)gather(w[b])));
      otrf_store32(block + 4, __builtin_bswap32((uint32_t)gather(w[4 + b])));
      otrf_store32(block + 8, __builtin_bswap32((uint32_t)gather(w[b] >> 8)));
      otrf_store32(block + 12, __builtin_bswap32((uint32_t)gather(w[4 + b] >> 8)));
    }
    otrf_wipe(w, sizeof w);
  }
}

/* One round key under every block. */
static void pack_key(plane planes[8], const uint8_t key[OTRF_AES_KEY_BYTES]) {
  uint64_t w[8];
  for (int b = 0; b < 4; b++) {
    w[b] = spread(load_little32(key)) | spread(load_little32(key + 8)) << 8;
    w[4 + b] = spread(load_little32(key + 4)) | spread(load_little32(key + 12)) << 8;
  }
  transpose(w);
  for (int i = 0; i < 8; i++) {
    planes[i] = (plane){w[i], w[i]};
  }
  otrf_wipe(w, sizeof w);
}

/* ---- SubBytes ----
 *
 * Inversion in a tower of fields, GF(((2^2)^2)^2) with w^2 = w + 1, z^2 = z + w, y^2 = y + nu. Written as numbers w is
 * 2, z is 4, y is 16, and nu = w z + 1 is 9. Low-order coefficients come first. */

static inline void gf4_mul(plane r[2], const plane a[2], const plane b[2]) {
  const plane low = a[0] & b[0], high = a[1] & b[1];
  r[1] = ((a[0] ^ a[1]) & (b[0] ^ b[1])) ^ low;
  r[0] = high ^ low;
}

static inline void gf16_mul(plane r[4], const plane a[4], const plane b[4]) {
  const plane a_sum[2] = {a[0] ^ a[2], a[1] ^ a[3]}, b_sum[2] = {b[0] ^ b[2], b[1] ^ b[3]};
  plane low[2], high[2], cross[2];
  gf4_mul(low, a, b);
  gf4_mul(high, a + 2, b + 2);
  gf4_mul(cross, a_sum, b_sum);
  r[0] = low[0] ^ high[1];
  r[1] = low[1] ^ high[0] ^ high[1];
  r[2] = cross[0] ^ low[0];
  r[3] = cross[1] ^ low[1];
}

/* (A z + B)^-1 = A N z + (A + B) N with N = (A^2 w + A B + B^2)^-1, and in GF(4) the inverse is the square. */
static inline void gf16_invert(plane r[4], const plane a[4]) {
  const plane sum[2] = {a[0] ^ a[2], a[1] ^ a[3]};
  plane product[2], norm[2];
  gf4_mul(product, a, a + 2);
  norm[0] = product[0] ^ a[3] ^ a[0] ^ a[1];
  norm[1] = product[1] ^ a[2] ^ a[1];
  norm[0] ^= norm[1];
  gf4_mul(r, sum, norm);
  gf4_mul(r + 2, a + 2, norm);
}

/* (A y + B)^-1 likewise, the norm being nu A^2 + A B + B^2. */
static inline void gf256_invert(plane r[8], const plane a[8]) {
  const plane sum[4] = {a[0] ^ a[4], a[1] ^ a[5], a[2] ^ a[6], a[3] ^ a[7]};
  plane norm[4], inverse[4];
  gf16_mul(norm, a, a + 4);
  norm[0] ^= a[4] ^ a[5] ^ a[6] ^ a[7] ^ a[0] ^ a[1] ^ a[3];
  norm[1] ^= a[5] ^ a[7] ^ a[1] ^ a[2];
  norm[2] ^= a[5] ^ a[2] ^ a[3];
  norm[3] ^= a[4] ^ a[3];
  gf16_invert(inverse, norm);
  gf16_mul(r, sum, inverse);
  gf16_mul(r + 4, a + 4, inverse);
}

/* SubBytes less its constant 0x63, which the round keys hold. The two linear maps go from the polynomial basis of
 * FIPS 197 to the tower (x becomes 109) and back, the second one together with the affine map. */
static inline void substitute(plane s[8]) {
  plane t[8], u[8];
  const plane s46 = s[4] ^ s[6], s12 = s[1] ^ s[2], s346 = s[3] ^ s46, s125 = s[5] ^ s12, s57 = s[5] ^ s[7];
  t[2] = s125;
  t[1] = s[7] ^ s346;
  t[0] = s[0] ^ s[1] ^ s46;
  t[4] = s[2] ^ t[1];
  t[7] = s57;
  t[3] = s[6] ^ s125;
  t[5] = s[7] ^ s[1] ^ s46;
  t[6] = s346 ^ s125;
  gf256_invert(u, t);
  const plane u26 = u[2] ^ u[6], u03 = u[0] ^ u[3], u035 = u[5] ^ u03, u267 = u[7] ^ u26, u1035 = u[1] ^ u035;
  s[7] = u267;
  s[3] = u[0] ^ u[4];
  s[5] = u[3] ^ u26;
  s[6] = u[4] ^ u[7];
  s[1] = u[4] ^ u1035;
  s[0] = u[6] ^ s[3];
  s[4] = u035 ^ u267;
  s[2] = u267 ^ u1035;
}

/* ---- the other steps of a round ---- */

static inline plane shift_row(plane x) {
  return (x & 0x000000000000ffff) | ((x >> 4) & 0x000000000fff0000) | ((x << 12) & 0x00000000f0000000) |
         ((x >> 8) & 0x000000ff00000000) | ((x << 8) & 0x0000ff0000000000) | ((x >> 12) & 0x000f000000000000) |
         ((x << 4) & 0xfff0000000000000);
}

/* What stands one row below, and two. */
static inline plane below(plane x) { return x >> 16 | x << 48; }
static inline plane below2(plane x) { return x >> 32 | x << 32; }

/* Column by column: 2 a + 3 b + c + d = 2 (a + b) + b + (c + d). */
static inline void mix_columns(plane s[8]) {
  plane next[8], pair[8];
  for (int i = 0; i < 8; i++) {
    next[i] = below(s[i]);
    pair[i] = s[i] ^ next[i];
  }
  for (int i = 0; i < 8; i++) {
    s[i] = next[i] ^ below2(pair[i]);
    if (i > 0) {
      s[i] ^= pair[i - 1];
    }
    if (i == 0 || i == 1 || i == 3 || i == 4) {
      s[i] ^= pair[7];
    }
  }
}

static inline void add_key(plane s[8], const plane key[8]) {
  for (int i = 0; i < 8; i++) {
    s[i] ^= key[i];
  }
}

static void encrypt(uint8_t data[16 * BLOCKS], const plane keys[11][8]) {
  plane s[8];
  pack(s, data);
  add_key(s, keys[0]);
  for (int round = 1; round <= 10; round++) {
    substitute(s);
    for (int i = 0; i < 8; i++) {
      s[i] = shift_row(s[i]);
    }
    if (round < 10) {
      mix_columns(s);
    }
    add_key(s, keys[round]);
  }
  unpack(data, s);
  otrf_wipe(s, sizeof s);
}

/* ShiftRows and MixColumns leave a constant in all bytes as it is, so SubBytes' 0x63 can wait for the round key. */
static void pack_schedule(plane keys[11][8], const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES]) {
  for (int round = 0; round <= 10; round++) {
    pack_key(keys[round], schedule + 16 * round);
    if (round > 0) {
      for (int i = 0; i < 8; i++) {
        keys[round][i] ^= (plane){0, 0} - ((0x63u >> i) & 1);
      }
    }
  }
}

void otrf_aes_expand_portable(uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], const uint8_t key[OTRF_AES_KEY_BYTES]) {
  uint8_t block[16 * BLOCKS] = {0};
  plane s[8];
  uint8_t constant = 1;
  memcpy(schedule, key, 16);
  for (size_t at = 16; at < OTRF_AES_SCHEDULE_BYTES; at += 16) {
    memcpy(block, schedule + at - 4, 4);
    pack(s, block);
    substitute(s);
    unpack(block, s);
    for (size_t i = 0; i < 4; i++) {
      schedule[at + i] = (uint8_t)(schedule[at + i - 16] ^ block[(i + 1) % 4] ^ 0x63);
    }
    schedule[at] ^= constant;
    constant = (uint8_t)(constant << 1 ^ (constant >> 7) * 0x1b);
    for (size_t i = 4; i < 16; i++) {
      schedule[at + i] = schedule[at + i - 16] ^ schedule[at + i - 4];
    }
  }
  otrf_wipe(block, sizeof block);
  otrf_wipe(s, sizeof s);
}

void otrf_aes_ctr_portable(uint8_t *out, const uint8_t schedule[OTRF_AES_SCHEDULE_BYTES], uint64_t high, uint64_t low,
                           const uint8_t *data, size_t len) {
  plane keys[11][8];
  uint8_t stream[16 * BLOCKS];
  pack_schedule(keys, schedule);
  while (len > 0) {
    const size_t now = len < sizeof stream ? len : sizeof stream;
    for (size_t b = 0; b < BLOCKS; b++) {
      otrf_store64(stream + 16 * b, high);
      otrf_store64(stream + 16 * b + 8, low++);
    }
    encrypt(stream, keys);
    for (size_t i = 0; i < now; i++) {
      out[i] = data[i] ^ stream[i];
    }
    out += now;
    data += now;
    len -= now;
  }
  otrf_wipe(keys, sizeof keys);
  otrf_wipe(stream, sizeof stream);
}
