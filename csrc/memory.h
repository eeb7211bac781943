/* Private header of memory that holds secrets. */
#ifndef OTRF_MEMORY_H
#define OTRF_MEMORY_H

#include "internal.h"

/* Zeroed memory, or NULL. */
OTRF_HIDDEN void *otrf_allocate(size_t size);

/* Wipe and free; NULL is left alone. */
OTRF_HIDDEN void otrf_release(void *data, size_t size);

#endif
