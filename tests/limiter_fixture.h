/* SPDX-License-Identifier: MIT
 * What the limiter's checks share. */
#ifndef LACQUER_LIMITER_FIXTURE_H
#define LACQUER_LIMITER_FIXTURE_H
#include <math.h>

#include "audio_fixture.h"
#include "limiter.h"

static inline double to_db(double gain) { return 20 * log10(gain); }
static inline double octaves_to_db(int32_t q20) { return q20 / 1048576.0 * to_db(2); }

static inline int32_t between(uint64_t *state, int32_t least, int32_t most) {
  return least + (int32_t)(fixture_random(state) % (uint64_t)(most - least + 1));
}

/* All at their defaults, at -1 dBTP. */
static inline struct limiter_params settings(void) {
  struct limiter_params p;
  params_init(stage_limiter.rows, &p);
  p.true_peak_db = -1;
  return p;
}
#endif
