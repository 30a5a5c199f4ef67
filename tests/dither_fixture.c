/* SPDX-License-Identifier: MIT
 * See dither_fixture.h. */
#include "dither_fixture.h"

#include <math.h>
#include <stdlib.h>

#include "oracle.h"

void dither_bench_open(struct dither_bench *b, const struct dither_params *params, int rate_hz,
                       int channels, int32_t n_frames) {
  const struct stage_format format = {rate_hz, channels, NULL, NULL};
  const int32_t n_blocks = (n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES;
  const char *why = "";
  *b = (struct dither_bench){0};
  oracle_require(stage_dither.design(params, &format, &b->design, &why) == 0, why);
  b->src = oracle_alloc((size_t)n_frames * (size_t)channels * sizeof *b->src);
  b->out = oracle_alloc((size_t)n_frames * (size_t)channels * sizeof *b->out);
  b->io = (struct stage_io){.n_frames = n_frames, .n_blocks = n_blocks, .channels = channels,
                            .stride = n_frames, .design = b->design.data, .src = b->src,
                            .dst = (float *)(void *)b->out,
                            .control = oracle_alloc((size_t)n_blocks * sizeof *b->io.control),
                            .args = {DITHER_BENCH_SEED}};
}

void dither_bench_run(struct dither_bench *b, int32_t first, int32_t count) {
  for (int p = 0; stage_dither.passes[p].name; p++)
    stage_dither.passes[p].reference(&b->io, first, count);
}

void dither_bench_close(struct dither_bench *b) {
  free(b->io.control);
  free(b->src);
  free(b->out);
  stage_design_free(&b->design);
}

double dither_bench_error(const struct dither_bench *b, int32_t frame, int channel) {
  const struct dither_design *d = b->design.data;
  const double x = (double)b->src[(size_t)channel * (size_t)b->io.stride + (size_t)frame];
  const size_t at = (size_t)frame * (size_t)b->io.channels + (size_t)channel;
  return (b->out[at] / 2147483648.0 - x) * ldexp(1, 31 - d->shift);
}
