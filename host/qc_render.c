/* SPDX-License-Identifier: MIT
 * See qc_scene.h: the render to a layout. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "panner.h"
#include "qc_scene.h"

struct now { /* of a voice: its gains around one block of metadata */
  int block;                /* -1: none yet */
  double begin, ramp, next; /* frames: of the block, of the ramp into it, of the next block */
  double from[LAYOUT_MOST_SPEAKERS], to[LAYOUT_MOST_SPEAKERS];
};
struct qc_render {
  const struct qc_scene *scene;
  const struct layout *to;
  int rate_hz;
  struct now *now; /* by voice */
};

/* A bed's channel where the layout has that very loudspeaker is not panned: Ls in 5.1.4. */
static void bed_gains(const struct layout *to, const struct qc_voice *v, double *gains) {
  const char *label = v->label;
  for (int c = 0; c < to->channels; c++)
    if (v->is_lfe ? c == layout_lfe(to) : !strcmp(to->speaker[c]->label, label)) {
      gains[c] = v->gain;
      return;
    }
  if (v->is_lfe) return;
  panner_gains(to, v->position, gains);
  for (int c = 0; c < to->channels; c++) gains[c] *= v->gain;
}

static void block_gains(const struct layout *to, const struct qc_voice *v, int block,
                        double *gains) {
  const struct adm_block *b = &v->channel->blocks[block];
  panner_gains(to, b->position, gains);
  for (int c = 0; c < to->channels; c++)
    gains[c] *= v->gain * (b->has & ADM_GAIN ? b->gain : 1);
}

struct qc_render *qc_render_create(const struct qc_scene *scene, const struct layout *to,
                                   int rate_hz) {
  struct qc_render *r = memory_new(1, sizeof *r);
  *r = (struct qc_render){scene, to, rate_hz, memory_new((size_t)scene->n + 1, sizeof *r->now)};
  for (int i = 0; i < scene->n; i++) {
    r->now[i].block = -1;
    if (scene->voices[i].is_bed) bed_gains(to, &scene->voices[i], r->now[i].to);
  }
  return r;
}

void qc_render_destroy(struct qc_render **render) {
  if (!*render) return;
  free((*render)->now);
  free(*render);
  *render = NULL;
}

static double block_begin(const struct qc_render *r, const struct qc_voice *v, int block) {
  const struct adm_time t = v->channel->blocks[block].rtime;
  return v->begin + (t.per ? floor(adm_time_s(t) * r->rate_hz + 0.5) : 0);
}

/* The block that holds at a frame: the last one that has begun. */
static int block_at(const struct qc_render *r, const struct qc_voice *v, double frame) {
  int low = 0, high = v->channel->n_blocks - 1;
  while (low < high) {
    const int middle = (low + high + 1) / 2;
    if (block_begin(r, v, middle) <= frame) low = middle;
    else high = middle - 1;
  }
  return low;
}

/* jumpPosition with an interpolation: a ramp of that length; without jumpPosition one over
 * the whole block. */
static void enter_block(struct qc_render *r, const struct qc_voice *v, struct now *now,
                        double frame) {
  if (now->block >= 0 && frame >= now->begin && frame < now->next) return;
  const int i = block_at(r, v, frame);
  const struct adm_block *b = &v->channel->blocks[i];
  if (now->block >= 0 && i == now->block + 1) memcpy(now->from, now->to, sizeof now->from);
  else if (i) block_gains(r->to, v, i - 1, now->from);
  block_gains(r->to, v, i, now->to);
  now->block = i;
  now->begin = i ? block_begin(r, v, i) : -HUGE_VAL;
  now->next = i + 1 < v->channel->n_blocks ? block_begin(r, v, i + 1) : HUGE_VAL;
  if (!i) now->ramp = 0;
  else if (b->jump) now->ramp = (double)b->interpolation_s * r->rate_hz;
  else if (b->duration.per) now->ramp = adm_time_s(b->duration) * r->rate_hz;
  else now->ramp = isfinite(now->next) ? now->next - now->begin : 0;
}

static void mix(const struct now *now, int channels, double frame, int32_t n, const float *x,
                float *out) {
  const double left = now->begin + now->ramp - frame; /* of the ramp */
  const int32_t ramp = now->ramp <= 0 || left <= 0 ? 0 : left < n ? (int32_t)ceil(left) : n;
  for (int c = 0; c < channels; c++) {
    float *sum = out + (size_t)c * QC_BLOCK;
    const float to = (float)now->to[c];
    const double step = ramp ? (now->to[c] - now->from[c]) / now->ramp : 0;
    const double first = ramp ? now->from[c] + step * (frame - now->begin) : 0;
    for (int32_t i = 0; i < ramp; i++) sum[i] += (float)(first + step * i) * x[i];
    for (int32_t i = ramp; to != 0 && i < n; i++) sum[i] += to * x[i];
  }
}

static bool is_silent(const float *x, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    if (x[i] != 0) return false;
  return true;
}

static void render_voice(struct qc_render *r, int i, int64_t at, int32_t n, const float *x,
                         float *out) {
  const struct qc_voice *v = &r->scene->voices[i];
  struct now *now = &r->now[i];
  const double begin = fmax((double)at, v->begin), end = fmin((double)(at + n), v->end);
  if (begin >= end || is_silent(x, n)) return;
  int32_t done = (int32_t)(ceil(begin) - (double)at);
  const int32_t last = (int32_t)(floor(end) - (double)at);
  while (done < last) {
    const double frame = (double)at + done;
    int32_t until = last;
    if (!v->is_bed) enter_block(r, v, now, frame);
    if (!v->is_bed && now->next - (double)at < until)
      until = (int32_t)ceil(now->next - (double)at);
    mix(now, r->to->channels, frame, until - done, x + done, out + done);
    done = until;
  }
}

void qc_render_block(struct qc_render *r, int64_t at, int32_t n, const float *planar, float *out) {
  for (int c = 0; c < r->to->channels; c++)
    memset(out + (size_t)c * QC_BLOCK, 0, (size_t)n * sizeof *out);
  for (int i = 0; i < r->scene->n; i++)
    render_voice(r, i, at, n, planar + (size_t)r->scene->voices[i].track * QC_BLOCK, out);
}
