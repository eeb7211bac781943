/* DSA: private keys as a Python type, and signatures checked with public ones. */
#include "platform/memory.h"
#include "python/core.h"

typedef struct {
  PyObject_HEAD otrf_dsa_key *key;
} signing_key;

static PyObject *signing_key_adopt(const otrf_state *state, otrf_dsa_key *key) {
  signing_key *self = (signing_key *)otrf_new_object(state, OTRF_SIGNING_KEY, key);
  if (self == NULL) {
    otrf_dsa_free(key);
  } else {
    self->key = key;
  }
  return (PyObject *)self;
}

static PyObject *signing_key_sign(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view value, random;
  uint8_t signature[OTRF_SIGNATURE_BYTES];
  if (!otrf_arguments(nargs, 2) || otrf_view_sized(&value, args[0], OTRF_DSA_VALUE_BYTES) < 0 ||
      otrf_view_sized(&random, args[1], OTRF_SEED_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = PyEval_SaveThread();
  const int status = otrf_dsa_sign(signature, ((signing_key *)self)->key, value.data, random.data);
  PyEval_RestoreThread(thread);
  return status == OTRF_OK ? PyBytes_FromStringAndSize((const char *)signature, sizeof signature)
                           : otrf_raise(otrf_state_of(self), status);
}

static PyObject *signing_key_numbers(PyObject *self, PyObject *Py_UNUSED(ignored)) {
  uint8_t p[OTRF_DSA_P_BYTES], q[OTRF_DSA_Q_BYTES], g[OTRF_DSA_P_BYTES], y[OTRF_DSA_P_BYTES], x[OTRF_DSA_Q_BYTES];
  otrf_dsa_export(p, q, g, y, x, ((signing_key *)self)->key);
  PyObject *const result = Py_BuildValue("(y#y#y#y#y#)", p, (Py_ssize_t)sizeof p, q, (Py_ssize_t)sizeof q, g,
                                         (Py_ssize_t)sizeof g, y, (Py_ssize_t)sizeof y, x, (Py_ssize_t)sizeof x);
  otrf_wipe(x, sizeof x);
  return result;
}

static void signing_key_dealloc(PyObject *self) {
  otrf_dsa_free(((signing_key *)self)->key);
  otrf_free_object(self);
}

static PyMethodDef signing_key_methods[] = {
    {"sign", OTRF_FAST(signing_key_sign),
     OTRF_METHOD_DOC("sign", ", value, random", "Return the signature over 32 bytes, 40 bytes.")},
    {"numbers", signing_key_numbers, METH_NOARGS,
     OTRF_METHOD_DOC("numbers", "", "Return p, q, g, y and the private x, big-endian.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot signing_key_slots[] = {
    {Py_tp_dealloc, signing_key_dealloc},
    {Py_tp_methods, signing_key_methods},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_signing_key_type = {
    .name = "otrfast.crypto._core.SigningKey",
    .basicsize = sizeof(signing_key),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = signing_key_slots,
};

static PyObject *dsa_generate(PyObject *module, PyObject *object) {
  otrf_bytes_view seed;
  if (otrf_view_sized(&seed, object, OTRF_SEED_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = PyEval_SaveThread();
  otrf_dsa_key *const key = otrf_dsa_generate_vartime(seed.data);
  PyEval_RestoreThread(thread);
  return signing_key_adopt(otrf_state_of_module(module), key);
}

static PyObject *dsa_key(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
  static const size_t sizes[] = {OTRF_DSA_P_BYTES, OTRF_DSA_Q_BYTES, OTRF_DSA_P_BYTES, OTRF_DSA_P_BYTES,
                                 OTRF_DSA_Q_BYTES};
  otrf_bytes_view n[5];
  if (!otrf_arguments(nargs, 5)) {
    return NULL;
  }
  for (int i = 0; i < 5; i++) {
    if (otrf_view_sized(&n[i], args[i], sizes[i]) < 0) {
      return NULL;
    }
  }
  const otrf_state *const state = otrf_state_of_module(module);
  PyThreadState *const thread = PyEval_SaveThread();
  otrf_dsa_key *const key = otrf_dsa_new(n[0].data, n[1].data, n[2].data, n[3].data, n[4].data);
  PyEval_RestoreThread(thread);
  return key != NULL ? signing_key_adopt(state, key) : otrf_raise(state, OTRF_ERR_KEY);
}

static PyObject *dsa_verify(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view n[4], value, signature;
  if (!otrf_arguments(nargs, 6) || otrf_view(&signature, args[5]) < 0) {
    return NULL;
  }
  for (int i = 0; i < 4; i++) {
    if (otrf_view(&n[i], args[i]) < 0) {
      return NULL;
    }
  }
  if (signature.len != OTRF_SIGNATURE_BYTES) {
    Py_RETURN_FALSE;
  }
  if (otrf_view_sized(&value, args[4], OTRF_DSA_VALUE_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = PyEval_SaveThread();
  const int holds = otrf_dsa_verify_vartime(n[0].data, n[0].len, n[1].data, n[1].len, n[2].data, n[2].len, n[3].data,
                                            n[3].len, value.data, signature.data);
  PyEval_RestoreThread(thread);
  return PyBool_FromLong(holds);
}

PyMethodDef otrf_dsa_functions[] = {
    {"dsa_generate", dsa_generate, METH_O,
     OTRF_FUNCTION_DOC("dsa_generate", ", seed", "Return a new key, made from 32 random bytes.")},
    {"dsa_key", OTRF_FAST(dsa_key),
     OTRF_FUNCTION_DOC("dsa_key", ", p, q, g, y, x",
                       "Return the key with these numbers, big-endian and of full length.")},
    {"dsa_verify", OTRF_FAST(dsa_verify),
     OTRF_FUNCTION_DOC("dsa_verify", ", p, q, g, y, value, signature",
                       "Whether a signature holds; numbers without leading zeros.")},
    {NULL, NULL, 0, NULL},
};
