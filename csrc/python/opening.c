/* Data keys at work: lines or messages in, texts out. */
#include "platform/memory.h"
#include "python/data_keys.h"

PyObject *otrf_keys_open(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  otrf_bytes_view authenticated, ciphertext, mac;
  if (!otrf_arguments(nargs, 4) || !otrf_keys_ready(self) || otrf_view(&authenticated, args[0]) < 0 ||
      otrf_view(&ciphertext, args[2]) < 0 || otrf_view(&mac, args[3]) < 0) {
    return NULL;
  }
  const unsigned long long counter = PyLong_AsUnsignedLongLong(args[1]);
  if (PyErr_Occurred()) {
    return NULL;
  }
  if (mac.len != OTRF_MAC_BYTES) {
    return otrf_keys_refuse(self, OTRF_ERR_SIZE);
  }
  PyObject *const plaintext = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)ciphertext.len);
  if (plaintext == NULL) {
    return NULL;
  }
  uint8_t *const out = (uint8_t *)PyBytes_AsString(plaintext);
  PyThreadState *const thread = otrf_keys_release(self, authenticated.len);
  const int status = otrf_open(out, self->keys, authenticated.data, authenticated.len, counter, ciphertext.data,
                               ciphertext.len, mac.data);
  otrf_keys_take_back(self, thread);
  if (status != OTRF_OK) {
    Py_DECREF(plaintext);
    return otrf_raise(otrf_state_of(object), status);
  }
  return plaintext;
}

/* What is made of each text: a bytes object, or an object of `kind`, a class of tuples, that holds it and then `rest`.
 */
typedef struct {
  PyTypeObject *kind; /* NULL: bytes */
  PyObject *rest;
} making;

/* Read what follows the first two arguments of open_line and open_many: nothing, or kind and rest; None and bytes
 * mean a bytes object. Returns 0; -1, and TypeError, for anything else. */
static int making_read(making *made, PyObject *const *args, Py_ssize_t nargs) {
  made->kind = NULL;
  made->rest = NULL;
  if (nargs <= 2) {
    return otrf_arguments(nargs, 2) ? 0 : -1;
  }
  if (!otrf_arguments(nargs, 4)) {
    return -1;
  }
  if ((args[2] == Py_None || args[2] == (PyObject *)&PyBytes_Type) && PyTuple_Check(args[3]) &&
      PyTuple_Size(args[3]) == 0) {
    return 0;
  }
  if (!PyType_Check(args[2]) || !PyType_IsSubtype((PyTypeObject *)args[2], &PyTuple_Type) || !PyTuple_Check(args[3])) {
    PyErr_SetString(PyExc_TypeError, "a class of tuples and a tuple expected");
    return -1;
  }
  made->kind = (PyTypeObject *)args[2];
  made->rest = args[3];
  return 0;
}

static PyObject *make(const making *made, const uint8_t *text, size_t text_len) {
  PyObject *const bytes = PyBytes_FromStringAndSize((const char *)text, (Py_ssize_t)text_len);
  if (bytes == NULL || made->kind == NULL) {
    return bytes;
  }
  const Py_ssize_t n = PyTuple_Size(made->rest);
  /* past the class's own __new__, which would take the arguments apart and put them together again */
  PyObject *const result = ((allocfunc)PyType_GetSlot(made->kind, Py_tp_alloc))(made->kind, n + 1);
  if (result == NULL) {
    Py_DECREF(bytes);
    return NULL;
  }
  PyTuple_SetItem(result, 0, bytes);
  for (Py_ssize_t i = 0; i < n; i++) {
    PyTuple_SetItem(result, i + 1, Py_NewRef(PyTuple_GetItem(made->rest, i)));
  }
  return result;
}

PyObject *otrf_keys_open_line(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  otrf_bytes_view line;
  otrf_data_fields fields;
  uint8_t small[OTRF_SMALL_BYTES], *text;
  size_t text_len;
  making made;
  if (making_read(&made, args, nargs) < 0 || !otrf_keys_ready(self) ||
      otrf_keys_use(self, &self->head, args[0], otrf_data_keys_head) < 0 || otrf_view(&line, args[1]) < 0) {
    return NULL;
  }
  otrf_scratch scratch = {small, sizeof small, small};
  if (otrf_scratch_ensure(&scratch, line.len + OTRF_SCRATCH_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = otrf_keys_release(self, line.len);
  const int status =
      otrf_open_line(&text, &text_len, &fields, scratch.at, self->keys, (const char *)line.data, line.len);
  otrf_keys_take_back(self, thread);
  PyObject *result;
  if (status == OTRF_OK) {
    result = make(&made, text, text_len);
    otrf_wipe(text, text_len);
  } else if (status == OTRF_ERR_GENERAL_PATH) {
    result = otrf_data_fields_tuple(&fields);
  } else {
    result = Py_NewRef(Py_None);
  }
  otrf_scratch_drop(&scratch);
  return result;
}

/* Open the lines from `at` on, up to `n` of them, and append the texts to `texts`; returns how many, or -1. */
static Py_ssize_t open_group(otrf_data_keys_object *self, PyObject *texts, const making *made, otrf_scratch *scratch,
                             PyObject *lines, Py_ssize_t at, Py_ssize_t n) {
  const char *data[OTRF_GROUP];
  uint8_t *found[OTRF_GROUP];
  size_t lens[OTRF_GROUP], text_lens[OTRF_GROUP], total = 0;
  for (Py_ssize_t i = 0; i < n; i++) {
    otrf_bytes_view line;
    if (otrf_view(&line, PyTuple_GetItem(lines, at + i)) < 0) {
      return -1;
    }
    data[i] = (const char *)line.data;
    lens[i] = line.len;
    total += line.len + OTRF_SCRATCH_BYTES;
  }
  if (otrf_scratch_ensure(scratch, total) < 0) {
    return -1;
  }
  PyThreadState *const thread = otrf_keys_release(self, total);
  const size_t opened = otrf_open_many(found, text_lens, scratch->at, self->keys, data, lens, (size_t)n);
  otrf_keys_take_back(self, thread);
  Py_ssize_t result = (Py_ssize_t)opened;
  for (size_t i = 0; i < opened; i++) {
    PyObject *text = result < 0 ? NULL : make(made, found[i], text_lens[i]);
    if (text == NULL || PyList_Append(texts, text) < 0) {
      result = -1;
    }
    Py_XDECREF(text);
    otrf_wipe(found[i], text_lens[i]);
  }
  return result;
}

PyObject *otrf_keys_open_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  making made;
  if (making_read(&made, args, nargs) < 0) {
    return NULL;
  }
  PyObject *const lines = PySequence_Tuple(args[1]);
  PyObject *texts = lines == NULL ? NULL : PyList_New(0);
  if (texts != NULL && (!otrf_keys_ready(self) || otrf_keys_use(self, &self->head, args[0], otrf_data_keys_head) < 0)) {
    Py_CLEAR(texts);
  }
  const Py_ssize_t n = texts == NULL ? 0 : PyTuple_Size(lines);
  uint8_t small[OTRF_SMALL_GROUP_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  if (n > OTRF_GROUP) {
    otrf_keep_results(otrf_state_of(object), lines);
  }
  for (Py_ssize_t at = 0; at < n; at += OTRF_GROUP) {
    const Py_ssize_t now = n - at < OTRF_GROUP ? n - at : OTRF_GROUP,
                     opened = open_group(self, texts, &made, &scratch, lines, at, now);
    if (opened < 0) {
      Py_CLEAR(texts);
    }
    if (opened < now) {
      break;
    }
  }
  otrf_scratch_drop(&scratch);
  Py_XDECREF(lines);
  return texts;
}
