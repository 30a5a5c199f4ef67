/* SPDX-License-Identifier: MIT
 * Linear-phase FIR filters from a magnitude, in double precision with detmath:
 * the same taps on every machine. */
#ifndef LACQUER_FIR_DESIGN_H
#define LACQUER_FIR_DESIGN_H

struct fft_plan; /* of one power-of-two length */
struct fft_plan *fft_plan_create(int points); /* NULL: no memory */
int fft_plan_double(struct fft_plan *plan);   /* to twice the points; 0, or -1: no memory */
void fft_plan_destroy(struct fft_plan **plan);
/* In-place complex DFT, exp(-2 pi i j k / points). */
void fft_forward(const struct fft_plan *plan, double *re, double *im);

/* Magnitude (a signed real gain) wanted at freq_hz. */
typedef double fir_magnitude(const void *context, double freq_hz);

enum {
  FIR_MIN_TAPS = 4096,
  FIR_GRID = 16, /* points of the design grid per tap */
};
/* Longest filter at a rate: 65,536 taps at 44.1/48 kHz, in proportion above. */
int fir_max_taps(int rate_hz);

/* Tukey window at a tap's distance from the middle: flat over the middle half, raised
 * cosine over the outer quarters. */
double fir_window(int distance, int taps);

/* The filter of `taps` taps (a power of two) whose delay is taps / 2 frames, and the
 * largest deviation of its response in dB between 20 Hz and 20 kHz, where the wanted
 * magnitude is above -40 dB. 0, or -1: no memory. */
int fir_linear_phase(fir_magnitude *magnitude, const void *context, int rate_hz, int taps,
                     double *h, double *error_db);

/* The smallest power of two whose deviation is at most 0.01 dB for all of `n` filters
 * (context[i]), or fir_max_taps; *error_db is what it reaches. 0, or -1: no memory. */
int fir_auto_taps(fir_magnitude *magnitude, const void *const *context, int n, int rate_hz,
                  int *taps, double *error_db);
#endif
