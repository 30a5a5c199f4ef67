/* SPDX-License-Identifier: MIT
 * See adm_file.h: what the file of a deliverable says: its bed, its objects and their blocks,
 * and what it keeps of the master that its source was. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adm_file.h"
#include "adm_scene.h"
#include "memory.h"
#include "utf8.h"

enum { NAME_BYTES = 64, MOST_CONTENTS = 123 };

/* ---- names ---- */

/* The text, then maybe a word, in at most NAME_BYTES; controls, which XML lacks, as spaces. */
static const char *name_of(struct adm *adm, const char *text, const char *word) {
  char name[NAME_BYTES + 1] = "";
  const size_t tail = word ? strlen(word) + 1 : 0;
  const size_t n = utf8_cut(text, strlen(text), NAME_BYTES - tail);
  snprintf(name, sizeof name, "%.*s%s%s", (int)n, text, word ? " " : "", word ? word : "");
  for (char *c = name; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
  return adm_text(adm, name);
}

static void set_name(struct adm *adm, int object, const char *name) {
  struct adm_object *o = &adm->objects[object];
  struct adm_pack *pack = &adm->packs[o->packs.items[0]];
  o->name = pack->name = adm->channels[pack->channels.items[0]].name = name;
}

/* By the title: the content, the bed and its corners. */
static void set_names(struct adm *adm, const struct deliverable *d, int n_corners) {
  const char *title = d->title && *d->title ? d->title : "Master";
  adm->contents[0].name = adm->objects[0].name = name_of(adm, title, NULL);
  if (d->adm == ADM_ITU) adm->programmes[0].name = adm->contents[0].name;
  for (int i = 0; i < n_corners; i++)
    set_name(adm, 1 + i, name_of(adm, title, adm_file_corner_name(i)));
}

/* ---- blocks ---- */

struct blocks { /* of one object, on their way into the file */
  const struct deliverable *d;
  struct adm_channel *to;
  int64_t ramp, step; /* ADM_DOLBY: of the profile; between the blocks of a long way */
  int64_t last;       /* frame of the last one */
  /* what the master has of it, and which of its blocks is in force; NULL: nothing */
  const struct adm_channel *master;
  int64_t starts; /* frame of the master where the object begins */
  int at;
};
struct point { /* a block to be, in delivered frames */
  int64_t frame, ramp;
  double position[3], gain;
  const struct adm_block *from; /* the master's; NULL: none */
  bool same_time;               /* as the master's */
};

static int64_t delivered_frame(const struct deliverable *d, int64_t frame) {
  const int64_t from_hz = d->scene.rate_hz, to_hz = d->rate_hz;
  return (frame * to_hz * 2 + from_hz) / (2 * from_hz);
}

/* Sizes and the like; what the Dolby profile cannot say becomes the nearest that it can. */
static void copy_rest(const struct adm_block *from, bool dolby, struct adm_block *to) {
  const uint32_t rest = ADM_SIZE | ADM_DIFFUSE | ADM_LOCK | ADM_LOCK_DISTANCE | ADM_ZONES |
                        ADM_IMPORTANCE;
  const uint32_t polar_size = from->cartesian == to->cartesian ? 0 : ADM_SIZE; /* degrees */
  to->has |= from->has & rest & ~polar_size;
  to->width = from->width, to->height = from->height, to->depth = from->depth;
  to->diffuse = from->diffuse;
  to->lock = from->lock;
  to->lock_distance = from->lock_distance;
  to->zones = from->zones;
  to->importance = from->importance;
  if (!dolby) return;
  to->has &= ~(uint32_t)ADM_LOCK_DISTANCE;
  to->diffuse = from->diffuse >= 0.5f;
  if (!from->importance && to->gain != 0) to->has &= ~(uint32_t)ADM_IMPORTANCE;
  if (!(to->has & ADM_SIZE)) return;
  const float size = fmaxf(fmaxf(from->width, from->height), from->depth);
  to->has |= ADM_SIZE;
  to->width = to->height = to->depth = fminf(fmaxf(size, 0), 1);
}

/* At the very place that the master has in degrees. */
static bool is_polar(const struct point *p) {
  double room[3];
  if (p->from->cartesian) return false;
  adm_polar_to_room(p->from->position, room);
  for (int k = 0; k < 3; k++)
    if (fabs(room[k] - p->position[k]) > 1e-6) return false;
  return true;
}

static void fill(const struct blocks *w, const struct point *p, struct adm_block *b) {
  const bool dolby = w->d->adm == ADM_DOLBY;
  *b = (struct adm_block){.rtime = {p->frame, w->d->rate_hz}, .gain = p->gain, .importance = 10,
                          .cartesian = true, .has = ADM_X | ADM_Y | ADM_Z};
  memcpy(b->position, p->position, sizeof b->position);
  if (p->gain != 1 || (p->from && (p->from->has & ADM_GAIN))) b->has |= ADM_GAIN;
  if (p->same_time && p->from->rtime.per) b->rtime = p->from->rtime;
  if (p->from && !dolby && is_polar(p)) {
    b->cartesian = false;
    memcpy(b->position, p->from->position, sizeof b->position);
  }
  if (p->from) copy_rest(p->from, dolby, b);
  if (dolby) return; /* jumps and ramps are the profile's */
  b->has |= ADM_JUMP | ADM_INTERPOLATION;
  b->jump = true;
  b->interpolation_s = (float)((double)p->ramp / w->d->rate_hz);
}

/* A ramp that takes the whole block needs no length. */
static void end_block(struct blocks *w, int64_t ramp, int64_t end) {
  struct adm_block *b = w->to->n_blocks ? &w->to->blocks[w->to->n_blocks - 1] : NULL;
  if (!b || w->d->adm == ADM_DOLBY || !ramp || ramp != end - w->last) return;
  b->has &= ~(uint32_t)(ADM_JUMP | ADM_INTERPOLATION);
  b->jump = false;
}

/* A block that the master has at this time, with this ramp. */
static bool is_kept(const struct point *p) {
  return p->same_time && (p->from->has & ADM_INTERPOLATION) &&
         fabs((double)p->from->interpolation_s - SCENE_RAMP_S) < 1e-6;
}

/* ADM_DOLBY: not before the one before it is reached, unless the master has it so; at the end
 * that one leads here instead. */
static bool put(struct blocks *w, struct point p) {
  struct adm_block *b = w->to->n_blocks ? &w->to->blocks[w->to->n_blocks - 1] : NULL;
  if (p.frame >= w->d->n_frames) return true;
  const int64_t first = w->last + (is_kept(&p) ? 1 : w->ramp);
  const bool over = b && (p.frame <= w->last || first >= w->d->n_frames);
  if (over) p.frame = w->last, p.same_time = false;
  else if (b && p.frame < first) p.frame = first, p.same_time = false;
  if (!over && !adm_add_block(w->to, &b)) return false;
  fill(w, &p, b);
  w->last = p.frame;
  return true;
}

/* A way longer than the profile's ramp, in steps. */
static bool put_way(struct blocks *w, struct point p, const struct scene_block *from) {
  const struct point end = p;
  for (int64_t done = 0; done < end.ramp; done += w->step) {
    const double share = fmin(1, (double)(done + w->step) / (double)end.ramp);
    p.frame = end.frame + done;
    p.same_time = end.same_time && !done;
    for (int k = 0; k < 3; k++)
      p.position[k] = share < 1 ? from->position[k] + share * (end.position[k] - from->position[k])
                                : end.position[k];
    p.gain = share < 1 ? from->gain + share * (end.gain - from->gain) : end.gain;
    if (!put(w, p)) return false;
  }
  return true;
}

/* The master's block that is in force at a frame of the scene. */
static void find_origin(struct blocks *w, int32_t frame, struct point *p) {
  const struct deliverable_scene *s = &w->d->scene;
  const int64_t at = (int64_t)frame + s->first_frame;
  if (!w->master) return;
  const struct adm_block *blocks = w->master->blocks;
  while (w->at + 1 < w->master->n_blocks &&
         w->starts + adm_time_frames(blocks[w->at + 1].rtime, s->rate_hz) <= at)
    w->at++;
  p->from = &blocks[w->at];
  p->same_time = s->rate_hz == w->d->rate_hz && !s->lead_frames && !s->first_frame && !w->starts &&
                 adm_time_frames(p->from->rtime, s->rate_hz) == at;
}

static bool add_blocks(struct blocks *w, const struct scene_object *o) {
  const struct deliverable *d = w->d;
  int64_t ramp = 0;
  w->to->n_blocks = 0;
  for (int32_t k = 0; k < o->n_blocks; k++) {
    const struct scene_block *b = &o->blocks[k];
    const int64_t frame = delivered_frame(d, b->frame);
    struct point p = {.frame = frame + (k ? d->scene.lead_frames : 0), .gain = b->gain};
    p.ramp = delivered_frame(d, (int64_t)b->frame + b->ramp_frames) - frame;
    memcpy(p.position, b->position, sizeof p.position);
    find_origin(w, b->frame, &p);
    end_block(w, ramp, p.frame);
    const bool long_way = d->adm == ADM_DOLBY && k && p.ramp > w->step;
    if (!(long_way ? put_way(w, p, b - 1) : put(w, p))) return false;
    ramp = p.ramp;
  }
  end_block(w, ramp, d->n_frames);
  return true;
}

static enum status place_objects(struct adm *adm, const struct deliverable *d,
                                 const struct adm_tracks *t, struct failure *why) {
  const struct scene *scene = d->scene.scene;
  const struct adm_source *master = d->scene.master;
  const int n_bed = d->layout->channels - d->layout->n_objects;
  for (int i = 0; i < t->n_corners; i++)
    memcpy(adm->channels[t->n_bed + i].blocks[0].position, adm_file_corner(i),
           sizeof adm->channels->blocks->position);
  for (int i = 0; i < d->layout->n_objects; i++) {
    const struct adm_source_channel *of = master ? &master->channels[n_bed + i] : NULL;
    struct blocks w = {.d = d, .to = &adm->channels[t->n_bed + t->n_corners + i],
                       .master = of ? &master->adm->channels[of->channel] : NULL,
                       .starts = of ? of->first : 0};
    if (d->adm == ADM_DOLBY) {
      w.ramp = (int64_t)floor(SCENE_RAMP_S * d->rate_hz + 0.5);
      w.step = (int64_t)512 * d->rate_hz / 48000; /* as mixing programs have it */
    }
    if (!add_blocks(&w, &scene->objects[i]))
      return fail(why, STATUS_AGAIN, "%s: out of memory", d->path);
    const int object = 1 + t->n_corners + i;
    const char *name = scene->objects[i].name;
    if (*name) set_name(adm, object, name_of(adm, name, NULL));
  }
  return STATUS_OK;
}

/* Objects of a role are of a content that says it; bed and others stay mixed. The Dolby profile
 * has one kind alone. */
static void place_roles(struct adm *adm, const struct deliverable *d, const struct adm_tracks *t) {
  static const struct {
    int dialogue, kind;
  } kinds[] = {[ROLE_MUSIC] = {0, 1},       [ROLE_EFFECTS] = {0, 2},   [ROLE_DIALOGUE] = {1, 1},
               [ROLE_VOICEOVER] = {1, 2},   [ROLE_DESCRIPTION] = {1, 4},
               [ROLE_COMMENTARY] = {1, 5},  [ROLE_MIXED] = {2, 2}};
  int content[sizeof kinds / sizeof *kinds] = {0};
  adm->contents[0].objects.n = 0;
  for (int i = 0; i < adm->n_objects; i++) {
    const int own = i - 1 - t->n_corners; /* behind the bed and its corners */
    const int role = own < 0 ? ROLE_UNSTATED : d->scene.scene->objects[own].role;
    if (role != ROLE_UNSTATED && !content[role]) {
      content[role] = adm_add(adm, ADM_CONTENTS);
      struct adm_content *c = &adm->contents[content[role]];
      c->name = adm_text(adm, scene_roles[role]);
      c->dialogue = kinds[role].dialogue;
      c->kind = kinds[role].kind;
      adm_list_add(&adm->programmes[0].contents, content[role]);
    }
    adm_list_add(&adm->contents[content[role]].objects, i);
  }
}

/* ---- what a master has beside ---- */

static int content_of(const struct adm *adm, int object) {
  for (int i = 0; i < adm->n_contents && object >= 0; i++)
    for (int k = 0; k < adm->contents[i].objects.n; k++)
      if (adm->contents[i].objects.items[k] == object) return i;
  return -1;
}

/* The object of the master that object i of the file comes from; -1: none. */
static int origin_of(const struct deliverable *d, const struct adm_tracks *t, int i) {
  const struct adm_source_channel *channels = d->scene.master->channels;
  const int n_bed = d->layout->channels - d->layout->n_objects;
  for (int c = 0; c < n_bed && i <= t->n_corners; c++)
    if (channels[c].object >= 0) return channels[c].object;
  return i <= t->n_corners ? -1 : channels[n_bed + i - 1 - t->n_corners].object;
}

/* The master's contents that anything is left of. Objects that are of none are of the first. */
static void keep_contents(struct adm *adm, const struct deliverable *d,
                          const struct adm_tracks *t) {
  const struct adm *from = d->scene.master->adm;
  const int n = adm->n_objects;
  int *content = memory_new((size_t)n, sizeof *content), n_kept = 0;
  adm->contents[0].objects.n = 0;
  for (int i = 0; i < n; i++) content[i] = content_of(from, origin_of(d, t, i));
  for (int k = 0; k < from->n_contents && n_kept < MOST_CONTENTS; k++) {
    bool used = false;
    for (int i = 0; i < n; i++) used |= content[i] == k;
    if (!used) continue;
    const int row = n_kept++ ? adm_add(adm, ADM_CONTENTS) : 0;
    if (row) adm_list_add(&adm->programmes[0].contents, row);
    struct adm_content *c = &adm->contents[row];
    const struct adm_content *was = &from->contents[k];
    c->name = was->name && *was->name ? name_of(adm, was->name, NULL) : c->name;
    c->dialogue = 2, c->kind = 0;
    if (d->adm == ADM_ITU) {
      c->dialogue = was->dialogue, c->kind = was->kind;
      c->language = was->language ? adm_text(adm, was->language) : NULL;
    }
    for (int i = 0; i < n; i++)
      if (content[i] == k) adm_list_add(&c->objects, i), content[i] = -2;
  }
  for (int i = 0; i < n; i++)
    if (content[i] != -2) adm_list_add(&adm->contents[0].objects, i);
  free(content);
}

static void keep_objects(struct adm *adm, const struct deliverable *d,
                         const struct adm_tracks *t) {
  const struct adm *from = d->scene.master->adm;
  for (int i = 0; i < adm->n_objects; i++) {
    const int origin = origin_of(d, t, i);
    const struct adm_object *was = origin < 0 ? NULL : &from->objects[origin];
    if (!i && was && was->name && *was->name) adm->objects[0].name = name_of(adm, was->name, NULL);
    if (!was || d->adm == ADM_DOLBY) continue;
    adm->objects[i].importance = was->importance;
    adm->objects[i].interact = was->interact;
    adm->objects[i].disable_ducking = was->disable_ducking;
    adm->objects[i].dialogue = was->dialogue;
  }
  if (d->adm == ADM_DOLBY || !from->n_programmes) return;
  const struct adm_programme *p = &from->programmes[0];
  if (p->name && *p->name) adm->programmes[0].name = name_of(adm, p->name, NULL);
  if (p->language) adm->programmes[0].language = adm_text(adm, p->language);
}

/* ---- modes ---- */

/* What a delivery of music asks for: a mode on every track, direct rendering to 5.1, and trims
 * that turn nothing down, so that folds are those of the bed that was mastered. */
static void set_modes(struct dbmd *dbmd, const struct adm_tracks *t) {
  enum { OFF, NEAR, FAR, MID };
  static const uint8_t modes[] = {NEAR, NEAR, NEAR, OFF, MID, MID, FAR, FAR, FAR, FAR};
  for (int i = 0; i < t->n; i++) dbmd->binaural[i] = i < t->n_bed ? modes[i] : FAR;
  for (int i = 0; i < DBMD_TRIMS; i++) dbmd->trims[i].automatic = false;
}

/* Those of the master; a first action lies where it was only while nothing is cut. */
static void keep_modes(struct dbmd *dbmd, const struct deliverable *d,
                       const struct adm_tracks *t) {
  const struct adm_source *master = d->scene.master;
  const struct dbmd *was = &master->adm->dbmd;
  if (!master->adm->has_dbmd) return;
  if (was->has_atmos) {
    dbmd->fps = was->fps, dbmd->downmix = was->downmix, dbmd->phase = was->phase;
    dbmd->warp = was->warp;
    if (!d->scene.first_frame && !d->scene.lead_frames) {
      dbmd->first_hours = was->first_hours, dbmd->first_minutes = was->first_minutes;
      dbmd->first_10us = was->first_10us;
    }
  }
  if (!was->has_tracks) return;
  memcpy(dbmd->trims, was->trims, sizeof dbmd->trims);
  for (int k = 0; k < t->n; k++) {
    const int index = t->channel[k] < 0 ? -1 : master->channels[t->channel[k]].index;
    if (index < 0 || index >= was->n_tracks) continue;
    dbmd->binaural[k] = was->binaural[index];
    dbmd->bypass[k] = was->bypass[index];
  }
}

/* ---- all ---- */

void adm_file_rename(const struct deliverable *d, const struct adm_tracks *t) {
  if (!d->scene.keeps_names) set_names(d->scene.model, d, t->n_corners);
}

enum status adm_file_model(const struct deliverable *d, const struct adm_tracks *t,
                           struct adm **out, struct failure *why) {
  const struct adm_shape shape = {.flavour = (enum adm_flavour)d->adm, .layout = t->bed,
                                  .n_objects = t->n - t->n_bed, .rate_hz = d->rate_hz,
                                  .n_frames = d->n_frames};
  if (d->layout->n_objects && !d->scene.scene)
    return fail(why, STATUS_INTERNAL, "%s: objects without places", d->path);
  enum status status = adm_make(&shape, out, why);
  if (status) return status;
  struct adm *adm = *out;
  set_names(adm, d, t->n_corners);
  status = place_objects(adm, d, t, why);
  if (!status && d->adm == ADM_ITU && d->layout->n_objects) place_roles(adm, d, t);
  if (adm->has_dbmd) set_modes(&adm->dbmd, t);
  if (!status && d->scene.master) {
    keep_contents(adm, d, t);
    keep_objects(adm, d, t);
    if (adm->has_dbmd) keep_modes(&adm->dbmd, d, t);
  }
  if (status) adm_destroy(out);
  return status;
}
