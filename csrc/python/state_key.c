/* State keys as a Python type: a state is a sequence of bytes objects and handles, sealed as a whole.
 *
 * In the text of a state each part is a byte for its kind, its length (4 bytes) and its bytes. Handles are written
 * and read here, so that what they hold is never a Python object. */
#include <string.h>

#include "platform/bytes.h"
#include "platform/memory.h"
#include "python/data_keys.h"

#define PART_HEAD_BYTES 5

typedef struct {
  PyObject_HEAD otrf_state_key *key;
} state_key;

/* The kinds of parts and the bytes that each takes, 0: any number. */
enum { BYTES = 'b', DH_KEY = 'd', SHARED_SECRET = 's', DATA_KEYS = 'k' };

/* The kind of a part and the bytes that it takes; 0, and TypeError, if it is none. */
static char part_kind(size_t *len, const otrf_state *state, PyObject *part) {
  if (PyBytes_Check(part)) {
    *len = (size_t)PyBytes_Size(part);
    if (*len <= UINT32_MAX) {
      return BYTES;
    }
  }
  PyObject *const type = (PyObject *)Py_TYPE(part);
  if (type == (PyObject *)state->types[OTRF_DH_KEY]) {
    *len = OTRF_DH_STATE_BYTES;
    return DH_KEY;
  }
  if (type == (PyObject *)state->types[OTRF_SHARED_SECRET]) {
    *len = OTRF_ELEMENT_BYTES;
    return SHARED_SECRET;
  }
  if (type == (PyObject *)state->types[OTRF_DATA_KEYS]) {
    *len = OTRF_DATA_KEYS_STATE_BYTES;
    return DATA_KEYS;
  }
  PyErr_SetString(PyExc_TypeError, "a part of a state is a bytes object or a handle of this core");
  return 0;
}

static void part_write(uint8_t *out, PyObject *part, char kind, size_t len) {
  switch (kind) {
    case DH_KEY:
      otrf_dh_export(out, otrf_dh_key_of(part));
      break;
    case SHARED_SECRET:
      otrf_shared_export(out, otrf_shared_of(part));
      break;
    case DATA_KEYS:
      otrf_data_keys_export(out, ((otrf_data_keys_object *)part)->keys);
      break;
    default:
      memcpy(out, PyBytes_AsString(part), len);
  }
}

static PyObject *state_key_seal(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  const otrf_state *const state = otrf_state_of(self);
  otrf_bytes_view associated;
  size_t len = 0;
  if (!otrf_arguments(nargs, 2) || otrf_view(&associated, args[0]) < 0) {
    return NULL;
  }
  PyObject *const parts = PySequence_Tuple(args[1]), *result = NULL;
  const Py_ssize_t n = parts == NULL ? 0 : PyTuple_Size(parts);
  for (Py_ssize_t i = 0; i < n; i++) {
    size_t part;
    if (part_kind(&part, state, PyTuple_GetItem(parts, i)) == 0) {
      Py_DECREF(parts);
      return NULL;
    }
    len += PART_HEAD_BYTES + part;
  }
  const size_t size = otrf_state_scratch(associated.len, len);
  uint8_t *const scratch = parts == NULL ? NULL : otrf_allocate(size);
  if (scratch != NULL) {
    uint8_t *const text = otrf_state_text(scratch, associated.len), *at = text;
    for (Py_ssize_t i = 0; i < n; i++) {
      PyObject *const part = PyTuple_GetItem(parts, i);
      size_t part_len = 0;
      const char kind = part_kind(&part_len, state, part);
      at[0] = (uint8_t)kind;
      otrf_store32(at + 1, (uint32_t)part_len);
      part_write(at + PART_HEAD_BYTES, part, kind, part_len);
      at += PART_HEAD_BYTES + part_len;
    }
    const int status = otrf_state_seal(scratch, ((state_key *)self)->key, associated.data, associated.len, len);
    result = status == OTRF_OK
                 ? PyBytes_FromStringAndSize((const char *)text - 8, (Py_ssize_t)(len + OTRF_STATE_EXTRA_BYTES))
                 : otrf_raise(state, status);
    otrf_release(scratch, size);
  } else if (parts != NULL) {
    PyErr_NoMemory();
  }
  Py_XDECREF(parts);
  return result;
}

/* The object of one part; NULL, and an exception, if it is not well-formed or there is no memory. */
static PyObject *part_read(const otrf_state *state, uint8_t kind, const uint8_t *in, size_t len) {
  if (kind == BYTES) {
    return PyBytes_FromStringAndSize((const char *)in, (Py_ssize_t)len);
  }
  if (kind == DH_KEY && len == OTRF_DH_STATE_BYTES) {
    return otrf_dh_key_adopt(state, otrf_dh_import(in));
  }
  if (kind == SHARED_SECRET && len == OTRF_ELEMENT_BYTES) {
    return otrf_shared_adopt(state, otrf_shared_import(in));
  }
  if (kind == DATA_KEYS && len == OTRF_DATA_KEYS_STATE_BYTES) {
    return otrf_data_keys_adopt(state, otrf_data_keys_import(in));
  }
  return otrf_raise(state, OTRF_ERR_STATE);
}

/* The parts in the text of a state, as a list. */
static PyObject *parts_read(const otrf_state *state, const uint8_t *text, size_t len) {
  PyObject *parts = PyList_New(0);
  while (parts != NULL && len > 0) {
    const size_t part = len < PART_HEAD_BYTES ? len : otrf_load32(text + 1);
    PyObject *object = NULL;
    if (len < PART_HEAD_BYTES || part > len - PART_HEAD_BYTES) {
      otrf_raise(state, OTRF_ERR_STATE);
    } else {
      object = part_read(state, text[0], text + PART_HEAD_BYTES, part);
    }
    if (object == NULL || PyList_Append(parts, object) < 0) {
      Py_CLEAR(parts);
    } else {
      text += PART_HEAD_BYTES + part;
      len -= PART_HEAD_BYTES + part;
    }
    Py_XDECREF(object);
  }
  return parts;
}

static PyObject *state_key_open(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  const otrf_state *const state = otrf_state_of(self);
  otrf_bytes_view associated, sealed;
  if (!otrf_arguments(nargs, 2) || otrf_view(&associated, args[0]) < 0 || otrf_view(&sealed, args[1]) < 0) {
    return NULL;
  }
  const size_t size = otrf_state_scratch(associated.len, sealed.len);
  uint8_t *const scratch = otrf_allocate(size);
  if (scratch == NULL) {
    return PyErr_NoMemory();
  }
  const int status =
      otrf_state_open(scratch, ((state_key *)self)->key, associated.data, associated.len, sealed.data, sealed.len);
  PyObject *const parts = status == OTRF_OK ? parts_read(state, otrf_state_text(scratch, associated.len),
                                                         sealed.len - OTRF_STATE_EXTRA_BYTES)
                                            : otrf_raise(state, status);
  otrf_release(scratch, size);
  return parts;
}

static PyObject *new_state_key(PyObject *module, PyObject *object) {
  otrf_bytes_view data_key;
  if (otrf_view_sized(&data_key, object, OTRF_SEED_BYTES) < 0) {
    return NULL;
  }
  otrf_state_key *const key = otrf_state_key_new(data_key.data);
  state_key *const self = (state_key *)otrf_new_object(otrf_state_of_module(module), OTRF_STATE_KEY, key);
  if (self == NULL) {
    otrf_state_key_free(key);
  } else {
    self->key = key;
  }
  return (PyObject *)self;
}

static void state_key_dealloc(PyObject *self) {
  otrf_state_key_free(((state_key *)self)->key);
  otrf_free_object(self);
}

static PyMethodDef state_key_methods[] = {
    {"seal", OTRF_FAST(state_key_seal),
     OTRF_METHOD_DOC("seal", ", associated, parts", "Return the state that holds these bytes and handles, sealed.")},
    {"open", OTRF_FAST(state_key_open),
     OTRF_METHOD_DOC("open", ", associated, sealed", "Return the parts of a sealed state. Raises StateDamaged.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyType_Slot state_key_slots[] = {
    {Py_tp_dealloc, state_key_dealloc},
    {Py_tp_methods, state_key_methods},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_state_key_type = {
    .name = "otrfast.crypto._core.StateKey",
    .basicsize = sizeof(state_key),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = state_key_slots,
};

PyMethodDef otrf_state_functions[] = {
    {"state_key", new_state_key, METH_O,
     OTRF_FUNCTION_DOC("state_key", ", data_key", "Return the key that seals states, made from 32 random bytes.")},
    {NULL, NULL, 0, NULL},
};
