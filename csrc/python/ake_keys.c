/* The keys of an AKE as a Python type: proving who we are, reading who the peer is. */
#include "python/core.h"

typedef struct {
  PyObject_HEAD otrf_ake_keys *keys;
} ake_keys;

PyObject *otrf_ake_keys_adopt(const otrf_state *state, otrf_ake_keys *keys) {
  ake_keys *self = (ake_keys *)otrf_new_object(state, OTRF_AKE_KEYS, keys);
  if (self == NULL) {
    otrf_ake_keys_free(keys);
  } else {
    self->keys = keys;
  }
  return (PyObject *)self;
}

static PyObject *ake_keys_ssid(PyObject *self, void *Py_UNUSED(closure)) {
  return PyBytes_FromStringAndSize((const char *)otrf_ake_keys_ssid(((ake_keys *)self)->keys), OTRF_SSID_BYTES);
}

static PyObject *ake_keys_seal(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view x;
  uint8_t mac[OTRF_MAC_BYTES];
  if (!otrf_arguments(nargs, 2) || otrf_view(&x, args[1]) < 0) {
    return NULL;
  }
  const int initiator = PyObject_IsTrue(args[0]);
  PyObject *const encrypted = initiator < 0 ? NULL : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)x.len);
  if (encrypted == NULL) {
    return NULL;
  }
  uint8_t *const out = (uint8_t *)PyBytes_AsString(encrypted);
  const int status = otrf_ake_seal(out, mac, ((ake_keys *)self)->keys, initiator, x.data, x.len);
  PyObject *const result = status == OTRF_OK ? Py_BuildValue("(Oy#)", encrypted, mac, (Py_ssize_t)sizeof mac)
                                             : otrf_raise(otrf_state_of(self), status);
  Py_DECREF(encrypted);
  return result;
}

static PyObject *ake_keys_open(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view encrypted, mac;
  if (!otrf_arguments(nargs, 3) || otrf_view(&encrypted, args[1]) < 0 ||
      otrf_view_sized(&mac, args[2], OTRF_MAC_BYTES) < 0) {
    return NULL;
  }
  const int initiator = PyObject_IsTrue(args[0]);
  PyObject *const x = initiator < 0 ? NULL : PyBytes_FromStringAndSize(NULL, (Py_ssize_t)encrypted.len);
  if (x == NULL) {
    return NULL;
  }
  uint8_t *const out = (uint8_t *)PyBytes_AsString(x);
  const int status = otrf_ake_open(out, ((ake_keys *)self)->keys, initiator, encrypted.data, encrypted.len, mac.data);
  if (status != OTRF_OK) {
    Py_DECREF(x);
    return otrf_raise(otrf_state_of(self), status);
  }
  return x;
}

static PyObject *ake_keys_signed_value(PyObject *self, PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view public_key, own, other, keyid;
  uint8_t value[OTRF_DSA_VALUE_BYTES];
  if (!otrf_arguments(nargs, 5) || otrf_view(&public_key, args[1]) < 0 ||
      otrf_view_sized(&own, args[2], OTRF_ELEMENT_BYTES) < 0 ||
      otrf_view_sized(&other, args[3], OTRF_ELEMENT_BYTES) < 0 ||
      otrf_view_sized(&keyid, args[4], OTRF_KEYID_BYTES) < 0) {
    return NULL;
  }
  const int initiator = PyObject_IsTrue(args[0]);
  if (initiator < 0) {
    return NULL;
  }
  const int status = otrf_ake_signed(value, ((ake_keys *)self)->keys, initiator, public_key.data, public_key.len,
                                     own.data, other.data, keyid.data);
  if (status != OTRF_OK) {
    return otrf_raise(otrf_state_of(self), status);
  }
  return PyBytes_FromStringAndSize((const char *)value, sizeof value);
}

static void ake_keys_dealloc(PyObject *self) {
  otrf_ake_keys_free(((ake_keys *)self)->keys);
  otrf_free_object(self);
}

static PyMethodDef ake_keys_methods[] = {
    {"seal", OTRF_FAST(ake_keys_seal),
     OTRF_METHOD_DOC("seal", ", initiator, x", "Return our X, encrypted, and its MAC.")},
    {"open", OTRF_FAST(ake_keys_open),
     OTRF_METHOD_DOC("open", ", initiator, encrypted, mac", "Return the peer's X. Raises BadMac.")},
    {"signed_value", OTRF_FAST(ake_keys_signed_value),
     OTRF_METHOD_DOC("signed_value", ", initiator, public_key, own, other, keyid",
                     "Return the 32 bytes that a side signs.")},
    OTRF_SECRET_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef ake_keys_properties[] = {
    {"ssid", ake_keys_ssid, NULL, "The session id, 8 bytes.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot ake_keys_slots[] = {
    {Py_tp_dealloc, ake_keys_dealloc},
    {Py_tp_methods, ake_keys_methods},
    {Py_tp_getset, ake_keys_properties},
    {Py_tp_repr, otrf_redacted},
    {0, NULL},
};

PyType_Spec otrf_ake_keys_type = {
    .name = "otrfast.crypto._core.AkeKeys",
    .basicsize = sizeof(ake_keys),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = ake_keys_slots,
};
