/* SPDX-License-Identifier: MIT
 * Two audio files held against each other, sample by sample and by what they measure. */
#ifndef LACQUER_COMPARE_PAIR_H
#define LACQUER_COMPARE_PAIR_H
#include <stdbool.h>
#include <stdint.h>

#include "bands.h"

/* By how bad it is, the worst first. */
enum pair_state {
  PAIR_UNREADABLE, /* see `error` */
  PAIR_ONLY_A,     /* the other folder has no such file */
  PAIR_ONLY_B,
  PAIR_SHAPE,      /* rates, channels, lengths or places of objects differ: no residual, but
                      figures */
  PAIR_DIFFERENT,
  PAIR_IDENTICAL,  /* every sample is the same; no figures are measured */
};
struct pair_figures {
  int rate_hz, bits; /* of the file: 16, 24 or 32 */
  const struct layout *layout;
  bool is_float;
  int32_t n_frames;
  double lufs, true_peak_dbtp; /* libebur128; -HUGE_VAL: silence */
  double band_db[BANDS];
};
struct pair {
  char *name;
  char *path[2]; /* of a and b; NULL: not there */
  enum pair_state state;
  bool moved;    /* PAIR_SHAPE by the places of objects alone */
  bool beyond;   /* the limits, or it is no pair that could be compared */
  char *error;
  enum status error_status;
  struct pair_figures of[2];
  int32_t channel, frame; /* of the first difference, from 0 */
  float value[2];         /* there; full scale is 1 */
  int64_t n_different;    /* samples */
  double residual_peak_db, residual_rms_db; /* of b - a, re full scale; NAN: PAIR_SHAPE */
  double lufs_delta, true_peak_delta_db;    /* b less a; +-HUGE_VAL: one of them is silent */
  double band_delta_db[BANDS]; /* of levels below FLOOR_DB, that is taken */
  int worst_band;
};
#define FLOOR_DB (-100.0)

/* Compares path[0] with path[1], which are both there: fills in all from `state` on but
 * `beyond`. Words of different lengths are compared left-justified. Holds both files in
 * memory. Thread-safe. */
void pair_measure(struct pair *pair);
void pair_free(struct pair *pair);
#endif
