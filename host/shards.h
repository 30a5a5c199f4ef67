/* SPDX-License-Identifier: MIT
 * Parts of a catalogue that take about the same time. */
#ifndef LACQUER_SHARDS_H
#define LACQUER_SHARDS_H
#include <stdint.h>

enum { MOST_SHARDS = 1000000 };

/* Writes the shard, from 0, of each of n items with weights >= 0: the heaviest first, each
 * to the lightest shard so far; of equals the first. Every item is in one shard, for any
 * number of shards, and nothing but the weights decides in which. */
void shards_assign(const int64_t *weights, int n, int n_shards, int *shard);
#endif
