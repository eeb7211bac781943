/* The keys of an AKE: what their structure holds. */
#ifndef OTRF_OTR_AKE_H
#define OTRF_OTR_AKE_H

#include "otrfast.h"

/* The keys of an AKE; the two halves of what protects an X are those of the initiator and of the responder. */
typedef struct {
  uint8_t c[OTRF_AES_KEY_BYTES];
  uint8_t m1[OTRF_SHA256_BYTES];
  uint8_t m2[OTRF_SHA256_BYTES];
} otrf_ake_side;

struct otrf_ake_keys {
  uint8_t ssid[OTRF_SSID_BYTES];
  otrf_ake_side side[2]; /* by `initiator` */
};

#endif
