/* SPDX-License-Identifier: MIT
 * Fades at a track's ends: a curve from a table over the exact position. */
#ifndef LACQUER_FADE_H
#define LACQUER_FADE_H
#include "twin.h"

#define FADE_POINTS 4096 /* intervals of a curve's table */

/* The position of frame `at` in a fade, Q32: at * step / 2^32, step = 2^64 / frames in two
 * words. Exact to 2^-32. */
#ifdef VULKAN
uint fade_position(uint at, uint step_high, uint step_low) {
  uint high, low;
  umulExtended(at, step_low, high, low);
  return high + at * step_high;
}
#else
TWIN_FN uint fade_position(uint at, uint step_high, uint step_low) {
  return (uint)((uint64_t)at * step_low >> 32) + at * step_high;
}
#endif
#define fade_index(position) ((position) >> 20)
/* Between two points of the table. */
TWIN_FN float fade_gain(float point, float next, uint position) {
  float t = to_float(position & 0xfffffu) * 9.5367431640625e-07f; /* 2^-20 */
  float d = next - point;
  float step = d * t;
  return point + step;
}
TWIN_FN float fade_apply(float x, float gain) { return flush_tiny(x * gain); }
#ifndef VULKAN
#include "stage.h"

enum fade_shape {
  FADE_LINEAR,
  FADE_EQUAL_POWER, /* sin(pi t / 2) */
  FADE_COSINE,      /* (1 - cos(pi t)) / 2 */
  FADE_EXPONENTIAL, /* (1000^t - 1) / 999: linear in dB but for its end */
  FADE_LOGARITHMIC, /* 1 - the same of 1 - t */
};
extern const char *const fade_shapes[]; /* their names, closed by NULL */

enum { FADE_LONGEST_MS = 60000 };
struct fade_params {
  double in_ms, out_ms; /* 0: none */
  int in_shape, out_shape;
};
extern const struct stage stage_fade;

/* The frames of a fade. */
int32_t fade_frames(double ms, int rate_hz);

/* The design both twins read. No control words. Of two fades that meet both gains apply. */
struct fade_design {
  struct fade_end { /* at the start; at the end, positions counted backwards */
    int32_t frames;
    uint32_t step_high, step_low;
    int32_t unused;
    float gain[FADE_POINTS + 4]; /* FADE_POINTS + 1, and padding */
  } end[2];
};
#endif
#endif
