/* The data keys as a Python type. */
#include "platform/memory.h"
#include "python/data_keys.h"

/* ---- arguments and errors ---- */

int otrf_keys_ready(const otrf_data_keys_object *self) {
  if (self->busy) {
    otrf_raise(otrf_state_of((PyObject *)self), OTRF_ERR_THREADS);
    return 0;
  }
  return 1;
}

/* A counter refused in sealing means that the program can send no more; in opening, that the peer counted wrong. */
PyObject *otrf_keys_refuse(const otrf_data_keys_object *self, int status) {
  if (status == OTRF_ERR_COUNTER) {
    PyErr_SetString(PyExc_OverflowError, "all counters of these keys are used up");
    return NULL;
  }
  return otrf_raise(otrf_state_of((PyObject *)self), status);
}

int otrf_keys_use(otrf_data_keys_object *self, PyObject **current, PyObject *object, otrf_installer install) {
  otrf_bytes_view bytes;
  if (object == *current) {
    return 0;
  }
  if (otrf_view(&bytes, object) < 0) {
    return -1;
  }
  const int status = install(self->keys, bytes.data, bytes.len);
  if (status != OTRF_OK) {
    otrf_keys_refuse(self, status);
    return -1;
  }
  PyObject *const before = *current;
  *current = Py_NewRef(object);
  Py_XDECREF(before);
  return 0;
}

/* ---- giving up the GIL ---- */

PyThreadState *otrf_keys_release(otrf_data_keys_object *self, size_t bytes) {
  if (bytes < OTRF_RELEASE_BYTES) {
    return NULL;
  }
  self->busy = 1;
  return PyEval_SaveThread();
}

void otrf_keys_take_back(otrf_data_keys_object *self, PyThreadState *thread) {
  if (thread != NULL) {
    PyEval_RestoreThread(thread);
    self->busy = 0;
  }
}

/* ---- what the keys tell ---- */

static PyObject *receive_mac_key(PyObject *object, PyObject *Py_UNUSED(ignored)) {
  uint8_t key[OTRF_MAC_BYTES];
  otrf_data_keys_receive_mac(key, ((otrf_data_keys_object *)object)->keys);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)key, sizeof key);
  otrf_wipe(key, sizeof key);
  return result;
}

static PyObject *accepted(PyObject *object, PyObject *Py_UNUSED(ignored)) {
  uint8_t macs[OTRF_ACCEPTED_BYTES];
  const size_t len = otrf_data_keys_accepted(macs, ((otrf_data_keys_object *)object)->keys);
  return PyBytes_FromStringAndSize((const char *)macs, (Py_ssize_t)len);
}

static PyObject *extra_key(PyObject *object, PyObject *Py_UNUSED(ignored)) {
  uint8_t key[OTRF_EXTRA_KEY_BYTES];
  otrf_data_keys_extra(key, ((otrf_data_keys_object *)object)->keys);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)key, sizeof key);
  otrf_wipe(key, sizeof key);
  return result;
}

static PyObject *count_between(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  if (!otrf_arguments(nargs, 2) || !otrf_keys_ready((otrf_data_keys_object *)object)) {
    return NULL;
  }
  const unsigned long long floor = PyLong_AsUnsignedLongLong(args[0]);
  const unsigned long long end = PyErr_Occurred() ? 0 : PyLong_AsUnsignedLongLong(args[1]);
  if (PyErr_Occurred()) {
    return NULL;
  }
  otrf_data_keys_count_between(((otrf_data_keys_object *)object)->keys, floor, end);
  Py_RETURN_NONE;
}

static PyObject *send_counter(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromUnsignedLongLong(otrf_data_keys_send_counter(((otrf_data_keys_object *)object)->keys));
}

static PyObject *receive_counter(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromUnsignedLongLong(otrf_data_keys_receive_counter(((otrf_data_keys_object *)object)->keys));
}

static PyObject *verified(PyObject *object, void *Py_UNUSED(closure)) {
  return PyBool_FromLong(otrf_data_keys_verified(((otrf_data_keys_object *)object)->keys));
}

/* ---- the type ---- */

PyObject *otrf_data_keys_adopt(const otrf_state *state, otrf_data_keys *keys) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)otrf_new_object(state, OTRF_DATA_KEYS, keys);
  if (self == NULL) {
    otrf_data_keys_free(keys);
  } else {
    self->keys = keys;
  }
  return (PyObject *)self;
}

static void dealloc(PyObject *object) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  otrf_data_keys_free(self->keys);
  Py_XDECREF(self->prefix);
  Py_XDECREF(self->head);
  otrf_free_object(object);
}

static PyMethodDef methods[] = {
    {"seal", OTRF_FAST(otrf_keys_seal),
     OTRF_METHOD_DOC("seal", ", prefix, text, tlvs, revealed", "Return the encoded data message.")},
    {"seal_text", OTRF_FAST(otrf_keys_seal_text),
     OTRF_METHOD_DOC("seal_text", ", prefix, text, limit",
                     "Return the encoded message for a text that needs nothing but sealing, else None.")},
    {"seal_many", OTRF_FAST(otrf_keys_seal_many),
     OTRF_METHOD_DOC("seal_many", ", prefix, texts, limit=None",
                     "Return the encoded message for each text, or for the leading ones that need nothing else.")},
    {"open", OTRF_FAST(otrf_keys_open),
     OTRF_METHOD_DOC("open", ", authenticated, counter, ciphertext, mac",
                     "Return the plain text. Raises BadMac or CounterReplayed.")},
    {"open_line", OTRF_FAST(otrf_keys_open_line),
     OTRF_METHOD_DOC("open_line", ", head, line, kind=None, rest=()",
                     "Return the text in a line if it needs nothing but opening, else its fields or None.")},
    {"open_many", OTRF_FAST(otrf_keys_open_many),
     OTRF_METHOD_DOC("open_many", ", head, lines, kind=None, rest=()",
                     "Return the texts of the leading lines that need nothing but opening.")},
    {"receive_mac_key", receive_mac_key, METH_NOARGS,
     OTRF_METHOD_DOC("receive_mac_key", "", "Return the receiving MAC key, 20 bytes.")},
    {"accepted", accepted, METH_NOARGS,
     OTRF_METHOD_DOC("accepted", "", "Return the first 4 bytes of the MACs of the last messages opened.")},
    {"extra_key", extra_key, METH_NOARGS,
     OTRF_METHOD_DOC("extra_key", "", "Return the extra symmetric key, 32 bytes.")},
    {"count_between", OTRF_FAST(count_between),
     OTRF_METHOD_DOC("count_between", ", floor, end",
                     "Seal under counters above `floor` and below `end` from now on; 0: no end.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"send_counter", send_counter, NULL, "The counter of the last message sealed.", NULL},
    {"receive_counter", receive_counter, NULL, "The counter of the last message accepted.", NULL},
    {"verified", verified, NULL, "Whether the receiving MAC key has verified a message.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_data_keys_type = {
    .name = "otrfast.crypto._core.DataKeys",
    .basicsize = sizeof(otrf_data_keys_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
