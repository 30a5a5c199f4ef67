/* SPDX-License-Identifier: MIT
 * What is to be rendered: a manifest, a frozen plan of one or what failed of one, and the
 * part of it. */
#ifndef LACQUER_ORDER_H
#define LACQUER_ORDER_H
#include "failed.h"

struct order {
  struct manifest *manifest;
  bool *tracks; /* by track: those of the shard; NULL: all */
  struct failed_units units; /* of a list of failed units: these alone */
};
/* Reads `path`, and chooses the tracks of shard `shard` of `n_shards` (from 1; n_shards 0:
 * all). On success the order is to be given to order_close. Else everything wrong is printed
 * on `errors`: the statuses of manifest_read and plan_file_read; STATUS_USAGE: the plan is
 * for another number of shards. */
int order_open(const char *path, int shard, int n_shards, FILE *errors, struct order *out);
void order_close(struct order *order);

/* Prints the frozen plan of a manifest on `out`, and on `people` (NULL: none) what it comes
 * to. Sources that cannot be read are told on `errors` and planned none the less: they may
 * be there later. Returns STATUS_UNIT_FAILED then, or what is wrong with all of them.
 * n_shards 0: for any number. */
int order_plan(const char *path, int n_shards, FILE *out, FILE *people, FILE *errors);
#endif
