/* The data keys as a Python type: whole messages in, whole lines out. */
#include "direct.h"

#include <stdlib.h>

/* So many messages of a batch are handed to the core together: what it can hash at a time. */
#define GROUP 16

typedef struct {
  PyObject_HEAD
  otrf_data_keys *keys;
  PyObject *prefix; /* the bytes object last used as prefix: the same object needs no look */
  PyObject *head;
  int busy; /* inside the core without the GIL */
} data_keys;

/* ---- arguments and errors ---- */

static int ready(const data_keys *self, Py_ssize_t given, Py_ssize_t due) {
  if (given != due) {
    PyErr_Format(PyExc_TypeError, "%zd arguments where %zd are due", given, due);
    return 0;
  }
  if (self->busy) {
    PyErr_SetString(PyExc_RuntimeError, "two threads are using one session at a time");
    return 0;
  }
  return 1;
}

/* The counters of sealing end where the program may send no more; those of opening are the peer's. */
static PyObject *refuse(const data_keys *self, int status) {
  if (status == OTRF_ERR_COUNTER) {
    PyErr_SetString(PyExc_OverflowError, "all counters of these keys are used up");
    return NULL;
  }
  return otrf_raise(otrf_state_of((PyObject *)self), status);
}

typedef int (*installer)(otrf_data_keys *, const uint8_t *, size_t);

/* Make `object` the prefix or the head, unless it is that already. */
static int use(data_keys *self, PyObject **current, PyObject *object, installer install) {
  otrf_bytes_view bytes;
  if (object == *current) {
    return 0;
  }
  if (otrf_view(&bytes, object) < 0) {
    return -1;
  }
  const int status = install(self->keys, bytes.data, bytes.len);
  if (status != OTRF_OK) {
    refuse(self, status);
    return -1;
  }
  PyObject *const before = *current;
  *current = Py_NewRef(object);
  Py_XDECREF(before);
  return 0;
}

/* ---- room for the core to work in: on the stack as long as that will do ---- */

#define SMALL_BYTES 4096
#define SMALL_GROUP_BYTES (4 * SMALL_BYTES)

typedef struct {
  uint8_t *at;
  size_t size;
  uint8_t *array; /* what stands on the stack */
} room;

/* See to `size` bytes; what was there is lost. */
static int room_for(room *r, size_t size) {
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

static void room_drop(room *r) {
  if (r->at != r->array) {
    free(r->at);
  }
}

/* ---- giving up the GIL ---- */

static PyThreadState *release(data_keys *self, size_t bytes) {
  if (bytes < OTRF_RELEASE_BYTES) {
    return NULL;
  }
  self->busy = 1;
  return PyEval_SaveThread();
}

static void take_back(data_keys *self, PyThreadState *thread) {
  if (thread != NULL) {
    PyEval_RestoreThread(thread);
    self->busy = 0;
  }
}

/* ---- sealing ---- */

/* Seal one message under the prefix set before. */
static PyObject *seal_one(data_keys *self, const otrf_bytes_view *text, const otrf_bytes_view *tlvs,
                          const otrf_bytes_view *revealed) {
  const size_t len = otrf_line_len(self->keys, text->len, tlvs->len, revealed->len);
  if (len == 0) {
    return refuse(self, OTRF_ERR_SIZE);
  }
  uint8_t small[SMALL_BYTES];
  room r = {small, sizeof small, small};
  PyObject *line = room_for(&r, len + OTRF_ROOM_BYTES) < 0 ? NULL : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
  if (line != NULL) {
    char *const out = PyBytes_AsString(line);
    PyThreadState *const thread = release(self, len);
    const int status = otrf_seal(out, r.at, self->keys, text->data, text->len, tlvs->data, tlvs->len, revealed->data,
                                 revealed->len);
    take_back(self, thread);
    if (status != OTRF_OK) {
      Py_DECREF(line);
      line = refuse(self, status);
    }
  }
  room_drop(&r);
  return line;
}

static PyObject *seal(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  data_keys *self = (data_keys *)object;
  otrf_bytes_view text, tlvs, revealed;
  if (!ready(self, nargs, 4) || use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0 ||
      otrf_view(&text, args[1]) < 0 || otrf_view(&tlvs, args[2]) < 0 || otrf_view(&revealed, args[3]) < 0) {
    return NULL;
  }
  return seal_one(self, &text, &tlvs, &revealed);
}

/* Whether a text has neither a zero byte nor a mark of OTR in it. */
static int ordinary(const otrf_bytes_view *text) {
  static const char mark[] = "?OTR";
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

static PyObject *seal_text(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  static const otrf_bytes_view nothing = {(const uint8_t *)"", 0};
  data_keys *self = (data_keys *)object;
  otrf_bytes_view text;
  if (!ready(self, nargs, 3)) {
    return NULL;
  }
  const Py_ssize_t limit = PyLong_AsSsize_t(args[2]);
  if (limit == -1 && PyErr_Occurred()) {
    return NULL;
  }
  if (!PyBytes_Check(args[1])) {
    Py_RETURN_NONE;
  }
  if (otrf_view(&text, args[1]) < 0 || use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0) {
    return NULL;
  }
  if (text.len == 0 || (Py_ssize_t)text.len > limit || !ordinary(&text)) {
    Py_RETURN_NONE;
  }
  return seal_one(self, &text, &nothing, &nothing);
}

/* Seal the texts from `at` on, `n` of them, and append the lines to `lines`. */
static int seal_group(data_keys *self, PyObject *lines, room *r, PyObject *texts, Py_ssize_t at, Py_ssize_t n) {
  const uint8_t *data[GROUP];
  size_t lens[GROUP], total = 0;
  char *out[GROUP];
  PyObject *made[GROUP] = {NULL};
  int result = -1;
  for (Py_ssize_t i = 0; i < n; i++) {
    otrf_bytes_view text;
    if (otrf_view(&text, PyTuple_GetItem(texts, at + i)) < 0) {
      goto done;
    }
    const size_t len = otrf_line_len(self->keys, text.len, 0, 0);
    made[i] = len > 0 ? PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len) : refuse(self, OTRF_ERR_SIZE);
    if (made[i] == NULL) {
      goto done;
    }
    data[i] = text.data;
    lens[i] = text.len;
    out[i] = PyBytes_AsString(made[i]);
    total += len + OTRF_ROOM_BYTES;
  }
  if (room_for(r, total) < 0) {
    goto done;
  }
  PyThreadState *const thread = release(self, total);
  const int status = otrf_seal_many(out, r->at, self->keys, data, lens, (size_t)n);
  take_back(self, thread);
  if (status != OTRF_OK) {
    refuse(self, status);
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

static PyObject *seal_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  data_keys *self = (data_keys *)object;
  if (!otrf_arguments(nargs, 2)) {
    return NULL;
  }
  /* a tuple of our own: nobody can take texts out of it while the GIL is away; made first, since that may run Python
   * code, and with it other threads */
  PyObject *const texts = PySequence_Tuple(args[1]);
  PyObject *lines = texts == NULL ? NULL : PyList_New(0);
  if (lines != NULL && (!ready(self, nargs, 2) || use(self, &self->prefix, args[0], otrf_data_keys_prefix) < 0)) {
    Py_CLEAR(lines);
  }
  const Py_ssize_t n = lines == NULL ? 0 : PyTuple_Size(texts);
  uint8_t small[SMALL_GROUP_BYTES];
  room r = {small, sizeof small, small};
  for (Py_ssize_t at = 0; at < n; at += GROUP) {
    if (seal_group(self, lines, &r, texts, at, n - at < GROUP ? n - at : GROUP) < 0) {
      Py_CLEAR(lines);
      break;
    }
  }
  room_drop(&r);
  Py_XDECREF(texts);
  return lines;
}

/* ---- opening ---- */

static PyObject *open_message(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  data_keys *self = (data_keys *)object;
  otrf_bytes_view authenticated, ciphertext, mac;
  if (!ready(self, nargs, 4) || otrf_view(&authenticated, args[0]) < 0 || otrf_view(&ciphertext, args[2]) < 0 ||
      otrf_view(&mac, args[3]) < 0) {
    return NULL;
  }
  const unsigned long long counter = PyLong_AsUnsignedLongLong(args[1]);
  if (PyErr_Occurred()) {
    return NULL;
  }
  if (mac.len != OTRF_MAC_BYTES) {
    return refuse(self, OTRF_ERR_SIZE);
  }
  PyObject *const plaintext = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)ciphertext.len);
  if (plaintext == NULL) {
    return NULL;
  }
  uint8_t *const out = (uint8_t *)PyBytes_AsString(plaintext);
  PyThreadState *const thread = release(self, authenticated.len);
  const int status = otrf_open(out, self->keys, authenticated.data, authenticated.len, counter, ciphertext.data,
                               ciphertext.len, mac.data);
  take_back(self, thread);
  if (status != OTRF_OK) {
    Py_DECREF(plaintext);
    return otrf_raise(otrf_state_of(object), status);
  }
  return plaintext;
}

static PyObject *open_line(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  data_keys *self = (data_keys *)object;
  otrf_bytes_view line;
  uint8_t small[SMALL_BYTES], *text;
  size_t text_len;
  if (!ready(self, nargs, 2) || use(self, &self->head, args[0], otrf_data_keys_head) < 0 || otrf_view(&line, args[1]) < 0) {
    return NULL;
  }
  room r = {small, sizeof small, small};
  if (room_for(&r, line.len + OTRF_ROOM_BYTES) < 0) {
    return NULL;
  }
  PyThreadState *const thread = release(self, line.len);
  const int status = otrf_open_line(&text, &text_len, r.at, self->keys, (const char *)line.data, line.len);
  take_back(self, thread);
  PyObject *result;
  if (status == OTRF_OK) {
    result = PyBytes_FromStringAndSize((const char *)text, (Py_ssize_t)text_len);
    otrf_wipe(text, text_len);
  } else {
    result = Py_NewRef(Py_None);
  }
  room_drop(&r);
  return result;
}

/* Open the lines from `at` on, up to `n` of them, and append the texts to `texts`; returns how many, or -1. */
static Py_ssize_t open_group(data_keys *self, PyObject *texts, room *r, PyObject *lines, Py_ssize_t at, Py_ssize_t n) {
  const char *data[GROUP];
  uint8_t *found[GROUP];
  size_t lens[GROUP], text_lens[GROUP], total = 0;
  for (Py_ssize_t i = 0; i < n; i++) {
    otrf_bytes_view line;
    if (otrf_view(&line, PyTuple_GetItem(lines, at + i)) < 0) {
      return -1;
    }
    data[i] = (const char *)line.data;
    lens[i] = line.len;
    total += line.len + OTRF_ROOM_BYTES;
  }
  if (room_for(r, total) < 0) {
    return -1;
  }
  PyThreadState *const thread = release(self, total);
  const size_t opened = otrf_open_many(found, text_lens, r->at, self->keys, data, lens, (size_t)n);
  take_back(self, thread);
  Py_ssize_t result = (Py_ssize_t)opened;
  for (size_t i = 0; i < opened; i++) {
    PyObject *text = result < 0 ? NULL : PyBytes_FromStringAndSize((const char *)found[i], (Py_ssize_t)text_lens[i]);
    if (text == NULL || PyList_Append(texts, text) < 0) {
      result = -1;
    }
    Py_XDECREF(text);
    otrf_wipe(found[i], text_lens[i]);
  }
  return result;
}

static PyObject *open_many(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
  data_keys *self = (data_keys *)object;
  if (!otrf_arguments(nargs, 2)) {
    return NULL;
  }
  PyObject *const lines = PySequence_Tuple(args[1]);
  PyObject *texts = lines == NULL ? NULL : PyList_New(0);
  if (texts != NULL && (!ready(self, nargs, 2) || use(self, &self->head, args[0], otrf_data_keys_head) < 0)) {
    Py_CLEAR(texts);
  }
  const Py_ssize_t n = texts == NULL ? 0 : PyTuple_Size(lines);
  uint8_t small[SMALL_GROUP_BYTES];
  room r = {small, sizeof small, small};
  for (Py_ssize_t at = 0; at < n; at += GROUP) {
    const Py_ssize_t now = n - at < GROUP ? n - at : GROUP, opened = open_group(self, texts, &r, lines, at, now);
    if (opened < 0) {
      Py_CLEAR(texts);
    }
    if (opened < now) {
      break;
    }
  }
  room_drop(&r);
  Py_XDECREF(lines);
  return texts;
}

/* ---- what the keys tell ---- */

static PyObject *receive_mac_key(PyObject *object, PyObject *Py_UNUSED(ignored)) {
  uint8_t key[OTRF_MAC_BYTES];
  otrf_data_keys_receive_mac(key, ((data_keys *)object)->keys);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)key, sizeof key);
  otrf_wipe(key, sizeof key);
  return result;
}

static PyObject *extra_key(PyObject *object, PyObject *Py_UNUSED(ignored)) {
  uint8_t key[32];
  otrf_data_keys_extra(key, ((data_keys *)object)->keys);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)key, sizeof key);
  otrf_wipe(key, sizeof key);
  return result;
}

static PyObject *send_counter(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromUnsignedLongLong(otrf_data_keys_send_counter(((data_keys *)object)->keys));
}

static PyObject *receive_counter(PyObject *object, void *Py_UNUSED(closure)) {
  return PyLong_FromUnsignedLongLong(otrf_data_keys_receive_counter(((data_keys *)object)->keys));
}

static PyObject *verified(PyObject *object, void *Py_UNUSED(closure)) {
  return PyBool_FromLong(otrf_data_keys_verified(((data_keys *)object)->keys));
}

/* ---- the type ---- */

PyObject *otrf_data_keys_adopt(const otrf_state *state, otrf_data_keys *keys) {
  data_keys *self = (data_keys *)otrf_new_object(state, OTRF_DATA_KEYS, keys);
  if (self == NULL) {
    otrf_data_keys_free(keys);
  } else {
    self->keys = keys;
  }
  return (PyObject *)self;
}

static void dealloc(PyObject *object) {
  data_keys *self = (data_keys *)object;
  otrf_data_keys_free(self->keys);
  Py_XDECREF(self->prefix);
  Py_XDECREF(self->head);
  otrf_free_object(object);
}

static PyMethodDef methods[] = {
    {"seal", OTRF_FAST(seal), "seal(prefix, text, tlvs, revealed): see backend.DataKeys"},
    {"seal_text", OTRF_FAST(seal_text), "seal_text(prefix, text, limit): see backend.DataKeys"},
    {"seal_many", OTRF_FAST(seal_many), "seal_many(prefix, texts): see backend.DataKeys"},
    {"open", OTRF_FAST(open_message), "open(authenticated, counter, ciphertext, mac): see backend.DataKeys"},
    {"open_line", OTRF_FAST(open_line), "open_line(head, line): see backend.DataKeys"},
    {"open_many", OTRF_FAST(open_many), "open_many(head, lines): see backend.DataKeys"},
    {"receive_mac_key", receive_mac_key, METH_NOARGS, "The receiving MAC key, 20 bytes."},
    {"extra_key", extra_key, METH_NOARGS, "The extra symmetric key, 32 bytes."},
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
    {Py_tp_dealloc, dealloc}, {Py_tp_methods, methods}, {Py_tp_getset, properties}, {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_data_keys_type = {
    .name = "otrfast.crypto._direct.DataKeys",
    .basicsize = sizeof(data_keys),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = slots,
};
