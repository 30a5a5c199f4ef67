/* SPDX-License-Identifier: MIT
 * A catalogue through the house: for every track decode, chain, check, encode, publish,
 * receipt. A track that fails fails alone. */
#ifndef LACQUER_RENDER_H
#define LACQUER_RENDER_H
#include "device.h"
#include "interrupt.h"
#include "plan.h"
#include "receipt.h"

struct render_options { /* how to run; nothing here changes a bit */
  enum verify_tier tier;
  int jobs;           /* worker threads, beside those that drive a device; 0: one per core */
  int64_t memory_bytes; /* of the host, for all tracks at once; 0: three quarters of it */
  int lanes;          /* tracks at once on a Vulkan device; 0: as suits it */
  int segment_blocks; /* blocks of 2048 frames; 0: as suits it */
  const char *golden; /* folder of the receipts to hold against (tier golden); NULL: the
                         output folder */
  const char *audition; /* folder of files to listen by; NULL: none */
  bool check_loudness_of_all; /* by libebur128; else see deliver_unit */
  bool force;         /* render what is up to date, replace files without a receipt */
  bool rehearse;      /* with force: write nothing; the receipts have source, keys, PCM hash */
  bool fail_fast;
  const struct interrupts *interrupts; /* NULL: none */
};
enum unit_state { UNIT_SKIPPED, UNIT_DELIVERED, UNIT_UP_TO_DATE, UNIT_FAILED, UNIT_RETAGGED };
enum { UNIT_STATES = UNIT_RETAGGED + 1 };
struct unit_result {
  enum unit_state state; /* skipped: not reached (fail_fast, a signal); retagged: the file has
                            other tags, and the samples it had */
  struct failure failure;
  struct receipt receipt; /* delivered, retagged and up to date */
};
/* Who watches; called one at a time, from any thread. */
struct render_watch {
  void (*finished)(void *context, int unit, const struct unit_result *result);
  void (*track)(void *context, int track, bool begins); /* or ends; may be NULL */
  void *context;
};

/* Renders every unit of the plan; `results` has n_units entries. Returns the exit status:
 * 0 all delivered or up to date; STATUS_UNIT_FAILED; or, when nothing was delivered and
 * all failed for one kind of reason, the status of that reason. STATUS_AGAIN when a signal
 * left anything out.
 *
 * Tracks are taken in order while they fit into options.memory_bytes; one that alone is
 * larger runs alone, on the CPU with most of its memory in a file in the output folder. */
int render_plan(const struct plan *plan, const struct device *device,
                const struct render_options *options, struct unit_result *results,
                const struct render_watch *watch);
#endif
