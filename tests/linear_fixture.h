/* SPDX-License-Identifier: MIT
 * What linear stages are judged by: analog prototypes in complex arithmetic, and impulse
 * responses measured through the stage. */
#ifndef LACQUER_LINEAR_FIXTURE_H
#define LACQUER_LINEAR_FIXTURE_H
#include "eq.h"
#include "oracle.h"

/* Magnitude of a band, by formulas of its own. */
double eq_prototype(const struct eq_band *band, double freq_hz);

/* Impulse responses of a design: [input][output], each centred on frame `at`. */
struct linear_responses {
  int channels, rate_hz, taps;
  bool causal; /* frames before `at` are out of the filter's reach */
  double pre_ring_ms;
  int32_t n, at;
  float *data[2][2];
};
/* 0, or -1: the stage cannot be designed. */
int linear_measure(struct linear_responses *r, const struct stage *stage, const void *params,
                   int rate_hz, int channels);
void linear_release(struct linear_responses *r);

/* LINEAR_FREQUENCIES from 20 Hz to 20 kHz, or to the rate's half. */
enum { LINEAR_FREQUENCIES = 60 };
double linear_frequency(int i, int rate_hz);
double complex linear_gain_at(const struct linear_responses *r, int in, int out, double freq_hz);
/* Gain of left, right, mid or side to itself, and what leaks into its partner. */
double complex linear_component(const struct linear_responses *r, int target, double f,
                                double complex *leak);
/* Error re the input, over both channels, of consecutive linear stages designed as one,
 * against direct convolution in double precision with the taps they were designed to. */
double linear_null_db(const struct stage_use *uses, int n, int rate_hz);
#endif
