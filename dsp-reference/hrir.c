/* SPDX-License-Identifier: MIT
 * See hrir.h: choice of the measurements, and the filters. */
#include "hrir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "fir_design.h"

void hrir_free(struct hrir_set *set) {
  free(set->direction);
  free(set->delay);
  free(set->taps);
  *set = (struct hrir_set){0};
}

/* ---- directions ---- */

double hrir_distance(const struct hrir_set *set, int direction, const struct speaker *s) {
  const double turn = s->azimuth_deg / 180.0, rise = s->elevation_deg / 180.0;
  const double to[3] = {det_cospi(rise) * det_cospi(turn), det_cospi(rise) * det_sinpi(turn),
                        det_sinpi(rise)};
  double sum = 0;
  for (int i = 0; i < 3; i++) {
    const double d = to[i] - set->direction[direction][i];
    sum += d * d;
  }
  return sum;
}

/* Neither rounding nor the order in the file tells left from right. */
int hrir_nearest(const struct hrir_set *set, const struct speaker *s) {
  const double same = 1e-5;
  int best = 0;
  double least = hrir_distance(set, 0, s);
  for (int i = 1; i < set->n_directions; i++) {
    const double d = hrir_distance(set, i, s);
    const double lower = set->direction[best][2] - set->direction[i][2];
    const double ahead = set->direction[i][0] - set->direction[best][0];
    if (d > least + same) continue;
    if (d > least - same && (lower < -same || (lower < same && ahead < same))) continue;
    least = d;
    best = i;
  }
  return best;
}

static const float *taps_of(const struct hrir_set *set, int direction, int ear) {
  return set->taps + ((size_t)direction * 2 + (size_t)ear) * (size_t)set->n_taps;
}

/* ---- filters ---- */

/* What all filters of a design share. */
struct work {
  const struct hrir_set *set;
  const struct layout *layout;
  int rate_hz, n_taps;
  int set_points, points; /* of the transforms at the set's rate and at rate_hz */
  struct fft_plan *set_plan, *plan;
  double *room, *re, *im, *re2, *im2; /* the greater number of points each */
  double *power;                      /* [channel][ear][set_points / 2 + 1] */
  double arrival[MAX_CHANNELS][2];    /* frames of the set */
  double first, mean;                 /* of the arrivals */
  struct hrir_equaliser equaliser;
};

static bool is_lfe(const struct work *w, int channel) {
  return w->layout->speaker[channel]->group == GROUP_LFE;
}

static double *power_of(const struct work *w, int channel, int ear) {
  return w->power + (size_t)(2 * channel + ear) * ((size_t)w->set_points / 2 + 1);
}

/* ln of magnitudes (bins 0 .. n / 2) to the response of minimum phase, by the folded cepstrum:
 * Oppenheim, Schafer, "Discrete-Time Signal Processing". */
static void minimum_phase(const struct fft_plan *plan, int n, double *re, double *im) {
  const int half = n / 2;
  for (int k = 1; k < half; k++) re[n - k] = re[k];
  memset(im, 0, (size_t)n * sizeof *im);
  fft_forward(plan, re, im);
  for (int k = 0; k < n; k++) {
    re[k] *= k == 0 || k == half ? 1.0 / n : k < half ? 2.0 / n : 0;
    im[k] = 0;
  }
  fft_forward(plan, re, im);
  for (int k = 0; k < n; k++) {
    const double gain = det_exp(re[k]), turn = im[k];
    re[k] = gain * det_cos(turn);
    im[k] = gain * det_sin(turn);
  }
}

/* Where a parabola through the largest value and its neighbours has its top. */
static double top_of(const double *x, int n) {
  int at = 0;
  for (int i = 1; i < n; i++)
    if (x[i] > x[at]) at = i;
  if (at == 0 || at == n - 1) return at;
  const double bend = x[at - 1] - 2 * x[at] + x[at + 1];
  return bend < 0 ? at + (x[at - 1] - x[at + 1]) / (2 * bend) : at;
}

/* Power of a response, and by how much it comes later than the same of minimum phase: Nam,
 * Abel, Smith, "A method for estimating interaural time difference for binaural synthesis",
 * 125th AES Convention, 2008. */
static void measure(struct work *w, int channel, int ear, int direction) {
  const int n = w->set_points;
  const float *h = taps_of(w->set, direction, ear);
  double *power = power_of(w, channel, ear), most = 0;
  memset(w->re, 0, (size_t)n * sizeof *w->re);
  memset(w->im, 0, (size_t)n * sizeof *w->im);
  for (int i = 0; i < w->set->n_taps; i++) w->re[i] = h[i];
  fft_forward(w->set_plan, w->re, w->im);
  for (int k = 0; k <= n / 2; k++) {
    power[k] = w->re[k] * w->re[k] + w->im[k] * w->im[k];
    if (power[k] > most) most = power[k];
  }
  const double least = most * 1e-12 + 1e-60;
  for (int k = 0; k <= n / 2; k++) {
    if (power[k] < least) power[k] = least;
    w->re2[k] = det_log(power[k]) / 2;
  }
  minimum_phase(w->set_plan, n, w->re2, w->im2);
  for (int k = 0; k < n; k++) { /* correlation */
    const double re = w->re[k], im = w->im[k];
    w->re[k] = re * w->re2[k] + im * w->im2[k];
    w->im[k] = im * w->re2[k] - re * w->im2[k];
  }
  fft_forward(w->set_plan, w->im, w->re); /* of the swapped parts: the way back */
  w->arrival[channel][ear] = top_of(w->re, w->set->n_taps) + w->set->delay[direction][ear];
}

static int measure_all(struct work *w, const char **why) {
  int n = 0;
  double last = 0;
  w->first = HUGE_VAL;
  *why = "the nearest measurement lies more than 20 degrees from a loudspeaker of this layout";
  for (int c = 0; c < w->layout->channels; c++) {
    if (is_lfe(w, c)) continue;
    const int d = hrir_nearest(w->set, w->layout->speaker[c]);
    if (hrir_distance(w->set, d, w->layout->speaker[c]) > HRIR_FARTHEST) return -1;
    for (int ear = 0; ear < 2; ear++, n++) {
      measure(w, c, ear, d);
      const double at = w->arrival[c][ear];
      w->mean += at;
      if (at < w->first) w->first = at;
      if (at > last) last = at;
    }
  }
  w->mean /= n;
  *why = "the impulse responses of different directions begin more than 10 ms apart";
  return (last - w->first) * w->rate_hz <= w->n_taps / 4.0 * w->set->rate_hz ? 0 : -1;
}

int hrir_lead(int rate_hz) { return rate_hz / 3000; }

/* 0 below `from`, 1 above `to`, a raised cosine between. */
static double step(double x, double from, double to) {
  if (x <= from) return 0;
  if (x >= to) return 1;
  const double s = det_sinpi((x - from) / (2 * (to - from)));
  return s * s;
}

/* ln of the magnitude wanted. Below 100 Hz it is that of no head, which is where it ends: sets
 * are wrong there, for their loudspeakers play nothing so low and their windows are short.
 * Towards the lower of the two Nyquist frequencies it falls to -60 dB. */
static double log_magnitude(const struct work *w, const double *power, double freq_hz) {
  const double most_hz = 0.5 * (w->set->rate_hz < w->rate_hz ? w->set->rate_hz : w->rate_hz);
  const double f = freq_hz < most_hz ? freq_hz : most_hz;
  const double bin = f * w->set_points / w->set->rate_hz;
  const int k = (int)bin < w->set_points / 2 ? (int)bin : w->set_points / 2 - 1;
  const double p = power[k] + (bin - k) * (power[k + 1] - power[k]);
  const double measured = det_log(p) / 2 + det_log(hrir_equaliser_gain(&w->equaliser, f));
  const double fade = step(freq_hz, 0.91 * most_hz, most_hz);
  return step(freq_hz, 100, 250) * measured - fade * (measured + 6.907755278982137);
}

/* Delays the response by a number of frames and goes back to time, in re. */
static void to_time(const struct work *w, double delay) {
  const int n = w->points;
  for (int k = 0; k < n; k++) {
    const int bin = k <= n / 2 ? k : k - n;
    const double turn = -2.0 * bin * delay / n;
    const double c = det_cospi(turn), s = k == n / 2 ? 0 : det_sinpi(turn);
    const double re = w->re[k], im = w->im[k];
    w->re[k] = (re * c - im * s) / n;
    w->im[k] = (re * s + im * c) / n;
  }
  fft_forward(w->plan, w->im, w->re);
}

/* Cuts a response to its length, fading; -1: too much of it lies beyond. The end of the circle
 * is what the delay's sinc has before 0. */
static int cut(const struct work *w, const double *from, double *to) {
  const int flat = w->n_taps / 8 * 7, fade = w->n_taps - flat, begin = hrir_lead(w->rate_hz) / 2;
  const double most_lost = 1e-6;
  double all = 0, lost = 0;
  for (int i = 0; i < w->points; i++) {
    all += from[i] * from[i];
    if (i >= flat && i < w->points / 2) lost += from[i] * from[i];
  }
  for (int i = 0; i < w->n_taps; i++)
    to[i] = from[i] * step(i + 0.5, 0, begin) * (1 - step(i + 0.5, flat, flat + fade));
  return lost <= most_lost * all ? 0 : -1;
}

static double in_frames(const struct work *w, double arrival) {
  return hrir_lead(w->rate_hz) + (arrival - w->first) * w->rate_hz / w->set->rate_hz;
}

static int make_filter(const struct work *w, int channel, int ear, double *to) {
  if (is_lfe(w, channel)) {
    to[(int)floor(in_frames(w, w->mean) + 0.5)] = det_db_to_gain(HRIR_LFE_DB);
    return 0;
  }
  for (int k = 0; k <= w->points / 2; k++)
    w->re[k] = log_magnitude(w, power_of(w, channel, ear), (double)k / w->points * w->rate_hz);
  minimum_phase(w->plan, w->points, w->re, w->im);
  to_time(w, in_frames(w, w->arrival[channel][ear]));
  return cut(w, w->re, to);
}

static int make_filters(struct work *w, double *taps, const char **why) {
  const int channels = w->layout->channels;
  if (measure_all(w, why)) return -1;
  *why = "out of memory";
  if (hrir_equaliser_make(w->set, &w->equaliser)) return -1;
  *why = "the impulse responses ring on for more than 35 ms after the first sound";
  int result = 0;
  for (int i = 0; i < 2 * channels && !result; i++)
    result = make_filter(w, i % channels, i / channels, taps + (size_t)i * (size_t)w->n_taps);
  hrir_equaliser_free(&w->equaliser);
  return result;
}

int hrir_filters(const struct hrir_set *set, const struct layout *layout, int rate_hz, int n_taps,
                 double *taps, const char **why) {
  struct work w = {.set = set, .layout = layout, .rate_hz = rate_hz, .n_taps = n_taps,
                   .set_points = 8192, .points = 8 * n_taps};
  while (w.set_points < 2 * set->n_taps) w.set_points *= 2;
  const size_t room = (size_t)(w.set_points > w.points ? w.set_points : w.points);
  const size_t powers = 2 * (size_t)layout->channels * ((size_t)w.set_points / 2 + 1);
  memset(taps, 0, 2 * (size_t)layout->channels * (size_t)n_taps * sizeof *taps);
  w.set_plan = fft_plan_create(w.set_points);
  w.plan = fft_plan_create(w.points);
  w.room = calloc(4 * room + powers, sizeof *w.room);
  int result = -1;
  *why = "out of memory";
  if (w.room && w.plan && w.set_plan) {
    w.re = w.room, w.im = w.re + room, w.re2 = w.im + room, w.im2 = w.re2 + room;
    w.power = w.im2 + room;
    result = make_filters(&w, taps, why);
  }
  fft_plan_destroy(&w.plan);
  fft_plan_destroy(&w.set_plan);
  free(w.room);
  return result;
}
