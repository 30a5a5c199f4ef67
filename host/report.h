/* SPDX-License-Identifier: MIT
 * What the user is told: a line per unit as it finishes, the table at the end, JSON Lines,
 * and report.json in the output folder. */
#ifndef LACQUER_REPORT_H
#define LACQUER_REPORT_H
#include <jansson.h>
#include <stdio.h>

#include "progress.h"
#include "render.h"

enum { REPORT_TIERS = 4 };
extern const char *const report_tiers[REPORT_TIERS]; /* as receipts name them */
struct report_totals {
  int count[UNIT_STATES]; /* by enum unit_state */
  int infeasible;
  int tier[REPORT_TIERS];     /* of what stands there: delivered and up to date */
  int compared;               /* of it: read by libebur128, too, which is at most */
  double differ_lu;           /* off lacquer's meter */
  double seconds, covered_seconds; /* of its audio; the same times coverage */
  double rendered_seconds;         /* of what this run delivered */
};
void report_count(struct report_totals *totals, const struct receipt *receipt);
double report_coverage(const struct report_totals *totals); /* 0..1, by seconds of audio */
void report_print_coverage(const struct report_totals *totals, FILE *out); /* 1 or 2 lines */
json_t *report_tiers_json(const struct report_totals *totals);

struct reporter {
  const struct plan *plan;
  struct progress *progress;
  FILE *data;   /* JSON Lines; NULL: none */
  int done;
};
/* Of struct render_watch; context: struct reporter. */
void report_unit(void *context, int unit, const struct unit_result *result);
void report_track(void *context, int track, bool begins);

void report_table(const struct plan *plan, const struct unit_result *results, FILE *out);
/* The line of report.json after which one unit per line follows, to the end. */
#define REPORT_UNITS "  \"units\": ["
/* Writes FOLDER/report.json, of a shard report.I-of-N.json; `seconds`: wall-clock time of the
 * run. A report that says the same but for the time stays as it is. */
enum status report_write(const struct plan *plan, const struct unit_result *results,
                         const struct device *device, double seconds, struct failure *why);
#endif
