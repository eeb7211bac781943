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

/* Before a call that returns as many bytes as a tuple holds, in many objects: have malloc keep that much when it is
 * freed.
 *
 * glibc gives the free top of its heap back to the system when that is more than a threshold, so each large batch would
 * fault its results in again page by page, which takes as long as its work. When a large block is freed, twice its size
 * becomes the threshold (mallopt(3), "dynamic mmap threshold"): one block that is never written to takes no memory, and
 * says how much a call needs. Other allocators do nothing of the kind, nor do they need it. */
OTRF_INLINE void otrf_keep_results(otrf_state *state, PyObject *tuple) {
  const size_t most = (size_t)31 << 20; /* a block of more than 32 MiB moves no threshold */
  size_t results = 0;
  for (Py_ssize_t i = 0; i < PyTuple_Size(tuple); i++) {
    PyObject *const item = PyTuple_GetItem(tuple, i);
    results += PyBytes_Check(item) ? (size_t)PyBytes_Size(item) : 0;
  }
  if (results > state->kept && state->kept < most / 4) {
    state->kept = 2 * results < most / 4 ? 2 * results : most / 4;
    void *volatile block = malloc(4 * state->kept); /* volatile: compilers leave such a pair out */
    free(block);
  }
}

OTRF_INLINE void otrf_scratch_drop(otrf_scratch *scratch) {
  if (scratch->at != scratch->array) {
    free(scratch->at);
  }
}

#endif
