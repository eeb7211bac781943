/* Hashes, HMAC, AES-CTR and comparing, as functions of bytes objects. */
#include "platform/memory.h"
#include "python/core.h"

/* The GIL is given up for long data alone: handing it over takes longer than hashing a few blocks. */
static PyThreadState *release(size_t bytes) { return bytes < OTRF_RELEASE_BYTES ? NULL : PyEval_SaveThread(); }

static void take_back(PyThreadState *thread) {
  if (thread != NULL) {
    PyEval_RestoreThread(thread);
  }
}

static PyObject *hash(PyObject *data, size_t size, void (*function)(uint8_t *, const uint8_t *, size_t)) {
  uint8_t digest[OTRF_SHA256_BYTES];
  otrf_bytes_view in;
  if (otrf_view(&in, data) < 0) {
    return NULL;
  }
  PyThreadState *const thread = release(in.len);
  function(digest, in.data, in.len);
  take_back(thread);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)digest, (Py_ssize_t)size);
  otrf_wipe(digest, sizeof digest);
  return result;
}

static PyObject *sha1(PyObject *Py_UNUSED(module), PyObject *data) { return hash(data, OTRF_SHA1_BYTES, otrf_sha1); }

static PyObject *sha256(PyObject *Py_UNUSED(module), PyObject *data) {
  return hash(data, OTRF_SHA256_BYTES, otrf_sha256);
}

typedef void (*hmac_function)(uint8_t *, const uint8_t *, size_t, const uint8_t *, size_t);

static PyObject *hmac(PyObject *const *args, Py_ssize_t nargs, size_t size, hmac_function function) {
  uint8_t code[OTRF_SHA256_BYTES];
  otrf_bytes_view key, data;
  if (!otrf_arguments(nargs, 2) || otrf_view(&key, args[0]) < 0 || otrf_view(&data, args[1]) < 0) {
    return NULL;
  }
  PyThreadState *const thread = release(data.len);
  function(code, key.data, key.len, data.data, data.len);
  take_back(thread);
  PyObject *const result = PyBytes_FromStringAndSize((const char *)code, (Py_ssize_t)size);
  otrf_wipe(code, sizeof code);
  return result;
}

static PyObject *hmac_sha1(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  return hmac(args, nargs, OTRF_SHA1_BYTES, otrf_hmac_sha1);
}

static PyObject *hmac_sha256(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  return hmac(args, nargs, OTRF_SHA256_BYTES, otrf_hmac_sha256);
}

static PyObject *aes_ctr(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view key, counter, data;
  if (!otrf_arguments(nargs, 3) || otrf_view_sized(&key, args[0], OTRF_AES_KEY_BYTES) < 0 ||
      otrf_view_sized(&counter, args[1], OTRF_AES_BLOCK_BYTES) < 0 || otrf_view(&data, args[2]) < 0) {
    return NULL;
  }
  PyObject *const result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)data.len);
  if (result != NULL) {
    uint8_t *const out = (uint8_t *)PyBytes_AsString(result);
    PyThreadState *const thread = release(data.len);
    otrf_aes_ctr(out, key.data, counter.data, data.data, data.len);
    take_back(thread);
  }
  return result;
}

static PyObject *equal(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs) {
  otrf_bytes_view a, b;
  if (!otrf_arguments(nargs, 2) || otrf_view(&a, args[0]) < 0 || otrf_view(&b, args[1]) < 0) {
    return NULL;
  }
  return PyBool_FromLong(a.len == b.len && otrf_equal(a.data, b.data, a.len));
}

static PyObject *in_group(PyObject *Py_UNUSED(module), PyObject *element) {
  otrf_bytes_view value;
  if (otrf_view_sized(&value, element, OTRF_ELEMENT_BYTES) < 0) {
    return NULL;
  }
  return PyBool_FromLong(otrf_in_group(value.data));
}

PyMethodDef otrf_symmetric_functions[] = {
    {"sha1", sha1, METH_O, OTRF_FUNCTION_DOC("sha1", ", data", "Return the 20-byte digest.")},
    {"sha256", sha256, METH_O, OTRF_FUNCTION_DOC("sha256", ", data", "Return the 32-byte digest.")},
    {"hmac_sha1", OTRF_FAST(hmac_sha1),
     OTRF_FUNCTION_DOC("hmac_sha1", ", key, data", "Return the 20-byte authentication code.")},
    {"hmac_sha256", OTRF_FAST(hmac_sha256),
     OTRF_FUNCTION_DOC("hmac_sha256", ", key, data", "Return the 32-byte authentication code.")},
    {"aes_ctr", OTRF_FAST(aes_ctr),
     OTRF_FUNCTION_DOC("aes_ctr", ", key, counter, data", "Encrypt or decrypt with AES-128-CTR.")},
    {"equal", OTRF_FAST(equal),
     OTRF_FUNCTION_DOC("equal", ", a, b", "Compare in a time that depends on the lengths alone.")},
    {"in_group", in_group, METH_O, OTRF_FUNCTION_DOC("in_group", ", element", "Whether 2 <= element <= p-2.")},
    {NULL, NULL, 0, NULL},
};
