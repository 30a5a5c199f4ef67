/* SPDX-License-Identifier: MIT
 * What the user is told: a line per unit as it finishes, the table at the end, JSON Lines,
 * and report.json in the output folder. */
#ifndef LACQUER_REPORT_H
#define LACQUER_REPORT_H
#include <stdio.h>

#include "progress.h"
#include "render.h"

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
/* Writes FOLDER/report.json; `seconds`: wall-clock time of the run. A report that says the same
 * but for the time stays as it is. */
enum status report_write(const struct plan *plan, const struct unit_result *results,
                         const struct device *device, double seconds, struct failure *why);
#endif
