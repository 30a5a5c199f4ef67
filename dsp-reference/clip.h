/* SPDX-License-Identifier: MIT
 * Soft clipper at 352.8 kHz or more, before the limiter: out = in + (what a smooth knee
 * takes off). See clip.md. */
#ifndef LACQUER_CLIP_H
#define LACQUER_CLIP_H
#include "twin.h"

/* The knee, in thresholds: from here to 2 - here the slope falls from 1 to 0. */
#define CLIP_KNEE 0.625f
#define CLIP_WIDTH 0.75f         /* 2 (1 - CLIP_KNEE) */
#define CLIP_PER_WIDTH 1.33333337f /* 1 / CLIP_WIDTH */

/* What clipping at `threshold` adds to u. The slope is 1 - S(t) over the knee, S the
 * smoothstep of degree 7: four derivatives are continuous. */
TWIN_FN float clip_excess(float u, float threshold, float per_threshold) {
  float t = (abs_bits(u) * per_threshold - CLIP_KNEE) * CLIP_PER_WIDTH;
  t = t > 0.0f ? t : 0.0f;
  float k = t < 1.0f ? t : 1.0f;
  float k2 = k * k;
  float integral = k2 * k2 * k * (7.0f + k * (k * (10.0f - 2.5f * k) - 14.0f));
  float e = (integral + (t - k)) * (threshold * CLIP_WIDTH);
  return flush_tiny(u > 0.0f ? 0.0f - e : e);
}

#ifndef VULKAN
#include "oversample.h"

/* Nothing to set: a run's threshold is in its args. */
struct clip_params {
  int unused;
};
extern const struct stage stage_clip;

/* The design both twins read. args: clip_args. */
struct clip_design {
  struct oversample_design oversample;
};
/* The threshold in dBFS, [-60, 60], as the stage's args: float bits of it and of its inverse. */
void clip_args(double threshold_db, int32_t args[5]);
#endif
#endif
