/* SPDX-License-Identifier: MIT
 * See clip.h. */
#include "clip.h"

#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "detmath.h"

static const struct param_row clip_rows[] = {{0}};

static int clip_design(const void *params, const struct stage_format *f,
                       struct stage_design *out, const char **why) {
  struct clip_design *d = calloc(1, sizeof *d);
  (void)params;
  *why = "out of memory";
  if (!d) return -1;
  oversample_fill(&d->oversample, oversample_auto(f->rate_hz));
  *out = (struct stage_design){.data = d, .size = sizeof *d, .shape = {{4 * f->channels, 0, 0, 0}}};
  return 0;
}

void clip_args(double threshold_db, int32_t args[5]) {
  const float gain[2] = {(float)det_db_to_gain(threshold_db),
                         (float)det_db_to_gain(-threshold_db)};
  memset(args, 0, 5 * sizeof *args);
  memcpy(args, gain, sizeof gain);
}

/* Replaces u by what clipping adds to it; 0 when that is nothing. */
LACQUER_CLONES
static int shape(float *u, int n, float threshold, float per_threshold) {
  uint any = 0;
  for (int i = 0; i < n; i++) {
    u[i] = clip_excess(u[i], threshold, per_threshold);
    any |= floatBitsToUint(u[i]);
  }
  return any != 0;
}

LACQUER_CLONES
static void add(const float *x, const float *excess, int n, float *y) {
  for (int i = 0; i < n; i++) y[i] = flush_tiny(x[i] + excess[i]);
}

static void clip_block(const struct stage_io *io, int32_t block, int channel) {
  const struct clip_design *d = io->design;
  const int32_t begin = block * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
  const float *src = io->src + (size_t)channel * io->stride;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  const float threshold = uintBitsToFloat(to_uint(io->args[0]));
  const float per_threshold = uintBitsToFloat(to_uint(io->args[1]));
  struct oversampled o;
  float excess[BLOCK_FRAMES];
  int any = 0;
  oversample_load(&o, src, io->n_frames, block);
  oversample_up(&d->oversample, &o);
  for (int p = 0; p < d->oversample.factor; p++)
    any |= shape(o.phase[p] + OVERSAMPLE_BEFORE + OVERSAMPLE_FIRST, OVERSAMPLE_FRAMES, threshold,
                 per_threshold);
  if (!any) {
    memcpy(dst, src + begin, (size_t)n * sizeof *dst);
    return;
  }
  oversample_down(&d->oversample, &o, excess);
  add(src + begin, excess, n, dst);
}

static void clip_apply(const struct stage_io *io, int32_t first, int32_t count) {
  for (int c = 0; c < io->channels; c++)
    for (int32_t b = first; b < first + count; b++) clip_block(io, b, c);
}

static const struct stage_pass clip_passes[] = {
    {"apply", GRID_BLOCKS, clip_apply},
    {0},
};

const struct stage stage_clip = {
    .name = "clip",
    .help = "oversampled soft clipper",
    .role = STAGE_TAIL,
    .rows = clip_rows,
    .params_size = sizeof(struct clip_params),
    .passes = clip_passes,
    .design = clip_design,
};
