/* Diffie-Hellman: key pairs, and what two of them agree on, as Python types. */
#include "platform/memory.h"
#include "python/core.h"

typedef struct {
  PyObject_HEAD otrf_dh_key *key;
} dh_key;

typedef struct {
  PyObject_HEAD otrf_shared *shared;
} shared_secret;

const otrf_dh_key *otrf_dh_key_of(PyObject *object) { return ((dh_key *)object)->key; }

const otrf_shared *otrf_shared_of(PyObject *object) { return ((shared_secret *)object)->shared; }

/* ---- D-H keys ---- */

PyObject *otrf_dh_key_adopt(const otrf_state *state, otrf_dh_key *key) {
  dh_key *self = (dh_key *)otrf_new_object(state, OTRF_DH_KEY, key);
  if (self == NULL) {
    otrf_dh_free(key);
  } else {
    self->key = key;
  }
  return (PyObject *)self;
}

PyObject *otrf_shared_adopt(const otrf_state *state, otrf_shared *shared) {
  shared_secret *self = (shared_secret *)otrf_new_object(state, OTRF_SHARED_SECRET, shared);
  if (self == NULL) {
    otrf_shared_free(shared);
  } else {
    self->shared = shared;
  }
  return (PyObject *)self;
}

static PyObject *dh_key_public(PyObject *self, void *Py_UNUSED(closure)) {
  return PyBytes_FromStringAndSize((const char *)otrf_dh_public(((dh_key *)self)->key), OTRF_ELEMENT_BYTES);
}

static PyObject *dh_key_agree(PyObject *self, PyObject *public_element) {
  otrf_bytes_view element;
  otrf_shared *shared;
  if (otrf_view_sized(&element, public_element, OTRF_ELEMENT_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = PyEval_SaveThread();
  const int status = otrf_dh_agree(&shared, ((dh_key *)self)->key, element.data);
  PyEval_RestoreThread(thread);
  otrf_state *const state = otrf_state_of(self);
  return status == OTRF_OK ? otrf_shared_adopt(state, shared) : otrf_raise(state, status);
}

static void dh_key_dealloc(PyObject *self) {
  otrf_dh_free(((dh_key *)self)->key);
  otrf_free_object(self);
}

static PyMethodDef dh_key_methods[] = {
    {"agree", dh_key_agree, METH_O,
     OTRF_METHOD_DOC("agree", ", public",
                     "Return the secret shared with the holder of an element. Raises NotInGroup.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef dh_key_properties[] = {
    {"public", dh_key_public, NULL, "g^x, an element.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot dh_key_slots[] = {
    {Py_tp_dealloc, dh_key_dealloc},
    {Py_tp_methods, dh_key_methods},
    {Py_tp_getset, dh_key_properties},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_dh_key_type = {
    .name = "otrfast.crypto._core.DhKey",
    .basicsize = sizeof(dh_key),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = dh_key_slots,
};

/* ---- many at a time ---- */

/* Copy items of `size` bytes out of a tuple; NULL, and an exception, if one has another type or length. */
static uint8_t *joined(PyObject *items, size_t size) {
  const Py_ssize_t n = PyTuple_Size(items);
  uint8_t *const out = otrf_allocate((size_t)n * size + 1);
  for (Py_ssize_t i = 0; i < n && out != NULL; i++) {
    otrf_bytes_view item;
    if (otrf_view_sized(&item, PyTuple_GetItem(items, i), size) < 0) {
      otrf_release(out, (size_t)n * size + 1);
      return NULL;
    }
    memcpy(out + (size_t)i * size, item.data, size);
  }
  return out != NULL ? out : (uint8_t *)PyErr_NoMemory();
}

typedef PyObject *(*adopter)(const otrf_state *, void *);

static PyObject *dh_key_made(const otrf_state *state, void *key) { return otrf_dh_key_adopt(state, key); }

/* None instead of what could not be made. */
static PyObject *shared_secret_made(const otrf_state *state, void *shared) {
  return shared == NULL ? Py_NewRef(Py_None) : otrf_shared_adopt(state, shared);
}

/* A list of objects for the n handles; they are all taken over, or freed. */
static PyObject *adopt_all(const otrf_state *state, void **made, Py_ssize_t n, adopter adopt, void (*drop)(void *)) {
  PyObject *list = PyList_New(n);
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *const object = list == NULL ? NULL : adopt(state, made[i]);
    if (list == NULL) {
      drop(made[i]);
    } else if (object == NULL || PyList_SetItem(list, i, object) < 0) {
      Py_CLEAR(list);
    }
  }
  return list;
}

static void drop_dh_key(void *key) { otrf_dh_free(key); }

static void drop_shared(void *shared) { otrf_shared_free(shared); }

static PyObject *dh_keys(PyObject *module, PyObject *exponents) {
  const otrf_state *const state = otrf_state_of_module(module);
  PyObject *const items = PySequence_Tuple(exponents);
  PyObject *result = NULL;
  if (items == NULL) {
    return NULL;
  }
  const size_t n = (size_t)PyTuple_Size(items), size = n * OTRF_DH_BYTES + 1;
  uint8_t *const data = joined(items, OTRF_DH_BYTES);
  void **const made = PyMem_Calloc(n + 1, sizeof *made);
  if (data != NULL && made != NULL) {
    PyThreadState *const thread = PyEval_SaveThread();
    const int status = otrf_dh_new_many((otrf_dh_key **)made, data, n);
    PyEval_RestoreThread(thread);
    result =
        status == OTRF_OK ? adopt_all(state, made, (Py_ssize_t)n, dh_key_made, drop_dh_key) : otrf_raise(state, status);
  } else if (data != NULL) {
    PyErr_NoMemory();
  }
  otrf_release(data, size);
  PyMem_Free(made);
  Py_DECREF(items);
  return result;
}

/* Take a tuple of (key, public) pairs apart. Returns 0; -1, and an exception, if it is none. */
static int pairs_read(const otrf_dh_key **keys, uint8_t *publics, PyObject *pairs, const otrf_state *state) {
  for (Py_ssize_t i = 0; i < PyTuple_Size(pairs); i++) {
    PyObject *const pair = PyTuple_GetItem(pairs, i);
    otrf_bytes_view element;
    if (!PyTuple_Check(pair) || PyTuple_Size(pair) != 2 ||
        Py_TYPE(PyTuple_GetItem(pair, 0)) != state->types[OTRF_DH_KEY]) {
      PyErr_SetString(PyExc_TypeError, "pairs of a D-H key of this backend and an element expected");
      return -1;
    }
    if (otrf_view_sized(&element, PyTuple_GetItem(pair, 1), OTRF_ELEMENT_BYTES) < 0) {
      return -1;
    }
    keys[i] = ((dh_key *)PyTuple_GetItem(pair, 0))->key;
    memcpy(publics + (size_t)i * OTRF_ELEMENT_BYTES, element.data, OTRF_ELEMENT_BYTES);
  }
  return 0;
}

static PyObject *agree_many(PyObject *module, PyObject *pairs) {
  const otrf_state *const state = otrf_state_of_module(module);
  /* a tuple of our own, of tuples: nobody can take the keys away while the GIL is */
  PyObject *const items = PySequence_Tuple(pairs);
  PyObject *result = NULL;
  if (items == NULL) {
    return NULL;
  }
  const size_t n = (size_t)PyTuple_Size(items);
  void **const made = PyMem_Calloc(n + 1, sizeof *made);
  const otrf_dh_key **const keys = PyMem_Calloc(n + 1, sizeof *keys);
  uint8_t *const publics = PyMem_Calloc(n + 1, OTRF_ELEMENT_BYTES);
  if (made == NULL || keys == NULL || publics == NULL) {
    PyErr_NoMemory();
  } else if (pairs_read(keys, publics, items, state) == 0) {
    PyThreadState *const thread = PyEval_SaveThread();
    const int status = otrf_dh_agree_many((otrf_shared **)made, keys, publics, n);
    PyEval_RestoreThread(thread);
    result = status == OTRF_OK ? adopt_all(state, made, (Py_ssize_t)n, shared_secret_made, drop_shared)
                               : otrf_raise(state, status);
  }
  PyMem_Free(made);
  PyMem_Free(keys);
  PyMem_Free(publics);
  Py_DECREF(items);
  return result;
}

PyMethodDef otrf_dh_functions[] = {
    {"dh_keys", dh_keys, METH_O,
     OTRF_FUNCTION_DOC("dh_keys", ", exponents", "Return a key pair for each exponent of 40 bytes.")},
    {"agree_many", agree_many, METH_O,
     OTRF_FUNCTION_DOC(
         "agree_many", ", pairs",
         "Return the shared secret for each pair of a key and an element, None for one outside the group.")},
    {NULL, NULL, 0, NULL},
};

/* ---- shared secrets ---- */

static PyObject *shared_secret_ake_keys(PyObject *self, PyObject *Py_UNUSED(ignored)) {
  return otrf_ake_keys_adopt(otrf_state_of(self), otrf_ake_keys_new(((shared_secret *)self)->shared));
}

static PyObject *shared_secret_data_keys(PyObject *self, PyObject *high) {
  const int is_high = PyObject_IsTrue(high);
  if (is_high < 0) {
    return NULL;
  }
  return otrf_data_keys_adopt(otrf_state_of(self), otrf_data_keys_new(((shared_secret *)self)->shared, is_high));
}

static void shared_secret_dealloc(PyObject *self) {
  otrf_shared_free(((shared_secret *)self)->shared);
  otrf_free_object(self);
}

static PyMethodDef shared_secret_methods[] = {
    {"ake_keys", shared_secret_ake_keys, METH_NOARGS, OTRF_METHOD_DOC("ake_keys", "", "Derive the keys of an AKE.")},
    {"data_keys", shared_secret_data_keys, METH_O, OTRF_METHOD_DOC("data_keys", ", high", "Derive the data keys.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot shared_secret_slots[] = {
    {Py_tp_dealloc, shared_secret_dealloc},
    {Py_tp_methods, shared_secret_methods},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_shared_secret_type = {
    .name = "otrfast.crypto._core.SharedSecret",
    .basicsize = sizeof(shared_secret),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = shared_secret_slots,
};
