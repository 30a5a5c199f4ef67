/* SPDX-License-Identifier: MIT
 * See linear_fixture.h. */
#include "linear_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "linear_response.h"

static const double PI = 3.14159265358979324;

/* ---- analog prototypes ---- */

static double complex butterworth(double complex s, int order, bool high_pass) {
  double complex h = 1;
  for (int k = 1; k <= order; k++) {
    const double complex pole = cexp(I * (PI / 2) * (2.0 * k + order - 1) / order);
    h *= (high_pass ? s : 1) / (s - pole);
  }
  return h;
}

/* The slope of the cubic at a point: none at the ends and at extremes, else the harmonic
 * mean of the secants, weighted 1 + the other side's share of both widths. */
static double curve_slope(const struct pchip_point *p, int n, int k) {
  if (k == 0 || k == n - 1) return 0;
  const double l = log2(p[k].freq_hz / p[k - 1].freq_hz);
  const double r = log2(p[k + 1].freq_hz / p[k].freq_hz);
  const double before = (p[k].value - p[k - 1].value) / l;
  const double after = (p[k + 1].value - p[k].value) / r;
  if (before * after <= 0) return 0;
  const double share = (l + 2 * r) / (3 * (l + r));
  return before * after / (share * after + (1 - share) * before);
}

/* Gain in dB of the Hermite cubic in powers of the distance to the point below. */
static double curve_db(const struct eq_band *band, double freq_hz) {
  const struct pchip_point *p = band->points;
  const int n = band->n_points;
  int k = 0;
  if (freq_hz <= p[0].freq_hz) return p[0].value;
  while (k < n - 1 && freq_hz > p[k + 1].freq_hz) k++;
  if (k == n - 1) return p[k].value;
  const double w = log2(p[k + 1].freq_hz / p[k].freq_hz), x = log2(freq_hz / p[k].freq_hz);
  const double d0 = curve_slope(p, n, k), d1 = curve_slope(p, n, k + 1);
  const double secant = (p[k + 1].value - p[k].value) / w;
  const double c2 = (3 * secant - 2 * d0 - d1) / w, c3 = (d0 + d1 - 2 * secant) / (w * w);
  return p[k].value + x * (d0 + x * (c2 + x * c3));
}

double eq_prototype(const struct eq_band *band, double freq_hz) {
  const double complex s = I * freq_hz / band->freq_hz;
  const double a = pow(10, band->gain_db / 40), q = band->q, root = sqrt(a);
  switch ((enum eq_type)band->type) {
  case EQ_HIGHPASS: return cabs(butterworth(s, band->slope_db_oct / 6, true));
  case EQ_LOWPASS: return cabs(butterworth(s, band->slope_db_oct / 6, false));
  case EQ_LOW_SHELF:
    return cabs(a * (s * s + root / q * s + a) / (a * s * s + root / q * s + 1));
  case EQ_HIGH_SHELF:
    return cabs(a * (a * s * s + root / q * s + 1) / (s * s + root / q * s + a));
  case EQ_BELL: return cabs((s * s + s * (a / q) + 1) / (s * s + s / (a * q) + 1));
  case EQ_NOTCH: return fmax(cabs((s * s + 1) / (s * s + s / q + 1)), 1e-4);
  case EQ_TILT: return cabs((1 + a * s) / (a + s));
  case EQ_BANDPASS: return cabs(s / q / (s * s + s / q + 1));
  case EQ_CURVE: return pow(10, curve_db(band, freq_hz) / 20);
  }
  return NAN;
}

/* ---- measuring ---- */

int linear_measure(struct linear_responses *r, const struct stage *stage, const void *params,
                   int rate_hz, int channels) {
  struct oracle_stage s;
  if (oracle_design(&s, stage, params, rate_hz, channels, NULL)) return -1;
  const int32_t taps = ((const struct linear_design *)s.design.data)->partitions * 2048;
  *r = (struct linear_responses){.channels = channels, .rate_hz = rate_hz, .n = taps + 3000,
                                 .taps = taps, .pre_ring_ms = s.design.pre_ring_ms};
  r->causal = ((const struct linear_design *)s.design.data)->centre_blocks == 0;
  r->at = r->causal ? 1234 : taps / 2 + 1234;
  float *in[2];
  for (int c = 0; c < channels; c++) in[c] = oracle_alloc((size_t)r->n * sizeof(float));
  for (int c = 0; c < channels; c++) {
    for (int o = 0; o < channels; o++) r->data[c][o] = oracle_alloc((size_t)r->n * sizeof(float));
    in[c][r->at] = 1;
    oracle_render(&s, r->n, (const float *const *)in, r->data[c], 8);
    in[c][r->at] = 0;
  }
  for (int c = 0; c < channels; c++) free(in[c]);
  oracle_close(&s);
  return 0;
}

void linear_release(struct linear_responses *r) {
  for (int i = 0; i < 4; i++) free(r->data[i / 2][i % 2]);
}

double linear_frequency(int i, int rate_hz) {
  const double f = 20 * pow(1000, (double)i / (LINEAR_FREQUENCIES - 1));
  return fmin(f, 0.4999 * rate_hz);
}

double complex linear_gain_at(const struct linear_responses *r, int in, int out,
                              double freq_hz) {
  return oracle_dft(r->data[in][out], r->n, freq_hz / r->rate_hz, r->at);
}

/* Gain of left, right, mid or side to itself, and what leaks into its partner. */
double complex linear_component(const struct linear_responses *r, int target, double f,
                                     double complex *leak) {
  if (target == EQ_LEFT || target == EQ_RIGHT) {
    const int c = target == EQ_RIGHT;
    *leak = linear_gain_at(r, c, 1 - c, f);
    return linear_gain_at(r, c, c, f);
  }
  const double sign = target == EQ_MID ? 1 : -1;
  const double complex left = linear_gain_at(r, 0, 0, f) + sign * linear_gain_at(r, 1, 0, f);
  const double complex right =
      sign * (linear_gain_at(r, 0, 1, f) + sign * linear_gain_at(r, 1, 1, f));
  *leak = (left - right) / 2;
  return (left + right) / 2;
}

static struct linear_taps taps_of(const struct stage_use *uses, int n,
                                  const struct stage_format *format) {
  struct linear_part parts[LINEAR_MAX_PARTS] = {0};
  struct linear_taps taps;
  const char *why;
  for (int i = 0; i < n; i++)
    oracle_require(!uses[i].stage->linear_part(uses[i].params, format, &parts[i], &why), "a part");
  const struct linear_section section = linear_section_of(parts, n, format);
  oracle_require(!linear_taps_make(&section, 0, &taps), "taps");
  for (int i = 0; i < n; i++) free(parts[i].memory);
  return taps;
}

static double wanted_sample(const struct linear_taps *t, const struct oracle_audio *a, int o,
                            int32_t at) {
  double sum = 0;
  for (int i = 0; i < 2; i++)
    if (t->taps[2 * o + i])
      sum += oracle_convolve(t->taps[2 * o + i], t->n, t->centre, a->in[i], a->n, at);
  return sum;
}

double linear_null_db(const struct stage_use *uses, int n, int rate_hz) {
  enum { FRAMES = 60000, CHECKED = 500 };
  const struct stage_format format = {rate_hz, 2, NULL, NULL};
  struct linear_taps taps = taps_of(uses, n, &format);
  struct oracle_audio a = oracle_audio_create(FRAMES);
  struct oracle_stage s = {.stage = uses[0].stage, .rate_hz = rate_hz, .channels = 2};
  const char *why;
  double error = 0, power = 0;
  oracle_stereo(a.in[0], a.in[1], FRAMES, 0.5, 7);
  oracle_require(!linear_design_joint(uses, n, &format, &s.design, &why), "a design");
  oracle_render(&s, FRAMES, (const float *const *)a.in, a.out, 8);
  for (int o = 0; o < 2; o++) {
    power += oracle_energy(a.in[o], FRAMES) / FRAMES;
    for (int i = 0; i < CHECKED; i++) {
      const int32_t at = (int32_t)((int64_t)i * FRAMES / CHECKED);
      error += pow(a.out[o][at] - wanted_sample(&taps, &a, o, at), 2) / CHECKED;
    }
  }
  oracle_close(&s);
  oracle_audio_destroy(&a);
  linear_taps_free(&taps);
  return 10 * log10(error / power);
}
