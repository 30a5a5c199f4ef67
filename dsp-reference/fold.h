/* SPDX-License-Identifier: MIT
 * Fold-down of a bed to a smaller layout by a matrix, and rendering of objects to it by their
 * places; fold.md has the figures. */
#ifndef LACQUER_FOLD_H
#define LACQUER_FOLD_H
#include "twin.h"

TWIN_FN float fold_add(float sum, float gain, float x) { return sum + gain * x; }

/* An object's gain so many frames after it began to go from one to another. */
TWIN_FN float fold_ramp(float from, float to, int frames, float inverse) {
  return from + to_float(frames) * inverse * (to - from);
}

#ifndef VULKAN
#include "layout.h"
#include "scene.h"

enum fold_mode { FOLD_LO_RO, FOLD_LT_RT };
struct fold_params {
  int layout; /* index into layout_deliveries; 0: as it is */
  int mode;   /* enum fold_mode: of a fold to 2.0 */
};
extern const struct stage stage_fold;

/* What is delivered of a track of layout `from`; NULL `from`: NULL. */
const struct layout *fold_target(const struct fold_params *params, const struct layout *from);
/* Whether it is no fold but two channels for headphones, by stage_binaural. */
bool fold_is_binaural(const struct fold_params *params);
struct fold_params fold_to(const struct layout *to); /* to be folded to it, by lo_ro */
/* Why there is no way from one layout to the other, static storage; NULL: there is. */
const char *fold_refusal(const struct layout *from, const struct layout *to);
/* The gain of channel `in` of `from` in channel `out` of `to`, for layouts with a way; 0 of an
 * object, whose gains its place says: */
double fold_gain(const struct layout *from, const struct layout *to, int mode, int out, int in);
/* Gains of a place in the room (panner.h) in the channels of `to`. */
void fold_place_gains(const struct layout *to, int mode, const double position[3],
                      double gain[LAYOUT_MOST_SPEAKERS]);

/* The design both twins read: output channel o is the sum over k < n[o], in order, of
 * gain[o][k] times channel in[o][k], and then over the objects, in order, of the gain that an
 * object has at a frame times its channel. Channels that the target does not have become 0.
 * A scene of fewer than LAYOUT_MOST_SPEAKERS channels is rendered to so many: the buffers have
 * room for them.
 *
 * An object's gains come in segments, by ascending frame: for `ramp` frames they go from those
 * of the segment before (fold_ramp), then they stay. In the words: */
struct fold_design {
  int32_t n[MAX_CHANNELS];
  int32_t in[MAX_CHANNELS][LAYOUT_MOST_SPEAKERS];
  float gain[MAX_CHANNELS][LAYOUT_MOST_SPEAKERS];
  int32_t n_objects, first_object; /* their channels */
  int32_t n_outputs;               /* channels of the target */
  int32_t n_blocks, n_segments;    /* segments: of all objects, one after the other */
  int32_t at_frame, at_ramp;       /* [n_segments]: where it begins, how long its ramp is */
  int32_t at_inverse, at_gain;     /* floats, [n_segments]: 1 / ramp; [n_segments][n_outputs] */
  int32_t words[]; /* first [n_objects][n_blocks + 1]: the segment at a block's first frame;
                      the last one holds from there on */
};

/* Frames [frame, frame + n) of output channel `out` of the bits that the stage makes, n at most
 * BLOCK_FRAMES; `src`: planar, at `frame`, `stride` from channel to channel. */
void fold_frames(const struct fold_design *design, const float *src, size_t stride, int32_t frame,
                 int32_t n, int out, float *dst);

/* Inside fold*.c: words for the objects of a scene; their tables, for a design with that room;
 * their sum. */
int64_t fold_objects_words(const struct scene *scene, int n_outputs);
void fold_objects_design(const struct scene *scene, const struct layout *to, int mode,
                         struct fold_design *design);
void fold_objects_add(const struct fold_design *design, const float *src, size_t stride,
                      int32_t frame, int32_t n, int out, float *sum);
void fold_add_channel(const float *x, float gain, int n, float *sum);
#endif
#endif
