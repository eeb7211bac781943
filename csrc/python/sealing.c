/* Data keys at work: texts in, whole lines out. */
#include <string.h>

#include "python/data_keys.h"

/* Seal one message under the prefix set before; without `tlvs` the text is carried as it is. */
static PyObject *seal_one(otrf_data_keys_object *self, const otrf_bytes_view *text, const otrf_bytes_view *tlvs,
                          const otrf_bytes_view *revealed) {
  const size_t len = tlvs == NULL ? otrf_whole_line_len(self->keys, text->len, revealed->len)
                                  : otrf_line_len(self->keys, text->len, tlvs->len, revealed->len);
  if (len == 0) {
    return otrf_keys_refuse(self, OTRF_ERR_SIZE);
  }
  uint8_t small[OTRF_SMALL_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  PyObject *line = otrf_scratch_ensure(&scratch, len + OTRF_SCRATCH_BYTES) < 0
                       ? NULL
                       : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
  if (line != NULL) {
    char *const out = PyBytes_AsString(line);
    PyThreadState *const thread = otrf_keys_release(self, len);
    const int status = tlvs == NULL ? otrf_seal_whole(out, scratch.at, self->keys, text->data, text->len,
                                                      revealed->data, revealed->len)
                                    : otrf_seal(out, scratch.at, self->keys, text->data, text->len, tlvs->data,
                                                tlvs->len, revealed->data, revealed->len);
    otrf_keys_take_back(self, thread);
    if (status != OTRF_OK) {
      Py_DECREF(line);
      line = otrf_keys_refuse(self, status);
    }
  }
  otrf_scratch_drop(&scratch);
  return line;
}

PyObject *otrf_keys_seal(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  otrf_bytes_view text, tlvs, revealed;
  if (!otrf_arguments(nargs, 4) || !otrf_keys_ready(self) ||
      otrf_keys_use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0 || otrf_view(&text, args[1]) < 0 ||
      (args[2] != Py_None && otrf_view(&tlvs, args[2]) < 0) || otrf_view(&revealed, args[3]) < 0) {
    return NULL;
  }
  return seal_one(self, &text, args[2] == Py_None ? NULL : &tlvs, &revealed);
}

/* Whether a text has 1 to `limit` bytes, and neither a zero byte nor a mark of OTR in it. */
static int ordinary(const otrf_bytes_view *text, Py_ssize_t limit) {
  static const char mark[] = "?OTR";
  if (text->len == 0 || (Py_ssize_t)text->len > limit) {
    return 0;
  }
  const uint8_t *at = text->data, *const end = text->data + text->len;
  if (memchr(at, 0, text->len) != NULL) {
    return 0;
  }
  while ((at = memchr(at, mark[0], (size_t)(end - at))) != NULL) {
    if ((size_t)(end - at) >= sizeof mark - 1 && memcmp(at, mark, sizeof mark - 1) == 0) {
      return 0;
    }
    at++;
  }
  return 1;
}

PyObject *otrf_keys_seal_text(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  static const otrf_bytes_view nothing = {(const uint8_t *)"", 0};
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  otrf_bytes_view text;
  if (!otrf_arguments(nargs, 3) || !otrf_keys_ready(self)) {
    return NULL;
  }
  const Py_ssize_t limit = PyLong_AsSsize_t(args[2]);
  if (limit == -1 && PyErr_Occurred()) {
    return NULL;
  }
  if (!PyBytes_Check(args[1])) {
    Py_RETURN_NONE;
  }
  if (otrf_view(&text, args[1]) < 0 || otrf_keys_use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0) {
    return NULL;
  }
  if (!ordinary(&text, limit)) {
    Py_RETURN_NONE;
  }
  return seal_one(self, &text, &nothing, &nothing);
}

/* Seal the texts from `at` on, `n` of them, and append the lines to `lines`. */
static int seal_group(otrf_data_keys_object *self, PyObject *lines, otrf_scratch *scratch, PyObject *texts,
                      Py_ssize_t at, Py_ssize_t n) {
  const uint8_t *data[OTRF_GROUP];
  size_t lens[OTRF_GROUP], total = 0;
  char *out[OTRF_GROUP];
  PyObject *made[OTRF_GROUP] = {NULL};
  int result = -1;
  for (Py_ssize_t i = 0; i < n; i++) {
    otrf_bytes_view text;
    if (otrf_view(&text, PyTuple_GetItem(texts, at + i)) < 0) {
      goto done;
    }
    const size_t len = otrf_line_len(self->keys, text.len, 0, 0);
    made[i] = len > 0 ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len) : otrf_keys_refuse(self, OTRF_ERR_SIZE);
    if (made[i] == NULL) {
      goto done;
    }
    data[i] = text.data;
    lens[i] = text.len;
    out[i] = PyBytes_AsString(made[i]);
    total += len + OTRF_SCRATCH_BYTES;
  }
  if (otrf_scratch_ensure(scratch, total) < 0) {
    goto done;
  }
  PyThreadState *const thread = otrf_keys_release(self, total);
  const int status = otrf_seal_many(out, scratch->at, self->keys, data, lens, (size_t)n);
  otrf_keys_take_back(self, thread);
  if (status != OTRF_OK) {
    otrf_keys_refuse(self, status);
    goto done;
  }
  result = 0;
  for (Py_ssize_t i = 0; i < n && result == 0; i++) {
    result = PyList_Append(lines, made[i]);
  }
done:
  for (Py_ssize_t i = 0; i < n; i++) {
    Py_XDECREF(made[i]);
  }
  return result;
}

/* How many of the leading texts are ordinary. */
static Py_ssize_t ordinary_run(PyObject *texts, Py_ssize_t limit) {
  const Py_ssize_t n = PyTuple_Size(texts);
  for (Py_ssize_t i = 0; i < n; i++) {
    PyObject *const text = PyTuple_GetItem(texts, i);
    otrf_bytes_view view;
    if (!PyBytes_Check(text) || otrf_view(&view, text) < 0 || !ordinary(&view, limit)) {
      return i;
    }
  }
  return n;
}

PyObject *otrf_keys_seal_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  otrf_data_keys_object *self = (otrf_data_keys_object *)object;
  const int all = nargs == 2 || (nargs == 3 && args[2] == Py_None);
  if (nargs != 3 && !otrf_arguments(nargs, 2)) {
    return NULL;
  }
  const Py_ssize_t limit = all ? 0 : PyLong_AsSsize_t(args[2]);
  if (limit == -1 && PyErr_Occurred()) {
    return NULL;
  }
  /* a tuple of our own: nobody can take texts out of it while the GIL is away; made first, since that may run Python
   * code, and with it other threads */
  PyObject *const texts = PySequence_Tuple(args[1]);
  PyObject *lines = texts == NULL ? NULL : PyList_New(0);
  if (lines != NULL &&
      (!otrf_keys_ready(self) || otrf_keys_use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0)) {
    Py_CLEAR(lines);
  }
  const Py_ssize_t n = lines == NULL ? 0 : all ? PyTuple_Size(texts) : ordinary_run(texts, limit);
  uint8_t small[OTRF_SMALL_GROUP_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  if (n > OTRF_GROUP) {
    otrf_keep_results(otrf_state_of(object), texts);
  }
  for (Py_ssize_t at = 0; at < n; at += OTRF_GROUP) {
    if (seal_group(self, lines, &scratch, texts, at, n - at < OTRF_GROUP ? n - at : OTRF_GROUP) < 0) {
      Py_CLEAR(lines);
      break;
    }
  }
  otrf_scratch_drop(&scratch);
  Py_XDECREF(texts);
  return lines;
}
