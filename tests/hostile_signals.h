/* SPDX-License-Identifier: MIT
 * Signals that a true-peak limiter finds hard, seeded, near +-1; frequencies are in
 * cycles per frame. */
#ifndef LACQUER_HOSTILE_SIGNALS_H
#define LACQUER_HOSTILE_SIGNALS_H
#include <stdint.h>

struct hostile_signal {
  const char *name;
  void (*fill)(float *x, int32_t n, double parameter);
  double parameter;
};
extern const struct hostile_signal hostile_signals[]; /* closed by name NULL */
#endif
