/* SPDX-License-Identifier: MIT
 * See solve.h. */
#include "solve.h"

#include <math.h>

#include "detmath.h"
#include "limiter.h"

static const double FINE_LU = 0.005, MAX_STEP_DB = 6, MAX_DRIVE_DB = 60, DEAD_SLOPE = 0.05;

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

void solve_begin(struct solve *s, double target_lufs, double start_lufs) {
  *s = (struct solve){.target_lufs = target_lufs, .slope = 1, .best_error = HUGE_VAL};
  s->low_db = s->low_lufs = s->high_db = s->high_lufs = s->last_db = s->last_lufs = NAN;
  s->loudness_lufs = start_lufs;
  s->drive_db = clamp(target_lufs - start_lufs, -MAX_DRIVE_DB, MAX_DRIVE_DB);
}

/* Regula falsi inside a bracket, a damped secant outside it. */
static double propose(const struct solve *s, double db, double lufs) {
  const double error = s->target_lufs - lufs;
  double next = db + clamp(error / clamp(s->slope, 0.2, 1.5), -MAX_STEP_DB, MAX_STEP_DB);
  if (!isnan(s->low_db) && !isnan(s->high_db)) {
    const double span = s->high_db - s->low_db;
    const double t = (s->target_lufs - s->low_lufs) / (s->high_lufs - s->low_lufs);
    next = s->low_db + span * clamp(t, 0.02, 0.98);
  }
  return next;
}

bool solve_next(struct solve *s, double lufs) {
  const double db = s->drive_db, error = s->target_lufs - lufs;
  if (!isnan(s->last_db) && fabs(db - s->last_db) > 1e-6)
    s->slope = (lufs - s->last_lufs) / (db - s->last_db);
  s->last_db = db, s->last_lufs = lufs;
  if (error > 0)
    s->low_db = db, s->low_lufs = lufs;
  else
    s->high_db = db, s->high_lufs = lufs;
  if (fabs(error) < s->best_error)
    s->best_error = fabs(error), s->best_db = db, s->loudness_lufs = lufs;
  s->steps++;
  const bool too_soft = error > 0;
  const bool saturated = too_soft && s->steps > 1 && s->slope < DEAD_SLOPE;
  const bool at_end = too_soft ? db >= MAX_DRIVE_DB : db <= -MAX_DRIVE_DB;
  if (fabs(error) > FINE_LU && s->steps < SOLVE_MAX_STEPS && !saturated && !at_end) {
    s->drive_db = clamp(propose(s, db, lufs), -MAX_DRIVE_DB, MAX_DRIVE_DB);
    return true;
  }
  s->drive_db = s->best_db;
  s->reached = s->best_error <= SOLVE_TOLERANCE;
  return false;
}

int32_t solve_drive_q20(double drive_db) {
  const double q = drive_db / det_gain_to_db(2) * LIMITER_OCTAVE;
  return (int32_t)(q < 0 ? q - 0.5 : q + 0.5);
}
