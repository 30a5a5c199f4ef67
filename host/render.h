/* SPDX-License-Identifier: MIT
 * A catalogue through the house: for every track decode, chain, check, encode, publish,
 * receipt. A track that fails fails alone. */
#ifndef LACQUER_RENDER_H
#define LACQUER_RENDER_H
#include "device.h"
#include "plan.h"
#include "receipt.h"

struct render_options { /* how to run; nothing here changes a bit */
  enum verify_tier tier;
  int jobs;           /* worker threads; 0: as many as suit the device */
  int lanes;          /* tracks per batch on a Vulkan device; 0: as suits it */
  int segment_blocks; /* blocks of 2048 frames; 0: as suits it */
  const char *golden; /* folder of the receipts to hold against (tier golden); NULL: the
                         output folder */
  const char *audition; /* folder of files to listen by; NULL: none */
  bool force;         /* render what is up to date, replace files without a receipt */
  bool rehearse;      /* with force: write nothing; the receipts have source, keys, PCM hash */
  bool fail_fast;
};
enum unit_state { UNIT_SKIPPED, UNIT_DELIVERED, UNIT_UP_TO_DATE, UNIT_FAILED, UNIT_RETAGGED };
enum { UNIT_STATES = UNIT_RETAGGED + 1 };
struct unit_result {
  enum unit_state state; /* skipped: not reached (fail_fast); retagged: the file has other tags,
                            and the samples it had */
  struct failure failure;
  struct receipt receipt; /* delivered, retagged and up to date */
};
/* Called for every finished unit, one at a time. */
typedef void unit_finished(void *context, int unit, const struct unit_result *result);

/* Renders every unit of the plan; `results` has n_units entries. Returns the exit status:
 * 0 all delivered or up to date; STATUS_UNIT_FAILED; or, when nothing was delivered and
 * all failed for one kind of reason, the status of that reason. */
int render_plan(const struct plan *plan, const struct device *device,
                const struct render_options *options, struct unit_result *results,
                unit_finished *finished, void *context);
#endif
