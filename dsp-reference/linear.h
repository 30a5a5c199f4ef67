/* SPDX-License-Identifier: MIT
 * The linear section: equalisers and stereo stages that stand together become one matrix of
 * FIR filters, 2x2 for a pair of channels, run as one convolution.
 * out = in + conv(in, h - delta). */
#ifndef LACQUER_LINEAR_H
#define LACQUER_LINEAR_H
#ifndef VULKAN
#include "convolve.h"
#include "fir_design.h"
#include "stage.h"

/* What a gain acts on: all channels; the left, the right ones, mid or side of every pair (not
 * C, not the LFE); L, R and C; C; all surrounds; all tops; the LFE; all speakers but the LFE; all
 * objects. What a track does not have is nothing: of mono and stereo, `front` and `bed` are all. */
enum linear_target {
  LINEAR_STEREO, LINEAR_LEFT, LINEAR_RIGHT, LINEAR_MID, LINEAR_SIDE, LINEAR_FRONT,
  LINEAR_CENTER, LINEAR_SURROUND, LINEAR_HEIGHT, LINEAR_LFE, LINEAR_BED, LINEAR_OBJECTS,
  LINEAR_TARGETS
};
extern const char *const linear_targets[]; /* their names, closed by NULL */

/* How a stage realises its magnitudes; the names of `phase` in manifests. */
enum linear_phase { PHASE_LINEAR, PHASE_MINIMUM, PHASE_MIXED };
extern const char *const linear_phases[];
/* The part of the minimum-phase response's phase that `phase` stands for. */
double linear_minimum_share(int phase, double mixed_share);

/* Magnitude of a Butterworth filter at a multiple of its corner frequency, order 1 .. 16. */
double butterworth_low(double x, int order);
double butterworth_high(double x, int order);

/* A gain on one target. On a track with one channel mid and left are that channel, side
 * and right are nothing. */
struct linear_gain {
  int target; /* enum linear_target */
  bool flat;  /* the same at all frequencies */
  fir_magnitude *magnitude; /* >= 0 */
  const void *context;
};
enum { LINEAR_MAX_GAINS = 24, LINEAR_MAX_PARTS = 16 };
/* What a linear stage asks of the section: gains, one after the other. */
struct linear_part {
  double minimum_share; /* 0: linear phase, 1: minimum phase */
  int n_gains;
  struct linear_gain gain[LINEAR_MAX_GAINS];
  void *memory; /* of the contexts; freed by linear_design */
};

/* The design both twins read. Output channel o is the sum over k < n_inputs[o] of filter
 * filter[o][k] on channel input[o][k]; the unit tap is taken out of a channel's own filter
 * (delta form). */
struct linear_design {
  int32_t partitions;    /* of 2048 taps */
  int32_t centre_blocks; /* the filters' delay */
  int32_t unused[2];
  int32_t n_inputs[MAX_CHANNELS]; /* 0: the channel is left alone */
  int32_t input[MAX_CHANNELS][CONV_MAX_INPUTS], filter[MAX_CHANNELS][CONV_MAX_INPUTS];
  float twiddle[8192];
  float spectra[]; /* [filter][partition][4096] */
};

/* The passes of every linear stage: forward, filter. */
extern const struct stage_pass linear_passes[];

/* Designs n <= LINEAR_MAX_PARTS consecutive linear stages as one: the product of their
 * matrices in order, each stage's gains with that stage's phase. As stage.design. */
int linear_design_joint(const struct stage_use *uses, int n, const struct stage_format *format,
                        struct stage_design *out, const char **why);
#endif
#endif
