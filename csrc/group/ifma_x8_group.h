/* Eight exponentiations at a time in the 1536-bit group. Numbers in limbs, OTRF_P_LIMBS each; the exponents are secret
 * and have OTRF_DH_BYTES / 8 limbs each. For processors with IFMA. */
#ifndef OTRF_GROUP_IFMA_X8_GROUP_H
#define OTRF_GROUP_IFMA_X8_GROUP_H

#include "field/ifma_x8.h"

/* Build the tables; after otrf_p_modulus. */
void otrf_ifma_x8_group_start(void);

/* r[i] = bases[i]^exponents[i] */
void otrf_ifma_x8_modexp(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*bases)[OTRF_P_LIMBS],
                         const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]);

/* r[i] = 2^exponents[i] */
void otrf_ifma_x8_modexp_g(otrf_limb (*r)[OTRF_P_LIMBS], const otrf_limb (*exponents)[OTRF_DH_BYTES / 8]);

#endif
