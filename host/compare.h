/* SPDX-License-Identifier: MIT
 * Two renders held against each other: folders, matched by the names of their files, or two
 * files. */
#ifndef LACQUER_COMPARE_H
#define LACQUER_COMPARE_H
#include <stdio.h>

#include "compare_pair.h"

/* How far a pair may differ; NAN: not limited. With no limit at all every pair must be
 * identical; with one, what has no limit may differ. Never allowed: other rates, channels or
 * lengths, and files on one side only. */
struct compare_limits {
  double residual_db; /* peak of the difference, dBFS */
  double lufs, true_peak_db, band_db; /* of the deltas, either way */
};
#define COMPARE_NO_LIMITS {NAN, NAN, NAN, NAN}

struct compare_options {
  struct compare_limits limits;
  int jobs;           /* pairs at a time; 0: one per core */
  bool json, quiet;   /* quiet: no lines of identical pairs */
  const char *junit;  /* file to write; NULL: none */
};
/* Compares, prints on `out` (a table or JSON Lines, the worst first) and problems of the
 * inputs on stderr. Returns the exit status: 0 all within the limits; STATUS_UNIT_FAILED when
 * a difference lies beyond them; else STATUS_BAD_DATA or STATUS_NO_INPUT of what could not be
 * compared. Memory: COMPARE_MEMORY, or what one pair takes. */
int compare_run(const char *a, const char *b, const struct compare_options *options, FILE *out);
#define COMPARE_MEMORY (INT64_C(2) << 30)

/* ---- inside compare*.c ---- */

struct comparison {
  int n;
  struct pair *pairs; /* the worst first */
};
void compare_print(const struct comparison *c, const struct compare_options *options, FILE *out);
enum status compare_write_junit(const struct comparison *c, const char *path,
                                struct failure *why);
#endif
