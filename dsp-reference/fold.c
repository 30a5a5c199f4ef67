/* SPDX-License-Identifier: MIT
 * See fold.h. */
#include "fold.h"

#include <stdlib.h>

#include "clones.h"
#include "panner.h"

static const char *const modes[] = {"lo_ro", "lt_rt", NULL};

#define AT(field) offsetof(struct fold_params, field)
static const struct param_row fold_rows[] = {
    {.name = "layout", .type = PARAM_CHOICE, .offset = AT(layout), .choices = layout_deliveries,
     .later = 1, .help = "channels to deliver: a bed is folded down, objects are rendered; "
                         "binaural: for headphones; auto: as the track has them"},
    {.name = "downmix", .type = PARAM_CHOICE, .offset = AT(mode), .choices = modes, .later = 1,
     .help = "of a fold to 2.0: lo_ro for stereo, lt_rt for matrix decoders"},
    {.name = "by_way_of", .type = PARAM_CHOICE, .offset = AT(by_way_of), .choices = layout_choices,
     .later = 1, .help = "layout that is folded, or rendered, to first; auto: none, or that of the "
                         "variant that `from` names"},
    {0},
};
#undef AT

static const char *fold_check(const void *params, const char **row) {
  const struct fold_params *p = params;
  *row = "by_way_of";
  if (p->by_way_of && !p->layout)
    return "leads to another layout (accepted: beside \"layout\")";
  *row = "downmix";
  if (!p->mode || !strcmp(layout_deliveries[p->layout], "2.0")) return NULL;
  return "lt_rt is a way to two channels (accepted: beside \"layout: 2.0\")";
}

/* ---- the matrices ---- */

#define HALF_POWER 0.70710678118654752

/* Speakers that the target does not have, and where they go; NULL: nowhere. Those of the right
 * side as those of the left, mirrored. */
static const struct rule {
  const char *target, *from, *to;
  double gain;
} rules[] = {
    {"7.1", "Ltf", "L", 1},            {"7.1", "Ltr", "Lrs", 1},
    {"5.1.4", "Lss", "L", HALF_POWER}, {"5.1.4", "Lss", "Ls", HALF_POWER},
    {"5.1.4", "Lrs", "Ls", 1},
    {"5.1", "Lss", "L", HALF_POWER},   {"5.1", "Lss", "Ls", HALF_POWER},
    {"5.1", "Lrs", "Ls", 1},           {"5.1", "Ltf", "L", 1},
    {"5.1", "Ltr", "Ls", 1},
    {"2.0", "C", "L", HALF_POWER},     {"2.0", "C", "R", HALF_POWER},
    {"2.0", "LFE", NULL, 0},           {"2.0", "Ls", "L", HALF_POWER},
    {"2.0", "Lss", "L", HALF_POWER},   {"2.0", "Lrs", "L", HALF_POWER},
    {"2.0", "Ltf", "L", 1},            {"2.0", "Ltr", "L", HALF_POWER},
    {"1.0", "L", "M", HALF_POWER},     {"1.0", "C", "M", 1},
    {"1.0", "LFE", NULL, 0},           {"1.0", "Ls", "M", 0.5},
    {"1.0", "Lss", "M", 0.5},          {"1.0", "Lrs", "M", 0.5},
    {"1.0", "Ltf", "M", HALF_POWER},   {"1.0", "Ltr", "M", 0.5},
    {NULL, NULL, NULL, 0},
};

/* Whether `label` is the label of a rule for this speaker: its own or that of its left twin. */
static bool is_label(const char *label, const struct speaker *s) {
  if (!label || (s->azimuth_deg >= 0 && strcmp(label, s->label))) return false;
  return s->azimuth_deg >= 0 || (label[0] == 'L' && !strcmp(label + 1, s->label + 1));
}

/* Whether a rule for channel `in` leads to `out`. C leads to both sides by two rules. */
static bool leads_to(const struct rule *rule, const struct speaker *in, const struct speaker *out) {
  if (!rule->to || in->azimuth_deg == 0) return rule->to && !strcmp(rule->to, out->label);
  return out->azimuth_deg == 0 ? !strcmp(rule->to, out->label)
                               : (in->azimuth_deg > 0) == (out->azimuth_deg > 0) &&
                                     is_label(rule->to, out);
}

static bool has(const struct layout *l, const struct speaker *s) {
  for (int c = 0; c < l->channels; c++)
    if (!strcmp(l->speaker[c]->label, s->label)) return true;
  return false;
}

/* Whether the channel is a speaker of the target, or a rule says where it goes. */
static bool is_known(const struct layout *to, const struct speaker *s) {
  if (has(to, s)) return true;
  for (const struct rule *r = rules; r->target; r++)
    if (!strcmp(r->target, to->name) && is_label(r->from, s)) return true;
  return false;
}

/* By the rules; what they do not know, by its place. */
static double direct_gain(const struct layout *from, const struct layout *to, int out, int in) {
  const struct speaker *a = from->speaker[in], *b = to->speaker[out];
  if (a->group == GROUP_OBJECT) return 0;
  if (has(to, a)) return !strcmp(a->label, b->label);
  for (const struct rule *r = rules; r->target; r++)
    if (!strcmp(r->target, to->name) && is_label(r->from, a) && leads_to(r, a, b)) return r->gain;
  if (is_known(to, a)) return 0;
  double place[3], gain[LAYOUT_MOST_SPEAKERS];
  panner_place(a, place);
  fold_place_gains(to, FOLD_LO_RO, place, gain);
  return gain[out];
}

/* ATSC A/52, section 7.8.2: both surrounds in both channels, one of them inverted. */
static double matrix_surround_gain(const struct speaker *in, int out) {
  if (in->group == GROUP_LFE) return 0;
  if (in->group == GROUP_SURROUND) return out ? HALF_POWER : -HALF_POWER;
  if (in->azimuth_deg == 0) return HALF_POWER;
  return (in->azimuth_deg > 0) == !out;
}

double fold_gain(const struct layout *from, const struct layout *to, int mode, int out, int in) {
  const struct layout *middle = layout_find("5.1");
  if (mode != FOLD_LT_RT || from->channels - from->n_objects <= 2)
    return direct_gain(from, to, out, in);
  double gain = 0; /* by way of 5.1 */
  for (int c = 0; c < middle->channels; c++)
    gain += matrix_surround_gain(middle->speaker[c], out) * direct_gain(from, middle, c, in);
  return gain;
}

static double fold_way_gain(const struct fold_way *way, const struct layout *from, int out,
                            int in) {
  const struct layout *between = way->between;
  double gain = 0;
  if (!between || between == way->to) return fold_gain(from, way->to, way->mode, out, in);
  for (int c = 0; c < between->channels; c++)
    gain += fold_gain(between, way->to, way->mode, out, c) *
            fold_gain(from, between, FOLD_LO_RO, c, in);
  return gain;
}

void fold_way_place_gains(const struct fold_way *way, const double position[3],
                          double gain[LAYOUT_MOST_SPEAKERS]) {
  const struct layout *between = way->between;
  double at[LAYOUT_MOST_SPEAKERS];
  if (!between || between == way->to) {
    fold_place_gains(way->to, way->mode, position, gain);
    return;
  }
  fold_place_gains(between, FOLD_LO_RO, position, at);
  for (int o = 0; o < way->to->channels; o++) {
    gain[o] = 0;
    for (int c = 0; c < between->channels; c++)
      gain[o] += fold_gain(between, way->to, way->mode, o, c) * at[c];
  }
}

void fold_place_gains(const struct layout *to, int mode, const double position[3],
                      double gain[LAYOUT_MOST_SPEAKERS]) {
  const struct layout *middle = mode == FOLD_LT_RT ? layout_find("5.1")
                                : to->channels == 1 ? layout_find("2.0") : to;
  double at[LAYOUT_MOST_SPEAKERS];
  panner_gains(middle, position, at);
  for (int o = 0; o < to->channels; o++) {
    gain[o] = middle == to ? at[o] : 0;
    for (int c = 0; c < middle->channels && middle != to; c++)
      gain[o] += fold_gain(middle, to, mode, o, c) * at[c];
  }
}

const struct layout *fold_target(const struct fold_params *p, const struct layout *from) {
  if (!p->layout || !from) return from;
  return layout_find(fold_is_binaural(p) ? "2.0" : layout_deliveries[p->layout]);
}

struct fold_params fold_to(const struct layout *to) {
  struct fold_params p = {0};
  while (strcmp(layout_deliveries[p.layout], to->name)) p.layout++;
  return p;
}

const struct layout *fold_between(const struct fold_params *p) {
  return p->by_way_of ? layout_find(layout_choices[p->by_way_of]) : NULL;
}

bool fold_is_binaural(const struct fold_params *p) {
  return !strcmp(layout_deliveries[p->layout], LAYOUT_BINAURAL);
}

/* Lts and Rts: no standard has them in a matrix. */
static bool is_top_side(const struct speaker *s) {
  return s->group == GROUP_HEIGHT && abs(s->azimuth_deg) == 90;
}

const char *fold_refusal(const struct layout *from, const struct layout *to) {
  if (from == to || from->n_objects) return NULL;
  for (int o = 0; o < to->channels; o++) {
    double most = 0;
    for (int i = 0; i < from->channels; i++)
      if (is_known(to, from->speaker[i]) || is_top_side(from->speaker[i]))
        most += direct_gain(from, to, o, i);
    if (most <= 0)
      return "it has no channels for all of these speakers, and none are made up: an immersive or "
             "surround deliverable wants a bed of its own as its source, or stems";
  }
  return NULL;
}

const char *fold_way_refusal(const struct fold_params *p, const struct layout *from) {
  const struct layout *between = fold_between(p), *to = fold_target(p, from);
  const char *refusal = between ? fold_refusal(from, between) : NULL;
  return refusal ? refusal : fold_refusal(between ? between : from, to);
}

/* ---- the stage ---- */

static void design_bed(const struct layout *from, const struct fold_way *way, int channels,
                       struct fold_design *d) {
  const bool stays = way->to == from && !way->between;
  for (int o = 0; o < (way->to ? way->to->channels : channels); o++)
    for (int i = 0; i < channels; i++) {
      const double gain = stays ? o == i : fold_way_gain(way, from, o, i);
      if (gain == 0) continue;
      d->in[o][d->n[o]] = i;
      d->gain[o][d->n[o]++] = (float)gain;
    }
}

/* The same for all renders of a scene, which may become more channels than it has. */
static int columns_of(const struct fold_design *d, int channels) {
  return d->n_objects ? max_int(channels, LAYOUT_MOST_SPEAKERS) : channels;
}

static int fold_design(const void *params, const struct stage_format *f, struct stage_design *out,
                       const char **why) {
  const struct fold_params *p = params;
  const struct layout *to = fold_target(p, f->layout);
  const struct fold_way way = {fold_between(p), to, p->mode};
  const bool renders = to != f->layout && f->layout && f->layout->n_objects;
  *why = "only a track of a known layout is folded";
  if (p->layout && !f->layout) return -1;
  *why = f->layout ? fold_way_refusal(p, f->layout) : NULL;
  if (*why) return -1;
  *why = "where its objects are is not known";
  if (renders && (!f->scene || f->scene->n_objects != f->layout->n_objects)) return -1;
  const int64_t words = renders ? fold_objects_words(f->scene, to->channels) : 0;
  const int64_t bytes = ((int64_t)sizeof(struct fold_design) + 4 * words + 15) / 16 * 16;
  *why = "out of memory";
  struct fold_design *d = bytes <= UINT32_MAX ? calloc(1, (size_t)bytes) : NULL;
  if (!d) return -1;
  design_bed(f->layout, &way, f->channels, d);
  if (renders) {
    d->first_object = f->channels - f->layout->n_objects;
    fold_objects_design(f->scene, &way, d);
  }
  *out = (struct stage_design){.data = d, .size = (uint32_t)bytes,
                               .shape = {{columns_of(d, f->channels), 0, 0, 0}}};
  return 0;
}

LACQUER_CLONES
static void fold_add_plain(const float *x, float gain, int n, float *sum) {
  for (int i = 0; i < n; i++) sum[i] = fold_add(sum[i], gain, x[i]);
}

void fold_add_channel(const float *x, float gain, int n, float *sum) {
  fold_add_plain(x, gain, n, sum);
}

void fold_frames(const struct fold_design *d, const float *src, size_t stride, int32_t frame,
                 int32_t n, int out, float *dst) {
  float sum[BLOCK_FRAMES] = {0};
  for (int k = 0; k < d->n[out]; k++)
    fold_add_channel(src + (size_t)d->in[out][k] * stride, d->gain[out][k], n, sum);
  if (out < d->n_outputs) fold_objects_add(d, src, stride, frame, n, out, sum);
  for (int i = 0; i < n; i++) dst[i] = flush_tiny(sum[i]);
}

static void fold_apply(const struct stage_io *io, int32_t first, int32_t count) {
  const struct fold_design *d = io->design;
  const size_t stride = (size_t)io->stride;
  const int columns = columns_of(d, io->channels);
  for (int32_t b = first; b < first + count; b++) {
    const int32_t begin = b * BLOCK_FRAMES, n = min_int(BLOCK_FRAMES, io->n_frames - begin);
    for (int c = 0; c < columns; c++)
      fold_frames(d, io->src + begin, stride, begin, n, c,
                  io->dst + (size_t)c * stride + begin);
  }
}

static const struct stage_pass fold_passes[] = {
    {"apply", GRID_BLOCKS, fold_apply},
    {0},
};

const struct stage stage_fold = {
    .name = "fold",
    .help = "fold-down to a smaller layout, objects rendered",
    .role = STAGE_TAIL,
    .rows = fold_rows,
    .params_size = sizeof(struct fold_params),
    .passes = fold_passes,
    .check = fold_check,
    .design = fold_design,
};
