/* SPDX-License-Identifier: MIT
 * Fold-down of a bed to a smaller layout by a matrix; fold.md has the figures. */
#ifndef LACQUER_FOLD_H
#define LACQUER_FOLD_H
#include "twin.h"

TWIN_FN float fold_add(float sum, float gain, float x) { return sum + gain * x; }

#ifndef VULKAN
#include "layout.h"

enum fold_mode { FOLD_LO_RO, FOLD_LT_RT };
struct fold_params {
  int layout; /* index into layout_choices; 0: as it is */
  int mode;   /* enum fold_mode: of a fold to 2.0 */
};
extern const struct stage stage_fold;

/* What is delivered of a track of layout `from`; NULL `from`: NULL. */
const struct layout *fold_target(const struct fold_params *params, const struct layout *from);
/* Why there is no way from one layout to the other, static storage; NULL: there is. */
const char *fold_refusal(const struct layout *from, const struct layout *to);
/* The gain of channel `in` of `from` in channel `out` of `to`, for layouts with a way. */
double fold_gain(const struct layout *from, const struct layout *to, int mode, int out, int in);

/* The design both twins read: output channel o is the sum over k < n[o], in order, of
 * gain[o][k] times channel in[o][k]. Channels that the target does not have become 0. */
struct fold_design {
  int32_t n[MAX_CHANNELS];
  int32_t in[MAX_CHANNELS][LAYOUT_MOST_SPEAKERS];
  float gain[MAX_CHANNELS][LAYOUT_MOST_SPEAKERS];
};
#endif
#endif
