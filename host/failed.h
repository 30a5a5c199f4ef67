/* SPDX-License-Identifier: MIT
 * The units that failed, as a small manifest beside the deliverables: it names the manifest
 * that they come from, and can be rendered like it. */
#ifndef LACQUER_FAILED_H
#define LACQUER_FAILED_H
#include "render.h"

/* Writes FOLDER/failed.yaml, of a shard failed.I-of-N.yaml; or removes it when nothing failed. */
enum status failed_write(const struct plan *plan, const struct unit_result *results,
                         struct failure *why);

struct failed_units { /* below the output folder */
  int n;
  struct failed_unit {
    char *file, *reason;
  } *items;
};
/* As manifest_read. Of what failed_write wrote, *out is the manifest it came from, and
 * *units lists the units; else names->n is 0. */
int failed_read(const char *path, FILE *errors, struct manifest **out, struct failed_units *units);
void failed_units_free(struct failed_units *units);

/* Leaves the plan only the units named. STATUS_BAD_DATA when one is not in it; of a plan made
 * for `only`, STATUS_USAGE when none is. */
enum status failed_keep(struct plan *plan, const struct failed_units *units, const char *only,
                        struct failure *why);
#endif
