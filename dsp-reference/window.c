/* SPDX-License-Identifier: MIT
 * See window.h. */
#include "window.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "clones.h"
#include "detmath.h"
#include "fft.h"

enum {
  TURNED = 16,                             /* groups whose turns are neighbours */
  GROUPS = FFT_POINTS / CONV_GROUP,        /* of valid frames */
  LEAD = 16,                               /* groups ahead of them; whole vectors */
  COLUMN = LEAD + GROUPS,
};
struct points {
  float re[FFT_POINTS + 16]; /* so that re[k] and im[k] are of different cache sets */
  float im[FFT_POINTS + 16];
};

/* FFT_RADIX16's twiddles of the first two levels (s = 1): of every 16 groups those of the four
 * butterflies k, turned by e, 2 e and 3 e, then those of the second level; 16 cosines, 16 sines. */
static float turns[FFT_POINTS / 16 * 30];
static pthread_once_t turns_once = PTHREAD_ONCE_INIT;

static void make_turns(void) {
  for (int g = 0; g < FFT_POINTS / 16; g++) {
    float *to = turns + g / TURNED * TURNED * 30 + g % TURNED;
    for (int k = 0; k < 5; k++)
      for (int i = 1; i < 4; i++, to += 2 * TURNED) {
        const int e = i * (k < 4 ? 2 * (g + 128 * k) : 8 * g);
        to[0] = (float)det_cospi(e / (FFT_TABLE / 2.0));
        to[TURNED] = (float)det_sinpi(e / (FFT_TABLE / 2.0));
      }
  }
}

#define INLINE static inline __attribute__((always_inline))
#define TARGET_4
#define TARGET_8 __attribute__((target("avx2")))
#define TARGET_16 __attribute__((target("arch=x86-64-v4")))

#define WIDTH 4
#include "window_vectors.h"
#if LACQUER_X86_LEVEL >= 3
#define WIDTH 8
#include "window_vectors.h"
#endif
#if LACQUER_X86_LEVEL >= 4
#define WIDTH 16
#include "window_vectors.h"
#endif

static const struct window_width widths[] = {
#if LACQUER_X86_LEVEL >= 4
    {16, forward_16, inverse_16, multiply_16},
#endif
#if LACQUER_X86_LEVEL >= 3
    {8, forward_8, inverse_8, multiply_8},
#endif
    {4, forward_4, inverse_4, multiply_4}};

static bool runs(int floats) {
#if LACQUER_X86_LEVEL >= 3
  if (floats == 8) return __builtin_cpu_supports("avx2");
  if (floats == 16)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
#endif
  return floats == 4;
}

const struct window_width *window_width(int i) {
  pthread_once(&turns_once, make_turns);
  for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
    if (runs(widths[w].floats) && i-- == 0) return &widths[w];
  return NULL;
}
