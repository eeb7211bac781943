/* The 80 steps of SHA-1 (FIPS 180-4, 6.1.2), written once for a single word and for vectors of words.
 *
 * Who expands OTRF_SHA1_ROUNDS defines what a word is: ADD, ROL, XOR4, CHOOSE, PARITY, MAJORITY, SPLAT; and has
 * variables a to e and an array w of the block's 16 words. */
#ifndef OTRF_HASH_SHA1_ROUNDS_H
#define OTRF_HASH_SHA1_ROUNDS_H

/* Word t as it came, and of the schedule, which lives in a window of 16. */
#define OTRF_SHA1_INPUT(t) (w[t])
#define OTRF_SHA1_WORD(t) \
  (w[(t)&15] = ROL(XOR4(w[((t) + 13) & 15], w[((t) + 8) & 15], w[((t) + 2) & 15], w[(t)&15]), 1))

/* One step; the roles of a to e rotate with each. */
#define OTRF_SHA1_STEP(f, k, word, a, b, c, d, e)                     \
  do {                                                                \
    e = ADD(ADD(e, ADD(SPLAT(k), word)), ADD(f(b, c, d), ROL(a, 5))); \
    b = ROL(b, 30);                                                   \
  } while (0)

#define OTRF_SHA1_FIVE(f, k, word, t)                   \
  do {                                                  \
    OTRF_SHA1_STEP(f, k, word((t) + 0), a, b, c, d, e); \
    OTRF_SHA1_STEP(f, k, word((t) + 1), e, a, b, c, d); \
    OTRF_SHA1_STEP(f, k, word((t) + 2), d, e, a, b, c); \
    OTRF_SHA1_STEP(f, k, word((t) + 3), c, d, e, a, b); \
    OTRF_SHA1_STEP(f, k, word((t) + 4), b, c, d, e, a); \
  } while (0)

#define OTRF_SHA1_TWENTY(f, k, t)                   \
  do {                                              \
    OTRF_SHA1_FIVE(f, k, OTRF_SHA1_WORD, t);        \
    OTRF_SHA1_FIVE(f, k, OTRF_SHA1_WORD, (t) + 5);  \
    OTRF_SHA1_FIVE(f, k, OTRF_SHA1_WORD, (t) + 10); \
    OTRF_SHA1_FIVE(f, k, OTRF_SHA1_WORD, (t) + 15); \
  } while (0)

#define OTRF_SHA1_ROUNDS                                                    \
  do {                                                                      \
    OTRF_SHA1_FIVE(CHOOSE, 0x5a827999, OTRF_SHA1_INPUT, 0);                 \
    OTRF_SHA1_FIVE(CHOOSE, 0x5a827999, OTRF_SHA1_INPUT, 5);                 \
    OTRF_SHA1_FIVE(CHOOSE, 0x5a827999, OTRF_SHA1_INPUT, 10);                \
    OTRF_SHA1_STEP(CHOOSE, 0x5a827999, OTRF_SHA1_INPUT(15), a, b, c, d, e); \
    OTRF_SHA1_STEP(CHOOSE, 0x5a827999, OTRF_SHA1_WORD(16), e, a, b, c, d);  \
    OTRF_SHA1_STEP(CHOOSE, 0x5a827999, OTRF_SHA1_WORD(17), d, e, a, b, c);  \
    OTRF_SHA1_STEP(CHOOSE, 0x5a827999, OTRF_SHA1_WORD(18), c, d, e, a, b);  \
    OTRF_SHA1_STEP(CHOOSE, 0x5a827999, OTRF_SHA1_WORD(19), b, c, d, e, a);  \
    OTRF_SHA1_TWENTY(PARITY, 0x6ed9eba1, 20);                               \
    OTRF_SHA1_TWENTY(MAJORITY, 0x8f1bbcdc, 40);                             \
    OTRF_SHA1_TWENTY(PARITY, 0xca62c1d6, 60);                               \
  } while (0)

#endif
