/* What the fuzz targets share. The first byte of an input picks the dispatch level; what two levels make of the rest
 * has to be the same. */
#ifndef OTRF_TESTS_FUZZ_H
#define OTRF_TESTS_FUZZ_H

#include "otrfast.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* End the run, as a find, if something does not hold. */
#define HOLDS(condition)                                              \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                        \
    }                                                                 \
  } while (0)

#define LEVELS (OTRF_LEVEL_IFMA + 1)

/* The GMP to open is named by the environment: the targets have no arguments of their own. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  const char *path = getenv("FUZZ_GMP");
  (void)argc;
  (void)argv;
  HOLDS(otrf_gmp_open(path != NULL ? path : "libgmp.so.10") == OTRF_OK);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input that is read from the front; zeros follow its end. */
typedef struct {
  const uint8_t *data;
  size_t size;
} input;

static inline uint8_t take_byte(input *in) {
  if (in->size == 0) {
    return 0;
  }
  in->size--;
  return *in->data++;
}

static inline void take(uint8_t *out, size_t len, input *in) {
  const size_t there = len < in->size ? len : in->size;
  memset(out, 0, len);
  if (there > 0) {
    memcpy(out, in->data, there);
    in->data += there;
    in->size -= there;
  }
}

#endif
