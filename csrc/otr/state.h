/* Sealed states: what a state key holds, and how secrets are written in a state. */
#ifndef OTRF_OTR_STATE_H
#define OTRF_OTR_STATE_H

#include "aes/aes.h"
#include "otrfast.h"

struct otrf_state_key {
  uint8_t schedule[OTRF_AES_SCHEDULE_BYTES];
  uint8_t mac[OTRF_SHA256_BYTES];
  uint64_t counter; /* of the last state sealed */
};

#endif
