/* SPDX-License-Identifier: MIT
 * A master that keeps every rule of quality control, to be spoilt; stereo files beside it.
 * Everything here fails the test when it cannot do its work. */
#ifndef LACQUER_QC_FIXTURE_H
#define LACQUER_QC_FIXTURE_H
#include <jansson.h>

#include "adm_fixture.h"

enum { QC_RATE = 48000, QC_FRAMES = 6 * QC_RATE, QC_OBJECTS = 3, QC_TRACKS = 10 + QC_OBJECTS };
struct qc_master {
  struct adm *adm; /* owned */
  int n_tracks, rate_hz, bits;
  int32_t n_frames;
  double *pcm[QC_TRACKS]; /* owned; full scale is 1 */
};
/* A bed of 7.1.2 whose LFE is a sine of 40 Hz, one object that stands and two that move; about
 * -24 LKFS, 300 ms of silence before the sound and behind it. */
struct qc_master qc_master_make(uint64_t seed);
void qc_master_write(const struct qc_master *master, enum adm_flavour flavour, const char *path);
void qc_master_free(struct qc_master *master);

struct qc_stereo {
  int rate_hz;
  int32_t n_frames;
  double *pcm[2]; /* owned */
};
/* Lo/Ro of the bed without its tops and of the object that stands, by BS.775, written out. */
struct qc_stereo qc_stereo_of(const struct qc_master *master);
/* What `at` frames later is now; n_frames of it, silence beyond both ends. */
void qc_stereo_cut(struct qc_stereo *stereo, int32_t at, int32_t n_frames);
/* Played `ratio` times as fast, as of another rate. Cubic interpolation. */
void qc_stereo_resample(struct qc_stereo *stereo, double ratio, int rate_hz);
void qc_stereo_write(const struct qc_stereo *stereo, int sf_format, const char *path);
void qc_stereo_free(struct qc_stereo *stereo);

/* Runs `lacquer qc --json` with words, closed by NULL; the first line, and the exit status. */
#define qc_json(words, status) qc_json_of(LACQUER_PROGRAM, words, status)
json_t *qc_json_of(const char *program, const char *const words[], int *status);
/* The state of a rule in it: "ok", "note", "warning", "error"; "idle": nothing falls under it. */
const char *qc_state(const json_t *line, const char *rule);
double qc_worst(const json_t *line, const char *rule);
#endif
