/* Scratch memory for the core to work in: an array of the caller's on the stack as long as it is large enough. */
#ifndef OTRF_PYTHON_SCRATCH_H
#define OTRF_PYTHON_SCRATCH_H

#include <stdlib.h>

#include "python/core.h"

/* Arrays for one message, and for several. */
#define OTRF_SMALL_BYTES 4096
#define OTRF_SMALL_GROUP_BYTES (4 * OTRF_SMALL_BYTES)

typedef struct {
  uint8_t *at;
  size_t size;
  uint8_t *array; /* the one on the stack */
} otrf_scratch;

/* Provide `size` bytes; what was there is lost. Returns 0; -1, and MemoryError, if there is no memory. */
OTRF_INLINE int otrf_scratch_ensure(otrf_scratch *scratch, size_t size) {
  if (size <= scratch->size) {
    return 0;
  }
  if (scratch->at != scratch->array) {
    free(scratch->at);
  }
  scratch->at = malloc(size);
  scratch->size = scratch->at == NULL ? 0 : size;
  if (scratch->at == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  return 0;
}

OTRF_INLINE void otrf_scratch_drop(otrf_scratch *scratch) {
  if (scratch->at != scratch->array) {
    free(scratch->at);
  }
}

#endif
