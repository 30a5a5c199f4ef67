/* SPDX-License-Identifier: MIT
 * Sample-rate conversion: exact ratios of whole numbers, one polyphase filter. */
#ifndef LACQUER_RESAMPLE_H
#define LACQUER_RESAMPLE_H
#include "twin.h"

/* Products are summed in 16 lanes, from both ends of the filter inwards: small terms meet
 * small ones. The last ones on either side, then the lanes, are added with the rounding
 * error of every sum kept (Knuth's TwoSum) and put back at the end, together with what
 * the taps of those last ones lost when they were rounded. */
#define RESAMPLE_LANES 16
#define RESAMPLE_CENTRE 32 /* taps with a second word: two groups of lanes */
/* sum += x, the error to `error`; vectors too. */
#define ADD_KEEPING_ERROR(type, sum, error, x)                     \
  {                                                                \
    const type keep_s = sum + x, keep_b = keep_s - sum;            \
    error = error + ((sum - (keep_s - keep_b)) + (x - keep_b));    \
    sum = keep_s;                                                  \
  }

#ifndef VULKAN
#include "stage.h"

struct resample_params {
  int rate_hz; /* to deliver; 0: the source's */
};
extern const struct stage stage_resample;

/* The design both twins read; the rate of its format is the input's. io.n_frames and
 * io.n_blocks are the output's, args[0] is the number of input frames in src. Output
 * frame m is the sum over t of
 *   tap[m % up][t] * src[m * down / up - taps / 2 + 1 + t]. */
struct resample_design {
  int32_t up, down; /* output rate : input rate, in lowest terms */
  int32_t taps;     /* of a phase, a multiple of 2 * RESAMPLE_LANES */
  int32_t unused;
  float tap[];      /* [output frame % up][taps + RESAMPLE_CENTRE]: the taps, then what the
                       middle ones lost */
};
/* Output frames: every multiple of the output's period that lies before the end of the
 * input, ceil(frames * to_hz / from_hz). */
int64_t resample_frames(int64_t frames, int from_hz, int to_hz);
/* Input frames [*from, *to) that output frames [first, end) are made of, first < end; may
 * reach beyond the input. */
void resample_reach(const struct resample_design *design, int64_t first, int64_t end,
                    int64_t *from, int64_t *to);
#endif
#endif
