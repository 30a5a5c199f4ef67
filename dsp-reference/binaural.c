/* SPDX-License-Identifier: MIT
 * See binaural.h. */
#include "binaural.h"

#include <stdlib.h>
#include <string.h>

static const struct param_row binaural_rows[] = {
    {.name = "hrtf", .type = PARAM_TEXT, .offset = offsetof(struct binaural_params, hrtf),
     .min = 1, .max = 4000, .later = 1,
     .help = "of layout binaural: a SOFA file of head-related impulse responses, relative to the "
             "file that names it; by default that of libmysofa (MIT KEMAR)"},
    {0},
};

const char *binaural_refusal(const struct layout *from) {
  if (from && (from->channels > 2 || from->n_objects)) return NULL;
  return "headphones play one and two channels as they are (accepted: a bed, 5.1 to 7.1.4, "
         "objects)";
}

const struct layout *binaural_speakers(const struct layout *from) {
  return from->n_objects ? layout_find("7.1.4") : from;
}

int binaural_taps(int rate_hz) {
  return CONV_BLOCK * (rate_hz <= 48000 ? 1 : rate_hz <= 96000 ? 2 : 4);
}

static int binaural_design(const void *params, const struct stage_format *f,
                           struct stage_design *out, const char **why) {
  const struct binaural_params *p = params;
  *why = binaural_refusal(f->layout);
  if (*why) return -1;
  *why = "no impulse responses are known";
  if (!p->set) return -1;
  *why = "more loudspeakers than one convolution has inputs";
  if (f->channels > CONV_MOST_INPUTS) return -1;
  const int n_taps = binaural_taps(f->rate_hz), partitions = n_taps / CONV_BLOCK;
  const size_t filters = 2 * (size_t)f->channels;
  const size_t size = sizeof(struct binaural_design) +
                      filters * (size_t)partitions * CONV_SPECTRUM * sizeof(float);
  struct binaural_design *d = calloc(1, size);
  double *taps = calloc(filters * (size_t)n_taps, sizeof *taps);
  int result = -1;
  *why = "out of memory";
  if (d && taps) result = hrir_filters(p->set, f->layout, f->rate_hz, n_taps, taps, why);
  for (size_t i = 0; i < filters && !result; i++) {
    float *to = d->spectra + i * (size_t)partitions * CONV_SPECTRUM;
    result = conv_partition(taps + i * (size_t)n_taps, n_taps, to);
    if (result) *why = "out of memory";
  }
  free(taps);
  if (result) {
    free(d);
    return -1;
  }
  d->partitions = partitions;
  d->n_inputs = f->channels;
  conv_twiddle(d->twiddle);
  *out = (struct stage_design){
      .data = d, .size = (uint32_t)size, .ring_words = f->channels * CONV_SPECTRUM,
      .ring_history = partitions,
      .shape = {{f->channels, 0, partitions - 1, 1}, {f->channels, 0, 0, 0}}};
  return 0;
}

static struct conv_filter filter_of(const struct stage_io *io, int ear) {
  const struct binaural_design *d = io->design;
  struct conv_filter f = {d->twiddle, d->n_inputs * CONV_SPECTRUM, d->partitions, 0, 1,
                          d->n_inputs, {0}, {0}};
  for (int i = 0; i < d->n_inputs; i++) {
    f.channel[i] = i;
    f.spectra[i] = d->spectra + (size_t)(ear * d->n_inputs + i) * d->partitions * CONV_SPECTRUM;
  }
  return f;
}

static void binaural_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct conv_filter f = filter_of(io, 0);
  struct stage_io inputs = *io;
  inputs.channels = f.n_inputs;
  conv_ring_forward(&inputs, &f, first, count);
}

static void store(const struct stage_io *io, int32_t block, int channel, const float *y) {
  const int32_t begin = block * CONV_BLOCK;
  const int32_t n = begin + CONV_BLOCK < io->n_frames ? CONV_BLOCK : io->n_frames - begin;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  if (y) memcpy(dst, y, (size_t)n * sizeof *dst);
  else memset(dst, 0, (size_t)n * sizeof *dst);
}

static void binaural_filter(const struct stage_io *io, int32_t first, int32_t count) {
  float y[CONV_BLOCK];
  for (int ear = 0; ear < 2; ear++) {
    const struct conv_filter f = filter_of(io, ear);
    for (int32_t b = first; b < first + count; b++) {
      conv_ring_filter(io, &f, b, y);
      store(io, b, ear, y);
    }
  }
  const struct binaural_design *d = io->design;
  for (int c = 2; c < d->n_inputs; c++)
    for (int32_t b = first; b < first + count; b++) store(io, b, c, NULL);
}

static const struct stage_pass binaural_passes[] = {
    {"forward", GRID_BLOCKS, binaural_forward},
    {"filter", GRID_BLOCKS, binaural_filter},
    {0},
};

const struct stage stage_binaural = {
    .name = "binaural",
    .help = "a bed for headphones",
    .role = STAGE_TAIL,
    .rows = binaural_rows,
    .params_size = sizeof(struct binaural_params),
    .passes = binaural_passes,
    .design = binaural_design,
};
