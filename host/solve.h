/* SPDX-License-Identifier: MIT
 * The loudness search: a bracketed secant over the drive into the limiter. Pure: it
 * proposes drives, the caller says what loudness each gives. */
#ifndef LACQUER_SOLVE_H
#define LACQUER_SOLVE_H
#include <stdbool.h>
#include <stdint.h>

enum { SOLVE_MAX_STEPS = 14 };
#define SOLVE_TOLERANCE 0.05 /* LU; the search itself goes on to 0.005 */
#define SOLVE_MAX_DRIVE_DB 60

/* What stops a search short of its target. */
enum solve_limit {
  SOLVE_MET,
  SOLVE_CEILING,     /* more drive makes it no louder */
  SOLVE_REDUCTION,   /* more drive would reduce by more than max_reduction */
  SOLVE_DRIVE,       /* SOLVE_MAX_DRIVE_DB either way */
  SOLVE_NO_LOUDNESS, /* silence, or under 400 ms */
  SOLVE_JUMP,        /* the loudness jumps over the target: a block at a gate */
};
const char *solve_limit_name(enum solve_limit limit); /* "met", "true_peak", ... */

struct solve_goal {
  double target_lufs;
  double max_drive_db; /* solve_max_drive() */
};
/* The greatest drive, at most SOLVE_MAX_DRIVE_DB, under which a limiter that must hold
 * `ceiling_db` takes at most `max_reduction_db` (NAN: any) of an input of this true peak.
 * 0.01 dB is kept back for what the correction of the ceiling may add. */
double solve_max_drive(double max_reduction_db, double ceiling_db, double input_true_peak_db);

struct solve {
  struct solve_goal goal;
  double drive_db;        /* to be tried next; after the end: the best one */
  double linear_db;       /* what the loudness alone would want, without a limiter */
  double loudness_lufs;   /* of the best one */
  double slope;           /* dB loudness per dB drive near the best one */
  int steps;
  bool reached;           /* within SOLVE_TOLERANCE of the target */
  enum solve_limit limit; /* after the end; SOLVE_MET when reached */
  /* inside */
  double low_db, low_lufs, high_db, high_lufs; /* bracket; NAN while open */
  double last_db, last_lufs, best_db, best_error;
};

/* start_lufs: the loudness at drive 0 without limiting. */
void solve_begin(struct solve *s, const struct solve_goal *goal, double start_lufs);
/* Tells the loudness at drive_db. True: try s->drive_db next; false: finished, and
 * s->drive_db is the best drive (which may be an earlier one). */
bool solve_next(struct solve *s, double loudness_lufs);

/* The choice of a pace: the slowest one with which a search reaches its target by at most
 * PACE_MAX_EXTRA_DB more drive than the fastest needs. A bisection, in which the slowest is tried
 * first, and the fastest as soon as it matters what that needs. */
#define PACE_MAX_EXTRA_DB 4
struct pace_choice {
  int pace; /* to search with */
  int slowest, fastest, last; /* what is left of the choice; the fastest of all */
  double fastest_drive_db; /* the best one of `fastest`; NAN: it was not tried */
  double most_drive_db;    /* that a pace may need; NAN: not known yet, then */
  int waiting;             /* the pace that reached its target by much, 0: none, */
  double waiting_drive_db; /* and by how much */
};
/* n_paces 0: pace 0 alone. */
void pace_begin(struct pace_choice *c, int slowest, int n_paces);
/* Whether a search with c->pace, that has had a step, need not go on for what pace_next asks: the
 * target is met and slower paces are left, or it is far and faster ones are. Then it is ended. */
bool pace_decided(const struct pace_choice *c, struct solve *s);
/* Tells how a search with c->pace ended. True: search with c->pace now; false: it stays. */
bool pace_next(struct pace_choice *c, const struct solve *s);

/* Drive in octaves (Q20), as the limiter takes it. */
int32_t solve_drive_q20(double drive_db);
#endif
