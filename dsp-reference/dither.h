/* SPDX-License-Identifier: MIT
 * Word-length reduction with counter-keyed dither and noise shaping, integers only. */
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

#define DITHER_TPDF 0    /* two random words: triangular, +-1 LSB, white */
#define DITHER_NONE 1    /* plain rounding */
#define DITHER_RPDF 2    /* one random word: +-1/2 LSB */
#define DITHER_TPDF_HP 3 /* one word less that of the frame before: triangular, high-pass */
#define DITHER_SHAPED 4  /* TPDF, and the error fed back through the noise-shaping filter */
#define DITHER_FLOAT 5   /* in a design: words of 32-bit float, as they come */

/* The error feedback starts afresh at every multiple of so many frames. */
#define SHAPE_FRAMES 16384
#define SHAPE_ORDER 9 /* taps of the filter; Q12 */

/* Audio to 32-bit fixed point, truncated to 2^-31 and saturated. */
TWIN_FN int to_fixed(float x) {
  float c = x < -1.0f ? -1.0f : x;
  return c >= 1.0f ? 0x7fffffff : to_int(c * 2147483648.0f);
}
/* What is added before the rounding, in 2^-fraction LSB; r1 and r2 are the frame's random
 * words, `before` is r1 of the frame before (read by DITHER_TPDF_HP alone). */
TWIN_FN int dither_noise(int mode, uint r1, uint r2, uint before, int fraction) {
  int a = to_int(r1 >> (32 - fraction)), b = to_int(r2 >> (32 - fraction));
  if (mode == DITHER_NONE) return 0;
  if (mode == DITHER_RPDF) b = 1 << (fraction - 1);
  if (mode == DITHER_TPDF_HP) b = to_int(before >> (32 - fraction));
  return a - b;
}
/* Saturates to 32 - shift bits and justifies left. */
TWIN_FN int justify(int q, int shift) {
  int top = (1 << (31 - shift)) - 1;
  return min_int(max_int(q, -top - 1), top) * (1 << shift);
}
/* Rounds to 32 - shift bits after adding noise in 2^-shift LSB; left-justified. */
TWIN_FN int quantise(int fixed_point, int noise, int shift) {
  int whole = fixed_point >> shift, part = fixed_point & ((1 << shift) - 1);
  return justify(whole + ((part + noise + (1 << (shift - 1))) >> shift), shift);
}
/* The fraction of an LSB that the error feedback works on, 2^-fraction LSB. */
TWIN_FN int fraction_of(int fixed_point, int shift, int fraction) {
  return (fixed_point & ((1 << shift) - 1)) >> (shift - fraction);
}
/* Less the filtered errors (their sum with the Q12 taps). */
TWIN_FN int shape_wanted(int part, int feedback) { return part - ((feedback + 2048) >> 12); }
TWIN_FN int shape_step(int wanted, int noise, int fraction) {
  return (wanted + noise + (1 << (fraction - 1))) >> fraction;
}
#ifndef VULKAN
#include "stage.h"

struct dither_params {
  int bits;  /* 16, 20, 24: integers; 32: float */
  int mode;  /* DITHER_TPDF, ... */
  int blank; /* 1: digital silence stays so after 20 ms */
};
extern const struct stage stage_dither;

/* The largest possible magnitude of (output - input), in LSB of the word length, as long as
 * nothing saturates; proven in dither.md. 0 for float. `params` are sound. */
double dither_peak_lsb(const struct dither_params *params, int rate_hz);

/* The design both twins read. args[0] = seed, from the unit's identity. The output is
 * dst as int32 words: interleaved, left-justified, or the bits of floats. Control: per
 * block, the number of samples beyond full scale; of floats, which reach further, 0. */
struct dither_design {
  int32_t shift, mode;    /* 32 - bits; DITHER_TPDF, ... */
  int32_t fraction;       /* bits below the LSB that the error feedback keeps */
  int32_t blank_frames;   /* a zero after so many zeros stays zero; INT32_MAX: never */
  int32_t tap[12];        /* Q12, of the error 1, 2, ... frames before; zeros at the end */
};
#endif
#endif
