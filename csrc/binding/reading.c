/* Lines and the messages in them: armour on, armour off, and the fields of a data message. */
#include <stdlib.h>

#include "direct.h"

#include "../message.h"

#define SMALL_BYTES 4096

static PyObject *fields(const otrf_message_parts *parts, const uint8_t *raw) {
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
  PyObject *const result = status == OTRF_OK ? fields(&parts, raw) : Py_NewRef(Py_None);
  room_drop(raw, small);
  return result;
}

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
    {"armoured", armoured, METH_O, "armoured(raw): see backend.Backend"},
    {"unarmoured", unarmoured, METH_O, "unarmoured(line): see backend.Backend"},
    {"data_message", OTRF_FAST(data_message), "data_message(header, line): see backend.Backend"},
    {NULL, NULL, 0, NULL},
};
