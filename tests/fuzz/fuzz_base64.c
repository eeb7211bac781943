/* Base64 both ways at each level, on buffers that end where they have to. */
#include "base64/base64.h"
#include "fuzz.h"

static char *encoded_at(int level, const uint8_t *data, size_t size) {
  char *out = malloc(OTRF_BASE64_LEN(size) + 1);
  HOLDS(out != NULL);
  otrf_cpu_use(level);
  HOLDS(otrf_base64_encode(out, data, size) == OTRF_BASE64_LEN(size));
  return out;
}

static uint8_t *decoded_at(int level, const char *text, size_t size, size_t *len) {
  uint8_t *out = malloc(size / 4 * 3 + OTRF_BASE64_SLACK);
  HOLDS(out != NULL);
  otrf_cpu_use(level);
  *len = otrf_base64_decode(out, text, size);
  HOLDS(*len == OTRF_BASE64_BAD || *len <= size / 4 * 3);
  return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const int level = take_byte(&in) % LEVELS;
  size_t len, other_len;

  /* what is encoded comes back */
  char *text = encoded_at(level, in.data, in.size), *other_text = encoded_at(OTRF_LEVEL_PORTABLE, in.data, in.size);
  HOLDS(memcmp(text, other_text, OTRF_BASE64_LEN(in.size)) == 0);
  uint8_t *back = decoded_at(level, text, OTRF_BASE64_LEN(in.size), &len);
  HOLDS(len == in.size && (len == 0 || memcmp(back, in.data, len) == 0));
  free(text);
  free(other_text);
  free(back);

  /* anything is decoded the same at each level, and only what encoding it would write again */
  char *copy = malloc(in.size + 1);
  HOLDS(copy != NULL);
  take((uint8_t *)copy, size > 0 ? size - 1 : 0, &in);
  size_t copied = size > 0 ? size - 1 : 0;
  uint8_t *first = decoded_at(level, copy, copied, &len);
  uint8_t *second = decoded_at(OTRF_LEVEL_PORTABLE, copy, copied, &other_len);
  HOLDS(len == other_len);
  if (len != OTRF_BASE64_BAD) {
    HOLDS(len == 0 || memcmp(first, second, len) == 0);
    text = encoded_at(level, first, len);
    HOLDS(OTRF_BASE64_LEN(len) == copied && memcmp(text, copy, copied) == 0);
    free(text);
  }
  free(first);
  free(second);
  free(copy);
  return 0;
}
