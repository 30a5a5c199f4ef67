/* SPDX-License-Identifier: MIT
 * The dither alone on its own memory. Aborts when the machine runs out of it. */
#ifndef LACQUER_DITHER_FIXTURE_H
#define LACQUER_DITHER_FIXTURE_H
#include "dither.h"

enum { DITHER_BENCH_SEED = 1616 };

struct dither_bench {
  struct stage_io io; /* args[0] = DITHER_BENCH_SEED */
  struct stage_design design;
  float *src;   /* planar, zeros, channels n_frames apart */
  int32_t *out; /* interleaved */
};
void dither_bench_open(struct dither_bench *b, const struct dither_params *params, int rate_hz,
                       int channels, int32_t n_frames);
void dither_bench_run(struct dither_bench *b, int32_t first, int32_t count); /* all passes */
void dither_bench_close(struct dither_bench *b);
/* Output - input of one sample, LSB. */
double dither_bench_error(const struct dither_bench *b, int32_t frame, int channel);
#endif
