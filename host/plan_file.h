/* SPDX-License-Identifier: MIT
 * A frozen plan: JSON Lines, a header and a line per track. It does not replace the
 * manifest: it holds what is rendered to what was planned, by digests of every track's
 * settings, sizes and times of the sources, and the engine. */
#ifndef LACQUER_PLAN_FILE_H
#define LACQUER_PLAN_FILE_H
#include <stdbool.h>

#include "survey.h"

struct plan_file {
  char *path, *manifest; /* manifest: absolute */
  int n_tracks;
  int n_shards;          /* that it was planned for; 0: any number */
  struct surveyed *sources;       /* by track */
  char (*settings)[HASH_TEXT_SIZE]; /* by track */
};

/* Writes the plan. `shard`: of every track, from 0; NULL when n_shards is 0. STATUS_IO,
 * STATUS_NO_INPUT: the manifest is gone. */
enum status plan_file_write(const struct manifest *manifest, const struct surveyed *sources,
                            const int *shard, int n_shards, FILE *out, struct failure *why);
/* Whether a file begins as a plan does. */
bool plan_file_is(const char *path);
/* Reads a plan that this engine made, to be given to plan_file_destroy. Else prints every
 * problem: STATUS_NO_INPUT, or STATUS_BAD_DATA. */
enum status plan_file_read(const char *path, FILE *errors, struct plan_file **out);
void plan_file_destroy(struct plan_file **plan); /* takes NULL; writes NULL */
/* Prints what has changed since: settings of any track, and sources of those in `mine`
 * (NULL: all). STATUS_BAD_DATA when anything has. */
enum status plan_file_check(const struct plan_file *plan, const struct manifest *manifest,
                            const bool *mine, FILE *errors);
#endif
