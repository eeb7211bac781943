/* Key derivation: the hash of a byte, then of the shared secret as an MPI (OTRv3, "Computing AES keys, MAC keys, and
 * the secure session id"). */
#include "otr/kdf.h"

#include "hash/hash.h"
#include "otrfast.h"
#include "platform/bytes.h"

/* The length of an MPI follows the secret's leading zero bytes: the protocol has it so, and the hash shows it. */
void otrf_kdf_start(otrf_kdf *kdf, const otrf_shared *shared) {
  size_t zeros = 0;
  while (zeros < OTRF_ELEMENT_BYTES && shared->secret[zeros] == 0) {
    zeros++;
  }
  const size_t magnitude = OTRF_ELEMENT_BYTES - zeros;
  otrf_store32(kdf->bytes + 1, (uint32_t)magnitude);
  memcpy(kdf->bytes + 5, shared->secret + zeros, magnitude);
  kdf->len = 5 + magnitude;
}

void otrf_kdf_sha1(uint8_t out[OTRF_SHA1_BYTES], otrf_kdf *kdf, uint8_t byte) {
  kdf->bytes[0] = byte;
  otrf_sha1(out, kdf->bytes, kdf->len);
}

void otrf_kdf_sha256(uint8_t out[OTRF_SHA256_BYTES], otrf_kdf *kdf, uint8_t byte) {
  kdf->bytes[0] = byte;
  otrf_sha256(out, kdf->bytes, kdf->len);
}
