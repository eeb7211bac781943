/* Private header of memory that holds secrets. */
#ifndef OTRF_MEMORY_H
#define OTRF_MEMORY_H

#include "internal.h"

/* Zeroed memory, or NULL. */
OTRF_HIDDEN void *otrf_allocate(size_t size);

/* Wipe and free; NULL is left alone. */
OTRF_HIDDEN void otrf_release(void *data, size_t size);

struct otrf_buffer {
  uint8_t *data;
  size_t capacity;
  size_t result_at; /* where the results of the last call on many messages stand */
  size_t plain_at;  /* where the plain text of the last call stands */
  size_t plain_len;
  int status;
};

/* Make room for `size` bytes, whose content is then undefined, and wipe the plain text of the call before. Starts a
 * call: the status becomes OTRF_OK. OTRF_ERR_MEMORY, and the old room kept, where malloc fails. */
OTRF_HIDDEN int otrf_buffer_reserve(otrf_buffer *buffer, size_t size);

/* Give the buffer new room, without what was in the old. */
OTRF_HIDDEN int otrf_buffer_grow(otrf_buffer *buffer, size_t size);

/* Note why a call ends without a result; returns NULL. */
OTRF_HIDDEN void *otrf_buffer_fail(otrf_buffer *buffer, int status);

#endif
