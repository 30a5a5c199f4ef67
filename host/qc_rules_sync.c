/* SPDX-License-Identifier: MIT
 * See qc_rules.h: looks at stereo companions. */
#include <math.h>
#include <stdlib.h>

#include "qc_rules.h"

#define LEAST_OF_A_CHANNEL 0.2 /* correlation; below, its sign says nothing */

/* The i-th companion that was read. */
static const struct qc_companion *read_one(const struct qc_file *f, int i) {
  const struct qc_companion *c = &f->companions[i];
  return c->status ? NULL : c;
}
/* The same, if its place is known. */
static const struct qc_companion *found_one(const struct qc_file *f, int i) {
  const struct qc_companion *c = read_one(f, i);
  return c && c->sync.found ? c : NULL;
}

static double ms(double frames, int rate_hz) { return 1000 * frames / rate_hz; }

void qc_look_sync_found(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = read_one(f, i);
    if (!c || f->scene.refusal) continue;
    const struct qc_sync *s = &c->sync;
    qc_ask(a, s->found ? (double)s->n_votes / s->n_windows : 0,
           "%s: %d of %d windows agree, correlation %.2f: another programme, or more than %d ms "
           "off", c->path, s->n_votes, s->n_windows, s->correlation, QC_SYNC_RANGE_MS);
  }
}

void qc_look_sync_start(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = found_one(f, i);
    if (!c) continue;
    const double offset_ms = ms(c->sync.offset_frames, f->source.rate_hz);
    qc_ask(a, fabs(offset_ms), "%s is %s by %d frames of %d Hz", c->path,
           offset_ms > 0 ? "late" : "early", abs(c->sync.offset_frames), f->source.rate_hz);
  }
}

void qc_look_sync_exact(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = found_one(f, i);
    if (!c || c->is_binaural) continue;
    (c->same_source ? qc_ask_error : qc_ask)(a, abs(c->sync.offset_frames),
                                             "%s is not aligned to the sample", c->path);
  }
}

void qc_look_sync_drift(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = found_one(f, i);
    if (c)
      qc_ask(a, abs(c->sync.drift_frames), "%s: %+d frames, %+.1f ppm, from the first window to "
             "the last one", c->path, c->sync.drift_frames, c->sync.drift_ppm);
  }
}

void qc_look_sync_polarity(const struct qc_file *f, struct qc_asking *a) {
  static const char *const channels[] = {"", "left", "right", "both channels"};
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = found_one(f, i);
    if (!c) continue;
    const int left = c->sync.channel[0] < -LEAST_OF_A_CHANNEL;
    const int right = c->sync.channel[1] < -LEAST_OF_A_CHANNEL;
    qc_ask(a, left + right, "%s: %s", c->path, channels[left + 2 * right]);
  }
}

void qc_look_sync_sides(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = found_one(f, i);
    if (c) qc_ask(a, c->sync.swapped, "%s", c->path);
  }
}

void qc_look_head(const struct qc_file *f, struct qc_asking *a) {
  const struct qc_measured *m = &f->measured;
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = read_one(f, i);
    if (!c || c->first_sound == c->end_sound || m->first_sound == m->end_sound) continue;
    const double own_ms = ms(m->first_sound, f->source.rate_hz);
    const double its_ms = ms(c->first_sound, c->rate_hz);
    qc_ask(a, fabs(its_ms - own_ms), "%s is silent for %.1f ms, this file for %.1f ms", c->path,
           its_ms, own_ms);
  }
}

void qc_look_duration(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = read_one(f, i);
    if (!c) continue;
    const double more_ms = ms(c->n_frames, c->rate_hz) - ms(f->source.n_frames, f->source.rate_hz);
    qc_ask(a, fabs(more_ms), "%s is %.1f ms %s", c->path, fabs(more_ms),
           more_ms > 0 ? "longer" : "shorter");
  }
}

/* At different rates a length is a whole number of frames of each: up to one frame apart. */
void qc_look_duration_exact(const struct qc_file *f, struct qc_asking *a) {
  for (int i = 0; i < f->n_companions; i++) {
    const struct qc_companion *c = read_one(f, i);
    if (!c) continue;
    const double own = (double)f->source.n_frames * c->rate_hz / f->source.rate_hz;
    const double apart = fabs(c->n_frames - own), frames = apart < 1 ? 0 : apart;
    (c->same_source ? qc_ask_error : qc_ask)(a, frames, "%s has %d frames, this file %d", c->path,
                                             (int)c->n_frames, (int)f->source.n_frames);
  }
}
