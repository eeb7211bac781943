/* Private header of `otrfast.crypto._direct`: the handles and hot functions of the core as Python sees them, by hand,
 * where a call through cffi costs more than what it calls.
 *
 * A message of 100 bytes takes the core 180 ns; cffi adds 250, for the arguments, for giving up the GIL, for room that
 * the result is copied out of. Here a result is written where Python will read it, and the GIL is kept for what takes
 * less than a microsecond. The module lives in the same shared object as the cffi one, and shares the core with it. */
#ifndef OTRF_PYTHON_CORE_H
#define OTRF_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "otrfast.h"
#include "platform/compiler.h"

/* From so many bytes on, hashing or encrypting takes more than a microsecond, and other threads may run meanwhile. */
#define OTRF_RELEASE_BYTES 2048

enum { OTRF_DH_KEY, OTRF_SHARED_SECRET, OTRF_AKE_KEYS, OTRF_DATA_KEYS, OTRF_SIGNING_KEY, OTRF_TYPES };

/* What one interpreter's module holds. */
typedef struct {
  PyTypeObject *types[OTRF_TYPES];
  PyObject *failure; /* what makes an exception out of a status: core.failure */
} otrf_state;

extern PyType_Spec otrf_dh_key_type, otrf_shared_secret_type, otrf_ake_keys_type, otrf_data_keys_type,
    otrf_signing_key_type;
extern PyMethodDef otrf_symmetric_functions[], otrf_exchange_functions[], otrf_signing_functions[],
    otrf_reading_functions[];

/* The state of the module that made the object's type, or that is given as a function's self. */
otrf_state *otrf_state_of(PyObject *object);
otrf_state *otrf_state_of_module(PyObject *module);

/* Raise what `status` stands for; returns NULL. */
PyObject *otrf_raise(const otrf_state *state, int status);

/* ---- arguments */

typedef struct {
  const uint8_t *data;
  size_t len;
} otrf_bytes_view;

/* Look into a bytes object. -1, and TypeError, for any other. */
int otrf_view(otrf_bytes_view *out, PyObject *object);

/* The same for one that has to be `len` bytes long: else -1, and ValueError. */
int otrf_view_sized(otrf_bytes_view *out, PyObject *object, size_t len);

/* 1 where a call has the arguments that it needs, else 0, and TypeError. */
int otrf_arguments(Py_ssize_t given, Py_ssize_t due);

#define OTRF_FAST(function) (PyCFunction)(void (*)(void))function, METH_FASTCALL

/* ---- handles: they print nothing and can not be copied or pickled */

PyObject *otrf_redacted(PyObject *self);
PyObject *otrf_refuse_reduce(PyObject *self, PyObject *ignored);

#define OTRF_SECRET_METHODS {"__reduce__", otrf_refuse_reduce, METH_NOARGS, NULL}

/* A new object of one of our types, zeroed behind its head. NULL, and MemoryError, where there is no memory or `made`,
 * what it is to hold, is NULL already. */
PyObject *otrf_new_object(const otrf_state *state, int type, const void *made);
void otrf_free_object(PyObject *object);

/* Keys that the core made, as an object; they are freed where that fails. */
PyObject *otrf_ake_keys_adopt(const otrf_state *state, otrf_ake_keys *keys);
PyObject *otrf_data_keys_adopt(const otrf_state *state, otrf_data_keys *keys);

#endif
