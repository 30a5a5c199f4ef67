/* SPDX-License-Identifier: MIT
 * Finished samples to a published file with its receipt. */
#ifndef LACQUER_DELIVER_H
#define LACQUER_DELIVER_H
#include "receipt.h"
#include "render.h"

struct delivery {
  const struct plan *plan;
  const struct unit_plan *unit;
  const struct render_options *options;
  int32_t n_frames;
  const int32_t *pcm; /* interleaved, left-justified */
  const struct tail_result *result; /* deliver_unit alone */
  struct adm *model; /* deliver_retagged: see struct deliverable_scene; NULL */
  bool keeps_names;
};
/* Measures, encodes, holds against the golden receipt when that is the tier,
 * publishes file and receipt. *receipt comes with identity, source and device filled in.
 * The file never stands without a receipt: until all is done, with one that no run takes
 * for up to date.
 *
 * libebur128 reads, as a check of lacquer's own meter, whose figures stand for the rest: all
 * deliverables with the tier "full" or check_loudness_of_all; all that were clipped at full
 * scale, after lacquer's meter; else of every variant one track of CHECKED_ONE_IN, the first
 * variant's first track being one. Of an album all tracks, as if it were one. */
enum { CHECKED_ONE_IN = 8 };
enum status deliver_unit(const struct delivery *delivery, struct receipt *receipt,
                         struct failure *why);

/* The same of samples that were taken from the unit's own file, gaps included, under other
 * tags: *receipt is the receipt they came with. */
enum status deliver_retagged(const struct delivery *delivery, struct receipt *receipt,
                             struct failure *why);

/* Refuses to replace a file that has no receipt (unless `force`), and a source ever. */
enum status deliver_may_write(const struct plan *plan, const struct unit *unit, bool force,
                              struct failure *why);
/* Removes what killed runs left in the folders of the plan's deliverables and of the files to
 * listen by (NULL: none). */
void deliver_clean_folders(const struct plan *plan, const char *audition);
/* The same with what this run is writing, for a program that ends at once: no thread can
 * begin another file. */
void deliver_drop_temporaries(const struct plan *plan, const char *audition);
#endif
