/* SPDX-License-Identifier: MIT
 * See compare_pair.h. */
#include "compare_pair.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adm_file.h"
#include "loudness_check.h"
#include "memory.h"

static void set_error(struct pair *p, const struct failure *why) {
  p->state = PAIR_UNREADABLE;
  p->error = memory_text(why->text, strlen(why->text));
  p->error_status = why->status;
}

static double db_of(double magnitude) {
  return magnitude > 0 ? 20 * log10(magnitude) : -HUGE_VAL;
}

/* b less a; two silences are equal. */
static double delta(double a_db, double b_db) { return a_db == b_db ? 0 : b_db - a_db; }

/* The first frame, then the first channel, of any difference. */
static void note_difference(struct pair *p, int channel, int32_t frame, float a, float b) {
  const bool first = !p->n_different++ || frame < p->frame;
  if (!first) return;
  p->channel = channel;
  p->frame = frame;
  p->value[0] = a;
  p->value[1] = b;
}

static void compare_samples(struct pair *p, const struct audio *a, const struct audio *b) {
  double peak = 0, energy = 0;
  for (int c = 0; c < a->channels; c++) {
    const float *x = a->pcm[c], *y = b->pcm[c];
    for (int32_t i = 0; i < a->n_frames; i++) {
      if (x[i] == y[i]) continue;
      const double d = (double)y[i] - (double)x[i];
      note_difference(p, c, i, x[i], y[i]);
      energy += d * d;
      if (fabs(d) > peak) peak = fabs(d);
    }
  }
  p->residual_peak_db = db_of(peak);
  p->residual_rms_db = db_of(sqrt(energy / ((double)a->n_frames * a->channels)));
  p->state = p->n_different ? PAIR_DIFFERENT : PAIR_IDENTICAL;
}

static void describe(struct pair_figures *f, const struct audio *audio) {
  f->rate_hz = audio->rate_hz;
  f->layout = audio->layout;
  f->bits = audio->bits;
  f->is_float = audio->is_float;
  f->n_frames = audio->n_frames;
}

static enum status measure(struct pair_figures *f, const struct audio *audio,
                           struct failure *why) {
  const struct pcm_shape shape = {audio->rate_hz, audio->channels, audio->n_frames,
                                  audio->layout};
  struct loudness_figures loudness;
  const enum status status = loudness_measure_planar(
      &shape, (const float *const *)audio->pcm, &loudness, &f->true_peak_dbtp, why);
  f->lufs = loudness.integrated_lufs;
  return status ? status : bands_measure(audio, f->band_db, why);
}

static void compare_figures(struct pair *p) {
  const struct pair_figures *a = &p->of[0], *b = &p->of[1];
  p->lufs_delta = delta(a->lufs, b->lufs);
  p->true_peak_delta_db = delta(a->true_peak_dbtp, b->true_peak_dbtp);
  for (int i = 0; i < BANDS; i++) {
    p->band_delta_db[i] = fmax(b->band_db[i], FLOOR_DB) - fmax(a->band_db[i], FLOOR_DB);
    if (fabs(p->band_delta_db[i]) > fabs(p->band_delta_db[p->worst_band])) p->worst_band = i;
  }
}

static bool same_shape(const struct audio *a, const struct audio *b) {
  return a->rate_hz == b->rate_hz && a->layout == b->layout && a->n_frames == b->n_frames;
}

static bool same_block(const struct scene_block *a, const struct scene_block *b) {
  bool same = a->frame == b->frame && a->ramp_frames == b->ramp_frames && a->gain == b->gain;
  for (int k = 0; k < 3; k++) same = same && a->position[k] == b->position[k];
  return same;
}

/* Of one layout. */
static bool same_scene(const struct scene *a, const struct scene *b) {
  bool same = true;
  for (int i = 0; a && b && i < a->n_objects; i++) {
    const struct scene_object *x = &a->objects[i], *y = &b->objects[i];
    same = same && x->n_blocks == y->n_blocks;
    for (int32_t k = 0; same && k < x->n_blocks; k++)
      same = same_block(&x->blocks[k], &y->blocks[k]);
  }
  return same;
}

void pair_measure(struct pair *p) {
  struct audio audio[2] = {{0}, {0}};
  struct failure why = {0};
  enum status status = STATUS_OK;
  p->residual_peak_db = p->residual_rms_db = NAN;
  p->state = PAIR_SHAPE;
  for (int i = 0; i < 2 && !status; i++) {
    /* a bed that lacquer delivered is one again, its corners too */
    status = adm_file_is(p->path[i]) ? adm_file_decode(p->path[i], &audio[i], &why)
                                     : STATUS_BAD_DATA;
    if (status) status = decode_file(p->path[i], &audio[i], &why);
    if (!status) describe(&p->of[i], &audio[i]);
  }
  if (!status && same_shape(&audio[0], &audio[1])) {
    p->moved = !same_scene(audio[0].scene, audio[1].scene);
    if (!p->moved) compare_samples(p, &audio[0], &audio[1]);
  }
  for (int i = 0; i < 2 && !status && p->state != PAIR_IDENTICAL; i++) {
    struct failure reason = {0};
    status = measure(&p->of[i], &audio[i], &reason);
    if (status) fail(&why, status, "%s: %s", p->path[i], reason.text);
  }
  if (status) set_error(p, &why);
  else if (p->state != PAIR_IDENTICAL) compare_figures(p);
  for (int i = 0; i < 2; i++) audio_free(&audio[i]);
}

void pair_free(struct pair *p) {
  free(p->name);
  free(p->path[0]);
  free(p->path[1]);
  free(p->error);
}
