/* Base64 in portable C: arithmetic instead of tables, in loops that a compiler can turn into vectors. */
#include "base64/base64.h"

#include "platform/cpu.h"

/* All ones if low <= c <= high, else 0. */
static inline uint8_t between(uint8_t c, uint8_t low, uint8_t high) {
  return (uint8_t) - (uint8_t)((uint8_t)(c - low) <= (uint8_t)(high - low));
}

static inline uint8_t to_char(uint8_t value) {
  uint8_t shift = 'A';
  shift = (uint8_t)(shift + (between(value, 26, 63) & (uint8_t)('a' - 26 - 'A')));
  shift = (uint8_t)(shift + (between(value, 52, 63) & (uint8_t)('0' - 52 - ('a' - 26))));
  shift = (uint8_t)(shift + (between(value, 62, 63) & (uint8_t)('+' - 62 - ('0' - 52))));
  shift = (uint8_t)(shift + (between(value, 63, 63) & (uint8_t)('/' - 63 - ('+' - 62))));
  return (uint8_t)(value + shift);
}

/* The value of a character, with bit 7 set if it has none. */
static inline uint8_t to_value(uint8_t c) {
  const uint8_t upper = between(c, 'A', 'Z'), lower = between(c, 'a', 'z'), digit = between(c, '0', '9');
  const uint8_t plus = between(c, '+', '+'), slash = between(c, '/', '/');
  const uint8_t value = (uint8_t)((upper & (uint8_t)(c - 'A')) | (lower & (uint8_t)(c - 'a' + 26)) |
                                  (digit & (uint8_t)(c - '0' + 52)) | (plus & 62) | (slash & 63));
  return (uint8_t)(value | (~(upper | lower | digit | plus | slash) & 0x80));
}

/* One group by itself. It needs no array, and so no check of the stack. */
static inline void encode_one(char *out, uint8_t first, uint8_t second, uint8_t third) {
  out[0] = (char)to_char(first >> 2);
  out[1] = (char)to_char((uint8_t)((first << 4 | second >> 4) & 63));
  out[2] = (char)to_char((uint8_t)((second << 2 | third >> 6) & 63));
  out[3] = (char)to_char(third & 63);
}

/* Groups are done some at a time: their bits are moved group by group, then the alphabet applied to all at once. */
#define GROUPS 16

static void encode_some(char *out, const uint8_t *data, size_t groups) {
  uint8_t values[4 * GROUPS];
  for (size_t i = 0; i < groups; i++, data += 3) {
    values[4 * i] = data[0] >> 2;
    values[4 * i + 1] = (uint8_t)((data[0] << 4 | data[1] >> 4) & 63);
    values[4 * i + 2] = (uint8_t)((data[1] << 2 | data[2] >> 6) & 63);
    values[4 * i + 3] = data[2] & 63;
  }
  for (size_t i = 0; i < 4 * groups; i++) {
    out[i] = (char)to_char(values[i]);
  }
}

static void encode_groups(char *out, const uint8_t *data, size_t groups) {
  for (; groups >= GROUPS; groups -= GROUPS, data += 3 * GROUPS, out += 4 * GROUPS) {
    encode_some(out, data, GROUPS);
  }
  if (groups > 0) {
    encode_some(out, data, groups);
  }
}

size_t otrf_base64_encode(char *out, const uint8_t *data, size_t len) {
  const size_t whole = len - len % 3;
  size_t at = 0;
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_VBMI))) {
    at = otrf_base64_encode_vbmi(out, data, whole);
  } else if (otrf_has(OTRF_HAS_AVX2)) {
    at = otrf_base64_encode_avx2(out, data, whole);
  }
#endif
  encode_groups(out + at / 3 * 4, data + at, (whole - at) / 3);
  out += whole / 3 * 4;
  if (whole < len) {
    encode_one(out, data[whole], len - whole == 2 ? data[whole + 1] : 0, 0);
    out[3] = '=';
    if (len - whole == 1) {
      out[2] = '=';
    }
  }
  return OTRF_BASE64_LEN(len);
}

/* The OR of the values says in bit 7 whether each character had one. */
static uint8_t decode_some(uint8_t *out, const char *text, size_t groups) {
  uint8_t values[4 * GROUPS], seen = 0;
  for (size_t i = 0; i < 4 * groups; i++) {
    values[i] = to_value((uint8_t)text[i]);
    seen |= values[i];
  }
  for (size_t i = 0; i < groups; i++, out += 3) {
    const uint8_t *v = values + 4 * i;
    out[0] = (uint8_t)(v[0] << 2 | v[1] >> 4);
    out[1] = (uint8_t)(v[1] << 4 | v[2] >> 2);
    out[2] = (uint8_t)(v[2] << 6 | v[3]);
  }
  return seen;
}

static uint8_t decode_groups(uint8_t *out, const char *text, size_t groups) {
  uint8_t seen = 0;
  for (; groups >= GROUPS; groups -= GROUPS, text += 4 * GROUPS, out += 3 * GROUPS) {
    seen |= decode_some(out, text, GROUPS);
  }
  return groups > 0 ? seen | decode_some(out, text, groups) : seen;
}

size_t otrf_base64_decode(uint8_t *out, const char *text, size_t len) {
  if (len % 4 != 0) {
    return OTRF_BASE64_BAD;
  }
  if (len == 0) {
    return 0;
  }
  const size_t padding = text[len - 1] != '=' ? 0 : text[len - 2] != '=' ? 1 : 2;
  const size_t whole = padding == 0 ? len : len - 4;
  size_t at = 0;
  int bad = 0;
#if OTRF_X86
  if (OTRF_LIKELY(otrf_has(OTRF_HAS_VBMI))) {
    at = otrf_base64_decode_vbmi(out, text, whole, &bad);
  } else if (otrf_has(OTRF_HAS_AVX2)) {
    at = otrf_base64_decode_avx2(out, text, whole, &bad);
  }
#endif
  uint8_t seen = decode_groups(out + at / 4 * 3, text + at, (whole - at) / 4);
  out += whole / 4 * 3;
  if (padding > 0) {
    const uint8_t first = to_value((uint8_t)text[whole]), second = to_value((uint8_t)text[whole + 1]);
    const uint8_t third = padding == 1 ? to_value((uint8_t)text[whole + 2]) : 0;
    seen |= first | second | third;
    out[0] = (uint8_t)(first << 2 | second >> 4);
    if (padding == 1) {
      out[1] = (uint8_t)(second << 4 | third >> 2);
    }
    /* what the padding leaves out has to be zero */
    seen |= (padding == 1 ? third & 3 : second & 15) != 0 ? 0x80 : 0;
  }
  return (seen & 0x80) != 0 || bad ? OTRF_BASE64_BAD : len / 4 * 3 - padding;
}
