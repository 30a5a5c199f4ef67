/* SPDX-License-Identifier: MIT
 * Receipts and reports of many runs, shards and folders as one report. */
#ifndef LACQUER_REPORT_MERGE_H
#define LACQUER_REPORT_MERGE_H
#include <stdio.h>

#include "report.h"

struct report_merge_options {
  const char *manifest; /* to say what is missing of; NULL: those that the receipts name */
  int jobs;             /* files read at a time; 0: one per core */
  bool json, quiet;     /* quiet: no line per unit that was delivered */
};
/* Merges all receipts and report*.json at any depth below the folders; prints a table and
 * totals, or JSON Lines of which the last are the totals. Returns the exit status: 0 every
 * unit is delivered; STATUS_UNIT_FAILED some failed, are missing, unfinished, or stand in two
 * folders with different samples; STATUS_NO_INPUT: there are none. Memory: some 500 bytes per
 * unit, and the manifest while it is looked at. */
int report_merge(char *const *folders, int n_folders, const struct report_merge_options *options,
                 FILE *out);

/* ---- inside report_merge*.c ---- */

enum merged_state { /* the worst first */
  MERGED_FAILED,     /* in its latest run */
  MERGED_MISSING,    /* the manifest has it, the folders do not */
  MERGED_UNFINISHED, /* its render was interrupted */
  MERGED_UNREADABLE, /* receipt */
  MERGED_CONFLICT,   /* stands in several places with different samples */
  MERGED_DELIVERED,
  MERGED_STATES
};
struct tally { /* texts, and how many units have each */
  int n;
  char **texts;
  int *counts;
};
struct merged_unit {
  char *file;   /* below its output folder, or the path of an unreadable receipt; owned */
  char *note;   /* what went wrong; owned, NULL: nothing */
  const char *path; /* of the receipt; NULL: none */
  enum merged_state state;
  int manifest, device, engine; /* in the tallies; -1: none */
  char pcm_sha256[HASH_TEXT_SIZE];
  int64_t modified_ns;          /* of the receipt */
  struct merged_figures {
    char tier[8];
    double coverage, seconds, lufs, true_peak_dbtp;
    bool meters_compared;
    double meters_differ_lu;
  } figures;
};
struct merged_run { /* a report.json */
  char *path, *device, *manifest; /* owned */
  int delivered, up_to_date, failed;
  double audio_seconds, wall_seconds;
};
struct merged {
  int n, n_runs, copies; /* copies: receipts of a unit beside the first, of equal samples */
  struct merged_unit *units;
  struct merged_run *runs;
  struct tally manifests, devices, engines;
  bool complete_known; /* every manifest could be read: nothing else is missing */
};
const char *merged_state_name(enum merged_state state);
void report_merge_print(const struct merged *m, const struct report_merge_options *options,
                        FILE *out);

/* report_merge_runs.c: reads a report.json into *run, and calls `failed` for each of its
 * units that failed. False: it is no report. */
bool report_merge_run(const char *path, struct merged_run *run,
                      void (*failed)(void *context, const char *file, const char *error),
                      void *context);
#endif
