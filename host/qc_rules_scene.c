/* SPDX-License-Identifier: MIT
 * See qc_rules.h: looks at the scene of a master and at its dbmd. */
#include <math.h>
#include <string.h>

#include "qc_rules.h"

/* ---- scene ---- */

void qc_look_tracks(const struct qc_file *f, struct qc_asking *a) {
  if (f->source.adm) qc_ask(a, f->source.channels, "the file");
}

void qc_look_objects(const struct qc_file *f, struct qc_asking *a) {
  if (f->source.adm) qc_ask(a, f->scene.n_objects, "the scene");
}

void qc_look_bed_tracks(const struct qc_file *f, struct qc_asking *a) {
  if (!f->source.is_atmos) return;
  int first = -1, n = 0;
  for (int i = 0; i < f->scene.n; i++) {
    const struct qc_voice *v = &f->scene.voices[i];
    if (v->is_bed && first < 0) first = v->i_object;
    n += v->is_bed && v->i_object == first;
  }
  qc_ask(a, n, "%s", n ? f->source.adm->objects[first].id : "no bed");
}

void qc_look_profile(const struct qc_file *f, struct qc_asking *a) {
  const struct problems *p = &f->source.departures;
  if (f->source.is_atmos)
    qc_ask(a, p->n, "the first one: %s", p->n ? p->items[0].text : "");
}

static double ms(const struct qc_file *f, double frames) {
  return 1000 * frames / f->source.rate_hz;
}

void qc_look_length(const struct qc_file *f, struct qc_asking *a) {
  const struct adm *adm = f->source.adm;
  for (int i = 0; adm && i < adm->n_programmes; i++) {
    const struct adm_programme *p = &adm->programmes[i];
    if (!p->start.per || !p->end.per) continue;
    const double length_s = adm_time_s(p->end) - adm_time_s(p->start);
    qc_ask(a, fabs(1000 * length_s - ms(f, f->source.n_frames)),
           "%s takes %.5f s, the audio %.5f s", p->id, length_s,
           ms(f, f->source.n_frames) / 1000);
  }
}

void qc_look_object_length(const struct qc_file *f, struct qc_asking *a) {
  const struct adm *adm = f->source.adm;
  for (int i = 0; adm && i < adm->n_objects; i++) {
    const struct adm_object *o = &adm->objects[i];
    const double begin_s = o->start.per ? adm_time_s(o->start) : 0;
    if (!o->duration.per) continue;
    const double end_ms = 1000 * (begin_s + adm_time_s(o->duration));
    qc_ask(a, fmax(1000 * begin_s, fabs(end_ms - ms(f, f->source.n_frames))),
           "%s lasts from %.5f to %.5f s, the audio to %.5f s", o->id, begin_s, end_ms / 1000,
           ms(f, f->source.n_frames) / 1000);
  }
}

void qc_look_position(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int i = 0; i < f->scene.n; i++) {
    const struct qc_voice *v = &f->scene.voices[i];
    double most = -1;
    int block = 0;
    for (int b = 0; !v->is_bed && v->channel && b < v->channel->n_blocks; b++)
      for (int k = 0; k < 3 && v->channel->blocks[b].cartesian; k++)
        if (fabs(v->channel->blocks[b].position[k]) > most) {
          most = fabs(v->channel->blocks[b].position[k]);
          block = b;
        }
    if (most >= 0)
      qc_ask(a, most, "%s, block %d of %s", qc_where(f, v->track, where), block + 1, v->object);
  }
}

/* ---- dbmd ---- */

static const struct dbmd *dbmd_of(const struct qc_file *f) {
  return f->source.adm && f->source.adm->has_dbmd ? &f->source.adm->dbmd : NULL;
}

enum { OFF = 0, MID = 3, UNSET = 4 };
/* The mode of a track; -1: it has none. */
static int mode_of(const struct dbmd *d, int track) {
  return d && d->has_tracks && track < d->n_tracks ? DBMD_BINAURAL_MODE(d->binaural[track]) : -1;
}

void qc_look_binaural_unset(const struct qc_file *f, struct qc_asking *a) {
  const struct dbmd *d = dbmd_of(f);
  char where[QC_WHERE_SIZE], first[QC_WHERE_SIZE] = "";
  int n = 0;
  for (int c = 0; d && c < f->source.channels; c++) {
    const int mode = mode_of(d, c);
    if (mode >= 0 && mode != UNSET) continue;
    if (!n++) strcpy(first, qc_where(f, c, where));
  }
  if (d) qc_ask(a, n, "the first is %s", first);
}

/* Tracks that say something other than `mode`; -1: none says anything. The LFE is always off. */
static int others(const struct qc_file *f, int mode) {
  const struct dbmd *d = dbmd_of(f);
  int n = 0, stated = 0;
  for (int i = 0; i < f->scene.n; i++) {
    const int of = mode_of(d, f->scene.voices[i].track);
    if (of < 0 || of == UNSET || f->scene.voices[i].is_lfe) continue;
    stated++;
    n += of != mode;
  }
  return stated ? n : -1;
}

void qc_look_binaural_off(const struct qc_file *f, struct qc_asking *a) {
  const int n = others(f, OFF);
  if (n >= 0) qc_ask(a, n, "all tracks are off");
}

void qc_look_binaural_mid(const struct qc_file *f, struct qc_asking *a) {
  const int n = others(f, MID);
  if (n >= 0) qc_ask(a, n, "all tracks are mid");
}

static const struct dbmd *atmos_of(const struct qc_file *f) {
  const struct dbmd *d = dbmd_of(f);
  return d && d->has_atmos ? d : NULL;
}

void qc_look_frame_rate(const struct qc_file *f, struct qc_asking *a) {
  static const double rates[] = {0, 23.976, 24, 25, 29.97, 29.97, 30};
  const struct dbmd *d = atmos_of(f);
  if (d) qc_ask(a, rates[d->fps], "dbmd says %s", dbmd_fps_names[d->fps]);
}

void qc_look_first_action(const struct qc_file *f, struct qc_asking *a) {
  const struct dbmd *d = atmos_of(f);
  if (d)
    qc_ask(a, d->first_hours != DBMD_NO_FIRST_ACTION, "dbmd says %02d:%02d:%08.5f",
           d->first_hours, d->first_minutes, d->first_10us / 1e5);
}

void qc_look_downmix(const struct qc_file *f, struct qc_asking *a) {
  const struct dbmd *d = atmos_of(f);
  if (d) qc_ask(a, d->warp != 0, "dbmd says %s", dbmd_warp_names[d->warp]);
}

void qc_look_trims(const struct qc_file *f, struct qc_asking *a) {
  const struct dbmd *d = dbmd_of(f);
  const char *first = "";
  int n = 0;
  for (int i = 0; d && d->has_tracks && i < DBMD_TRIMS; i++) {
    const struct dbmd_trim *t = &d->trims[i];
    if (!t->automatic && t->centre_db == 0 && t->surround_db == 0 && t->height_db == 0) continue;
    if (!n++) first = dbmd_trim_names[i];
  }
  if (d && d->has_tracks) qc_ask(a, n, "the first is that of %s", first);
}
