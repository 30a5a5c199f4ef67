/* SPDX-License-Identifier: MIT
 * The loudness search: a bracketed secant over the drive into the limiter. Pure: it
 * proposes drives, the caller says what loudness each gives. */
#ifndef LACQUER_SOLVE_H
#define LACQUER_SOLVE_H
#include <stdbool.h>
#include <stdint.h>

enum { SOLVE_MAX_STEPS = 14 };

struct solve {
  double target_lufs;
  double drive_db;        /* to be tried next; after the end: the best one */
  double loudness_lufs;   /* of the best one */
  double slope;           /* dB loudness per dB drive near the best one */
  int steps;
  bool reached;           /* within SOLVE_TOLERANCE of the target */
  /* inside */
  double low_db, low_lufs, high_db, high_lufs; /* bracket; NAN while open */
  double last_db, last_lufs, best_db, best_error;
};
#define SOLVE_TOLERANCE 0.05 /* LU; the search itself goes on to 0.005 */

/* start_lufs: the loudness at drive 0 without limiting. */
void solve_begin(struct solve *s, double target_lufs, double start_lufs);
/* Tells the loudness at drive_db. True: try s->drive_db next; false: finished, and
 * s->drive_db is the best drive (which may be an earlier one). */
bool solve_next(struct solve *s, double loudness_lufs);

/* Drive in octaves (Q20), as the limiter takes it. */
int32_t solve_drive_q20(double drive_db);
#endif
