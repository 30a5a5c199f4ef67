/* SPDX-License-Identifier: MIT
 * Linear-phase crossovers for stages that split their input into bands: a band's filter is
 * the difference of two low passes with the magnitude 1 / (1 + (f / fc)^2n), and the highest
 * band is what the others leave of the input. The shader side is shaders/crossover.glsl. */
#ifndef LACQUER_CROSSOVER_H
#define LACQUER_CROSSOVER_H
#include "convolve.h"

enum { CROSSOVER_MAX_BANDS = 6 };

/* A check of settings: n_bands are n_crossovers + 1 between ascending frequencies. NULL, or a
 * message and the key at fault, as struct stage's check. */
const char *crossover_check(const double *crossover_hz, int n_crossovers, int n_bands,
                            int slope_db_oct, const char **row);

/* ---- design, double precision ---- */

struct crossover_filter {
  double low_pass_hz;  /* -6 dB; 0: none */
  double above_hz;     /* less the low pass of this frequency; 0: none */
  int slope_db_oct;    /* of both: 12, 24, .. 96 */
  double high_pass_hz; /* Butterworth of 12 dB/oct, -3 dB; 0: none */
};

/* The filters of all bands but the last; returns how many. */
int crossover_bands(const double *crossover_hz, int n_crossovers, int slope_db_oct,
                    struct crossover_filter *filters);
/* Taps that realise the low passes of `n` filters within 0.01 dB, a multiple of CONV_BLOCK
 * (0 when n is 0), and what they reach. 0, or -1: too near Nyquist or no memory, see *why. */
int crossover_taps(const struct crossover_filter *filters, int n, int rate_hz, int *taps,
                   double *error_db, const char **why);
/* Floats of the spectra of n filters. */
static inline size_t crossover_spectra_size(int n, int taps) {
  return (size_t)n * (size_t)(taps / CONV_BLOCK) * CONV_SPECTRUM;
}
/* Fills that many floats: [filter][partition][CONV_SPECTRUM]. 0, or -1: no memory. */
int crossover_spectra(const struct crossover_filter *filters, int n, int rate_hz, int taps,
                      float *spectra);

/* ---- passes ---- */

/* What the passes need to know of a stage's design. A ring block holds the spectra of every
 * channel, then the filters' frames: [filter][channel][CONV_BLOCK]. */
struct crossover {
  int32_t filters, partitions, centre_blocks;
  const float *twiddle, *spectra;
  int32_t first; /* the lowest band's filter */
};
static inline int32_t crossover_ring_words(int filters, int channels) {
  return channels * (CONV_SPECTRUM + filters * CONV_BLOCK);
}
/* Pass, column = channel: spectra of the input. */
void crossover_forward(const struct stage_io *io, const struct crossover *x, int32_t first,
                       int32_t count);
/* Pass, column = filter * channels + channel: the filtered frames. */
void crossover_split(const struct stage_io *io, const struct crossover *x, int32_t first,
                     int32_t count);
/* A block of the input, 0 after its end: in place, or in `room`. */
const float *crossover_input(const struct stage_io *io, int32_t block, int channel,
                             float room[BLOCK_FRAMES]);
/* The 2048 frames of a band that is not the last. */
const float *crossover_filtered(const struct stage_io *io, const struct crossover *x,
                                int32_t block, int band, int channel);
/* The 2048 frames of band `band` of `bands` of one block: what filter x->first + band lets
 * through; of the last band: the input less all others, in ascending order. */
void crossover_band(const struct stage_io *io, const struct crossover *x, int bands,
                    int32_t block, int band, int channel, float *out);
#endif
