/* SPDX-License-Identifier: MIT
 * What finished files are, by meters that are not lacquer's: loudness by libebur128, true peak at
 * 64 points per frame (tests/true_peak_meter.h). A line of JSON for every file. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "decode.h"
#include "loudness_check.h"
#include "true_peak_meter.h"

static double in_db(double x) { return x > 0 ? 20 * log10(x) : -200; }

static enum status measure(const char *path) {
  struct failure why = {0};
  struct audio audio = {0};
  struct loudness_figures figures = {0};
  double peak = 0;
  enum status status = decode_file(path, &audio, &why);
  if (!status) {
    const struct pcm_shape shape = {audio.rate_hz, audio.channels, audio.n_frames, audio.layout};
    status = loudness_measure_planar(&shape, (const float *const *)audio.pcm, &figures, NULL, &why);
  }
  for (int c = 0; c < audio.channels && !status; c++)
    peak = fmax(peak, true_peak_of(audio.pcm[c], audio.n_frames, 1, 1).peak);
  if (status) {
    fprintf(stderr, "file_meter: %s\n", why.text);
  } else {
    json_t *line = json_pack("{s:s, s:i, s:i, s:f, s:f, s:s}", "path", path, "rate_hz",
                             audio.rate_hz, "n_frames", audio.n_frames, "lufs",
                             fmax(figures.integrated_lufs, -200), "true_peak_dbtp", in_db(peak),
                             "sha256", audio.sha256);
    json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(7));
    putchar('\n');
    json_decref(line);
  }
  audio_free(&audio);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: file_meter FILE...\n");
    return 64;
  }
  for (int i = 1; i < argc; i++)
    if (measure(argv[i])) return 65;
  return 0;
}
