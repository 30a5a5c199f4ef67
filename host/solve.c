/* SPDX-License-Identifier: MIT
 * See solve.h. */
#include "solve.h"

#include <math.h>

#include "detmath.h"
#include "limiter.h"

static const double FINE_LU = 0.005, MAX_STEP_DB = 6, DEAD_SLOPE = 0.05;

static double clamp(double x, double low, double high) {
  return x < low ? low : x > high ? high : x;
}

const char *solve_limit_name(enum solve_limit limit) {
  static const char *const names[] = {"met",  "true_peak", "max_reduction",
                                      "gain", "silence",   "gate"};
  return names[limit];
}

double solve_max_drive(double max_reduction_db, double ceiling_db, double input_true_peak_db) {
  const double most = max_reduction_db + ceiling_db - input_true_peak_db - 0.01;
  if (isnan(max_reduction_db) || !(most < SOLVE_MAX_DRIVE_DB)) return SOLVE_MAX_DRIVE_DB;
  return most > -SOLVE_MAX_DRIVE_DB ? most : -SOLVE_MAX_DRIVE_DB;
}

static double in_range(const struct solve *s, double drive_db) {
  return clamp(drive_db, -SOLVE_MAX_DRIVE_DB, s->goal.max_drive_db);
}

void solve_begin(struct solve *s, const struct solve_goal *goal, double start_lufs) {
  *s = (struct solve){.goal = *goal, .slope = 1, .best_error = HUGE_VAL};
  s->low_db = s->low_lufs = s->high_db = s->high_lufs = s->last_db = s->last_lufs = NAN;
  s->loudness_lufs = start_lufs;
  s->drive_db = s->linear_db = in_range(s, goal->target_lufs - start_lufs);
}

/* Regula falsi inside a bracket, a damped secant outside it. */
static double propose(const struct solve *s, double db, double lufs) {
  const double error = s->goal.target_lufs - lufs;
  double next = db + clamp(error / clamp(s->slope, 0.2, 1.5), -MAX_STEP_DB, MAX_STEP_DB);
  if (!isnan(s->low_db) && !isnan(s->high_db)) {
    const double span = s->high_db - s->low_db;
    const double t = (s->goal.target_lufs - s->low_lufs) / (s->high_lufs - s->low_lufs);
    next = s->low_db + span * clamp(t, 0.02, 0.98);
  }
  return next;
}

bool solve_next(struct solve *s, double lufs) {
  const double db = s->drive_db, error = s->goal.target_lufs - lufs;
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
  const bool at_end = too_soft ? db >= s->goal.max_drive_db : db <= -SOLVE_MAX_DRIVE_DB;
  if (fabs(error) > FINE_LU && s->steps < SOLVE_MAX_STEPS && !saturated && !at_end) {
    s->drive_db = in_range(s, propose(s, db, lufs));
    return true;
  }
  s->drive_db = s->best_db;
  s->reached = s->best_error <= SOLVE_TOLERANCE;
  if (s->reached) s->limit = SOLVE_MET;
  else if (at_end && too_soft && s->goal.max_drive_db < SOLVE_MAX_DRIVE_DB)
    s->limit = SOLVE_REDUCTION;
  else s->limit = at_end ? SOLVE_DRIVE : saturated ? SOLVE_CEILING : SOLVE_JUMP;
  return false;
}

void pace_begin(struct pace_choice *c, int slowest, int n_paces) {
  const int first = n_paces ? slowest : 0;
  *c = (struct pace_choice){.pace = first, .slowest = first, .fastest = n_paces, .last = n_paces,
                            .fastest_drive_db = NAN, .most_drive_db = NAN};
}

bool pace_decided(const struct pace_choice *c, struct solve *s) {
  const double far_db = 20; /* more drive than that for what is missing */
  const bool met = s->best_error <= SOLVE_TOLERANCE && c->slowest < c->pace;
  const bool short_of = s->last_lufs < s->goal.target_lufs && c->pace < c->fastest;
  const bool far = short_of && s->steps > 1 && s->best_error > far_db * s->slope;
  const bool much = short_of && s->last_db >= c->most_drive_db; /* never while that is NAN */
  if (!met && !far && !much) return false;
  s->drive_db = s->best_db;
  s->reached = met;
  return true;
}

/* The fastest pace has been searched with: whether the one that waited needs too much. */
static void judge_waiting(struct pace_choice *c, const struct solve *s) {
  c->most_drive_db = s->reached ? s->drive_db + PACE_MAX_EXTRA_DB : HUGE_VAL;
  if (c->waiting_drive_db > c->most_drive_db) {
    c->slowest = c->waiting + 1, c->fastest = c->last, c->fastest_drive_db = s->drive_db;
  } else {
    c->fastest = c->waiting, c->fastest_drive_db = c->waiting_drive_db;
  }
  c->waiting = 0;
}

bool pace_next(struct pace_choice *c, const struct solve *s) {
  const bool known = !isnan(c->most_drive_db);
  const double most_db = known ? c->most_drive_db : s->linear_db + PACE_MAX_EXTRA_DB;
  const bool much = s->reached && c->pace < c->last && s->drive_db > most_db;
  if (much && !known) {
    c->waiting = c->pace, c->waiting_drive_db = s->drive_db;
    c->pace = c->last;
    return true;
  }
  if (c->waiting)
    judge_waiting(c, s);
  else if (s->reached && !much)
    c->fastest = c->pace, c->fastest_drive_db = s->drive_db;
  else if (c->pace < c->fastest)
    c->slowest = c->pace + 1;
  const int next = (c->slowest + c->fastest) / 2;
  if (next == c->pace) return false;
  c->pace = next;
  return true;
}

int32_t solve_drive_q20(double drive_db) {
  const double q = drive_db / det_gain_to_db(2) * LIMITER_OCTAVE;
  return (int32_t)(q < 0 ? q - 0.5 : q + 0.5);
}
