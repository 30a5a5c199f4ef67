/* SPDX-License-Identifier: MIT
 * See linear.h. */
#include "linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "convolve.h"
#include "layout.h"
#include "linear_response.h"
#include "twin.h"

const char *const linear_targets[] = {"stereo", "left", "right", "mid", "side", "front", "center",
                                      "surround", "height", "lfe", "bed", "objects", NULL};
const char *const linear_phases[] = {"linear", "minimum", "mixed", NULL};

double linear_minimum_share(int phase, double mixed_share) {
  return phase == PHASE_LINEAR ? 0 : phase == PHASE_MINIMUM ? 1 : mixed_share;
}

static double power(double x, int n) {
  double r = 1;
  for (; n; n >>= 1, x *= x)
    if (n & 1) r *= x;
  return r;
}

double butterworth_low(double x, int order) { return 1 / sqrt(1 + power(x * x, order)); }

double butterworth_high(double x, int order) {
  return x > 0 ? 1 / sqrt(1 + power(1 / (x * x), order)) : 0;
}

/* ---- design ---- */

/* Channels that see the same gains, and therefore have the same filters. */
struct kind {
  int channels;    /* 2: a pair, with filters between its channels */
  int group;       /* enum speaker_group */
  bool alone;      /* the track's only channel: mid and left are that channel */
  struct linear_part part[LINEAR_MAX_PARTS]; /* the gains that act, their targets at most SIDE */
  struct linear_section section;
  struct linear_taps taps;
  bool idle;       /* nothing acts */
  int first_filter;
};
enum { MAX_KINDS = 6 }; /* pairs in front, around and above, C, LFE, objects */
struct joint {
  int n, n_kinds;
  struct kind kind[MAX_KINDS];
  int of_channel[MAX_CHANNELS];
};

static bool acts(const struct kind *k, int target) {
  switch ((enum linear_target)target) {
  case LINEAR_STEREO: return true;
  case LINEAR_LEFT:
  case LINEAR_MID: return k->channels == 2 || k->alone;
  case LINEAR_RIGHT:
  case LINEAR_SIDE: return k->channels == 2;
  case LINEAR_FRONT: return k->group == GROUP_FRONT;
  case LINEAR_CENTER: return k->group == GROUP_FRONT && k->channels == 1 && !k->alone;
  case LINEAR_SURROUND: return k->group == GROUP_SURROUND;
  case LINEAR_HEIGHT: return k->group == GROUP_HEIGHT;
  case LINEAR_LFE: return k->group == GROUP_LFE;
  case LINEAR_BED: return k->group != GROUP_LFE && k->group != GROUP_OBJECT;
  case LINEAR_OBJECTS: return k->group == GROUP_OBJECT;
  case LINEAR_TARGETS: break;
  }
  return false;
}

static void take_gains(struct kind *k, const struct linear_part *part, int n) {
  k->idle = true;
  for (int p = 0; p < n; p++) {
    struct linear_part *to = &k->part[p];
    to->minimum_share = part[p].minimum_share;
    for (int i = 0; i < part[p].n_gains; i++) {
      struct linear_gain gain = part[p].gain[i];
      if (!acts(k, gain.target)) continue;
      if (gain.target > LINEAR_SIDE) gain.target = LINEAR_STEREO;
      to->gain[to->n_gains++] = gain;
      k->idle = false;
    }
  }
}

/* Sorts the channels; every kind gets its gains. */
static void make_kinds(struct joint *j, const struct linear_part *part,
                       const struct stage_format *f) {
  const struct linear_section whole = linear_section_of(part, j->n, f);
  for (int c = 0; c < f->channels; c++) {
    struct kind k = {.channels = layout_is_pair(f->layout, f->channels, c) ? 2 : 1,
                     .alone = f->channels == 1};
    while (!layout_is_group(f->layout, c, k.group)) k.group++;
    int at = 0;
    while (at < j->n_kinds &&
           (j->kind[at].channels != k.channels || j->kind[at].group != k.group))
      at++;
    j->of_channel[c] = at;
    if (at < j->n_kinds) continue;
    struct kind *made = &j->kind[j->n_kinds++];
    *made = k;
    take_gains(made, part, j->n);
    made->section = linear_section_of(made->part, j->n,
                                      &(struct stage_format){f->rate_hz, k.channels, NULL, NULL});
    made->section.real = whole.real; /* one delay for all */
    made->section.causal = whole.causal;
    made->section.flat = whole.flat;
  }
}

/* Filters of one length. */
static int make_taps(struct joint *j, int *most) {
  *most = 0;
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < j->n_kinds; i++) {
      struct kind *k = &j->kind[i];
      if (k->idle || (round && k->taps.n == *most)) continue;
      linear_taps_free(&k->taps);
      if (linear_taps_make(&k->section, *most, &k->taps)) return -1;
      if (k->taps.n > *most) *most = k->taps.n;
    }
  return 0;
}

static int fill_spectra(struct linear_design *d, const struct kind *k) {
  const struct linear_taps *taps = &k->taps;
  const size_t size = (size_t)d->partitions * CONV_SPECTRUM;
  float *to = d->spectra + (size_t)k->first_filter * size;
  double *h = malloc((size_t)taps->n * sizeof *h);
  int result = h ? 0 : -1;
  for (int i = 0; i < 4 && !result; i++) {
    if (!taps->own[i]) continue;
    for (int t = 0; t < taps->n; t++) h[t] = taps->own[i][t];
    if (i % 3 == 0) h[taps->centre] -= 1;
    result = conv_partition(h, taps->n, to);
    to += size;
  }
  free(h);
  return result;
}

/* Where filter (o, i) of a kind is among those of the design. */
static int filter_at(const struct kind *k, int o, int i) {
  int at = k->first_filter;
  for (int own = 0; k->taps.own[own] != k->taps.taps[2 * o + i]; own++)
    at += k->taps.own[own] != NULL;
  return at;
}

static void connect(struct linear_design *d, const struct joint *j, int channels) {
  for (int c = 0; c < channels; c++) {
    const struct kind *k = &j->kind[j->of_channel[c]];
    const int first = k->channels == 2 ? c & ~1 : c;
    for (int i = 0; i < k->channels && !k->idle; i++) {
      if (!k->taps.taps[2 * (c - first) + i]) continue;
      const int n = d->n_inputs[c]++;
      d->input[c][n] = first + i;
      d->filter[c][n] = filter_at(k, c - first, i);
    }
  }
}

static int make_design(struct joint *j, int n_taps, int channels, struct stage_design *out) {
  int filters = 0, partitions = n_taps / CONV_BLOCK, centre = 0, result = 0;
  *out = (struct stage_design){0};
  for (int i = 0; i < j->n_kinds; i++) {
    struct kind *k = &j->kind[i];
    k->first_filter = filters;
    if (k->idle) continue;
    for (int own = 0; own < 4; own++) filters += k->taps.own[own] != NULL;
    centre = k->taps.centre / CONV_BLOCK;
    out->pre_ring_ms = fmax(out->pre_ring_ms, k->taps.pre_ring_ms);
    out->response_error_db = fmax(out->response_error_db, k->taps.error_db);
  }
  if (!partitions) partitions = 1; /* nothing acts */
  out->size = (uint32_t)(sizeof(struct linear_design) +
                         (size_t)filters * (size_t)partitions * CONV_SPECTRUM * sizeof(float));
  struct linear_design *d = calloc(1, out->size);
  if (!d) return -1;
  d->partitions = partitions;
  d->centre_blocks = centre;
  conv_twiddle(d->twiddle);
  connect(d, j, channels);
  for (int i = 0; i < j->n_kinds && !result; i++)
    if (!j->kind[i].idle) result = fill_spectra(d, &j->kind[i]);
  out->data = d;
  out->ring_words = channels * CONV_SPECTRUM;
  out->ring_history = partitions;
  out->shape[0] = (struct pass_shape){channels, centre, partitions - 1, 1};
  out->shape[1] = (struct pass_shape){channels, 0, 0, 0};
  if (result) stage_design_free(out);
  return result;
}

int linear_design_joint(const struct stage_use *uses, int n, const struct stage_format *format,
                        struct stage_design *out, const char **why) {
  struct linear_part part[LINEAR_MAX_PARTS] = {0};
  int result = n > LINEAR_MAX_PARTS ? -1 : 0, n_taps;
  *why = "too many linear stages stand together";
  for (int i = 0; i < n && !result; i++)
    result = uses[i].stage->linear_part(uses[i].params, format, &part[i], why);
  struct joint *j = result ? NULL : calloc(1, sizeof *j);
  if (!result) {
    *why = "out of memory";
    result = -1;
  }
  if (j) {
    j->n = n;
    make_kinds(j, part, format);
    result = make_taps(j, &n_taps);
    if (!result) result = make_design(j, n_taps, format->channels, out);
    for (int i = 0; i < j->n_kinds; i++) linear_taps_free(&j->kind[i].taps);
  }
  free(j);
  for (int i = 0; i < n && i < LINEAR_MAX_PARTS; i++) free(part[i].memory);
  return result;
}

/* ---- passes ---- */

static struct conv_filter filter_of(const struct stage_io *io, int o) {
  const struct linear_design *d = io->design;
  struct conv_filter f = {d->twiddle, io->channels * CONV_SPECTRUM, d->partitions,
                          d->centre_blocks, 1, d->n_inputs[o], {0}, {0}};
  for (int k = 0; k < f.n_inputs; k++) {
    f.channel[k] = d->input[o][k];
    f.spectra[k] = d->spectra + (size_t)d->filter[o][k] * d->partitions * CONV_SPECTRUM;
  }
  return f;
}

static void linear_forward(const struct stage_io *io, int32_t first, int32_t count) {
  const struct conv_filter f = filter_of(io, 0);
  conv_ring_forward(io, &f, first, count);
}

static void add_block(const struct stage_io *io, int32_t block, int channel, const float *y) {
  const int32_t begin = block * CONV_BLOCK, n = min_int(CONV_BLOCK, io->n_frames - begin);
  const float *src = io->src + (size_t)channel * io->stride + begin;
  float *dst = io->dst + (size_t)channel * io->stride + begin;
  for (int32_t i = 0; i < n; i++) dst[i] = flush_tiny(src[i] + y[i]);
}

static void copy_blocks(const struct stage_io *io, int32_t first, int32_t count, int channel) {
  const int32_t begin = first * CONV_BLOCK;
  const int32_t n = min_int(count * CONV_BLOCK, io->n_frames - begin);
  const size_t at = (size_t)channel * io->stride + begin;
  memcpy(io->dst + at, io->src + at, (size_t)n * sizeof *io->dst);
}

static void linear_filter(const struct stage_io *io, int32_t first, int32_t count) {
  float y[CONV_BLOCK];
  for (int o = 0; o < io->channels; o++) {
    const struct conv_filter f = filter_of(io, o);
    if (!f.n_inputs) copy_blocks(io, first, count, o);
    for (int32_t b = first; b < first + count && f.n_inputs; b++) {
      conv_ring_filter(io, &f, b, y);
      add_block(io, b, o, y);
    }
  }
}

const struct stage_pass linear_passes[] = {
    {"forward", GRID_BLOCKS, linear_forward},
    {"filter", GRID_BLOCKS, linear_filter},
    {0},
};
