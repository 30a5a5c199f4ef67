/* SPDX-License-Identifier: MIT
 * See harmonics.h. */
#include "harmonics.h"

#include <math.h>
#include <stdlib.h>

#include "engine_cpu.h"
#include "fir_design.h"

static const double TWO_PI = 6.283185307179586477;
enum { SETTLED = 10240 }; /* frames around the analysed ones: a low cut of 0.2 s settles */

int harmonics_cycles(double freq_hz, int rate_hz) {
  return 2 * (int)(freq_hz / rate_hz * HARMONICS_FRAMES / 2) + 1;
}

static void run(const struct stage *stage, const void *params, const int32_t args[5], int rate_hz,
                const struct oracle_audio *a) {
  struct oracle_stage s;
  oracle_require(!oracle_design(&s, stage, params, rate_hz, 1, NULL), "no design");
  oracle_open(&s, a->n, 5);
  engine_cpu.set_args(s.session, 0, 0, args);
  oracle_write(&s, (const float *const *)a->in);
  oracle_passes(&s, 0, oracle_pass_count(stage));
  oracle_read(&s, a->out);
  oracle_close(&s);
}

struct harmonics harmonics_of(const struct stage *stage, const void *params,
                              const int32_t args[5], int rate_hz, int cycles, double amplitude) {
  enum { N = HARMONICS_FRAMES };
  struct oracle_audio a = oracle_audio_create(N + 2 * SETTLED);
  struct harmonics out = {{0}, 0};
  double *re = oracle_alloc(N * sizeof *re), *im = oracle_alloc(N * sizeof *im), worst = 0;
  for (int i = 0; i < a.n; i++) {
    const int phase = (int)(((int64_t)i * cycles) % N);
    a.in[0][i] = (float)(amplitude * sin(TWO_PI * phase / N));
  }
  run(stage, params, args, rate_hz, &a);
  for (int i = 0; i < N; i++) re[i] = a.out[0][SETTLED + i];
  struct fft_plan *plan = fft_plan_create(N);
  fft_forward(plan, re, im);
  fft_plan_destroy(&plan);
  for (int k = 0; k <= N / 2; k++) {
    const double magnitude = hypot(re[k], im[k]) * (k ? 2.0 : 1.0) / N;
    const double freq_hz = (double)k * rate_hz / N;
    if (k % cycles == 0) {
      if (k / cycles <= HARMONICS_MOST) out.amplitude[k / cycles] = magnitude;
    } else if (freq_hz >= 20 && freq_hz < 20000 && magnitude > worst) {
      worst = magnitude;
    }
  }
  out.alias_db = oracle_db(worst / out.amplitude[1]);
  free(re), free(im);
  oracle_audio_destroy(&a);
  return out;
}

double harmonics_expected(double (*f)(const void *context, double u), const void *context,
                          double amplitude, int h) {
  enum { POINTS = 1 << 14 };
  double sum = 0;
  for (int i = 0; i < POINTS; i++) {
    const double t = TWO_PI * i / POINTS, w = TWO_PI * (((int64_t)i * h) % POINTS) / POINTS;
    sum += f(context, amplitude * sin(t)) * (h % 2 ? sin(w) : cos(w));
  }
  return fabs(sum) * (h ? 2.0 : 1.0) / POINTS;
}
