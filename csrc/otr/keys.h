/* D-H keys, shared secrets and SMP exponents: what their structures hold. */
#ifndef OTRF_OTR_KEYS_H
#define OTRF_OTR_KEYS_H

#include "otrfast.h"

struct otrf_dh_key {
  uint8_t exponent[OTRF_DH_BYTES];
  uint8_t public_element[OTRF_ELEMENT_BYTES];
};

struct otrf_shared {
  uint8_t secret[OTRF_ELEMENT_BYTES];
};

struct otrf_exponent {
  uint8_t value[OTRF_SCALAR_BYTES];
  size_t len; /* of the last bytes, in whole limbs, that are not known to be 0: public, a user's secret has 32 bytes */
};

#endif
