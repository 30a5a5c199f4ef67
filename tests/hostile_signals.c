/* SPDX-License-Identifier: MIT
 * See hostile_signals.h. */
#include "hostile_signals.h"

#include <math.h>
#include <stdlib.h>

#include "audio_fixture.h"

static const double PI = 3.14159265358979323846;
enum { SEED = 1770, LOW_PASS_SIDE = 256 };

static double uniform(uint64_t *state) { /* [-1, 1) */
  return (double)(fixture_random(state) >> 11) / 4503599627370496.0 - 1;
}

static void white_noise(float *x, int32_t n, double parameter) {
  uint64_t state = SEED;
  for (int32_t i = 0; i < n; i++) x[i] = (float)(uniform(&state) * parameter);
}

static void binary_noise(float *x, int32_t n, double parameter) {
  uint64_t state = SEED + 1;
  for (int32_t i = 0; i < n; i++) x[i] = (float)(uniform(&state) < 0 ? -parameter : parameter);
}

/* Noise through a Hann-windowed sinc low pass at `corner`; its transition is 4 / 512. */
static void low_passed_noise(float *x, int32_t n, double corner) {
  const int32_t length = n + 2 * LOW_PASS_SIDE;
  float *noise = calloc((size_t)length, sizeof *noise);
  if (!noise) abort();
  binary_noise(noise, length, 1);
  double h[2 * LOW_PASS_SIDE + 1];
  for (int j = -LOW_PASS_SIDE; j <= LOW_PASS_SIDE; j++) {
    const double t = 2 * PI * corner * j;
    const double window = 0.5 + 0.5 * cos(PI * j / (LOW_PASS_SIDE + 1));
    h[j + LOW_PASS_SIDE] = 2 * corner * window * (j ? sin(t) / t : 1);
  }
  for (int32_t i = 0; i < n; i++) {
    double sum = 0;
    for (int j = 0; j <= 2 * LOW_PASS_SIDE; j++) sum += h[j] * noise[i + j];
    const double edge = fmin(1, fmin(i, n - 1 - i) / 500.0); /* faded: a cut is a step */
    x[i] = (float)(0.5 * sum * (0.5 - 0.5 * cos(PI * edge)));
  }
  free(noise);
}

static void square(float *x, int32_t n, double frequency) {
  for (int32_t i = 0; i < n; i++) x[i] = fmod(i * frequency, 1) < 0.5 ? 1 : -1;
}

static void impulses(float *x, int32_t n, double spacing) {
  uint64_t state = SEED + 2;
  for (int32_t i = 0; i < n; i++) x[i] = 0;
  for (double at = 0; at < n; at += spacing * (1.1 + uniform(&state)))
    x[(int32_t)at] = uniform(&state) < 0 ? -1 : 1;
}

/* fs/4 at 45 degrees: samples at 0.707 of the true peak; hard on and off. */
static void quarter_bursts(float *x, int32_t n, double on) {
  for (int32_t i = 0; i < n; i++) {
    const double v = sin(PI / 2 * i + PI / 4);
    x[i] = (float)(fmod(i / on, 2) < 1 ? v : 0);
  }
}

/* Signs that all add up half way between two frames: the largest peak that samples of
 * +-1 can hide; every 512 frames, `length` long. */
static void torture(float *x, int32_t n, double length) {
  for (int32_t i = 0; i < n; i++) {
    const int32_t j = i % 512 - 256;
    const int sign = (j < 0 ? -j - 1 : j) % 2 ? -1 : 1;
    x[i] = (float)(fabs(j + 0.5) < length / 2 ? sign : 0);
  }
}

static void sweep(float *x, int32_t n, double top) {
  for (int32_t i = 0; i < n; i++) {
    const double edge = fmin(1, fmin(i, n - 1 - i) / 500.0);
    x[i] = (float)(sin(PI * top * i / n * i) * (0.5 - 0.5 * cos(PI * edge)));
  }
}

static void faded_sine(float *x, int32_t n, double frequency) {
  for (int32_t i = 0; i < n; i++)
    x[i] = (float)(sin(2 * PI * frequency * i + 0.4) * sin(PI * (i + 0.5) / n));
}

static void cut_sine(float *x, int32_t n, double frequency) {
  for (int32_t i = 0; i < n; i++) x[i] = (float)cos(2 * PI * frequency * i + 0.4);
}

/* Decaying low sines with a falling pitch, an attack of `attack` frames. */
static void kicks(float *x, int32_t n, double attack) {
  for (int32_t i = 0; i < n; i++) {
    const double t = i % 4500;
    const double phase = 0.0012 * t + 3 * (1 - exp(-t / 600));
    const double rise = t < attack ? 0.5 - 0.5 * cos(PI * t / attack) : 1;
    x[i] = (float)(rise * exp(-t / 2500) * cos(2 * PI * phase));
  }
}

const struct hostile_signal hostile_signals[] = {
    {"white noise", white_noise, 1},
    {"binary noise", binary_noise, 1},
    {"noise to 0.45", low_passed_noise, 0.45},
    {"square 1/3", square, 1 / 3.0},
    {"square 0.137", square, 0.137},
    {"square 1/50", square, 0.02},
    {"square 1/1003", square, 1 / 1003.0},
    {"impulses / 37", impulses, 37},
    {"impulses / 900", impulses, 900},
    {"fs/4 bursts / 40", quarter_bursts, 40},
    {"fs/4 bursts / 1501", quarter_bursts, 1501},
    {"torture 32", torture, 32},
    {"torture 512", torture, 512},
    {"sweep to 0.5", sweep, 0.5},
    {"sweep to 0.47", sweep, 0.47},
    {"sine 0.4", faded_sine, 0.4},
    {"sine 0.46", faded_sine, 0.46},
    {"sine 0.48", faded_sine, 0.48},
    {"sine 0.495", faded_sine, 0.495},
    {"cut sine 0.0037", cut_sine, 0.0037},
    {"cut sine 0.231", cut_sine, 0.231},
    {"cut sine 0.46", cut_sine, 0.46},
    {"cut sine 0.48", cut_sine, 0.48},
    {"cut sine 0.495", cut_sine, 0.495},
    {"cut sine 0.5", cut_sine, 0.5},
    {"kicks 3", kicks, 3},
    {"kicks 60", kicks, 60},
    {0},
};
