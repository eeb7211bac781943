/* Numbers as limbs: from bytes and back, comparing, remainders. */
#include "field/limbs.h"

#include <string.h>

#include "platform/memory.h"

__extension__ typedef unsigned __int128 wide;

void otrf_limbs_from_bytes(otrf_limb *limbs, size_t n, const uint8_t *bytes, size_t len) {
  memset(limbs, 0, n * sizeof *limbs);
  for (size_t i = 0; i < len; i++) {
    limbs[i / 8] |= (otrf_limb)bytes[len - 1 - i] << (8 * (i % 8));
  }
}

void otrf_limbs_to_bytes(uint8_t *bytes, size_t len, const otrf_limb *limbs, size_t n) {
  for (size_t i = 0; i < len; i++) {
    bytes[len - 1 - i] = i / 8 < n ? (uint8_t)(limbs[i / 8] >> (8 * (i % 8))) : 0;
  }
}

int otrf_limbs_below(const otrf_limb *a, const otrf_limb *b, size_t n) {
  otrf_limb borrow = 0;
  for (size_t i = 0; i < n; i++) {
    /* The borrow out of a - b - borrow, from the signs alone. */
    otrf_limb difference = a[i] - b[i] - borrow;
    borrow = ((~a[i] & b[i]) | (~(a[i] ^ b[i]) & difference)) >> 63;
  }
  return (int)borrow;
}

int otrf_limbs_zero(const otrf_limb *a, size_t n) {
  otrf_limb any = 0;
  for (size_t i = 0; i < n; i++) {
    any |= a[i];
  }
  return (int)(((any | (0 - any)) >> 63) ^ 1);
}

void otrf_limbs_mod(otrf_limb *r, const otrf_limb *a, size_t a_n, const otrf_limb *m, size_t m_n) {
  otrf_limb scratch[8 * OTRF_MAX_LIMBS];
  otrf_limb number[2 * OTRF_MAX_LIMBS];
  memcpy(number, a, a_n * sizeof *a);
  if (a_n < m_n) {
    memset(number + a_n, 0, (m_n - a_n) * sizeof *a);
    a_n = m_n;
  }
  otrf_gmp.sec_div_r(number, (long)a_n, m, (long)m_n, scratch);
  memcpy(r, number, m_n * sizeof *r);
  otrf_wipe(scratch, sizeof scratch);
  otrf_wipe(number, sizeof number);
}

uint64_t otrf_limbs_mod_small_vartime(const otrf_limb *a, size_t n, uint64_t r) {
  uint64_t remainder = 0;
  while (n-- > 0) {
    remainder = (uint64_t)(((wide)remainder << 64 | a[n]) % r);
  }
  return remainder;
}
