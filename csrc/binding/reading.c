/* Reading data messages: from a line to the fields of the message in it. */
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

/* data_message(header, line): see backend.Backend */
static PyObject *data_message(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view header, line;
  otrf_message_parts parts;
  uint8_t small[SMALL_BYTES];
  if (!otrf_arguments(nargs, 2) || otrf_view(&header, args[0]) < 0 || otrf_view(&line, args[1]) < 0) {
    return NULL;
  }
  const size_t room = line.len + OTRF_ROOM_BYTES;
  uint8_t *const raw = room <= sizeof small ? small : malloc(room);
  if (raw == NULL) {
    return PyErr_NoMemory();
  }
  const int status = otrf_message_read(&parts, raw, header.data, header.len, (const char *)line.data, line.len);
  PyObject *const result = status == OTRF_OK ? fields(&parts, raw) : Py_NewRef(Py_None);
  if (raw != small) {
    free(raw);
  }
  return result;
}

PyMethodDef otrf_reading_functions[] = {
    {"data_message", OTRF_FAST(data_message), "data_message(header, line): see backend.Backend"},
    {NULL, NULL, 0, NULL},
};
