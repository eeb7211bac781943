/* The data keys as a Python type: what sealing and opening have in common. */
#ifndef OTRF_PYTHON_DATA_KEYS_H
#define OTRF_PYTHON_DATA_KEYS_H

#include "python/core.h"
#include "python/scratch.h"

/* The number of messages of a batch that the core gets together: what it can hash at a time. */
#define OTRF_GROUP 16

typedef struct {
  PyObject_HEAD otrf_data_keys *keys;
  PyObject *prefix; /* the bytes object last used as prefix: the same object needs no look */
  PyObject *head;
  int busy; /* inside the core without the GIL */
} otrf_data_keys_object;

/* The methods: sealing.c, opening.c */
PyObject *otrf_keys_seal(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_seal_text(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_seal_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open_line(PyObject *object, PyObject *const *args, Py_ssize_t nargs);
PyObject *otrf_keys_open_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs);

/* Returns 1; 0, and ThreadMisuse, if another thread is inside the core with these keys. */
int otrf_keys_ready(const otrf_data_keys_object *self);

/* Raise what a status stands for; returns NULL. */
PyObject *otrf_keys_refuse(const otrf_data_keys_object *self, int status);

/* Make `object` the prefix or the head, unless it is that already. Returns 0; -1, and an exception, if it cannot be. */
typedef int (*otrf_installer)(otrf_data_keys *, const uint8_t *, size_t);
int otrf_keys_use(otrf_data_keys_object *self, PyObject **current, PyObject *object, otrf_installer install);

/* Give up the GIL for work on this number of bytes, if that is worth it; and take it back. */
PyThreadState *otrf_keys_release(otrf_data_keys_object *self, size_t bytes);
void otrf_keys_take_back(otrf_data_keys_object *self, PyThreadState *thread);

#endif
