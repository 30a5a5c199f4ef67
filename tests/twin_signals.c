/* SPDX-License-Identifier: MIT
 * The fills of twin_run.h. */
#include <math.h>
#include <string.h>

#include "random_params.h"
#include "twin.h"
#include "twin_run.h"

const char *const twin_fill_names[TWIN_FILLS] = {
    "noise",  "silence", "impulse", "square", "binary", "border",
    "loud",   "tiny",    "DC",      "wide",   "spark"};

/* +-m 2^e, m in [1, 2) */
static float with_exponent(uint64_t *state, int e) {
  const double m = 1 + random_unit(state);
  return (float)ldexp(random_below(state, 2) ? -m : m, e);
}

static float noise_sample(uint64_t *state) { return (float)(2 * random_unit(state) - 1); }

/* One rare draw in 64 is exactly at the limit. */
static float loud_sample(uint64_t *state) {
  if (random_below(state, 64) == 0) return random_below(state, 2) ? -64 : 64;
  return 64 * noise_sample(state);
}

/* The smallest that is kept, its neighbours, and all that is flushed, denormals too. */
static float border_sample(uint64_t *state) {
  switch (random_below(state, 6)) {
  case 0: return 0x1p-50f;
  case 1: return -0x1.fffffep-51f;
  case 2: return with_exponent(state, -49);
  case 3: return with_exponent(state, -140);
  default: return with_exponent(state, -54 + (int)random_below(state, 8));
  }
}

static float sample(enum twin_fill fill, int32_t i, uint64_t *state, const uint64_t *first) {
  const int32_t period = 2 + (int32_t)(*first % 400);
  switch (fill) {
  case TWIN_NOISE: return noise_sample(state);
  case TWIN_SQUARE: return i % period < period / 2 ? 1 : -1;
  case TWIN_BINARY: return random_below(state, 2) ? -1 : 1;
  case TWIN_BORDER: return border_sample(state);
  case TWIN_LOUD: return loud_sample(state);
  case TWIN_TINY: return 1e-14f * noise_sample(state);
  case TWIN_DC: return *first % 3 ? -0.3f : 1;
  case TWIN_WIDE: return with_exponent(state, -50 + (int)random_below(state, 56));
  default: return 0;
  }
}

static int32_t impulse_at(int32_t n, uint64_t *state) {
  const int32_t borders[] = {0, n - 1, n / 2, 2047, 2048, 2049, 4095, 4096, (n - 1) / 2048 * 2048};
  const int32_t at = borders[random_below(state, sizeof borders / sizeof *borders)];
  return at < n ? at : n - 1;
}

void twin_fill(enum twin_fill fill, float *x, int32_t n, uint64_t seed) {
  uint64_t state = seed;
  const uint64_t first = state >> 7;
  for (int32_t i = 0; i < n; i++) x[i] = flush_tiny(sample(fill, i, &state, &first));
  if (fill != TWIN_IMPULSE && fill != TWIN_SPARK) return;
  const float size = fill == TWIN_IMPULSE ? 1 : 1e-14f;
  const int32_t at = impulse_at(n, &state);
  x[at] = random_below(&state, 2) ? -size : size;
}
