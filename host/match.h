/* SPDX-License-Identifier: MIT
 * Match EQ: the curve that brings a track's long-term average spectrum towards that of
 * references. A stage of the manifest only: the plan puts an EQ in its place. */
#ifndef LACQUER_MATCH_H
#define LACQUER_MATCH_H
#include "ltas.h"
#include "stage.h"

enum {
  MATCH_REFERENCES = 16,
  MATCH_POINTS = 47, /* of a curve: 31.25 Hz to 16 kHz, as far apart as bands are wide */
};
enum match_channels { MATCH_STEREO, MATCH_MID_SIDE };

struct match_reference {
  char *path; /* as written */
  double weight;
};
struct match_params {
  int n_references;
  struct match_reference references[MATCH_REFERENCES];
  double amount_percent, smoothing_octaves, max_db;
  int channels; /* enum match_channels */
  int phase;    /* of the EQ: PHASE_LINEAR or PHASE_MINIMUM (linear.h) */
};
/* Role STAGE_CHAIN, but not of the registry: it has neither design nor passes. */
extern const struct stage stage_match;

/* Gains at match_frequency_hz(i); constant beyond the ends. Rounded to 0.01 dB. */
struct match_curves {
  double gain_db[MATCH_POINTS]; /* of both channels, or of mid */
  double side_db[MATCH_POINTS]; /* of side; 0 unless the channels are MATCH_MID_SIDE */
};
double match_frequency_hz(int point); /* rounded to 0.01 Hz */

/* A curve realised within this is as wanted, for it is an estimate: more is told. */
#define MATCH_MET_DB 0.05
/* Least and greatest gain of both. */
void match_range(const struct match_curves *curves, double *least_db, double *most_db);

/* `references`: what was measured of params->references, in their order. */
void match_design(const struct match_params *params, const struct ltas *source,
                  const struct ltas *const *references, struct match_curves *out);
#endif
