/* SPDX-License-Identifier: MIT
 * See multiband_fixture.h. */
#include "multiband_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "fir_design.h"

static const double PI = 3.14159265358979324;
static const double crossovers[] = {110, 400, 1500, 5000, 12000};

struct multiband_params *multiband_idle(int n_bands) {
  struct multiband_params *p = oracle_params(&stage_multiband);
  p->n_bands = n_bands;
  p->n_crossovers = n_bands - 1;
  for (int i = 0; i < n_bands - 1; i++)
    p->crossover_hz[i] = n_bands == 2 ? 1000 : crossovers[i];
  for (int i = 0; i < n_bands; i++)
    p->bands[i] = (struct multiband_band){.ratio = 1, .attack_ms = 20, .release_ms = 150,
                                          MULTIBAND_PLAIN};
  return p;
}

struct multiband_params *multiband_busy(int n_bands) {
  struct multiband_params *p = multiband_idle(n_bands);
  for (int i = 0; i < n_bands; i++)
    p->bands[i] = (struct multiband_band){.threshold_db = -45 + i, .ratio = 2 + i, .knee_db = 6,
                                          .attack_ms = 2 + 5 * i, .release_ms = 30 + 40 * i,
                                          .makeup_db = 3 - i, MULTIBAND_PLAIN};
  return p;
}

struct oracle_audio multiband_music(int32_t n, int rate_hz) {
  struct oracle_audio a = oracle_audio_create(n);
  oracle_stereo(a.in[0], a.in[1], n, 0.5, SEED);
  for (int32_t i = 0; i < n; i++) {
    const float level = (float)(0.55 + 0.45 * sin(2 * PI * 4 * i / rate_hz));
    for (int c = 0; c < 2; c++) a.in[c][i] *= level;
  }
  return a;
}

void multiband_run(const struct multiband_params *p, int rate_hz, int channels,
                struct oracle_audio *a) {
  assert_int_equal(oracle_run_stage(&stage_multiband, p, rate_hz, channels, a->n,
                                    (const float *const *)a->in, a->out, 5), 0);
}

double multiband_time_to_63(const struct oracle_audio *a, int32_t at, int32_t end,
                            int rate_hz) {
  const double from = oracle_db(a->out[0][at - 200] / a->in[0][at - 200]);
  const double to = oracle_db(a->out[0][end - 200] / a->in[0][end - 200]);
  const double goal = from + (1 - exp(-1)) * (to - from);
  for (int32_t i = at; i < end; i++) {
    const double db = oracle_db(a->out[0][i] / a->in[0][i]);
    if (to < from ? db <= goal : db >= goal) return 1000.0 * (i - at) / rate_hz;
  }
  return HUGE_VAL;
}

double multiband_spurs_db(const struct multiband_params *p, double level_db, double swing_db) {
  enum { N = 1 << 17, RATE = 48000 };
  struct oracle_audio a = oracle_audio_create(N);
  for (int32_t i = 0; i < N; i++)
    a.in[0][i] = (float)(oracle_gain(level_db + swing_db * sin(2 * PI * 3 * i / RATE)) *
                         sin(2 * PI * 997 * i / RATE));
  multiband_run(p, RATE, 1, &a);
  double *re = oracle_alloc(N * sizeof *re), *im = oracle_alloc(N * sizeof *im), far = 0, all = 0;
  for (int32_t i = 0; i < N; i++) re[i] = a.out[0][i] * pow(sin(PI * i / N), 8);
  struct fft_plan *plan = fft_plan_create(N);
  fft_forward(plan, re, im);
  for (int k = 0; k < N / 2; k++) {
    const double energy = re[k] * re[k] + im[k] * im[k];
    all += energy;
    if (fabs((double)k * RATE / N - 997) > 3000) far += energy;
  }
  fft_plan_destroy(&plan);
  free(re), free(im);
  oracle_audio_destroy(&a);
  return 10 * log10(far / all);
}
