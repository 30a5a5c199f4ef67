/* SPDX-License-Identifier: MIT
 * See qc_scene.h: which track is what, and where. */
#include "qc_scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* ---- places ---- */

/* Loudspeakers of the left and the middle in the room, by the labels of layout.c, BS.2051 and
 * the 5.1 beds of Dolby's tools; those of the right are mirrored. */
static const struct place {
  const char *label;
  double at[3];
} places[] = {{"M", {0, 1, 0}},       {"C", {0, 1, 0}},       {"M+000", {0, 1, 0}},
              {"L", {-1, 1, 0}},      {"M+030", {-1, 1, 0}},  {"Ls", {-1, -1, 0}},
              {"M+110", {-1, -1, 0}}, {"RC_Ls", {-1, -1, 0}}, {"Lss", {-1, 0, 0}},
              {"M+090", {-1, 0, 0}},  {"Lrs", {-1, -1, 0}},   {"M+135", {-1, -1, 0}},
              {"Lts", {-1, 0, 1}},    {"U+090", {-1, 0, 1}},  {"Ltf", {-1, 1, 1}},
              {"U+045", {-1, 1, 1}},  {"U+030", {-1, 1, 1}},  {"Ltr", {-1, -1, 1}},
              {"U+135", {-1, -1, 1}}, {"U+110", {-1, -1, 1}}};

static const double *place_of(const char *label) {
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (!strcmp(places[i].label, label)) return places[i].at;
  return NULL;
}

static bool find_place(const char *label, double position[3]) {
  const struct adm_speaker *room = adm_room_speaker(label);
  const double *at = room ? room->position : place_of(label);
  double side = 1;
  if (!at && strlen(label) < 16) {
    char left[16];
    strcpy(left, label);
    if (!strncmp(left, "RC_R", 4)) left[3] = 'L';
    else if (left[0] == 'R') left[0] = 'L';
    else if (left[0] && left[1] == '-') left[1] = '+';
    at = place_of(left);
    side = -1;
  }
  for (int k = 0; at && k < 3; k++) position[k] = k ? at[k] : side * at[k];
  return at != NULL;
}

/* ---- the tracks of a scene ---- */

static bool is_lfe_label(const char *label) {
  return !strncmp(label, "LFE", 3) || !strcmp(label, "RC_LFE");
}

/* "M+030" of "urn:itu:bs:2051:0:speaker:M+030". */
static const char *label_of(const struct adm_channel *c) {
  const struct adm_speaker *common = adm_common_channel(c->id);
  const char *label = *c->label ? c->label : common ? common->label : c->name ? c->name : "";
  const char *colon = strrchr(label, ':');
  return colon ? colon + 1 : label;
}

static void place_bed_channel(struct qc_scene *scene, struct qc_voice *v) {
  const struct adm_block *b = v->channel->n_blocks ? v->channel->blocks : NULL;
  v->is_lfe = is_lfe_label(v->label) || (v->channel->high_hz > 0 && v->channel->high_hz <= 200);
  if (v->is_lfe || find_place(v->label, v->position)) return;
  if (b && b->cartesian) memcpy(v->position, b->position, sizeof v->position);
  else scene->refusal = "a bed has a channel whose place is not known";
}

static void look_at_object(struct qc_scene *scene, struct qc_voice *v) {
  const struct adm_channel *c = v->channel;
  if (!c->n_blocks) scene->refusal = "an object has no position";
  for (int i = 0; i < c->n_blocks; i++) {
    if (!c->blocks[i].cartesian)
      scene->refusal = "an object has polar positions, which are rendered in another way";
    v->moves = v->moves || memcmp(c->blocks[i].position, c->blocks[0].position,
                                  sizeof c->blocks[i].position);
  }
}

static void add_voice(const struct qc_source *s, struct qc_scene *scene, int i_object, int track) {
  const struct adm *adm = s->adm;
  const struct adm_object *o = &adm->objects[i_object];
  const struct adm_track *t = &adm->tracks[track];
  if (t->index < 0 || t->index >= s->channels) return;
  const int kind = adm_object_kind(adm, o);
  struct qc_voice *v = &scene->voices[scene->n++];
  *v = (struct qc_voice){.track = t->index, .label = "", .name = o->name ? o->name : "",
                         .object = o->id, .i_object = i_object, .is_bed = kind == ADM_SPEAKERS,
                         .gain = o->gain, .end = s->n_frames};
  if (o->start.per) v->begin = adm_time_s(o->start) * s->rate_hz;
  if (o->duration.per) v->end = v->begin + ceil(adm_time_s(o->duration) * s->rate_hz + 1);
  if (t->channel < 0 || (kind != ADM_SPEAKERS && kind != ADM_OBJECTS)) {
    scene->refusal = "a track is neither of a bed nor of an object";
    return;
  }
  v->channel = &adm->channels[t->channel];
  if (v->is_bed) v->label = label_of(v->channel);
  if (v->is_bed) place_bed_channel(scene, v);
  else look_at_object(scene, v);
}

static const struct layout *bed_layout(const struct adm *adm, const struct adm_object *o) {
  const char *labels[16], *name = NULL;
  if (o->tracks.n > 16) return NULL;
  for (int i = 0; i < o->tracks.n; i++) {
    const int channel = adm->tracks[o->tracks.items[i]].channel;
    labels[i] = channel < 0 ? "" : adm->channels[channel].label;
  }
  if (o->packs.n == 1) name = adm_common_layout(adm->packs[o->packs.items[0]].id);
  if (!name) name = adm_dolby_layout(labels, o->tracks.n);
  return name ? layout_find(name) : NULL;
}

/* Four tops, where there are objects that may want them; else what the bed is for. */
static const struct layout *native_of(const struct adm *adm, const struct qc_scene *scene) {
  const struct layout *most = NULL;
  for (int i = 0; i < adm->n_objects; i++) {
    const struct layout *l = adm_object_kind(adm, &adm->objects[i]) == ADM_SPEAKERS
                                 ? bed_layout(adm, &adm->objects[i]) : NULL;
    if (l && (!most || l->channels > most->channels)) most = l;
  }
  if (most && (!scene->n_objects || strstr(most->name, ".4"))) return most;
  return layout_find("7.1.4");
}

static void open_master(const struct qc_source *s, struct qc_scene *scene) {
  const struct adm *adm = s->adm;
  size_t n = 0;
  for (int i = 0; i < adm->n_objects; i++) n += (size_t)adm->objects[i].tracks.n;
  scene->voices = memory_new(n < QC_MOST_VOICES ? n + 1 : 1, sizeof *scene->voices);
  for (int i = 0; i < adm->n_objects; i++) {
    const struct adm_object *o = &adm->objects[i];
    const int kind = adm_object_kind(adm, o), first = scene->n;
    for (int k = 0; k < o->tracks.n && n < QC_MOST_VOICES; k++)
      add_voice(s, scene, i, o->tracks.items[k]);
    scene->n_beds += kind == ADM_SPEAKERS;
    scene->n_objects += kind == ADM_OBJECTS;
    if (first < scene->n) scene->n_moving += scene->voices[first].moves;
  }
  if (!scene->n) scene->refusal = "no object says where its tracks are";
  if (n >= QC_MOST_VOICES) scene->refusal = "its objects use tracks more than 4095 times";
  scene->native = native_of(adm, scene);
}

void qc_scene_open(const struct qc_source *s, struct qc_scene *scene) {
  *scene = (struct qc_scene){.native = s->layout};
  if (s->adm) {
    open_master(s, scene);
    return;
  }
  scene->n_beds = s->channels > 2;
  scene->n = s->channels;
  scene->voices = memory_new((size_t)scene->n, sizeof *scene->voices);
  for (int c = 0; c < scene->n; c++) {
    struct qc_voice *v = &scene->voices[c];
    *v = (struct qc_voice){.track = c, .label = s->layout->speaker[c]->label, .name = "",
                           .object = "", .i_object = -1, .is_bed = true, .gain = 1,
                           .end = s->n_frames};
    v->is_lfe = c == layout_lfe(s->layout);
    find_place(v->label, v->position);
  }
}

void qc_scene_close(struct qc_scene *scene) {
  free(scene->voices);
  *scene = (struct qc_scene){0};
}
