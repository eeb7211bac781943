/* Memory that is wiped before it is given back, the buffers of seal and open, the constant-time compare. */
#include "memory.h"

#include <stdlib.h>

void *otrf_allocate(size_t size) { return calloc(1, size); }

void otrf_release(void *data, size_t size) {
  if (data != NULL) {
    otrf_wipe(data, size);
    free(data);
  }
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

/* A buffer larger than this does not outlive the call that needed it by more than one call. */
#define KEPT_BYTES ((size_t)1 << 20)
#define GRANULE_BYTES ((size_t)4096)

otrf_buffer *otrf_buffer_new(void) { return otrf_allocate(sizeof(otrf_buffer)); }

void otrf_buffer_free(otrf_buffer *buffer) {
  if (buffer != NULL) {
    otrf_release(buffer->data, buffer->capacity);
    otrf_release(buffer, sizeof *buffer);
  }
}

int otrf_buffer_status(const otrf_buffer *buffer) { return buffer->status; }

void *otrf_buffer_fail(otrf_buffer *buffer, int status) {
  buffer->status = status;
  return NULL;
}

int otrf_buffer_grow(otrf_buffer *buffer, size_t size) {
  const size_t capacity = (size + GRANULE_BYTES - 1) & ~(GRANULE_BYTES - 1);
  uint8_t *data = malloc(capacity);
  if (data == NULL) {
    return OTRF_ERR_MEMORY;
  }
  otrf_release(buffer->data, buffer->capacity);
  buffer->data = data;
  buffer->capacity = capacity;
  return OTRF_OK;
}

int otrf_buffer_reserve(otrf_buffer *buffer, size_t size) {
  if (buffer->plain_len > 0) {
    otrf_wipe(buffer->data + buffer->plain_at, buffer->plain_len);
    buffer->plain_len = 0;
  }
  buffer->status = OTRF_OK;
  if (OTRF_LIKELY(size <= buffer->capacity && buffer->capacity <= KEPT_BYTES)) {
    return OTRF_OK;
  }
  const int large_enough = size <= buffer->capacity && size > KEPT_BYTES / 4;
  return large_enough ? OTRF_OK : otrf_buffer_grow(buffer, size);
}
