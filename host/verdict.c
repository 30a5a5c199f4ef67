/* SPDX-License-Identifier: MIT
 * See verdict.h. */
#include "verdict.h"

#include <stdio.h>

void verdict_text(const struct variant *v, enum solve_limit limit, double lufs,
                  char text[VERDICT_SIZE]) {
  const char *of = v->loudness.mode == LOUDNESS_ALBUM ? "album " : "";
  char stop[100] = "";
  switch (limit) {
  case SOLVE_MET:
    snprintf(text, VERDICT_SIZE, "%s%s", of,
             isnan(v->loudness.loudness_lufs) ? "no target" : "met");
    return;
  case SOLVE_NO_LOUDNESS:
    snprintf(text, VERDICT_SIZE, "%sinfeasible: there is no loudness to bring to %g LUFS "
             "(silence, or shorter than 400 ms): the level is left alone", of,
             v->loudness.loudness_lufs);
    return;
  case SOLVE_CEILING:
    snprintf(stop, sizeof stop, "true_peak %g dBTP stops it: more gain makes it no louder",
             v->limiter.true_peak_db);
    break;
  case SOLVE_REDUCTION:
    snprintf(stop, sizeof stop, "max_reduction %g dB under true_peak %g dBTP stops it",
             v->loudness.max_reduction_db, v->limiter.true_peak_db);
    break;
  case SOLVE_DRIVE:
    snprintf(stop, sizeof stop, "%d dB of gain stop it", SOLVE_MAX_DRIVE_DB);
    break;
  case SOLVE_JUMP:
    snprintf(stop, sizeof stop, "a gate of the measurement stops it: the loudness jumps there");
    break;
  }
  snprintf(text, VERDICT_SIZE, "%sinfeasible: best is %.2f LUFS, %g LUFS asked (%s)", of,
           lufs, v->loudness.loudness_lufs, stop);
}
