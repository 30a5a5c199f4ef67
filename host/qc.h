/* SPDX-License-Identifier: MIT
 * Quality control of immersive files and their stereo companions: measures, holds against the
 * rules, tells. See qc.md. */
#ifndef LACQUER_QC_H
#define LACQUER_QC_H
#include <stdio.h>

#include "qc_rules.h"

struct qc_options {
  const char *const *companions; /* stereo files of the one file */
  int n_companions;
  const char *const *limits; /* "NAME=VALUE" */
  int n_limits;
  const char *layout; /* of files that do not say theirs; NULL: none */
  int jobs;          /* files at a time; 0: one per core */
  bool json, quiet;  /* quiet: no figures, and no rules that are kept */
  const char *junit; /* file to write; NULL: none */
};
/* Files, and folders of deliverables: of these every immersive file with the stereo files of its
 * track, by their receipts. Prints on `out`, problems of the inputs on stderr. Returns the exit
 * status: 0 no rule with an error; STATUS_UNIT_FAILED: one; else that of what could not be read;
 * STATUS_USAGE, STATUS_NO_INPUT. */
int qc_run(char *const *paths, int n_paths, const struct qc_options *options, FILE *out);

/* ---- inside qc*.c ---- */

struct qc_list { /* what is to be looked at */
  struct qc_file *files; /* owned */
  int n;
};
struct qc_file *qc_list_add(struct qc_list *list, const char *path);
struct qc_companion *qc_add_companion(struct qc_file *file, const char *path);
/* Every immersive deliverable that has a receipt below `folder`. STATUS_NO_INPUT: none. */
enum status qc_list_folder(const char *folder, struct qc_list *list, struct failure *why);

struct qc_count { /* values beyond their limits are one for each rule */
  int by_severity[QC_ERROR + 1];
  int n_kept, n_off, n_idle; /* rules: kept; without a limit; that nothing falls under */
};
struct qc_count qc_count(const struct qc_file *file);
void qc_print(const struct qc_file *file, bool quiet, FILE *out);
void qc_print_json(const struct qc_file *file, FILE *out);
#endif
