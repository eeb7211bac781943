/* Messages and the lines that carry them: reading and writing, each in one call. */
#include <string.h>

#include "base64/base64.h"
#include "otr/reader.h"
#include "platform/bytes.h"
#include "python/core.h"
#include "python/scratch.h"

/* ---- a data message ---- */

PyObject *otrf_data_fields_tuple(const otrf_data_fields *fields) {
  return Py_BuildValue("(IIIy#Ky#y#y#y#)", fields->flags, fields->sender_keyid, fields->recipient_keyid,
                       fields->next_key, (Py_ssize_t)OTRF_ELEMENT_BYTES, (unsigned long long)fields->counter,
                       fields->ciphertext, (Py_ssize_t)fields->ciphertext_len, fields->authenticated,
                       (Py_ssize_t)fields->authenticated_len, fields->mac, (Py_ssize_t)OTRF_MAC_BYTES, fields->revealed,
                       (Py_ssize_t)fields->revealed_len);
}

static PyObject *data_message(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view header, line;
  otrf_data_fields fields;
  uint8_t small[OTRF_SMALL_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  if (!otrf_arguments(nargs, 2) || otrf_view(&header, args[0]) < 0 || otrf_view(&line, args[1]) < 0 ||
      otrf_scratch_ensure(&scratch, line.len + OTRF_SCRATCH_BYTES) < 0) {
    return NULL;
  }
  const int status =
      otrf_read_data_message(&fields, scratch.at, header.data, header.len, (const char *)line.data, line.len);
  PyObject *const result = status == OTRF_OK ? otrf_data_fields_tuple(&fields) : Py_NewRef(Py_None);
  otrf_scratch_drop(&scratch);
  return result;
}

/* ---- any message ---- */

/* The next `len` bytes of a message, from `at` on, which moves past them; NULL if fewer remain. */
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

/* A magnitude of any length as an element; NULL if it has more than 192 bytes without its leading zeros. */
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

/* A DATA or MPI: its length, then that many bytes; of the one length `expected`, unless that is 0. */
static PyObject *counted_field(const otrf_bytes_view *raw, size_t *at, size_t expected, int element) {
  const uint8_t *const head = taken(raw, at, OTRF_LENGTH_BYTES);
  const size_t len = head == NULL ? 0 : otrf_load32(head);
  const uint8_t *const start = head == NULL ? NULL : taken(raw, at, len);
  if (start == NULL || (expected != 0 && len != expected)) {
    return NULL;
  }
  return element ? element_field(start, len) : PyBytes_FromStringAndSize((const char *)start, (Py_ssize_t)len);
}

/* One field of the kind and length that its two bytes of the layout say; NULL if it is not well-formed. */
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

/* Set the items of `values` from `first` on to the fields of a layout, read from `at` to the end of a message; 0 if
 * they are not well-formed, or an exception was raised. */
static int fields_read(PyObject *values, Py_ssize_t first, const otrf_bytes_view *raw, size_t at,
                       const otrf_bytes_view *layout) {
  for (size_t i = 0; i < layout->len / 2; i++) {
    PyObject *const value = field(raw, &at, layout->data + 2 * i);
    if (value == NULL || PyTuple_SetItem(values, first + (Py_ssize_t)i, value) < 0) {
      return 0;
    }
  }
  return at == raw->len;
}

/* `values` if they were read, else None, or NULL with an exception. */
static PyObject *read_or_none(PyObject *values, int read) {
  if (read) {
    return values;
  }
  Py_XDECREF(values);
  return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyObject *fields(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view raw, layout;
  if (!otrf_arguments(nargs, 3) || otrf_view(&raw, args[0]) < 0 || otrf_view(&layout, args[2]) < 0) {
    return NULL;
  }
  const size_t at = PyLong_AsSize_t(args[1]);
  if (at == (size_t)-1 && PyErr_Occurred()) {
    return NULL;
  }
  PyObject *const values = at <= raw.len ? PyTuple_New((Py_ssize_t)(layout.len / 2)) : NULL;
  return read_or_none(values, values != NULL && fields_read(values, 0, &raw, at, &layout));
}

/* The layout of a message type in a dict from type to layout: 1 if it is there, 0 if not, or an exception was raised.
 */
static int layout_of(otrf_bytes_view *out, PyObject *layouts, unsigned type) {
  PyObject *const number = PyLong_FromLong((long)type);
  PyObject *const layout = number == NULL ? NULL : PyDict_GetItemWithError(layouts, number);
  Py_XDECREF(number);
  return layout != NULL && otrf_view(out, layout) == 0;
}

/* The fields of a binary message behind its type, version and instance tags, by the layout of its type; None unless it
 * is well-formed. */
static PyObject *message_fields(const otrf_bytes_view *raw, PyObject *layouts) {
  otrf_bytes_view layout;
  const unsigned version = raw->len < OTRF_TYPE_END ? 0 : (unsigned)raw->data[0] << 8 | raw->data[1];
  const size_t start = version == 3 ? OTRF_TYPE_END + 2 * OTRF_TAG_BYTES : OTRF_TYPE_END;
  if ((version != 2 && version != 3) || raw->len < start ||
      !layout_of(&layout, layouts, raw->data[OTRF_VERSION_BYTES])) {
    return read_or_none(NULL, 0);
  }
  const uint32_t sender = version == 3 ? otrf_load32(raw->data + OTRF_TYPE_END) : 0;
  const uint32_t receiver = version == 3 ? otrf_load32(raw->data + OTRF_TYPE_END + OTRF_TAG_BYTES) : 0;
  const unsigned long head[] = {raw->data[OTRF_VERSION_BYTES], version, sender, receiver};
  const Py_ssize_t heads = (Py_ssize_t)(sizeof head / sizeof *head);
  PyObject *const values = PyTuple_New(heads + (Py_ssize_t)(layout.len / 2));
  for (Py_ssize_t i = 0; values != NULL && i < heads; i++) {
    PyObject *const value = PyLong_FromUnsignedLong(head[i]);
    if (value == NULL || PyTuple_SetItem(values, i, value) < 0) {
      return read_or_none(values, 0);
    }
  }
  return read_or_none(values, values != NULL && fields_read(values, heads, raw, start, &layout));
}

static PyObject *read_message(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view line;
  uint8_t small[OTRF_SMALL_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  if (!otrf_arguments(nargs, 2) || otrf_view(&line, args[0]) < 0) {
    return NULL;
  }
  if (!PyDict_Check(args[1])) {
    PyErr_SetString(PyExc_TypeError, "expected a dict with the layout of each message type");
    return NULL;
  }
  if (otrf_scratch_ensure(&scratch, line.len + OTRF_SCRATCH_BYTES) < 0) {
    return NULL;
  }
  const size_t len = otrf_line_decode(scratch.at, (const char *)line.data, line.len);
  const otrf_bytes_view raw = {scratch.at, len};
  PyObject *const message = len == OTRF_BASE64_BAD ? Py_NewRef(Py_None) : message_fields(&raw, args[1]);
  otrf_scratch_drop(&scratch);
  return message;
}

/* The bytes that a field is written from: of a number those of the value, without leading zeros of an element. -1, and
 * an exception, if the value is not of the field's kind. */
static int field_view(otrf_bytes_view *out, PyObject *value, const uint8_t kind[2]) {
  if (kind[0] == 'u' || kind[0] == 'c') {
    out->len = kind[0] == 'u' ? kind[1] : 0;
    return 0;
  }
  if (otrf_view(out, value) < 0) {
    return -1;
  }
  while (kind[0] == 'm' && out->len > 0 && *out->data == 0) {
    out->data++;
    out->len--;
  }
  return 0;
}

static int has_length(const uint8_t kind[2]) { return kind[0] == 'd' || kind[0] == 'm'; }

/* The bytes that all fields of a layout take; -1, and an exception, if a value is not of its kind. */
static Py_ssize_t fields_size(PyObject *values, const otrf_bytes_view *layout) {
  size_t size = 0;
  for (size_t i = 0; i < layout->len / 2; i++) {
    const uint8_t *const kind = layout->data + 2 * i;
    otrf_bytes_view view;
    if (field_view(&view, PyTuple_GetItem(values, (Py_ssize_t)i), kind) < 0) {
      return -1;
    }
    size += view.len + (has_length(kind) ? OTRF_LENGTH_BYTES : 0);
  }
  return (Py_ssize_t)size;
}

/* Write a field to `out`; returns the place after it, NULL, and an exception, for a number that does not fit. */
static uint8_t *field_write(uint8_t *out, PyObject *value, const uint8_t kind[2]) {
  otrf_bytes_view view;
  if (field_view(&view, value, kind) < 0) {
    return NULL;
  }
  if (kind[0] == 'u') {
    unsigned long long number = PyLong_AsUnsignedLongLong(value);
    if (PyErr_Occurred()) {
      return NULL;
    }
    if (view.len < 8 && number >> (8 * view.len) != 0) {
      PyErr_SetString(PyExc_OverflowError, "a number is too large for its field");
      return NULL;
    }
    for (size_t i = view.len; i-- > 0; number >>= 8) {
      out[i] = (uint8_t)number;
    }
    return out + view.len;
  }
  if (has_length(kind)) {
    otrf_store32(out, (uint32_t)view.len);
    out += OTRF_LENGTH_BYTES;
  }
  if (view.len > 0) {
    memcpy(out, view.data, view.len);
  }
  return out + view.len;
}

/* Write a head and the fields of a layout to `out`, which has room for them; -1, and an exception, if one does not
 * fit. */
static int fields_write(uint8_t *out, const otrf_bytes_view *head, PyObject *values, const otrf_bytes_view *layout) {
  memcpy(out, head->data, head->len);
  out += head->len;
  for (size_t i = 0; out != NULL && i < layout->len / 2; i++) {
    out = field_write(out, PyTuple_GetItem(values, (Py_ssize_t)i), layout->data + 2 * i);
  }
  return out == NULL ? -1 : 0;
}

static PyObject *write_message(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view head, layout;
  uint8_t small[OTRF_SMALL_BYTES];
  otrf_scratch scratch = {small, sizeof small, small};
  if (!otrf_arguments(nargs, 3) || otrf_view(&head, args[0]) < 0 || otrf_view(&layout, args[1]) < 0) {
    return NULL;
  }
  if (!PyTuple_Check(args[2]) || (size_t)PyTuple_Size(args[2]) != layout.len / 2) {
    PyErr_SetString(PyExc_TypeError, "expected a tuple with a value for each field of the layout");
    return NULL;
  }
  const Py_ssize_t size = fields_size(args[2], &layout);
  if (size < 0 || otrf_scratch_ensure(&scratch, head.len + (size_t)size) < 0) {
    return NULL;
  }
  const size_t len = head.len + (size_t)size;
  PyObject *line = NULL;
  if (fields_write(scratch.at, &head, args[2], &layout) == 0) {
    line = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(OTRF_BASE64_LEN(len) + OTRF_LINE_EXTRA_BYTES));
  }
  if (line != NULL) {
    otrf_line_encode(PyBytes_AsString(line), scratch.at, len);
  }
  otrf_scratch_drop(&scratch);
  return line;
}

PyMethodDef otrf_reading_functions[] = {
    {"read_message", OTRF_FAST(read_message),
     OTRF_FUNCTION_DOC("read_message", ", line, layouts",
                       "Return type, version, instance tags and fields of the message in a line, None unless the line "
                       "is clean base64 and they are well-formed.")},
    {"write_message", OTRF_FAST(write_message),
     OTRF_FUNCTION_DOC("write_message", ", head, layout, values",
                       "Return the line that carries the message with these fields after its head.")},
    {"fields", OTRF_FAST(fields),
     OTRF_FUNCTION_DOC("fields", ", raw, at, layout",
                       "Return the fields of a binary message from byte `at` on, None unless they are well-formed.")},
    {"data_message", OTRF_FAST(data_message),
     OTRF_FUNCTION_DOC("data_message", ", header, line",
                       "Return the fields of the data message in a line, None if it is for the general reader.")},
    {NULL, NULL, 0, NULL},
};
