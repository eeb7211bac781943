/* `otrfast.crypto._core`: the module itself, and what its types and functions have in common. */
#include "python/core.h"

/* ---- state and errors ---- */

otrf_state *otrf_state_of_module(PyObject *module) { return PyModule_GetState(module); }

otrf_state *otrf_state_of(PyObject *object) { return PyType_GetModuleState(Py_TYPE(object)); }

PyObject *otrf_raise(const otrf_state *state, int status) {
  if (status == OTRF_ERR_MEMORY) {
    return PyErr_NoMemory();
  }
  PyObject *const exception = PyObject_CallFunction(state->failure, "i", status);
  if (exception != NULL) {
    PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
    Py_DECREF(exception);
  }
  return NULL;
}

/* ---- arguments ---- */

int otrf_view(otrf_bytes_view *out, PyObject *object) {
  char *data;
  Py_ssize_t len;
  if (PyBytes_AsStringAndSize(object, &data, &len) < 0) {
    return -1;
  }
  out->data = (const uint8_t *)data;
  out->len = (size_t)len;
  return 0;
}

int otrf_view_sized(otrf_bytes_view *out, PyObject *object, size_t len) {
  if (otrf_view(out, object) < 0) {
    return -1;
  }
  if (out->len != len) {
    PyErr_Format(PyExc_ValueError, "%zu bytes expected, %zu given", len, out->len);
    return -1;
  }
  return 0;
}

int otrf_arguments(Py_ssize_t given, Py_ssize_t expected) {
  if (given != expected) {
    PyErr_Format(PyExc_TypeError, "%zd arguments expected, %zd given", expected, given);
    return 0;
  }
  return 1;
}

/* ---- handles ---- */

PyObject *otrf_redacted(PyObject *self) {
  PyObject *const name = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__name__");
  PyObject *const result = name == NULL ? NULL : PyUnicode_FromFormat("<%U: redacted>", name);
  Py_XDECREF(name);
  return result;
}

PyObject *otrf_refuse_reduce(PyObject *self, PyObject *Py_UNUSED(ignored)) {
  PyObject *const name = PyObject_GetAttrString((PyObject *)Py_TYPE(self), "__name__");
  if (name != NULL) {
    PyErr_Format(PyExc_TypeError, "%U holds a secret and cannot be pickled or copied", name);
    Py_DECREF(name);
  }
  return NULL;
}

PyObject *otrf_new_object(const otrf_state *state, int type, const void *made) {
  if (made == NULL) {
    return PyErr_NoMemory();
  }
  PyTypeObject *const made_of = state->types[type];
  return ((allocfunc)PyType_GetSlot(made_of, Py_tp_alloc))(made_of, 0);
}

void otrf_free_object(PyObject *object) {
  PyTypeObject *const type = Py_TYPE(object);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

/* ---- the module ---- */

/* set_failure(callable): what makes an exception out of a status of the core. */
static PyObject *set_failure(PyObject *module, PyObject *failure) {
  otrf_state *const state = otrf_state_of_module(module);
  PyObject *const before = state->failure;
  state->failure = Py_NewRef(failure);
  Py_XDECREF(before);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"set_failure", set_failure, METH_O,
     OTRF_FUNCTION_DOC("set_failure", ", failure",
                       "Set what makes an exception out of a status: a callable that takes a number.")},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) {
  static PyType_Spec *const specifications[OTRF_TYPES] = {
      [OTRF_DH_KEY] = &otrf_dh_key_type,           [OTRF_SHARED_SECRET] = &otrf_shared_secret_type,
      [OTRF_AKE_KEYS] = &otrf_ake_keys_type,       [OTRF_DATA_KEYS] = &otrf_data_keys_type,
      [OTRF_SIGNING_KEY] = &otrf_signing_key_type, [OTRF_STATE_KEY] = &otrf_state_key_type,
  };
  static PyMethodDef *const functions_of[] = {otrf_symmetric_functions, otrf_dh_functions, otrf_dsa_functions,
                                              otrf_reading_functions, otrf_state_functions};
  otrf_state *const state = otrf_state_of_module(module);
  for (int i = 0; i < OTRF_TYPES; i++) {
    state->types[i] = (PyTypeObject *)PyType_FromModuleAndSpec(module, specifications[i], NULL);
    if (state->types[i] == NULL || PyModule_AddType(module, state->types[i]) < 0) {
      return -1;
    }
  }
  for (size_t i = 0; i < sizeof functions_of / sizeof *functions_of; i++) {
    if (PyModule_AddFunctions(module, functions_of[i]) < 0) {
      return -1;
    }
  }
  return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
  otrf_state *const state = otrf_state_of_module(module);
  for (int i = 0; i < OTRF_TYPES; i++) {
    Py_VISIT(state->types[i]);
  }
  Py_VISIT(state->failure);
  return 0;
}

static int clear(PyObject *module) {
  otrf_state *const state = otrf_state_of_module(module);
  for (int i = 0; i < OTRF_TYPES; i++) {
    Py_CLEAR(state->types[i]);
  }
  Py_CLEAR(state->failure);
  return 0;
}

static void module_free(void *module) { clear(module); }

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, execute}, {0, NULL}};

/* The second module of the library, beside cffi's: an importer that asks for it by name gets it from the same file, as
 * PEP 489 has it ("Multiple modules in one library"). */
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "otrfast.crypto._core",
    .m_doc = "The C core on the path of messages and key exchanges.",
    .m_size = sizeof(otrf_state),
    .m_methods = functions,
    .m_slots = module_slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void) { return PyModuleDef_Init(&definition); }
