/* The layout of lines and data messages, in bytes. */
#ifndef OTRF_OTR_LAYOUT_H
#define OTRF_OTR_LAYOUT_H

#include "otrfast.h"

#define OTRF_LINE_START "?OTR:"
#define OTRF_LINE_START_BYTES 5
#define OTRF_LINE_EXTRA_BYTES (OTRF_LINE_START_BYTES + 1) /* and the final dot */

#define OTRF_VERSION_BYTES 2
#define OTRF_TYPE_END 3 /* the version and the type; in version 3 two instance tags follow */
#define OTRF_TAG_BYTES 4
#define OTRF_COUNTER_BYTES 8
#define OTRF_LENGTH_BYTES 4     /* of the length that a DATA or an MPI begins with */
#define OTRF_FLAGS_FROM_END 9   /* the flags come before the two key ids that end the head */
#define OTRF_CIPHER_FROM_CTR 12 /* the counter and the length of the ciphertext */

/* What is around the ciphertext, less the prefix and the revealed keys. */
#define OTRF_FRAME_BYTES (OTRF_CIPHER_FROM_CTR + OTRF_MAC_BYTES + OTRF_LENGTH_BYTES)

/* More than any message that a program could want to read; and no sum of three lengths up to this exceeds 32 bits, in
 * bytes or in base64. */
#define OTRF_LIMIT_BYTES ((size_t)1 << 28)

#endif
