/* SPDX-License-Identifier: MIT
 * See crossover.h. */
#include "crossover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clones.h"
#include "fir_design.h"
#include "twin.h"

const char *crossover_check(const double *crossover_hz, int n_crossovers, int n_bands,
                            int slope_db_oct, const char **row) {
  *row = "crossovers";
  for (int i = 1; i < n_crossovers; i++)
    if (crossover_hz[i] <= crossover_hz[i - 1]) return "crossovers must ascend";
  *row = "bands";
  if (n_bands != n_crossovers + 1) return "bands must be one more than crossovers";
  *row = "slope";
  return slope_db_oct % 12 ? "a crossover slope is a multiple of 12 dB/oct (12 to 96)" : NULL;
}

/* ---- design ---- */

static double low_pass(double low_pass_hz, int slope_db_oct, double freq_hz) {
  const double x = freq_hz / low_pass_hz;
  double x2n = 1;
  for (int i = 0; i < 2 * (slope_db_oct / 12); i++) x2n *= x;
  return 1 / (1 + x2n);
}

static double magnitude(const void *context, double freq_hz) {
  const struct crossover_filter *filter = context;
  const double above_hz = filter->above_hz, upto_hz = filter->low_pass_hz;
  double gain = upto_hz > 0 ? low_pass(upto_hz, filter->slope_db_oct, freq_hz) : 1;
  if (above_hz > 0) gain -= low_pass(above_hz, filter->slope_db_oct, freq_hz);
  if (!(filter->high_pass_hz > 0)) return gain;
  const double x = freq_hz / filter->high_pass_hz, x2 = x * x;
  return gain * (x2 / sqrt(1 + x2 * x2));
}

int crossover_bands(const double *crossover_hz, int n_crossovers, int slope_db_oct,
                    struct crossover_filter *filters) {
  for (int i = 0; i < n_crossovers; i++)
    filters[i] = (struct crossover_filter){.low_pass_hz = crossover_hz[i],
                                           .above_hz = i ? crossover_hz[i - 1] : 0,
                                           .slope_db_oct = slope_db_oct};
  return n_crossovers;
}

int crossover_taps(const struct crossover_filter *filters, int n, int rate_hz, int *taps,
                   double *error_db, const char **why) {
  enum { MAX_FILTERS = 2 * CROSSOVER_MAX_BANDS };
  struct crossover_filter from_0[MAX_FILTERS]; /* the others are differences of these */
  const void *context[MAX_FILTERS];
  *taps = 0, *error_db = 0;
  for (int i = 0; i < n; i++) {
    from_0[i] = filters[i];
    from_0[i].above_hz = 0;
    context[i] = &from_0[i];
    if (filters[i].low_pass_hz < 0.45 * rate_hz) continue;
    *why = "a crossover lies too near the track's Nyquist frequency";
    return -1;
  }
  *why = "out of memory";
  return n ? fir_auto_taps(magnitude, context, n, rate_hz, taps, error_db) : 0;
}

int crossover_spectra(const struct crossover_filter *filters, int n, int rate_hz, int taps,
                      float *spectra) {
  double *h = malloc((size_t)taps * sizeof *h), error;
  int result = h || !taps ? 0 : -1;
  for (int i = 0; i < n && !result; i++) {
    result = fir_linear_phase(magnitude, &filters[i], rate_hz, taps, h, &error);
    if (!result) result = conv_partition(h, taps, spectra + crossover_spectra_size(i, taps));
  }
  free(h);
  return result;
}

/* ---- passes ---- */

static float *filter_block(const struct stage_io *io, const struct crossover *x, int32_t block,
                           int f, int channel) {
  return io->ring +
         (size_t)(block % io->ring_blocks) * crossover_ring_words(x->filters, io->channels) +
         (size_t)io->channels * CONV_SPECTRUM + ((size_t)f * io->channels + channel) * CONV_BLOCK;
}

static struct conv_filter filter_of(const struct stage_io *io, const struct crossover *x, int f,
                                    int channel) {
  return (struct conv_filter){
      x->twiddle, crossover_ring_words(x->filters, io->channels), x->partitions, x->centre_blocks,
      1, 1, {channel}, {x->spectra + (size_t)f * x->partitions * CONV_SPECTRUM}};
}

void crossover_forward(const struct stage_io *io, const struct crossover *x, int32_t first,
                       int32_t count) {
  const struct conv_filter f = filter_of(io, x, 0, 0);
  if (x->filters) conv_ring_forward(io, &f, first, count);
}

void crossover_split(const struct stage_io *io, const struct crossover *x, int32_t first,
                     int32_t count) {
  for (int column = 0; column < x->filters * io->channels; column++) {
    const int filter = column / io->channels, c = column % io->channels;
    const struct conv_filter f = filter_of(io, x, filter, c);
    for (int32_t b = first; b < first + count; b++)
      conv_ring_filter(io, &f, b, filter_block(io, x, b, filter, c));
  }
}

const float *crossover_input(const struct stage_io *io, int32_t block, int channel,
                             float room[BLOCK_FRAMES]) {
  const int32_t begin = block * BLOCK_FRAMES, n = io->n_frames - begin;
  const float *in = io->src + (size_t)channel * io->stride + begin;
  if (n >= BLOCK_FRAMES) return in;
  memset(room, 0, BLOCK_FRAMES * sizeof *room);
  memcpy(room, in, (size_t)n * sizeof *room);
  return room;
}

const float *crossover_filtered(const struct stage_io *io, const struct crossover *x,
                                int32_t block, int band, int channel) {
  return filter_block(io, x, block, x->first + band, channel);
}

LACQUER_CLONES
static void difference(const float *a, const float *b, float *out) {
  for (int i = 0; i < BLOCK_FRAMES; i++) out[i] = a[i] - b[i];
}

void crossover_band(const struct stage_io *io, const struct crossover *x, int bands,
                    int32_t block, int band, int channel, float *out) {
  const float *from = band < bands - 1 ? crossover_filtered(io, x, block, band, channel)
                                       : crossover_input(io, block, channel, out);
  for (int b = 0; band == bands - 1 && b < band; b++, from = out)
    difference(from, crossover_filtered(io, x, block, b, channel), out);
  if (from != out) memcpy(out, from, BLOCK_FRAMES * sizeof *out);
}
