/* SPDX-License-Identifier: MIT
 * See band_limit.h. */
#include "band_limit.h"

#include <stdlib.h>

#include "convolve.h"
#include "detmath.h"
#include "fir_design.h"
#include "linear.h"

static const struct param_row band_limit_rows[] = {{0}};

/* Flat, then half a cosine. */
static double low_pass(const void *context, double freq_hz) {
  const double x = freq_hz / *(const int *)context;
  if (x <= 0.4675) return 1;
  return x >= 0.4875 ? 0 : 0.5 * (1 + det_cospi((x - 0.4675) / 0.02));
}

static int band_limit_design(const void *params, const struct stage_format *f,
                             struct stage_design *out, const char **why) {
  enum { TAPS = 4096 };
  (void)params;
  *why = "out of memory";
  double h[TAPS], error;
  const uint32_t size = sizeof(struct linear_design) + TAPS / CONV_BLOCK * CONV_SPECTRUM * 4;
  struct linear_design *d = calloc(1, size);
  if (!d || fir_linear_phase(low_pass, &f->rate_hz, f->rate_hz, TAPS, h, &error)) goto fail;
  d->partitions = TAPS / CONV_BLOCK;
  d->centre_blocks = d->partitions / 2;
  conv_twiddle(d->twiddle);
  h[TAPS / 2] -= 1;
  if (conv_partition(h, TAPS, d->spectra)) goto fail;
  for (int c = 0; c < f->channels; c++) { /* all through the one filter */
    d->n_inputs[c] = 1;
    d->input[c][0] = c;
  }
  *out = (struct stage_design){
      .data = d,
      .size = size,
      .ring_words = f->channels * CONV_SPECTRUM,
      .ring_history = d->partitions,
      .shape = {{f->channels, d->centre_blocks, d->partitions - 1, 1}, {f->channels, 0, 0, 0}},
  };
  return 0;
fail:
  free(d);
  return -1;
}

const struct stage stage_band_limit = {
    .name = "band_limit",
    .help = "low pass next to Nyquist before the limiter",
    .role = STAGE_TAIL,
    .rows = band_limit_rows,
    .params_size = sizeof(struct band_limit_params),
    .passes = linear_passes,
    .shaders = "eq",
    .design = band_limit_design,
};
