/* SPDX-License-Identifier: MIT
 * See dither.h. */
#include "dither.h"

#include <stdlib.h>

#include "clones.h"

static const char *const dither_modes[] = {"tpdf", "none", NULL};

static const struct param_row dither_rows[] = {
    {.name = "bits", .type = PARAM_INTEGER, .offset = offsetof(struct dither_params, bits),
     .min = 16, .max = 24, .initial = 24, .unit = "bit", .help = "word length: 16 or 24"},
    {.name = "dither", .type = PARAM_CHOICE, .offset = offsetof(struct dither_params, mode),
     .choices = dither_modes, .help = "noise added before the word length is reduced"},
    {0},
};


static const char *dither_check(const void *params, const char **row) {
  const struct dither_params *p = params;
  *row = "bits";
  return p->bits == 16 || p->bits == 24 ? NULL : "a word length is 16 or 24 bit";
}

static int dither_design(const void *params, const struct stage_format *f,
                         struct stage_design *out, const char **why) {
  const struct dither_params *p = params;
  struct dither_design *d = calloc(1, sizeof *d);
  (void)f;
  *why = "out of memory";
  if (!d) return -1;
  d->shift = 32 - p->bits;
  d->tpdf = p->mode == DITHER_TPDF;
  *out = (struct stage_design){.data = d, .size = sizeof *d, .control_words = 1,
                               .control_sections = 1, .shape = {{1, 0, 0, 0}}};
  return 0;
}

LACQUER_CLONES
static int quantise_frames(const float *x, uint at, int n, int channel, int channels, uint seed,
                           int shift, int tpdf, int32_t *out) {
  int over = 0;
  for (int i = 0; i < n; i++) {
    uint r1 = at + to_uint(i), r2 = to_uint(channel);
    PHILOX(r1, r2, seed)
    over += abs_bits(x[i]) > 1.0f;
    out[i * channels + channel] = quantise(to_fixed(x[i]), r1, r2, shift, tpdf);
  }
  return over;
}

static void dither_quantise(const struct stage_io *io, int32_t first, int32_t count) {
  const struct dither_design *d = io->design;
  for (int32_t b = first; b < first + count; b++) {
    const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
    int32_t *out = (int32_t *)(void *)io->dst + (size_t)begin * io->channels;
    io->control[b] = 0;
    for (int c = 0; c < io->channels; c++)
      io->control[b] += quantise_frames(io->src + (size_t)c * io->stride + begin, to_uint(begin), n,
                                        c, io->channels, to_uint(io->args[0]), d->shift, d->tpdf,
                                        out);
  }
}

static const struct stage_pass dither_passes[] = {
    {"quantise", GRID_BLOCKS, dither_quantise},
    {0},
};

const struct stage stage_dither = {
    .name = "dither",
    .help = "dither and word length",
    .role = STAGE_TAIL,
    .rows = dither_rows,
    .params_size = sizeof(struct dither_params),
    .passes = dither_passes,
    .check = dither_check,
    .design = dither_design,
};
