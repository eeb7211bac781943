/* Base64 (RFC 4648, section 4). What it works on is public: it goes over the wire. All the same no branch and no
 * address depends on it, but for its length, its padding and whether it is clean. */
#ifndef OTRF_BASE64_BASE64_H
#define OTRF_BASE64_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "platform/compiler.h"

/* The characters that `len` bytes take, with padding. */
#define OTRF_BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* A vector implementation may store this many bytes past the end of the output. */
#define OTRF_BASE64_SLACK 64

#define OTRF_BASE64_BAD SIZE_MAX

/* Encode with padding; returns OTRF_BASE64_LEN(len). */
size_t otrf_base64_encode(char *out, const uint8_t *data, size_t len);

/* Decode; returns the number of bytes, or OTRF_BASE64_BAD unless the text is what otrf_base64_encode writes: whole
 * groups, no other character, padding only at the end, no bits set that the padding leaves out. */
size_t otrf_base64_decode(uint8_t *out, const char *text, size_t len);

#if OTRF_X86
/* The vector implementations, for as many whole groups as they take at a time. They return how many bytes (encode) or
 * characters (decode) they have done, and decode sets `bad` if one of these characters is outside the alphabet. */
size_t otrf_base64_encode_avx2(char *out, const uint8_t *data, size_t len);
size_t otrf_base64_encode_vbmi(char *out, const uint8_t *data, size_t len);
size_t otrf_base64_decode_avx2(uint8_t *out, const char *text, size_t len, int *bad);
size_t otrf_base64_decode_vbmi(uint8_t *out, const char *text, size_t len, int *bad);
#endif

#endif
