/* Base64 in portable C: arithmetic in the place of tables, in loops that a compiler can turn into vectors. */
#include "base64.h"

/* All ones where low <= c <= high, else 0. */
static inline uint8_t between(uint8_t c, uint8_t low, uint8_t high) {
  return (uint8_t)-(uint8_t)((uint8_t)(c - low) <= (uint8_t)(high - low));
}

static inline uint8_t to_char(uint8_t value) {
  uint8_t shift = 'A';
  shift = (uint8_t)(shift + (between(value, 26, 63) & (uint8_t)('a' - 26 - 'A')));
  shift = (uint8_t)(shift + (between(value, 52, 63) & (uint8_t)('0' - 52 - ('a' - 26))));
  shift = (uint8_t)(shift + (between(value, 62, 63) & (uint8_t)('+' - 62 - ('0' - 52))));
  shift = (uint8_t)(shift + (between(value, 63, 63) & (uint8_t)('/' - 63 - ('+' - 62))));
  return (uint8_t)(value + shift);
}

/* The value of a character, with bit 7 set where it has none. */
static inline uint8_t to_value(uint8_t c) {
  const uint8_t upper = between(c, 'A', 'Z'), lower = between(c, 'a', 'z'), digit = between(c, '0', '9');
  const uint8_t plus = between(c, '+', '+'), slash = between(c, '/', '/');
  const uint8_t value =
      (uint8_t)((upper & (uint8_t)(c - 'A')) | (lower & (uint8_t)(c - 'a' + 26)) | (digit & (uint8_t)(c - '0' + 52)) |
                (plus & 62) | (slash & 63));
  return (uint8_t)(value | (~(upper | lower | digit | plus | slash) & 0x80));
}

static void encode_groups(char *out, const uint8_t *data, size_t groups) {
  for (; groups > 0; groups--, data += 3, out += 4) {
    const uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
    out[0] = (char)to_char((uint8_t)(bits >> 18));
    out[1] = (char)to_char((uint8_t)(bits >> 12 & 63));
    out[2] = (char)to_char((uint8_t)(bits >> 6 & 63));
    out[3] = (char)to_char((uint8_t)(bits & 63));
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
    const uint8_t last[3] = {data[whole], len - whole == 2 ? data[whole + 1] : 0, 0};
    encode_groups(out, last, 1);
    out[3] = '=';
    if (len - whole == 1) {
      out[2] = '=';
    }
  }
  return OTRF_BASE64_LEN(len);
}

/* The OR of the values says in bit 7 whether each character had one. */
static uint8_t decode_groups(uint8_t *out, const char *text, size_t groups) {
  uint8_t seen = 0;
  for (; groups > 0; groups--, text += 4, out += 3) {
    const uint8_t a = to_value((uint8_t)text[0]), b = to_value((uint8_t)text[1]);
    const uint8_t c = to_value((uint8_t)text[2]), d = to_value((uint8_t)text[3]);
    seen = (uint8_t)(seen | a | b | c | d);
    out[0] = (uint8_t)(a << 2 | b >> 4);
    out[1] = (uint8_t)(b << 4 | c >> 2);
    out[2] = (uint8_t)(c << 6 | d);
  }
  return seen;
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
    const char last[4] = {text[whole], text[whole + 1], padding == 2 ? 'A' : text[whole + 2], 'A'};
    uint8_t bytes[3];
    seen |= decode_groups(bytes, last, 1);
    /* what the padding leaves out has to be zero */
    seen |= (bytes[2] | (padding == 2 ? bytes[1] : 0)) != 0 ? 0x80 : 0;
    out[0] = bytes[0];
    if (padding == 1) {
      out[1] = bytes[1];
    }
  }
  return (seen & 0x80) != 0 || bad ? OTRF_BASE64_BAD : len / 4 * 3 - padding;
}
