/* Big-endian loads and stores of words at any address. */
#ifndef OTRF_PLATFORM_BYTES_H
#define OTRF_PLATFORM_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "platform/compiler.h"

OTRF_INLINE uint32_t otrf_load32(const uint8_t *in) {
  uint32_t value;
  memcpy(&value, in, 4);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap32(value);
#endif
  return value;
}

OTRF_INLINE uint64_t otrf_load64(const uint8_t *in) {
  uint64_t value;
  memcpy(&value, in, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

OTRF_INLINE void otrf_store32(uint8_t *out, uint32_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap32(value);
#endif
  memcpy(out, &value, 4);
}

OTRF_INLINE void otrf_store64(uint8_t *out, uint64_t value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  memcpy(out, &value, 8);
}

#endif
