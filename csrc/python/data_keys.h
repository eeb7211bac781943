/* Private header of the data keys as a Python type: what sealing and opening have in common. */
#ifndef OTRF_PYTHON_DATA_KEYS_H
#define OTRF_PYTHON_DATA_KEYS_H

#include <stdlib.h>

#include "python/core.h"

/* So many messages of a batch are handed to the core together: what it can hash at a time. */
#define GROUP 16

typedef struct {
  PyObject_HEAD
  otrf_data_keys *keys;
  PyObject *prefix; /* the bytes object last used as prefix: the same object needs no look */
  PyObject *head;
  int busy; /* inside the core without the GIL */
} data_keys;

/* The methods: sealing.c, opening.c */
PyObject *otrf_keys_seal(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_seal_text(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_seal_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open_line(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs);

/* 1, or 0 and RuntimeError where another thread is inside the core with these keys. */
int otrf_keys_ready(const data_keys *self);

/* Raise what a status stands for; returns NULL. */
PyObject *otrf_keys_refuse(const data_keys *self, int status);

/* Make `object` the prefix or the head, unless it is that already. -1, and an exception, where it can not be. */
typedef int (*otrf_installer)(otrf_data_keys *, const uint8_t *, size_t);
int otrf_keys_use(data_keys *self, PyObject **current, PyObject *object, otrf_installer install);

/* Give up the GIL for work on so many bytes, where that is worth it; and take it back. */
PyThreadState *otrf_keys_release(data_keys *self, size_t bytes);
void otrf_keys_take_back(data_keys *self, PyThreadState *thread);

/* ---- room for the core to work in: on the stack as long as that will do ---- */

#define SMALL_BYTES 4096
#define SMALL_GROUP_BYTES (4 * SMALL_BYTES)

typedef struct {
  uint8_t *at;
  size_t size;
  uint8_t *array; /* what stands on the stack */
} room;

/* See to `size` bytes; what was there is lost. */
OTRF_INLINE int room_for(room *r, size_t size) {
  if (size <= r->size) {
    return 0;
  }
  if (r->at != r->array) {
    free(r->at);
  }
  r->at = malloc(size);
  r->size = r->at == NULL ? 0 : size;
  if (r->at == NULL) {
    PyErr_NoMemory();
    return -1;
  }
  return 0;
}

OTRF_INLINE void room_drop(room *r) {
  if (r->at != r->array) {
    free(r->at);
  }
}

#endif
