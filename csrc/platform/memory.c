/* Memory that is wiped before it is given back, and the constant-time compare. */
#include "platform/memory.h"

#include <stdlib.h>

#include "otrfast.h"
#include "platform/bytes.h"

void *otrf_allocate(size_t size) { return calloc(1, size); }

void otrf_release(void *data, size_t size) {
  if (data != NULL) {
    otrf_wipe(data, size);
    free(data);
  }
}

/* More than the deepest function needs that holds no array of its own, which it would wipe. */
#define LEFT_BYTES 4096

__attribute__((noinline)) void otrf_wipe_stack(void) {
  uint8_t left[LEFT_BYTES];
  otrf_wipe(left, sizeof left);
}

int otrf_equal(const uint8_t *a, const uint8_t *b, size_t len) {
  uint64_t difference = 0;
  for (; len >= 8; len -= 8, a += 8, b += 8) {
    difference |= otrf_load64(a) ^ otrf_load64(b);
  }
  for (; len > 0; len--, a++, b++) {
    difference |= (uint64_t)(*a ^ *b);
  }
  /* either x or -x has its top bit set, unless x is 0 */
  difference = otrf_opaque(difference);
  return (int)(1 ^ (difference | (0 - difference)) >> 63);
}
