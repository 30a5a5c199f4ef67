/* SPDX-License-Identifier: MIT
 * 4x and 8x oversampling by cascaded half-band filters, for waveshapers: phase 0 is the
 * input itself, and what the shaper adds comes back through the same filters. The
 * shader side is shaders/oversample.glsl; see oversample.md. */
#ifndef LACQUER_OVERSAMPLE_H
#define LACQUER_OVERSAMPLE_H

/* Pairs of taps of the half-band filters to 2x, 4x and 8x, in this order in `taps`. */
#define OVERSAMPLE_PAIRS_2 56
#define OVERSAMPLE_PAIRS_4 12
#define OVERSAMPLE_PAIRS_8 8
#define OVERSAMPLE_TAPS 76

#ifndef VULKAN
#include "stage.h"

/* Part of a stage's design, its first member. */
struct oversample_design {
  int32_t factor; /* 4 or 8 */
  int32_t unused[3];
  float taps[OVERSAMPLE_TAPS]; /* of each filter: from the middle outwards */
};
void oversample_fill(struct oversample_design *d, int factor);
/* 8 at 44.1 and 48 kHz, 4 above: the shaper runs at 352.8 kHz at least. */
int oversample_auto(int rate_hz);

enum {
  OVERSAMPLE_BEFORE = 128, /* frames of input before and ... */
  OVERSAMPLE_AFTER = 160,  /* ... after a block that the filters see */
  OVERSAMPLE_ROW = OVERSAMPLE_BEFORE + BLOCK_FRAMES + OVERSAMPLE_AFTER,
  OVERSAMPLE_FIRST = -64,  /* frames of every phase that the shaper works on: from here ... */
  OVERSAMPLE_FRAMES = BLOCK_FRAMES + 144, /* ... so many */
};

/* A block and its surroundings: sample p of frame n of the block, p < factor, is
 * phase[p][OVERSAMPLE_BEFORE + n]. */
struct oversampled {
  float phase[8][OVERSAMPLE_ROW];
};
/* Reads frames [-OVERSAMPLE_BEFORE, BLOCK_FRAMES + OVERSAMPLE_AFTER) around the block's
 * first into phase[0]; zero outside the track of n_frames frames. */
void oversample_load(struct oversampled *o, const float *channel, int32_t n_frames, int32_t block);
/* Fills the other phases from phase[0]. */
void oversample_up(const struct oversample_design *d, struct oversampled *o);
/* The block's BLOCK_FRAMES frames from all phases, which are overwritten. */
void oversample_down(const struct oversample_design *d, struct oversampled *o, float *out);
#endif
#endif
