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
  /* By how much a true peak may exceed the ceiling, dB: 0 below 0.485 cycles per frame.
   * Above, a detector of finite length under-reads (its first filter's transition), and
   * these are 1.2 to 2 times the largest excess seen over all rates and drives. Tones cut
   * at the first frame have a peak before it, where the detector does not look. */
  double excess_db;
};
extern const struct hostile_signal hostile_signals[]; /* closed by name NULL */
#endif
