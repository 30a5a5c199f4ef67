/* SPDX-License-Identifier: MIT
 * The ceiling behind a hard-driven clipper, by interpolation of the whole file: cymbals 20 dB
 * into it, with energy up to half the rate, where no detector of finite length is exact. */
#include "cli_fixture.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
#include "fir_design.h"

#define SAMPLE "/usr/share/sonic-pi/samples/drum_cymbal_soft.flac"
enum { EDGE = 4096, TIMES = 32 };

/* True peak in dBTP: the file between silences as one period, interpolated in the spectrum. */
static double exact_peak_db(const float *x, int32_t n) {
  int points = 1;
  while (points < n + 2 * EDGE) points *= 2;
  const int fine = TIMES * points;
  double *re = calloc((size_t)fine, sizeof *re), *im = calloc((size_t)fine, sizeof *im);
  struct fft_plan *coarse_plan = fft_plan_create(points), *fine_plan = fft_plan_create(fine);
  double peak = 0;
  assert_true(re && im && coarse_plan && fine_plan);
  for (int32_t i = 0; i < n; i++) re[EDGE + i] = x[i];
  fft_forward(coarse_plan, re, im);
  re[points / 2] = im[points / 2] = 0; /* half the rate itself has no sign */
  for (int k = points / 2 + 1; k < points; k++) {
    re[fine - points + k] = re[k], im[fine - points + k] = im[k];
    re[k] = im[k] = 0;
  }
  fft_forward(fine_plan, im, re); /* parts swapped: the inverse */
  for (int i = 0; i < fine; i++) peak = fmax(peak, fabs(re[i]));
  fft_plan_destroy(&coarse_plan);
  fft_plan_destroy(&fine_plan);
  free(re);
  free(im);
  return 20 * log10(peak / points);
}

static void styles_that_clip(void **state) {
  (void)state;
  static const char *const styles[] = {"balanced", "punchy", "loud"};
  char out[4096], path[8192];
  if (access(SAMPLE, R_OK)) {
    print_message("SKIP: no " SAMPLE " (package sonic-pi-samples)\n");
    skip();
  }
  char *folder = fixture_folder();
  cli_text(folder, "m.yaml", "lacquer: 1\noutput: '{variant}.{ext}'\nvariants:\n"
           "  balanced: {style: balanced, loudness: -6, true_peak: -1}\n"
           "  punchy: {style: punchy, loudness: -6, true_peak: -1}\n"
           "  loud: {style: loud, loudness: -6, true_peak: -1}\n"
           "tracks: [{source: " SAMPLE "}]\n");
  snprintf(out, sizeof out, "%s/out", folder);
  expect_status(run_program("render", fixture_path(folder, "m.yaml"), "-o", out, "-d", "cpu"), 0);
  for (int i = 0; i < 3; i++) {
    struct audio audio;
    struct failure why = {0};
    snprintf(path, sizeof path, "%s/%s.wav", out, styles[i]);
    if (decode_file(path, &audio, &why)) fail_msg("%s", why.text);
    const double db = exact_peak_db(audio.pcm[0], audio.n_frames);
    print_message("%s: %.4f dBTP\n", styles[i], db);
    assert_true(db <= -1);
    audio_free(&audio);
  }
  fixture_folder_remove(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(styles_that_clip)};
  return cmocka_run_group_tests_name("loud ceiling", tests, NULL, NULL);
}
