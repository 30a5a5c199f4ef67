/* SPDX-License-Identifier: MIT
 * Programmes for the loudness tests, and the loudness stage run over them. */
#ifndef LACQUER_LOUDNESS_FIXTURE_H
#define LACQUER_LOUDNESS_FIXTURE_H
#include "loudness.h"
#include "oracle.h"

struct loudness_track {
  int rate_hz, channels;
  int32_t n;
  float *x[2];
};

struct loudness_track loudness_track_create(int rate_hz, int channels, double seconds);
void loudness_track_destroy(struct loudness_track *t);

struct loudness_tone {
  double seconds, db; /* 1 kHz, peak in dBFS, both channels alike */
};

/* Tones one after the other, phase running on; -HUGE_VAL dB: silence. */
struct loudness_track loudness_tones(int rate_hz, const struct loudness_tone *tones, int n);
/* A file of the sonic-pi samples as it is; false when it is not installed. */
bool loudness_music(const char *name, struct loudness_track *t);

/* The stage after its passes, with the hops of the whole track; close with oracle_close. */
struct oracle_stage loudness_measure(const struct loudness_track *t, int segment_blocks);
/* Control words, and the hops of the whole track, as floats; the caller frees. */
float *loudness_read(struct oracle_stage *s, int64_t first, int64_t n);
float *loudness_read_hops(struct oracle_stage *s);
#endif
