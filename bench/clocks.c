/* SPDX-License-Identifier: MIT
 * See clocks.h. */
#define _DEFAULT_SOURCE
#include "clocks.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static double seconds_of(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

struct clocks clocks_now(void) {
  struct timespec t;
  struct rusage own, children;
  clock_gettime(CLOCK_MONOTONIC, &t);
  getrusage(RUSAGE_SELF, &own);
  getrusage(RUSAGE_CHILDREN, &children);
  return (struct clocks){(double)t.tv_sec + 1e-9 * (double)t.tv_nsec,
                         seconds_of(own.ru_utime) + seconds_of(own.ru_stime) +
                             seconds_of(children.ru_utime) + seconds_of(children.ru_stime)};
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

json_t *clocks_rating(double *seconds, int n, double audio_seconds) {
  qsort(seconds, (size_t)n, sizeof *seconds, by_size);
  return json_pack("{s:f, s:f, s:f}", "x_real_time", audio_seconds / seconds[n / 2], "slowest",
                   audio_seconds / seconds[n - 1], "fastest", audio_seconds / seconds[0]);
}
