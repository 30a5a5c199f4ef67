/* SPDX-License-Identifier: MIT
 * The spectrum of a waveshaper driven by a sine: its harmonics, and everything that is
 * none of them. In double precision, independent of the stages. */
#ifndef LACQUER_HARMONICS_H
#define LACQUER_HARMONICS_H
#include "oracle.h"

/* Frames analysed; the sine has `cycles` (an odd number) of them in there, so that what
 * folds back at half the rate falls between the harmonics. */
enum { HARMONICS_FRAMES = 16384, HARMONICS_MOST = 12 };

struct harmonics {
  double amplitude[HARMONICS_MOST + 1]; /* [0]: DC */
  double alias_db; /* largest bin, 20 Hz to 20 kHz, that is no harmonic, re the fundamental */
};
/* One stage with these args, mono, on a sine of `amplitude`. */
struct harmonics harmonics_of(const struct stage *stage, const void *params,
                              const int32_t args[5], int rate_hz, int cycles, double amplitude);
/* The odd number of cycles nearest to a frequency. */
int harmonics_cycles(double freq_hz, int rate_hz);

/* Harmonic h of f(amplitude sin t): the integral over a period of f(..) times sin(h t) for
 * odd h, cos(h t) for even h, by the trapezoidal rule; the mean for h = 0. Its magnitude. */
double harmonics_expected(double (*f)(const void *context, double u), const void *context,
                          double amplitude, int h);
#endif
