/* SPDX-License-Identifier: MIT
 * See bands.h. */
#include "bands.h"

#include <math.h>
#include <stdlib.h>

#include "detmath.h"
#include "fir_design.h"
#include "ltas.h"

double band_centre_hz(int band) { return ldexp(31.25, band); }

static int block_frames(int rate_hz) {
  return rate_hz >= 176400 ? 32768 : rate_hz >= 88200 ? 16384 : 8192;
}

struct transform {
  struct fft_plan *plan;
  double *window, *re, *im;
};

/* Adds |X|^2 of two channels, a and the one after it, of the block at `first`, which may reach
 * over both ends: one complex DFT of a + j b holds both, |A|^2 + |B|^2 in the sum of a bin and
 * its mirror. */
static void add_block(const struct audio *audio, int channel, int64_t first,
                      const struct transform *t, struct ltas *out) {
  const float *a = audio->pcm[channel];
  const float *b = channel + 1 < audio->channels ? audio->pcm[channel + 1] : NULL;
  const int n = out->block_frames;
  for (int i = 0; i < n; i++) {
    const int64_t at = first + i;
    const bool inside = at >= 0 && at < audio->n_frames;
    t->re[i] = inside ? t->window[i] * (double)a[at] : 0;
    t->im[i] = inside && b ? t->window[i] * (double)b[at] : 0;
  }
  fft_forward(t->plan, t->re, t->im);
  for (int k = 0; k <= n / 2; k++) {
    const int m = (n - k) % n;
    out->mid[k] += t->re[k] * t->re[k] + t->im[k] * t->im[k];
    if (m != k) out->mid[k] += t->re[m] * t->re[m] + t->im[m] * t->im[m];
  }
}

enum status bands_measure(const struct audio *audio, double level_db[BANDS],
                          struct failure *why) {
  const int n = block_frames(audio->rate_hz);
  struct transform t = {fft_plan_create(n), malloc((size_t)n * sizeof(double)),
                        malloc((size_t)n * sizeof(double)), malloc((size_t)n * sizeof(double))};
  struct ltas power = {.rate_hz = audio->rate_hz, .block_frames = n,
                       .mid = calloc((size_t)n / 2 + 1, sizeof(double))};
  const bool ready = t.plan && t.window && t.re && t.im && power.mid;
  for (int i = 0; ready && i < n; i++) t.window[i] = 0.5 - 0.5 * det_cospi(2.0 * i / n);
  for (int64_t at = -n / 2; ready && at < audio->n_frames; at += n / 2)
    for (int c = 0; c < audio->channels; c += 2) add_block(audio, c, at, &t, &power);
  /* The windows' squares sum to 3/4 on average at every frame. */
  const double scale = 1 / (0.75 * n * (double)audio->n_frames);
  for (int b = 0; ready && b < BANDS; b++) {
    const double low_hz = band_centre_hz(b) * sqrt(0.5);
    const double energy = scale * ltas_band(&power, power.mid, low_hz, 2 * low_hz);
    level_db[b] = energy > 0 ? 10 * log10(energy) : -HUGE_VAL;
  }
  fft_plan_destroy(&t.plan);
  free(t.window);
  free(t.re);
  free(t.im);
  ltas_free(&power);
  return ready ? STATUS_OK : fail(why, STATUS_AGAIN, "out of memory");
}
