/* SPDX-License-Identifier: MIT
 * Sample-rate conversion against analytic sines, an independent windowed sinc in double
 * precision, and its own design's response: every pair of rates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_cpu.h"
#include "oracle.h"
#include "resample.h"
/* Last: its fail() is a macro. */
#include <cmocka.h>

enum { RATES = 6 };
static const int rates[RATES] = {44100, 48000, 88200, 96000, 176400, 192000};
static const double PI = 3.14159265358979323846;

/* One conversion, one channel: design, session, all blocks. */
struct conversion {
  int from_hz, to_hz;
  struct stage_design design;
  const struct resample_design *d;
};

static struct conversion conversion_of(int from_hz, int to_hz) {
  struct conversion c = {.from_hz = from_hz, .to_hz = to_hz};
  const struct resample_params params = {to_hz};
  const struct stage_format format = {from_hz, 1, NULL, NULL};
  const char *why;
  assert_int_equal(stage_resample.design(&params, &format, &c.design, &why), 0);
  c.d = c.design.data;
  return c;
}

/* Output of n_in frames; *n_out frames, the caller frees. `parts`: block by block, backwards. */
static float *convert(const struct conversion *c, const float *in, int32_t n_in, int32_t *n_out,
                      bool parts) {
  const int32_t n = (int32_t)resample_frames(n_in, c->from_hz, c->to_hz);
  const int32_t blocks = (n + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  const struct slot_plan slot = {&stage_resample, BUFFER_A, BUFFER_B, -1};
  const struct lane_plan lane = {
      .n_frames = n, .design = {&c->design}, .n_source_frames = n_in};
  const struct session_plan plan = {c->to_hz, 1, 1, 1, 1, &slot, &lane, NULL, 0};
  float *out = oracle_alloc((size_t)n * sizeof *out);
  struct session *s;
  assert_int_equal(engine_cpu.open(NULL, &plan, &s), ENGINE_OK);
  engine_cpu.write(s, 0, BUFFER_A, 0, 0, n_in, in);
  engine_cpu.set_args(s, 0, 0, (const int32_t[5]){n_in});
  if (!parts) engine_cpu.run(s, 0, 0, 0, blocks, NULL);
  for (int32_t b = blocks - 1; parts && b >= 0; b--) engine_cpu.run(s, 0, 0, b, 1, NULL);
  engine_cpu.read(s, 0, BUFFER_B, 0, 0, n, out);
  engine_cpu.close(s);
  *n_out = n;
  return out;
}

typedef void for_pair(const struct conversion *c);
static void for_all_pairs(for_pair *f) {
  for (int i = 0; i < RATES; i++)
    for (int k = 0; k < RATES; k++) {
      if (i == k) continue;
      struct conversion c = conversion_of(rates[i], rates[k]);
      f(&c);
      stage_design_free(&c.design);
    }
}

static int lower(const struct conversion *c) {
  return c->from_hz < c->to_hz ? c->from_hz : c->to_hz;
}
/* Edge of the pass band. */
static double pass_hz(const struct conversion *c) {
  const int low = lower(c);
  return low % 44100 ? low / 48000 * 22000.0 : low / 44100 * 20500.0;
}

/* ---- the filter ---- */

/* A tap as it counts. */
static double tap_of(const struct resample_design *d, int phase, int t) {
  const float *h = d->tap + (size_t)phase * (size_t)(d->taps + RESAMPLE_CENTRE);
  const int low = t - (d->taps - RESAMPLE_CENTRE) / 2;
  return h[t] + (low >= 0 && low < RESAMPLE_CENTRE ? (double)h[d->taps + low] : 0);
}

/* Gain of the rounded taps at a frequency, over all phases; 1 at 0 Hz. The filter is
 * symmetric. */
static double response(const struct conversion *c, double freq_hz) {
  const struct resample_design *d = c->d;
  const double step = 2 * PI * freq_hz / c->from_hz;
  double sum = 0;
  for (int m = 0; m < d->up; m++) {
    const double first = 1 - d->taps / 2 - (double)((int64_t)m * d->down % d->up) / d->up;
    const double complex turn = cexp(I * step);
    double complex w = cexp(I * step * first);
    for (int t = 0; t < d->taps; t++, w *= turn)
      sum += tap_of(d, m, t) * creal(w);
  }
  return sum / d->up;
}

static void filter_of_pair(const struct conversion *c) {
  enum { POINTS = 24 };
  double ripple_db = 0, stop = 0;
  for (int i = 0; i <= POINTS; i++) {
    const double error = fabs(oracle_db(response(c, pass_hz(c) * i / POINTS)));
    if (error > ripple_db) ripple_db = error;
    /* from the lower Nyquist frequency to where the filter's response repeats */
    const double span = (double)c->from_hz * c->d->up / 2 - lower(c) / 2.0;
    const double f = lower(c) / 2.0 + span * pow((double)i / POINTS, 3);
    if (c->d->up == 1 && i == POINTS && span <= 0) continue;
    const double gain = fabs(response(c, f));
    if (gain > stop) stop = gain;
  }
  print_message("  %6d > %6d Hz: %3d/%3d x %4d taps, ripple %.1e dB to %.1f kHz, stop %.1f dB\n",
                c->from_hz, c->to_hz, c->d->up, c->d->down, c->d->taps, ripple_db,
                pass_hz(c) / 1000, oracle_db(stop));
  assert_true(ripple_db <= 3e-7);
  assert_true(oracle_db(stop) <= -150);
}

static void filters(void **state) {
  (void)state;
  for_all_pairs(filter_of_pair);
}

static void phases_of_pair(const struct conversion *c) {
  for (int m = 0; m < c->d->up; m++) {
    double sum = 0;
    for (int t = 0; t < c->d->taps; t++) {
      const double h = tap_of(c->d, m, t);
      sum += h;
      assert_true(h == 0 || fabs(h) >= 0x1p-50);
    }
    /* Outside the middle taps are below 1/32: each is off by 2^-30 at most, and they fall
     * as 1 / distance. */
    assert_true(fabs(sum - 1) <= 0x1p-27);
  }
}

static void unity_phases(void **state) {
  (void)state;
  for_all_pairs(phases_of_pair);
}

/* ---- sines ---- */

/* Signal to everything else, in dB, of a full-scale sine, away from the ends. */
static double sinad(const struct conversion *c, double freq_hz) {
  enum { N = 16384 };
  const int32_t n_in = (int32_t)((int64_t)N * c->d->down / c->d->up);
  float *in = oracle_alloc((size_t)n_in * sizeof *in);
  double error = 0, power = 0;
  int32_t n;
  oracle_sine(in, n_in, c->from_hz, freq_hz, 1, 0.3);
  float *out = convert(c, in, n_in, &n, false);
  const int32_t margin = (int32_t)((int64_t)c->d->taps * c->d->up / c->d->down) + 1;
  for (int32_t m = margin; m < n - margin; m++) {
    const double want = sin(2 * PI * fmod(freq_hz * m / c->to_hz, 1) + 0.3);
    error += (out[m] - want) * (out[m] - want);
    power += want * want;
  }
  free(out);
  free(in);
  return -oracle_db(sqrt(error / power));
}

/* Rounding the input leaves 153 dB, rounding the result about as much, the products of the
 * middle taps the rest. */
static void sines_of_pair(const struct conversion *c) {
  const double low = sinad(c, 997), high = sinad(c, 19000), edge = sinad(c, pass_hz(c));
  print_message("  %6d > %6d Hz: SINAD %.1f dB at 997 Hz, %.1f at 19 kHz, %.1f at %.1f kHz\n",
                c->from_hz, c->to_hz, low, high, edge, pass_hz(c) / 1000);
  assert_true(low >= 148);
  assert_true(high >= 148);
  assert_true(edge >= 147);
}

static void sines(void **state) {
  (void)state;
  for_all_pairs(sines_of_pair);
}

/* Between the lower Nyquist frequency and the input's nothing comes through. */
static void aliases_of_pair(const struct conversion *c) {
  enum { N = 8192, TONES = 5 };
  if (c->to_hz > c->from_hz) return;
  const int32_t n_in = (int32_t)((int64_t)N * c->d->down / c->d->up);
  float *in = oracle_alloc((size_t)n_in * sizeof *in);
  double worst = 0;
  for (int i = 0; i < TONES; i++) {
    const double f = c->to_hz / 2.0 + (c->from_hz - c->to_hz) / 2.0 * i / TONES;
    int32_t n;
    double power = 0;
    oracle_sine(in, n_in, c->from_hz, f, 1, 1);
    float *out = convert(c, in, n_in, &n, false);
    const int32_t margin = c->d->taps * c->d->up / c->d->down + 1;
    for (int32_t m = margin; m < n - margin; m++)
      power += out[m] * out[m];
    power /= (n - 2 * margin) / 2.0; /* a full-scale sine's is 1/2 */
    if (power > worst) worst = power;
    free(out);
  }
  print_message("  %6d > %6d Hz: largest alias %.1f dB\n", c->from_hz, c->to_hz,
                oracle_db(sqrt(worst)));
  assert_true(oracle_db(sqrt(worst)) <= -147);
  free(in);
}

static void aliases(void **state) {
  (void)state;
  for_all_pairs(aliases_of_pair);
}

/* ---- an independent windowed sinc ---- */

static double bessel_i0(double x) {
  double sum = 1, term = 1;
  for (int k = 1; k < 400 && term > sum * 1e-17; k++) sum += term *= (x / 2 / k) * (x / 2 / k);
  return sum;
}

/* Output instant `at`, in input frames. */
static double windowed_sinc(const struct conversion *c, const float *in, int32_t n, double at,
                            double beta) {
  const double half = c->d->taps / 2.0, cutoff = (pass_hz(c) + lower(c) / 2.0) / c->from_hz;
  const int32_t centre = (int32_t)floor(at);
  double sum = 0, weight = 0;
  for (int32_t k = centre - (int32_t)half + 1; k <= centre + (int32_t)half; k++) {
    const double t = k - at, x = PI * cutoff * t;
    const double h = (t == 0 ? 1 : sin(x) / x) * bessel_i0(beta * sqrt(1 - t * t / half / half));
    weight += h;
    if (k >= 0 && k < n) sum += h * in[k];
  }
  return sum / weight;
}

static void sinc_of_pair(const struct conversion *c) {
  enum { N = 3000 };
  const double width = 2 * PI * (lower(c) / 2.0 - pass_hz(c)) / c->from_hz;
  const double attenuation_db = 8 + 2.285 * width * (c->d->taps - 1);
  float *in = oracle_alloc(N * sizeof *in);
  int32_t n;
  oracle_noise(in, N, 1, (uint64_t)(c->from_hz + 7 * c->to_hz));
  float *out = convert(c, in, N, &n, false);
  double error = 0, power = 0;
  for (int32_t m = 0; m < n; m += 1 + n / 200) {
    const double at = (double)m * c->from_hz / c->to_hz;
    const double want = windowed_sinc(c, in, N, at, 0.1102 * (attenuation_db - 8.7));
    error += (out[m] - want) * (out[m] - want);
    power += want * want;
  }
  /* against the same input: rounded taps, products and sums only */
  assert_true(oracle_db(sqrt(error / power)) <= -144);
  free(out);
  free(in);
}

static void windowed_sincs(void **state) {
  (void)state;
  for_all_pairs(sinc_of_pair);
}

/* ---- time ---- */

/* An impulse stays where it is in time, and the answer is symmetric about it. */
static void impulse_of_pair(const struct conversion *c) {
  const int32_t period_in = c->d->down, period_out = c->d->up;
  const int32_t periods = (2 * c->d->taps + period_in) / period_in + 1;
  const int32_t n_in = 2 * periods * period_in + 1, at = periods * period_out;
  float *in = oracle_alloc((size_t)n_in * sizeof *in);
  int32_t n;
  oracle_impulse(in, n_in, periods * period_in, 0.5);
  float *out = convert(c, in, n_in, &n, false);
  assert_true(at < n);
  for (int32_t k = 0; k < n; k++) assert_true(fabsf(out[k]) <= out[at]);
  for (int32_t k = 1; at + k < n && k <= at; k++)
    assert_true(fabsf(out[at + k] - out[at - k]) <= 0x1p-24f);
  free(out);
  free(in);
}

static void impulses(void **state) {
  (void)state;
  for_all_pairs(impulse_of_pair);
}

static void lengths(void **state) {
  (void)state;
  assert_int_equal(resample_frames(44100, 44100, 48000), 48000);
  assert_int_equal(resample_frames(147, 44100, 48000), 160);
  assert_int_equal(resample_frames(148, 44100, 48000), 162); /* 161.09 */
  assert_int_equal(resample_frames(1, 192000, 44100), 1);
  assert_int_equal(resample_frames(5, 192000, 44100), 2); /* 1.15 */
  assert_int_equal(resample_frames(1, 44100, 192000), 5); /* 4.35 */
  assert_true(resample_frames(INT32_MAX, 44100, 192000) == 9349588668);
  for (int i = 0; i < RATES; i++)
    for (int k = 0; k < RATES; k++)
      for (int64_t n = 1; n < 2000; n += 13) {
        const int64_t there = resample_frames(n, rates[i], rates[k]);
        const int64_t back = resample_frames(there, rates[k], rates[i]);
        /* the last output instant lies inside the source, the next one does not */
        assert_true((there - 1) * rates[i] < n * rates[k] && there * rates[i] >= n * rates[k]);
        assert_true(rates[k] < rates[i] || back == n || back == n + 1);
      }
}

/* Starts and ends so gently that a tone stays one. */
static float envelope(int32_t i, int32_t n) { return (float)pow(sin(PI * i / n), 4); }

/* Up and down again: what was below 20 kHz is there again. */
static void round_trip(void **state) {
  (void)state;
  static const int to[] = {48000, 96000, 192000};
  enum { N = 20000 };
  float *in = oracle_alloc(N * sizeof *in), *tone = oracle_alloc(N * sizeof *tone);
  for (int k = 1; k <= 12; k++) {
    oracle_sine(tone, N, 44100, 20000.0 * k * k / 144, 0.2, k);
    for (int32_t i = 0; i < N; i++) in[i] += tone[i] * envelope(i, N);
  }
  for (size_t i = 0; i < sizeof to / sizeof *to; i++) {
    struct conversion up = conversion_of(44100, to[i]), down = conversion_of(to[i], 44100);
    int32_t there, back;
    float *high = convert(&up, in, N, &there, false);
    float *again = convert(&down, high, there, &back, false);
    const double null = oracle_energy_of_difference(in, again, N) / oracle_energy(in, N);
    print_message("  44100 > %d > 44100 Hz: null %.1f dB\n", to[i], oracle_db(sqrt(null)));
    assert_true(back == N || back == N + 1);
    assert_true(oracle_db(sqrt(null)) <= -142);
    free(high);
    free(again);
    stage_design_free(&up.design);
    stage_design_free(&down.design);
  }
  free(tone);
  free(in);
}

/* ---- exact properties ---- */

static void exact_of_pair(const struct conversion *c) {
  static const int32_t many[] = {1, 2, 147, 2049, 9001};
  for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
    int32_t n;
    float *in = oracle_alloc((size_t)many[i] * sizeof *in);
    float *silence = convert(c, in, many[i], &n, false);
    for (int32_t k = 0; k < n; k++) {
      uint32_t bits;
      memcpy(&bits, &silence[k], sizeof bits);
      assert_int_equal(bits, 0);
    }
    oracle_noise(in, many[i], 1, 5);
    float *whole = convert(c, in, many[i], &n, false), *parts = convert(c, in, many[i], &n, true);
    assert_memory_equal(whole, parts, (size_t)n * sizeof *whole);
    for (int32_t k = 0; k < n; k++) assert_true(isfinite(whole[k]));
    free(parts);
    free(whole);
    free(silence);
    free(in);
  }
}

static void silence_and_parts(void **state) {
  (void)state;
  for_all_pairs(exact_of_pair);
}

static void same_rate_is_transparent(void **state) {
  (void)state;
  enum { N = 5000 };
  float in[N];
  oracle_noise(in, N, 1, 3);
  for (int i = 0; i < RATES; i++) {
    struct conversion c = conversion_of(rates[i], rates[i]);
    int32_t n;
    float *out = convert(&c, in, N, &n, false);
    assert_int_equal(n, N);
    assert_memory_equal(in, out, sizeof in);
    free(out);
    stage_design_free(&c.design);
  }
}

static void settings(void **state) {
  (void)state;
  const char *row = NULL;
  for (int i = 0; i < RATES; i++)
    assert_null(stage_resample.check(&(struct resample_params){rates[i]}, &row));
  assert_null(stage_resample.check(&(struct resample_params){0}, &row));
  assert_non_null(stage_resample.check(&(struct resample_params){64000}, &row));
  assert_string_equal(row, "rate");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(filters),           cmocka_unit_test(unity_phases),
      cmocka_unit_test(sines),             cmocka_unit_test(aliases),
      cmocka_unit_test(windowed_sincs),    cmocka_unit_test(impulses),
      cmocka_unit_test(lengths),           cmocka_unit_test(round_trip),
      cmocka_unit_test(silence_and_parts), cmocka_unit_test(same_rate_is_transparent),
      cmocka_unit_test(settings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
