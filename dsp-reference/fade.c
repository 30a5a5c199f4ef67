/* SPDX-License-Identifier: MIT
 * See fade.h and fade.md. */
#include "fade.h"

#include <stdlib.h>

#include "clones.h"
#include "detmath.h"

const char *const fade_shapes[] = {"linear",      "equal_power", "cosine",
                                   "exponential", "logarithmic", NULL};

#define AT(field) offsetof(struct fade_params, field)
static const struct param_row fade_rows[] = {
    {.name = "in", .type = PARAM_NUMBER, .offset = AT(in_ms), .min = 0, .max = FADE_LONGEST_MS,
     .unit = "ms", .help = "fade at the track's start"},
    {.name = "in_shape", .type = PARAM_CHOICE, .offset = AT(in_shape), .choices = fade_shapes,
     .initial = FADE_COSINE, .help = "its curve"},
    {.name = "out", .type = PARAM_NUMBER, .offset = AT(out_ms), .min = 0,
     .max = FADE_LONGEST_MS, .unit = "ms", .help = "fade at the track's end"},
    {.name = "out_shape", .type = PARAM_CHOICE, .offset = AT(out_shape), .choices = fade_shapes,
     .initial = FADE_COSINE, .help = "its curve"},
    {0},
};
#undef AT

static bool fade_neutral(const void *params) {
  const struct fade_params *p = params;
  return p->in_ms == 0 && p->out_ms == 0;
}

static double curve(int shape, double t) {
  switch (shape) {
  case FADE_EQUAL_POWER: return det_sinpi(t / 2);
  case FADE_COSINE: return (1 - det_cospi(t)) / 2;
  case FADE_EXPONENTIAL: return (det_pow(1000, t) - 1) / 999;
  case FADE_LOGARITHMIC: return 1 - (det_pow(1000, 1 - t) - 1) / 999;
  default: return t;
  }
}

int32_t fade_frames(double ms, int rate_hz) { return (int32_t)(ms * rate_hz / 1000 + 0.5); }

static void design_end(struct fade_end *end, double ms, int shape, int rate_hz) {
  end->frames = fade_frames(ms, rate_hz);
  if (end->frames > 0) { /* of one frame: that is silent */
    const uint64_t step = UINT64_MAX / (uint64_t)end->frames;
    end->step_high = (uint32_t)(step >> 32);
    end->step_low = (uint32_t)step;
  }
  for (int i = 0; i <= FADE_POINTS; i++)
    end->gain[i] = (float)curve(shape, (double)i / FADE_POINTS);
}

static int fade_design(const void *params, const struct stage_format *f,
                       struct stage_design *out, const char **why) {
  const struct fade_params *p = params;
  struct fade_design *d = calloc(1, sizeof *d);
  *why = "out of memory";
  if (!d) return -1;
  design_end(&d->end[0], p->in_ms, p->in_shape, f->rate_hz);
  design_end(&d->end[1], p->out_ms, p->out_shape, f->rate_hz);
  *out = (struct stage_design){.data = d, .size = sizeof *d, .shape = {{f->channels, 0, 0, 0}}};
  return 0;
}

/* Frames [0, n) of y lie `at` frames into the fade and further by `direction`. */
LACQUER_CLONES
static void fade_in_place(const struct fade_end *end, int32_t at, int direction, int n,
                          float *y) {
  for (int i = 0; i < n; i++) {
    const uint position =
        fade_position(to_uint(at + direction * i), end->step_high, end->step_low);
    const float *point = end->gain + fade_index(position);
    y[i] = fade_apply(y[i], fade_gain(point[0], point[1], position));
  }
}

static void fade_block(const struct stage_io *io, int32_t block, int channel) {
  const struct fade_design *d = io->design;
  const int32_t begin = block * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
  const size_t at = (size_t)channel * io->stride + begin;
  float *y = io->dst + at;
  memcpy(y, io->src + at, (size_t)n * sizeof *y);
  fade_in_place(&d->end[0], begin, 1, min_int(n, d->end[0].frames - begin), y);
  const int32_t out = io->n_frames - d->end[1].frames; /* its first frame */
  const int32_t skip = min_int(n, max_int(0, out - begin));
  fade_in_place(&d->end[1], io->n_frames - 1 - begin - skip, -1, n - skip, y + skip);
}

static void fade_run(const struct stage_io *io, int32_t first, int32_t count) {
  for (int c = 0; c < io->channels; c++)
    for (int32_t b = first; b < first + count; b++) fade_block(io, b, c);
}

static const struct stage_pass fade_passes[] = {
    {"apply", GRID_BLOCKS, fade_run},
    {0},
};

const struct stage stage_fade = {
    .name = "fade",
    .help = "fades at the track's start and end",
    .role = STAGE_CHAIN,
    .rows = fade_rows,
    .params_size = sizeof(struct fade_params),
    .passes = fade_passes,
    .neutral = fade_neutral,
    .design = fade_design,
};
