/* SPDX-License-Identifier: MIT
 * See loudness_fixture.h. */
#include "loudness_fixture.h"

#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loudness_track loudness_track_create(int rate_hz, int channels, double seconds) {
  const int32_t n = (int32_t)(seconds * rate_hz);
  struct loudness_track t = {.rate_hz = rate_hz, .channels = channels, .n = n};
  for (int c = 0; c < channels; c++) t.x[c] = oracle_alloc((size_t)t.n * sizeof(float));
  return t;
}

void loudness_track_destroy(struct loudness_track *t) { free(t->x[0]), free(t->x[1]); }

struct oracle_stage loudness_measure(const struct loudness_track *t, int segment_blocks) {
  struct oracle_stage s;
  void *params = oracle_params(&stage_loudness);
  oracle_require(!oracle_design(&s, &stage_loudness, params, t->rate_hz, t->channels, NULL),
                 "loudness design");
  free(params);
  oracle_open(&s, t->n, segment_blocks);
  oracle_write(&s, (const float *const *)t->x);
  oracle_passes(&s, LOUDNESS_FORWARD, LOUDNESS_HOPS);
  oracle_pass(&s, LOUDNESS_HOPS, 0, loudness_hops(t->n, t->rate_hz));
  return s;
}

float *loudness_read(struct oracle_stage *s, int64_t first, int64_t n) {
  float *data = oracle_alloc((size_t)n * sizeof *data);
  oracle_control(s, first, n, (int32_t *)(void *)data);
  return data;
}

float *loudness_read_hops(struct oracle_stage *s) {
  return loudness_read(s, loudness_hops_offset(&s->design, s->n_blocks, s->channels),
                       loudness_hops(s->n_frames, s->rate_hz));
}

struct loudness_track loudness_tones(int rate_hz, const struct loudness_tone *tones, int n) {
  double seconds = 0;
  for (int i = 0; i < n; i++) seconds += tones[i].seconds;
  struct loudness_track t = loudness_track_create(rate_hz, 2, seconds + 0.5 / rate_hz);
  oracle_sine(t.x[0], t.n, rate_hz, 1000, 1, 0);
  int32_t at = 0;
  for (int i = 0; i < n; i++) {
    const int32_t end = i == n - 1 ? t.n : at + (int32_t)(tones[i].seconds * rate_hz + 0.5);
    for (; at < end; at++) t.x[0][at] *= (float)oracle_gain(tones[i].db);
  }
  memcpy(t.x[1], t.x[0], (size_t)t.n * sizeof(float));
  return t;
}

bool loudness_music(const char *name, struct loudness_track *t) {
  char path[200];
  snprintf(path, sizeof path, "/usr/share/sonic-pi/samples/%s.flac", name);
  SF_INFO info = {0};
  SNDFILE *file = sf_open(path, SFM_READ, &info);
  if (!file) return false;
  const bool fits = info.channels <= 2 && info.frames < 100 * info.samplerate;
  *t = loudness_track_create(info.samplerate, fits ? info.channels : 1,
                             (info.frames + 0.5) / info.samplerate);
  float *frames = oracle_alloc((size_t)info.frames * (size_t)info.channels * sizeof *frames);
  oracle_require(sf_readf_float(file, frames, info.frames) == info.frames, name);
  for (int32_t i = 0; i < t->n; i++)
    for (int c = 0; c < t->channels; c++) t->x[c][i] = frames[i * info.channels + c];
  free(frames);
  sf_close(file);
  return true;
}
