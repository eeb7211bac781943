/* The world that libotr sees in a test: a clock turned by hand and randomness from a seed. */

#ifndef LIBOTR_ENV_H
#define LIBOTR_ENV_H

#include <stdint.h>

/* Set what `time()` answers from now on, in seconds. */
void env_set_clock(int64_t seconds);

/* Make everything that libotr itself draws repeatable; 0 goes back to libgcrypt's generator.
 * Keys and DSA nonces are drawn inside libgcrypt and stay random: they change no message's length or order. */
void env_set_seed(uint64_t seed);

#endif
