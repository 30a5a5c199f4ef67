/* SPDX-License-Identifier: MIT
 * Word-length reduction with counter-keyed TPDF dither, integers only. */
#ifndef LACQUER_DITHER_H
#define LACQUER_DITHER_H
#include "twin.h"

/* Philox2x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11):
 * two random words from (counter, key), in place. */
#ifdef VULKAN
void philox_round(inout uint a, inout uint b, uint key) {
  uint high, low;
  umulExtended(0xD256D193u, a, high, low);
  a = high ^ key ^ b;
  b = low;
}
#define PHILOX_ROUND(a, b, key) philox_round(a, b, key);
#else
#define PHILOX_ROUND(a, b, key)                        \
  {                                                    \
    const uint64_t product = (uint64_t)0xD256D193u * a; \
    a = (uint)(product >> 32) ^ (key) ^ b;             \
    b = (uint)product;                                 \
  }
#endif
#define PHILOX(a, b, key) \
  for (uint philox_i = 0u; philox_i < 10u; philox_i++) PHILOX_ROUND(a, b, key + philox_i * 0x9E3779B9u)

/* Audio to 32-bit fixed point, truncated to 2^-31 and saturated. */
TWIN_FN int to_fixed(float x) {
  float c = x < -1.0f ? -1.0f : x;
  return c >= 1.0f ? 0x7fffffff : to_int(c * 2147483648.0f);
}
/* Rounds to 32 - shift bits after adding triangular noise of +-1 LSB made of two random
 * words; the result is left-justified. tpdf = 0: no noise. */
TWIN_FN int quantise(int fixed_point, uint r1, uint r2, int shift, int tpdf) {
  int noise = to_int(r1 >> (32 - shift)) - to_int(r2 >> (32 - shift));
  int whole = fixed_point >> shift, part = fixed_point & ((1 << shift) - 1);
  int q = whole + ((part + tpdf * noise + (1 << (shift - 1))) >> shift);
  int top = (1 << (31 - shift)) - 1;
  return min_int(max_int(q, -top - 1), top) * (1 << shift);
}
#ifndef VULKAN
#include "stage.h"

enum dither_mode { DITHER_TPDF, DITHER_NONE };
struct dither_params {
  int bits; /* 16 or 24 */
  int mode; /* enum dither_mode */
};
extern const struct stage stage_dither;

/* The design both twins read. args[0] = seed, from the unit's identity. The output is
 * dst as int32 words: interleaved, left-justified. Control: per block, the number of
 * samples beyond full scale. */
struct dither_design {
  int32_t shift, tpdf; /* 32 - bits; 1 = with noise */
  int32_t unused[2];
};
#endif
#endif
