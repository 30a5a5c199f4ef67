/* SPDX-License-Identifier: MIT
 * See linear.h. */
#include "linear.h"

#include <stdlib.h>

#include "convolve.h"
#include "linear_response.h"
#include "twin.h"

const char *const linear_targets[] = {"stereo", "left", "right", "mid", "side", NULL};
const char *const linear_phases[] = {"linear", "minimum", "mixed", NULL};

double linear_minimum_share(int phase, double mixed_share) {
  return phase == PHASE_LINEAR ? 0 : phase == PHASE_MINIMUM ? 1 : mixed_share;
}

static double power(double x, int n) {
  double r = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) r *= x;
  return r;
}

double butterworth_low(double x, int order) { return 1 / sqrt(1 + power(x * x, order)); }

double butterworth_high(double x, int order) {
  return x > 0 ? 1 / sqrt(1 + power(1 / (x * x), order)) : 0;
}

/* ---- design ---- */

static int fill_spectra(struct linear_design *d, const struct linear_taps *taps) {
  double *h = malloc((size_t)taps->n * sizeof *h);
  int result = h ? 0 : -1;
  for (int i = 0; i < 4 && !result; i++) {
    if (!taps->taps[i]) continue;
    for (int t = 0; t < taps->n; t++) h[t] = taps->taps[i][t];
    if (i % 3 == 0) h[taps->centre] -= 1;
    result = conv_partition(h, taps->n, d->spectra + (size_t)i * d->partitions * CONV_SPECTRUM);
  }
  free(h);
  return result;
}

static int make_design(const struct linear_taps *taps, int channels, struct stage_design *out) {
  const int partitions = taps->n / CONV_BLOCK, centre = taps->centre / CONV_BLOCK;
  const size_t size = sizeof(struct linear_design) + 4 * (size_t)partitions * CONV_SPECTRUM * 4;
  struct linear_design *d = calloc(1, size);
  if (!d) return -1;
  d->partitions = partitions;
  d->centre_blocks = centre;
  for (int i = 0; i < 4; i++) d->active[i] = taps->taps[i] != NULL;
  conv_twiddle(d->twiddle);
  if (fill_spectra(d, taps)) {
    free(d);
    return -1;
  }
  *out = (struct stage_design){
      .data = d,
      .size = (uint32_t)size,
      .ring_words = channels * CONV_SPECTRUM,
      .ring_history = partitions,
      .pre_ring_ms = taps->pre_ring_ms,
      .response_error_db = taps->error_db,
      .shape = {{channels, centre, partitions - 1, 1}, {channels, 0, 0, 0}},
  };
  return 0;
}

int linear_design_joint(const struct stage_use *uses, int n, const struct stage_format *format,
                        struct stage_design *out, const char **why) {
  struct linear_part part[LINEAR_MAX_PARTS] = {0};
  struct linear_taps taps = {0};
  int result = n > LINEAR_MAX_PARTS ? -1 : 0;
  *why = "too many linear stages stand together";
  for (int i = 0; i < n && !result; i++)
    result = uses[i].stage->linear_part(uses[i].params, format, &part[i], why);
  if (!result) {
    const struct linear_section section = linear_section_of(part, n, format);
    *why = "out of memory";
    result = linear_taps_make(&section, &taps);
    if (!result) result = make_design(&taps, format->channels, out);
    linear_taps_free(&taps);
  }
  for (int i = 0; i < n && i < LINEAR_MAX_PARTS; i++) free(part[i].memory);
  return result;
}

/* ---- passes ---- */

static struct conv_filter filter_of(const struct stage_io *io, int o) {
  const struct linear_design *d = io->design;
  struct conv_filter f = {d->twiddle, io->channels * CONV_SPECTRUM, d->partitions,
                          d->centre_blocks, 1, 0, {0}, {0}};
  for (int i = 0; i < io->channels; i++) {
    if (!d->active[2 * o + i]) continue;
    f.channel[f.n_inputs] = i;
    f.spectra[f.n_inputs++] = d->spectra + (size_t)(2 * o + i) * d->partitions * CONV_SPECTRUM;
  }
  return f;
}

static void linear_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct conv_filter f = filter_of(io, 0);
  conv_ring_forward(io, &f, first, count);
}

static void add_block(const struct stage_io *io, int32_t block, int channel, const float *y) {
  const int32_t begin = block * CONV_BLOCK, n = min_int(CONV_BLOCK, io->n_frames - begin);
  const float *src = io->src + (size_t)channel * io->stride + begin;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  for (int32_t i = 0; i < n; i++) dst[i] = flush_tiny(src[i] + y[i]);
}

static void linear_filter(const struct stage_io *io, int32_t first, int32_t count) {
  static _Thread_local float y[CONV_LANES][CONV_BLOCK];
  float *out[CONV_LANES];
  for (int l = 0; l < CONV_LANES; l++) out[l] = y[l];
  for (int o = 0; o < io->channels; o++) {
    const struct conv_filter f = filter_of(io, o);
    for (int32_t b = first; b < first + count; b += CONV_LANES) {
      const int n = min_int(CONV_LANES, first + count - b);
      conv_ring_filter(io, &f, b, n, out);
      for (int l = 0; l < n; l++) add_block(io, b + l, o, y[l]);
    }
  }
}

const struct stage_pass linear_passes[] = {
    {"forward", GRID_BLOCKS, linear_forward},
    {"filter", GRID_BLOCKS, linear_filter},
    {0},
};
