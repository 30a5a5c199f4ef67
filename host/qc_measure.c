/* SPDX-License-Identifier: MIT
 * See qc_measure.h. */
#include "qc_measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "fold.h"
#include "loudness_check.h"
#include "memory.h"

enum { HIGH_PASSES = 4 }; /* second-order sections: a Butterworth high pass of order 8 */
const double qc_lfe_corners[QC_LFE_CORNERS] = {1, 1.25, 4};

struct high_pass {
  struct biquad c[HIGH_PASSES];
  double s[HIGH_PASSES][2]; /* transposed direct form II */
};
struct tally { /* of a track, while it is read */
  double sum, squares, above[QC_LFE_CORNERS];
  float peak;
  int64_t n_clipped;
  int32_t run, first_clipped, first_sound, end_sound;
  struct high_pass *filters; /* QC_LFE_CORNERS of them, of an LFE; owned */
};

/* ---- the LFE ---- */

static void design_high_pass(double corner_hz, int rate_hz, struct high_pass *f) {
  const double angle = fmin(corner_hz / rate_hz, 0.45);
  const double k = det_sinpi(angle) / det_cospi(angle);
  *f = (struct high_pass){0};
  for (int i = 0; i < HIGH_PASSES; i++) {
    const double damping = 2 * det_sinpi((2 * i + 1) / (4.0 * HIGH_PASSES)); /* 1 / Q */
    const double norm = 1 / (1 + damping * k + k * k);
    f->c[i] = (struct biquad){norm, -2 * norm, norm, 2 * (k * k - 1) * norm,
                              (1 - damping * k + k * k) * norm};
  }
}

static double high_passed(struct high_pass *f, double x) {
  for (int i = 0; i < HIGH_PASSES; i++) {
    const struct biquad *c = &f->c[i];
    const double y = c->b0 * x + f->s[i][0];
    f->s[i][0] = c->b1 * x - c->a1 * y + f->s[i][1];
    f->s[i][1] = c->b2 * x - c->a2 * y;
    x = y;
  }
  return x;
}

static void add_lfe(struct tally *t, const float *x, int32_t n) {
  for (int k = 0; k < QC_LFE_CORNERS; k++) {
    struct high_pass *f = &t->filters[k];
    for (int32_t i = 0; i < n; i++) {
      const double y = high_passed(f, (double)x[i]);
      t->above[k] += y * y;
    }
    for (int i = 0; i < HIGH_PASSES; i++) /* no denormals in silence */
      for (int j = 0; j < 2; j++)
        if (fabs(f->s[i][j]) < 1e-100) f->s[i][j] = 0;
  }
}

/* ---- all tracks ---- */

static void add_clipped(struct tally *t, int32_t frame) {
  if (++t->run < QC_CLIP_RUN) return;
  t->n_clipped += t->run == QC_CLIP_RUN ? QC_CLIP_RUN : 1;
  if (t->first_clipped < 0) t->first_clipped = frame - QC_CLIP_RUN + 1;
}

static void add_block(struct tally *t, int32_t at, const float *x, int32_t n, float silence,
                      float full_scale) {
  double sum = 0, squares = 0;
  float peak = 0;
  for (int32_t i = 0; i < n; i++) {
    const float a = fabsf(x[i]);
    sum += (double)x[i];
    squares += (double)x[i] * (double)x[i];
    peak = a > peak ? a : peak;
  }
  t->sum += sum;
  t->squares += squares;
  if (peak > t->peak) t->peak = peak;
  if (peak >= full_scale || t->run)
    for (int32_t i = 0; i < n; i++) {
      if (fabsf(x[i]) >= full_scale) add_clipped(t, at + i);
      else t->run = 0;
    }
  if (peak > silence) {
    int32_t first = 0, last = n - 1;
    while (!(fabsf(x[first]) > silence)) first++;
    while (!(fabsf(x[last]) > silence)) last--;
    if (t->end_sound == 0) t->first_sound = at + first;
    t->end_sound = at + last + 1;
  }
  if (t->filters) add_lfe(t, x, n);
}

static double db_of_power(double power) { return power > 0 ? 10 * log10(power) : -HUGE_VAL; }

static void close_tally(const struct tally *t, int32_t n_frames, struct qc_track *out) {
  const double mean = t->sum / n_frames, power = t->squares / n_frames;
  *out = (struct qc_track){
      .peak_dbfs = db_of_power((double)t->peak * (double)t->peak), .rms_dbfs = db_of_power(power),
      .dc_dbfs = db_of_power(mean * mean), .n_clipped = t->n_clipped,
      .first_clipped = t->first_clipped, .first_sound = t->first_sound, .end_sound = t->end_sound,
      .is_lfe = t->filters != NULL};
  for (int k = 0; k < QC_LFE_CORNERS; k++) {
    out->above_dbfs[k] = db_of_power(t->above[k] / n_frames);
    out->above_db[k] = t->squares > 0 ? db_of_power(t->above[k] / t->squares) : -HUGE_VAL;
  }
}

/* ---- renders ---- */

void qc_lo_ro(const struct layout *l, const float *planar, int32_t n, float *out) {
  const struct layout *stereo = layout_find("2.0");
  for (int o = 0; o < 2; o++) {
    float *sum = out + (size_t)o * QC_BLOCK;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int c = 0; c < l->channels; c++) {
      const float gain = l->channels == 1 ? 1 : (float)fold_gain(l, stereo, FOLD_LO_RO, o, c);
      const float *x = planar + (size_t)c * QC_BLOCK;
      for (int32_t i = 0; gain != 0 && i < n; i++) sum[i] += gain * x[i];
    }
  }
}

const struct layout *qc_sync_layout(const struct qc_scene *scene) {
  const struct layout *native = scene->native;
  return native && native->channels <= 2 ? native : layout_find("5.1");
}

struct render_meter {
  struct qc_render *render;
  struct loudness_meter *meter;
  float *out; /* owned; LAYOUT_MOST_SPEAKERS blocks */
  const struct layout *layout;
};

static enum status open_render(const struct qc_source *s, const struct qc_scene *scene,
                               const struct layout *layout, struct render_meter *r,
                               struct failure *why) {
  *r = (struct render_meter){.layout = layout};
  r->out = malloc(sizeof *r->out * QC_BLOCK * LAYOUT_MOST_SPEAKERS);
  if (!r->out) return fail(why, STATUS_AGAIN, "%s: out of memory", s->path);
  r->render = qc_render_create(scene, layout, s->rate_hz);
  return loudness_meter_open(layout, s->rate_hz, s->n_frames, &r->meter, why);
}

static void close_render(struct render_meter *r) {
  qc_render_destroy(&r->render);
  loudness_meter_close(&r->meter);
  free(r->out);
}

static enum status add_render(struct render_meter *r, int32_t at, int32_t n, const float *planar,
                              struct failure *why) {
  if (!r->layout) return STATUS_OK;
  qc_render_block(r->render, at, n, planar, r->out);
  return loudness_meter_add(r->meter, r->out, QC_BLOCK, n, why);
}

static enum status read_render(struct render_meter *r, struct qc_loudness *out,
                               struct failure *why) {
  if (!r->layout) return STATUS_OK;
  out->layout = r->layout;
  return loudness_meter_read(r->meter, &out->figures, &out->true_peak_dbtp, why);
}

/* ---- the pass ---- */

struct pass {
  struct qc_source *source;
  struct qc_measured *out;
  struct tally *tallies;
  struct render_meter native, sync; /* sync: what stereo is compared with */
  float *planar, *stereo;           /* owned */
  float silence, full_scale;
};

static enum status open_pass(struct pass *p, const struct qc_scene *scene,
                             const struct qc_settings *settings, struct failure *why) {
  const struct qc_source *s = p->source;
  const size_t block = sizeof(float) * QC_BLOCK;
  p->silence = (float)det_db_to_gain(settings->silence_dbfs);
  p->full_scale = qc_source_full_scale(s);
  p->tallies = memory_new((size_t)s->channels, sizeof *p->tallies);
  p->out->tracks = memory_new((size_t)s->channels, sizeof *p->out->tracks);
  p->planar = malloc(block * (size_t)s->channels);
  p->stereo = malloc(block * 2);
  p->out->slot_frames = s->rate_hz / 4;
  p->out->n_slots = s->n_frames / p->out->slot_frames + 1;
  p->out->slots = calloc((size_t)p->out->n_slots, sizeof *p->out->slots);
  if (!p->planar || !p->stereo || !p->out->slots)
    return fail(why, STATUS_AGAIN, "%s: out of memory", s->path);
  for (int c = 0; c < s->channels; c++) p->tallies[c].first_clipped = -1;
  for (int i = 0; i < scene->n; i++) {
    struct tally *t = &p->tallies[scene->voices[i].track];
    if (!scene->voices[i].is_lfe || t->filters) continue;
    t->filters = memory_new(QC_LFE_CORNERS, sizeof *t->filters);
    for (int k = 0; k < QC_LFE_CORNERS; k++)
      design_high_pass(settings->lfe_corner_hz * qc_lfe_corners[k], s->rate_hz, &t->filters[k]);
  }
  if (scene->refusal) return STATUS_OK;
  const struct layout *sync = qc_sync_layout(scene);
  enum status status = open_render(s, scene, sync, &p->sync, why);
  if (!status && scene->native && scene->native != sync)
    status = open_render(s, scene, scene->native, &p->native, why);
  return status;
}

static void close_pass(struct pass *p) {
  for (int c = 0; p->tallies && c < p->source->channels; c++) free(p->tallies[c].filters);
  free(p->tallies);
  close_render(&p->native);
  close_render(&p->sync);
  free(p->planar);
  free(p->stereo);
}

static void add_slots(struct pass *p, int32_t at, int32_t n) {
  if (!p->sync.layout) return;
  qc_lo_ro(p->sync.layout, p->sync.out, n, p->stereo);
  for (int32_t i = 0; i < n; i++) {
    const float l = p->stereo[i], r = p->stereo[QC_BLOCK + i];
    p->out->slots[(at + i) / p->out->slot_frames] += l * l + r * r;
  }
}

static enum status run_pass(struct pass *p, struct failure *why) {
  struct qc_source *s = p->source;
  enum status status = STATUS_OK;
  for (int32_t at = 0, n; at < s->n_frames && !status; at += n) {
    n = s->n_frames - at < QC_BLOCK ? s->n_frames - at : QC_BLOCK;
    status = qc_source_read(s, at, n, p->planar, why);
    for (int c = 0; c < s->channels && !status; c++)
      add_block(&p->tallies[c], at, p->planar + (size_t)c * QC_BLOCK, n, p->silence,
                p->full_scale);
    if (!status) status = add_render(&p->sync, at, n, p->planar, why);
    if (!status) status = add_render(&p->native, at, n, p->planar, why);
    if (!status) add_slots(p, at, n);
  }
  return status;
}

static enum status finish_pass(struct pass *p, struct failure *why) {
  struct qc_measured *m = p->out;
  const struct qc_source *s = p->source;
  for (int c = 0; c < s->channels; c++) {
    struct qc_track *t = &m->tracks[c];
    close_tally(&p->tallies[c], s->n_frames, t);
    if (t->first_sound == t->end_sound) continue;
    if (m->first_sound == m->end_sound || t->first_sound < m->first_sound)
      m->first_sound = t->first_sound;
    if (t->end_sound > m->end_sound) m->end_sound = t->end_sound;
  }
  struct qc_loudness sync = {0};
  enum status status = read_render(&p->sync, &sync, why);
  if (!status) status = read_render(&p->native, &m->native, why);
  if (sync.layout && sync.layout->channels > 2) m->surround = sync;
  if (sync.layout && !m->native.layout) m->native = sync;
  return status;
}

enum status qc_measure(struct qc_source *source, const struct qc_scene *scene,
                       const struct qc_settings *settings, struct qc_measured *out,
                       struct failure *why) {
  struct pass p = {.source = source, .out = out};
  *out = (struct qc_measured){0};
  enum status status = open_pass(&p, scene, settings, why);
  if (!status) status = run_pass(&p, why);
  if (!status) status = finish_pass(&p, why);
  close_pass(&p);
  return status;
}

void qc_measured_free(struct qc_measured *m) {
  free(m->tracks);
  free(m->slots);
  *m = (struct qc_measured){0};
}
