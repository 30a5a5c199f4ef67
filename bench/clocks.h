/* SPDX-License-Identifier: MIT
 * Clocks of the bench, and medians with their spread as JSON. */
#ifndef LACQUER_BENCH_CLOCKS_H
#define LACQUER_BENCH_CLOCKS_H
#include <jansson.h>

enum { MAX_REPEATS = 50 };

struct clocks {
  double wall, cpu; /* seconds; cpu: of this process and its waited-for children */
};
struct clocks clocks_now(void);

/* Median and spread of n samples as x real time; sorts them. */
json_t *clocks_rating(double *seconds, int n, double audio_seconds);
#endif
