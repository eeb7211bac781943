/* Lines and the messages in them: armour on, armour off, and the fields of a message. */
#include <stdlib.h>
#include <string.h>

#include "base64/base64.h"
#include "otr/reader.h"
#include "platform/bytes.h"
#include "python/core.h"

#define SMALL_BYTES 4096

static PyObject *data_fields(const otrf_message_parts *parts, const uint8_t *raw) {
  const size_t mac_at = parts->cipher_at + parts->cipher_len;
  return Py_BuildValue("(IIIy#Ky#y#y#y#)", parts->flags, parts->sender_keyid, parts->recipient_keyid, parts->next_key,
                       (Py_ssize_t)OTRF_ELEMENT_BYTES, (unsigned long long)parts->counter, raw + parts->cipher_at,
                       (Py_ssize_t)parts->cipher_len, raw, (Py_ssize_t)mac_at, raw + mac_at,
                       (Py_ssize_t)OTRF_MAC_BYTES, raw + parts->revealed_at, (Py_ssize_t)parts->revealed_len);
}

/* Room for what is decoded of a line: `small` as long as that will do. NULL, and MemoryError, where there is none. */
static uint8_t *room_for(const otrf_bytes_view *line, uint8_t small[SMALL_BYTES]) {
  const size_t room = line->len + OTRF_ROOM_BYTES;
  uint8_t *const raw = room <= SMALL_BYTES ? small : malloc(room);
  return raw != NULL ? raw : (uint8_t *)PyErr_NoMemory();
}

static void room_drop(uint8_t *raw, const uint8_t small[SMALL_BYTES]) {
  if (raw != small) {
    free(raw);
  }
}

/* ---- a data message ---- */

/* data_message(header, line): see backend.Backend */
static PyObject *data_message(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view header, line;
  otrf_message_parts parts;
  uint8_t small[SMALL_BYTES];
  if (!otrf_arguments(nargs, 2) || otrf_view(&header, args[0]) < 0 || otrf_view(&line, args[1]) < 0) {
    return NULL;
  }
  uint8_t *const raw = room_for(&line, small);
  if (raw == NULL) {
    return NULL;
  }
  const int status = otrf_message_read(&parts, raw, header.data, header.len, (const char *)line.data, line.len);
  PyObject *const result = status == OTRF_OK ? data_fields(&parts, raw) : Py_NewRef(Py_None);
  room_drop(raw, small);
  return result;
}

/* ---- any message ---- */

/* The next `len` bytes of a message, from `at` on, which moves behind them; NULL where fewer remain. */
static const uint8_t *taken(const otrf_bytes_view *raw, size_t *at, size_t len) {
  const uint8_t *const start = raw->data + *at;
  if (len > raw->len - *at) {
    return NULL;
  }
  *at += len;
  return start;
}

static PyObject *unsigned_field(const otrf_bytes_view *raw, size_t *at, size_t len) {
  const uint8_t *const digits = len <= 8 ? taken(raw, at, len) : NULL;
  unsigned long long value = 0;
  for (size_t i = 0; digits != NULL && i < len; i++) {
    value = value << 8 | digits[i];
  }
  return digits == NULL ? NULL : PyLong_FromUnsignedLongLong(value);
}

/* A magnitude of any length as an element; NULL where it has more than 192 bytes without its leading zeros. */
static PyObject *element_field(const uint8_t *digits, size_t len) {
  while (len > OTRF_ELEMENT_BYTES && *digits == 0) {
    digits++;
    len--;
  }
  PyObject *const element = len > OTRF_ELEMENT_BYTES ? NULL : PyBytes_FromStringAndSize(NULL, OTRF_ELEMENT_BYTES);
  if (element != NULL) {
    uint8_t *const out = (uint8_t *)PyBytes_AsString(element);
    memset(out, 0, OTRF_ELEMENT_BYTES - len);
    memcpy(out + OTRF_ELEMENT_BYTES - len, digits, len);
  }
  return element;
}

/* A DATA or MPI: its length, then that many bytes; of the one length `due`, unless that is 0. */
static PyObject *counted_field(const otrf_bytes_view *raw, size_t *at, size_t due, int element) {
  const uint8_t *const head = taken(raw, at, LENGTH_BYTES);
  const size_t len = head == NULL ? 0 : otrf_load32(head);
  const uint8_t *const start = head == NULL ? NULL : taken(raw, at, len);
  if (start == NULL || (due != 0 && len != due)) {
    return NULL;
  }
  return element ? element_field(start, len) : PyBytes_FromStringAndSize((const char *)start, (Py_ssize_t)len);
}

/* One field of the kind and length that its two bytes of the layout say; NULL where it is not well-formed. */
static PyObject *field(const otrf_bytes_view *raw, size_t *at, const uint8_t kind[2]) {
  const uint8_t *start;
  switch (kind[0]) {
  case 'u':
    return unsigned_field(raw, at, kind[1]);
  case 'f':
    start = taken(raw, at, kind[1]);
    return start == NULL ? NULL : PyBytes_FromStringAndSize((const char *)start, kind[1]);
  case 'd':
    return counted_field(raw, at, kind[1], 0);
  case 'm':
    return counted_field(raw, at, 0, 1);
  case 'c':
    return PyBytes_FromStringAndSize((const char *)raw->data, (Py_ssize_t)*at);
  default:
    return NULL;
  }
}

/* fields(raw, at, layout): see backend.Backend */
static PyObject *fields(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view raw, layout;
  if (!otrf_arguments(nargs, 3) || otrf_view(&raw, args[0]) < 0 || otrf_view(&layout, args[2]) < 0) {
    return NULL;
  }
  size_t at = PyLong_AsSize_t(args[1]);
  if (at == (size_t)-1 && PyErr_Occurred()) {
    return NULL;
  }
  const Py_ssize_t n = (Py_ssize_t)(layout.len / 2);
  PyObject *values = at <= raw.len ? PyTuple_New(n) : NULL;
  for (Py_ssize_t i = 0; values != NULL && i < n; i++) {
    PyObject *const value = field(&raw, &at, layout.data + 2 * i);
    if (value == NULL || PyTuple_SetItem(values, i, value) < 0) {
      Py_CLEAR(values);
    }
  }
  if (values != NULL && at == raw.len) {
    return values;
  }
  Py_XDECREF(values);
  return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

/* ---- armour ---- */

/* unarmoured(line): see backend.Backend */
static PyObject *unarmoured(PyObject *Py_UNUSED(module), PyObject *object) {
  otrf_bytes_view line;
  uint8_t small[SMALL_BYTES];
  if (otrf_view(&line, object) < 0) {
    return NULL;
  }
  uint8_t *const raw = room_for(&line, small);
  if (raw == NULL) {
    return NULL;
  }
  const size_t len = otrf_armour_decode(raw, (const char *)line.data, line.len);
  PyObject *const result =
      len != OTRF_BASE64_BAD ? PyBytes_FromStringAndSize((const char *)raw, (Py_ssize_t)len) : Py_NewRef(Py_None);
  room_drop(raw, small);
  return result;
}

/* armoured(raw): see backend.Backend */
static PyObject *armoured(PyObject *Py_UNUSED(module), PyObject *object) {
  otrf_bytes_view raw;
  if (otrf_view(&raw, object) < 0) {
    return NULL;
  }
  PyObject *const line = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(OTRF_BASE64_LEN(raw.len) + LINE_EXTRA));
  if (line != NULL) {
    otrf_armour_encode(PyBytes_AsString(line), raw.data, raw.len);
  }
  return line;
}

PyMethodDef otrf_reading_functions[] = {
    {"encode_message", armoured, METH_O, "encode_message(raw): see backend.Backend"},
    {"decode_message", unarmoured, METH_O, "decode_message(line): see backend.Backend"},
    {"fields", OTRF_FAST(fields), "fields(raw, at, layout): see backend.Backend"},
    {"data_message", OTRF_FAST(data_message), "data_message(header, line): see backend.Backend"},
    {NULL, NULL, 0, NULL},
};
