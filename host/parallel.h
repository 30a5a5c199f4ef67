/* SPDX-License-Identifier: MIT
 * Many items by several threads. */
#ifndef LACQUER_PARALLEL_H
#define LACQUER_PARALLEL_H

/* Calls run(context, i) for i in [0, n) from `jobs` threads (0: one per core), the items in
 * order of i; returns when all are done. */
void parallel_run(int jobs, int n, void (*run)(void *context, int item), void *context);
#endif
