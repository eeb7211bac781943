/* Marks for memcheck, which the constant-time test runs the core under: it marks secrets as undefined, and memcheck
 * reports each branch and each address that depends on one. */
#ifndef OTRF_PLATFORM_CHECKMEM_H
#define OTRF_PLATFORM_CHECKMEM_H

/* OTRF_DECLASSIFY stands where the algorithm itself makes public a value that was computed from a secret (a rejected
 * nonce, r, s). OTRF_CLASSIFY is what the test marks a secret with. Outside a build for memcheck neither does anything.
 */
#ifdef OTRF_MEMCHECK
#include <valgrind/memcheck.h>
#define OTRF_DECLASSIFY(data, len) VALGRIND_MAKE_MEM_DEFINED(data, len)
#define OTRF_CLASSIFY(data, len) VALGRIND_MAKE_MEM_UNDEFINED(data, len)
#else
#define OTRF_DECLASSIFY(data, len) ((void)(data), (void)(len))
#define OTRF_CLASSIFY(data, len) ((void)(data), (void)(len))
#endif

#endif
