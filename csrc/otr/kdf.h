/* Key derivation from a shared secret. */
#ifndef OTRF_OTR_KDF_H
#define OTRF_OTR_KDF_H

#include "otr/keys.h"

/* The input of the hashes: a byte, then the secret as an MPI. Who fills it wipes it. */
typedef struct {
  uint8_t bytes[1 + 4 + OTRF_ELEMENT_BYTES];
  size_t len;
} otrf_kdf;

void otrf_kdf_start(otrf_kdf *kdf, const otrf_shared *shared);

/* out = the digest of `byte` and the secret. */
void otrf_kdf_sha1(uint8_t out[OTRF_SHA1_BYTES], otrf_kdf *kdf, uint8_t byte);
void otrf_kdf_sha256(uint8_t out[OTRF_SHA256_BYTES], otrf_kdf *kdf, uint8_t byte);

#endif
