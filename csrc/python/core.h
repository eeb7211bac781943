/* `otrfast.crypto._core`: the hand-written Python module, one of two doors into the core.
 *
 * The rule. This module serves the path of messages and key exchanges: D-H keys and shared secrets, the keys of an AKE,
 * data keys, signatures, hashes, lines. cffi (`otrfast.crypto._native`) serves what is rare: start-up, SMP, checking a
 * peer's DSA numbers. A handle and what makes it are served by one door, so a DSA key is generated and taken over here,
 * where it signs. Nothing is served by both: build_native.py hands cffi no function that is called in this folder, and
 * a test compares the two.
 *
 * Why by hand. A message of 100 bytes takes the core 180 ns; cffi adds 250, for the arguments, for giving up the GIL,
 * for memory that the result is copied out of. Here a result is written where Python will read it, and the GIL is kept
 * for what takes less than a microsecond.
 *
 * The module is in the same shared object as the cffi one and shares the core with it: several modules in one library
 * are a case of PEP 489's own. otrfast/crypto/core.py loads both; otrfast/crypto/_core.pyi has the types. */
#ifndef OTRF_PYTHON_CORE_H
#define OTRF_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "otrfast.h"
#include "platform/compiler.h"

/* From this number of bytes on, hashing or encrypting takes more than a microsecond, and other threads may run then. */
#define OTRF_RELEASE_BYTES 2048

enum { OTRF_DH_KEY, OTRF_SHARED_SECRET, OTRF_AKE_KEYS, OTRF_DATA_KEYS, OTRF_SIGNING_KEY, OTRF_STATE_KEY, OTRF_TYPES };

/* What one interpreter's module holds. */
typedef struct {
  PyTypeObject *types[OTRF_TYPES];
  PyObject *failure; /* what makes an exception out of a status: core.failure */
  size_t kept;       /* bytes of results that malloc has been brought to keep: scratch.h */
} otrf_state;

extern OTRF_HIDDEN PyType_Spec otrf_dh_key_type, otrf_shared_secret_type, otrf_ake_keys_type, otrf_data_keys_type,
    otrf_signing_key_type, otrf_state_key_type;
extern OTRF_HIDDEN PyMethodDef otrf_symmetric_functions[], otrf_dh_functions[], otrf_dsa_functions[],
    otrf_reading_functions[], otrf_state_functions[];

/* The state of the module that made the object's type, or that is given as a function's self. */
otrf_state *otrf_state_of(PyObject *object);
otrf_state *otrf_state_of_module(PyObject *module);

/* Raise what `status` stands for; returns NULL. */
PyObject *otrf_raise(const otrf_state *state, int status);

/* ---- arguments ---- */

typedef struct {
  const uint8_t *data;
  size_t len;
} otrf_bytes_view;

/* Look into a bytes object. Returns 0; -1, and TypeError, for any other. */
int otrf_view(otrf_bytes_view *out, PyObject *object);

/* The same for one that has to be `len` bytes long: else -1, and ValueError. */
int otrf_view_sized(otrf_bytes_view *out, PyObject *object, size_t len);

/* Returns 1 if a call has the number of arguments that it needs, else 0, and TypeError. */
int otrf_arguments(Py_ssize_t given, Py_ssize_t expected);

#define OTRF_FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL

/* ---- docstrings: `help` and `inspect.signature` read the first line of each as the signature ---- */

#define OTRF_METHOD_DOC(name, arguments, text) name "($self" arguments ", /)\n--\n\n" text
#define OTRF_FUNCTION_DOC(name, arguments, text) name "($module" arguments ", /)\n--\n\n" text

/* ---- handles: they print nothing and cannot be copied or pickled ---- */

PyObject *otrf_redacted(PyObject *self);
PyObject *otrf_refuse_reduce(PyObject *self, PyObject *ignored);

#define OTRF_SECRET_METHODS \
  { "__reduce__", otrf_refuse_reduce, METH_NOARGS, OTRF_METHOD_DOC("__reduce__", "", "Raise TypeError.") }

/* A new object of one of our types, zeroed after its head. NULL, and MemoryError, if there is no memory, or if `made`,
 * what it is to hold, is NULL already. */
PyObject *otrf_new_object(const otrf_state *state, int type, const void *made);
void otrf_free_object(PyObject *object);

/* Keys that the core made, as an object; they are freed if that fails. */
PyObject *otrf_dh_key_adopt(const otrf_state *state, otrf_dh_key *key);
PyObject *otrf_shared_adopt(const otrf_state *state, otrf_shared *shared);
PyObject *otrf_ake_keys_adopt(const otrf_state *state, otrf_ake_keys *keys);
PyObject *otrf_data_keys_adopt(const otrf_state *state, otrf_data_keys *keys);

/* What an object of the type holds. */
const otrf_dh_key *otrf_dh_key_of(PyObject *object);
const otrf_shared *otrf_shared_of(PyObject *object);

/* ---- messages ---- */

/* The fields of a data message as `backend.DataFields`: reading.c. */
PyObject *otrf_data_fields_tuple(const otrf_data_fields *fields);

#endif
