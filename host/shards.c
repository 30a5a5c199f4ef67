/* SPDX-License-Identifier: MIT
 * See shards.h. */
#include "shards.h"

#include <stdbool.h>
#include <stdlib.h>

#include "memory.h"

struct load {
  int64_t weight;
  int index; /* of an item or a shard */
};

static int by_weight(const void *a, const void *b) {
  const struct load *x = a, *y = b;
  if (x->weight != y->weight) return x->weight > y->weight ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

static bool lighter(const struct load *a, const struct load *b) {
  return a->weight != b->weight ? a->weight < b->weight : a->index < b->index;
}

/* A heap with the lightest shard at its top, whose weight has grown. */
static void sink_top(struct load *heap, int n) {
  for (int at = 0, child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && lighter(&heap[child + 1], &heap[child])) child++;
    if (!lighter(&heap[child], &heap[at])) return;
    const struct load moved = heap[at];
    heap[at] = heap[child];
    heap[child] = moved;
  }
}

void shards_assign(const int64_t *weights, int n, int n_shards, int *shard) {
  struct load *items = memory_new((size_t)n, sizeof *items);
  struct load *heap = memory_new((size_t)n_shards, sizeof *heap);
  for (int i = 0; i < n; i++) items[i] = (struct load){weights[i], i};
  for (int i = 0; i < n_shards; i++) heap[i] = (struct load){0, i};
  if (n) qsort(items, (size_t)n, sizeof *items, by_weight);
  for (int i = 0; i < n; i++) {
    shard[items[i].index] = heap[0].index;
    heap[0].weight += items[i].weight + 1; /* those without a length are dealt out, too */
    sink_top(heap, n_shards);
  }
  free(items);
  free(heap);
}
