/* Eight exponentiations at a time in the 1536-bit group, with secret exponents. */
#include "group/ifma_x8_group.h"

#include <string.h>

#include "field/limbs.h"
#include "group/group.h"
#include "platform/memory.h"

#if OTRF_X86

#define EXPONENT_LIMBS (OTRF_DH_BYTES / 8)
#define COLUMNS OTRF_COMB_COLUMNS(8 * OTRF_DH_BYTES)
#define WINDOW 4
#define ENTRIES (1 << WINDOW)
#define R_BITS (OTRF_IFMA_BITS * OTRF_IFMA_X8_DIGITS)

/* Written by otrf_ifma_x8_group_start alone. */
static otrf_ifma_x8_modulus group;
static otrf_ifma_x8 one, square; /* R and R^2 mod p in every lane */
static otrf_ifma_x8_comb combs[OTRF_COMB_TABLES];

static void broadcast(otrf_ifma_x8 *r, const otrf_limb *a, size_t n) {
  for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
    otrf_ifma_x8_set(r, lane, a, n);
  }
}

/* 2^bits mod p */
static void power_of_two(otrf_limb r[OTRF_P_LIMBS], size_t bits) {
  otrf_limb power[2 * OTRF_MAX_LIMBS] = {0};
  power[bits / 64] = (otrf_limb)1 << (bits % 64);
  otrf_limbs_mod(r, power, bits / 64 + 1, otrf_p, OTRF_P_LIMBS);
}

/* Entries step .. 2 step - 1 of a comb are entries 0 .. step - 1 times `power`; eight of them at a time. */
static void comb_row(otrf_ifma_x8_comb *comb, size_t step, const otrf_ifma_x8 *power) {
  for (size_t from = 0; from < step; from += OTRF_IFMA_X8_LANES) {
    otrf_ifma_x8 entries;
    const size_t count = step - from < OTRF_IFMA_X8_LANES ? step - from : OTRF_IFMA_X8_LANES;
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      memcpy(entries.digit[d], &comb->entry[d][from], sizeof entries.digit[d]);
    }
    otrf_ifma_x8_mul(&entries, &entries, power, &group);
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      memcpy(&comb->entry[d][step + from], entries.digit[d], count * sizeof(otrf_limb));
    }
  }
}

/* The comb of base 2, as comb.c lays it out: row after row, each for all tables. */
static void combs_build(void) {
  otrf_ifma_x8 power;
  otrf_limb two[OTRF_P_LIMBS];
  power_of_two(two, R_BITS + 1);
  broadcast(&power, two, OTRF_P_LIMBS);
  memset(combs, 0, sizeof combs);
  for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
    for (size_t d = 0; d < OTRF_IFMA_X8_DIGITS; d++) {
      combs[t].entry[d][0] = one.digit[d][0];
    }
  }
  for (size_t row = 0; row < OTRF_COMB_TEETH; row++) {
    for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
      comb_row(&combs[t], (size_t)1 << row, &power);
      otrf_ifma_x8_square(&power, &power, COLUMNS, &group);
    }
  }
}

void otrf_ifma_x8_group_start(void) {
  otrf_limb limbs[OTRF_P_LIMBS];
  memcpy(limbs, otrf_p, sizeof limbs);
  limbs[0] = 0; /* p + 1: p ends in 64 ones, and the limb above them is not full */
  limbs[1] += 1;
  group.tiles = OTRF_IFMA_X8_DIGITS / OTRF_IFMA_X8_TILE;
  broadcast(&group.m, limbs, OTRF_P_LIMBS);
  power_of_two(limbs, R_BITS);
  broadcast(&one, limbs, OTRF_P_LIMBS);
  power_of_two(limbs, 2 * R_BITS);
  broadcast(&square, limbs, OTRF_P_LIMBS);
  combs_build();
}

/* Out of Montgomery form; what comes out is at most p. */
static void x8_out(otrf_limb (*r)[OTRF_P_LIMBS], otrf_ifma_x8 *a) {
  static const otrf_limb number[1] = {1};
  otrf_ifma_x8 unit;
  broadcast(&unit, number, 1);
  otrf_ifma_x8_mul(a, a, &unit, &group);
  for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
    otrf_ifma_x8_get(r[lane], OTRF_P_LIMBS, a, lane);
    const otrf_limb borrow = otrf_gmp.sub_n(r[lane], r[lane], otrf_p, OTRF_P_LIMBS);
    otrf_gmp.cnd_add_n(borrow, r[lane], r[lane], otrf_p, OTRF_P_LIMBS);
  }
}

void otrf_ifma_x8_modexp(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*bases)[OTRF_P_LIMBS],
                         const otrf_limb (*exponents)[EXPONENT_LIMBS]) {
  otrf_ifma_x8 table[ENTRIES], value, entry;
  table[0] = one;
  for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
    otrf_ifma_x8_set(&table[1], lane, bases[lane], OTRF_P_LIMBS);
  }
  otrf_ifma_x8_mul(&table[1], &table[1], &square, &group);
  for (size_t i = 2; i < ENTRIES; i += 2) {
    otrf_ifma_x8_square(&table[i], &table[i / 2], 1, &group);
    otrf_ifma_x8_mul(&table[i + 1], &table[i], &table[1], &group);
  }
  value = one;
  for (size_t low = 64 * EXPONENT_LIMBS; low > 0;) {
    otrf_limb index[OTRF_IFMA_X8_LANES];
    low -= WINDOW;
    for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
      index[lane] = exponents[lane][low / 64] >> (low % 64) & (ENTRIES - 1);
    }
    otrf_ifma_x8_select(&entry, table, ENTRIES, index);
    if (low + WINDOW < 64 * EXPONENT_LIMBS) {
      otrf_ifma_x8_square(&value, &value, WINDOW, &group);
    }
    otrf_ifma_x8_mul(&value, &value, &entry, &group);
  }
  x8_out(r, &value);
  otrf_wipe(table, sizeof table);
  otrf_wipe(&value, sizeof value);
  otrf_wipe(&entry, sizeof entry);
  otrf_wipe_stack();
}

void otrf_ifma_x8_modexp_g(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*exponents)[EXPONENT_LIMBS]) {
  otrf_ifma_x8 value = one, entry;
  for (size_t column = COLUMNS; column-- > 0;) {
    if (column + 1 < COLUMNS) {
      otrf_ifma_x8_square(&value, &value, 1, &group);
    }
    for (size_t t = 0; t < OTRF_COMB_TABLES; t++) {
      otrf_limb index[OTRF_IFMA_X8_LANES];
      for (size_t lane = 0; lane < OTRF_IFMA_X8_LANES; lane++) {
        index[lane] = otrf_comb_index(exponents[lane], EXPONENT_LIMBS, COLUMNS, t, column);
      }
      otrf_ifma_x8_comb_select(&entry, &combs[t], index);
      otrf_ifma_x8_mul(&value, &value, &entry, &group);
    }
  }
  x8_out(r, &value);
  otrf_wipe(&value, sizeof value);
  otrf_wipe(&entry, sizeof entry);
  otrf_wipe_stack();
}
#else
void otrf_ifma_x8_group_start(void) {}

void otrf_ifma_x8_modexp(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*bases)[OTRF_P_LIMBS],
                         const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]) {
  (void)bases;
  (void)exponents;
  memset(r, 0, OTRF_IFMA_X8_LANES * sizeof *r);
}

void otrf_ifma_x8_modexp_g(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]) {
  (void)exponents;
  memset(r, 0, OTRF_IFMA_X8_LANES * sizeof *r);
}
#endif
