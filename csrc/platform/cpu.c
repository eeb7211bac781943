/* What the processor and its operating system can run, and which part of it the core uses. */
#include "platform/cpu.h"

#include "otrfast.h"

unsigned otrf_features = 0;

/* The features that each level adds. */
static const unsigned level_features[] = {
    [OTRF_LEVEL_PORTABLE] = 0,
    [OTRF_LEVEL_AESNI] = OTRF_HAS_AESNI | OTRF_HAS_SHANI | OTRF_HAS_AVX2,
    [OTRF_LEVEL_VAES] = OTRF_HAS_VAES | OTRF_HAS_VBMI,
    [OTRF_LEVEL_AVX2] = OTRF_HAS_AVX2_MODEXP,
    [OTRF_LEVEL_IFMA] = OTRF_HAS_IFMA,
};

#if OTRF_X86
#include <cpuid.h>

/* Bits of CPUID and XCR0, by the names of the manuals. */
#define LEAF1_ECX_SSSE3 (1u << 9)
#define LEAF1_ECX_SSE41 (1u << 19)
#define LEAF1_ECX_AES (1u << 25)
#define LEAF1_ECX_OSXSAVE (1u << 27)
#define LEAF7_EBX_BMI1 (1u << 3)
#define LEAF7_EBX_AVX2 (1u << 5)
#define LEAF7_EBX_BMI2 (1u << 8)
#define LEAF7_EBX_AVX512F (1u << 16)
#define LEAF7_EBX_AVX512DQ (1u << 17)
#define LEAF7_EBX_IFMA (1u << 21)
#define LEAF7_EBX_SHA (1u << 29)
#define LEAF7_EBX_AVX512BW (1u << 30)
#define LEAF7_EBX_AVX512VL (1u << 31)
#define LEAF7_ECX_VBMI (1u << 1)
#define LEAF7_ECX_VAES (1u << 9)
#define XCR0_YMM 0x06u
#define XCR0_ZMM 0xe6u

static unsigned xcr0(unsigned leaf1_ecx) {
  unsigned low = 0, high = 0;
  if (leaf1_ecx & LEAF1_ECX_OSXSAVE) {
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  }
  return low;
}

static int all(unsigned word, unsigned bits) { return (word & bits) == bits; }

static unsigned detect(void) {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0, ecx1 = 0, found = 0;
  if (!__get_cpuid(1, &eax, &ebx, &ecx1, &edx) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
    return 0;
  }
  const unsigned saved = xcr0(ecx1);
  const int sse4 = all(ecx1, LEAF1_ECX_SSSE3 | LEAF1_ECX_SSE41);
  const int avx2 = all(saved, XCR0_YMM) && all(ebx, LEAF7_EBX_AVX2 | LEAF7_EBX_BMI1 | LEAF7_EBX_BMI2);
  const int avx512 = avx2 && all(saved, XCR0_ZMM) &&
                     all(ebx, LEAF7_EBX_AVX512F | LEAF7_EBX_AVX512DQ | LEAF7_EBX_AVX512BW | LEAF7_EBX_AVX512VL);
  found |= sse4 && all(ecx1, LEAF1_ECX_AES) ? OTRF_HAS_AESNI : 0;
  found |= sse4 && all(ebx, LEAF7_EBX_SHA) ? OTRF_HAS_SHANI : 0;
  found |= avx2 ? OTRF_HAS_AVX2 | OTRF_HAS_AVX2_MODEXP : 0;
  found |= avx512 && (found & OTRF_HAS_AESNI) && all(ecx, LEAF7_ECX_VAES) ? OTRF_HAS_VAES : 0;
  found |= avx512 && all(ecx, LEAF7_ECX_VBMI) ? OTRF_HAS_VBMI : 0;
  found |= avx512 && all(ebx, LEAF7_EBX_IFMA) ? OTRF_HAS_IFMA : 0;
#ifdef OTRF_EMULATED_IFMA
  found |= OTRF_HAS_IFMA;
#endif
  return found;
}
#else
static unsigned detect(void) { return 0; }
#endif

/* The highest level up to `limit` of which the processor has some feature. */
static int level_within(unsigned found, int limit) {
  int level = limit < OTRF_LEVEL_IFMA ? limit : OTRF_LEVEL_IFMA;
  while (level > OTRF_LEVEL_PORTABLE && (found & level_features[level]) == 0) {
    level--;
  }
  return level > OTRF_LEVEL_PORTABLE ? level : OTRF_LEVEL_PORTABLE;
}

int otrf_cpu_level(void) { return level_within(detect(), OTRF_LEVEL_IFMA); }

int otrf_cpu_use(int level) {
  const unsigned found = detect();
  unsigned allowed = 0;
  level = level_within(found, level);
  for (int i = OTRF_LEVEL_PORTABLE; i <= level; i++) {
    allowed |= level_features[i];
  }
  otrf_features = found & allowed;
  return level;
}
