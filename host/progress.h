/* SPDX-License-Identifier: MIT
 * How far a render is: one line that is rewritten on a terminal, lines in a log, or JSON
 * Lines. Thread-safe. No colours are used. */
#ifndef LACQUER_PROGRESS_H
#define LACQUER_PROGRESS_H
#include <stdbool.h>
#include <stdio.h>

enum progress_mode {
  PROGRESS_AUTO,  /* a line where `out` is a terminal that can rewrite it, else lines */
  PROGRESS_LINE,  /* "[3/12] 130x real time, 0:42 left: Dawn, Noon" */
  PROGRESS_LINES, /* a line per unit, by report_unit */
  PROGRESS_JSON,  /* an object per track that begins and per unit that is done */
  PROGRESS_OFF,
};
extern const char *const progress_names[]; /* NULL at the end */

struct progress;
struct progress *progress_create(enum progress_mode mode, int n_units, FILE *out);
void progress_destroy(struct progress **progress); /* takes NULL; wipes the line */
bool progress_wants_lines(const struct progress *progress);

void progress_track(struct progress *progress, int number, const char *title, bool begins);

struct progress_unit {
  const char *file, *state;
  bool rendered, failed;
  double audio_seconds; /* delivered */
};
/* Around the messages of a unit: wipes the line, and writes what there is now. */
void progress_pause(struct progress *progress);
void progress_unit(struct progress *progress, const struct progress_unit *unit);
#endif
