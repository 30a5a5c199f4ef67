/* SPDX-License-Identifier: MIT
 * See adm_scene.h. */
#include "adm_scene.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name_list.h"

enum { MOST_DEPTH = 32 };

struct making {
  const struct adm *adm;
  const struct riff_file *file;
  struct adm_source *out;
  struct scene *scene; /* its objects as they come */
  const char *labels[LAYOUT_MOST_SPEAKERS * 2]; /* of the bed's channels as they come, */
  struct adm_source_channel bed[LAYOUT_MOST_SPEAKERS * 2];
  struct adm_source_channel objects[SCENE_MAX_OBJECTS];
  int n_bed;
  bool *seen; /* by object of the model */
  int64_t n_blocks;
  int32_t n_frames;
  struct failure *why;
};

__attribute__((format(printf, 2, 3)))
static enum status refuse(const struct making *m, const char *format, ...) {
  char text[600];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return fail(m->why, STATUS_BAD_DATA, "%s: %s", m->file->path, text);
}

static struct name_text quoted(const char *name) {
  return name_quote(name ? name : "", name ? strlen(name) : 0);
}

/* ---- times ---- */

int64_t adm_time_frames(struct adm_time time, int rate_hz) {
  if (!time.per) return 0;
  return time.n / time.per * rate_hz +
         (time.n % time.per * rate_hz * 2 + time.per) / (2 * (int64_t)time.per);
}

/* Frames by which times of five decimals may be off, rounded each for itself. */
static int64_t slack(const struct making *m) { return 2 + m->file->format.rate_hz / 50000; }

static void set_span(const struct making *m, const struct adm_object *o,
                     struct adm_source_channel *c) {
  const int rate_hz = m->file->format.rate_hz;
  const int64_t first = adm_time_frames(o->start, rate_hz);
  int64_t end = m->n_frames;
  if (o->duration.per) end = first + adm_time_frames(o->duration, rate_hz);
  if (end > m->n_frames - slack(m)) end = m->n_frames;
  c->first = first > slack(m) ? (int32_t)(first < m->n_frames ? first : m->n_frames) : 0;
  c->end = (int32_t)(end < c->first ? c->first : end);
}

/* ---- beds ---- */

/* Labels of BS.2051 by the speakers of layouts that stand there; "RC_..." have their own. */
static const struct {
  const char *label, *speaker;
} places[] = {
    {"M+030", "L"},   {"M-030", "R"},   {"M+000", "C"},   {"LFE", "LFE"},   {"LFE1", "LFE"},
    {"M+110", "Ls"},  {"M-110", "Rs"},  {"M+090", "Lss"}, {"M-090", "Rss"}, {"M+135", "Lrs"},
    {"M-135", "Rrs"}, {"U+030", "Ltf"}, {"U-030", "Rtf"}, {"U+045", "Ltf"}, {"U-045", "Rtf"},
    {"U+110", "Ltr"}, {"U-110", "Rtr"}, {"U+135", "Ltr"}, {"U-135", "Rtr"}, {"U+090", "Lts"},
    {"U-090", "Rts"},
};

/* The speaker that a label stands for; NULL: no layout has it. */
static const char *speaker_of(const char *label) {
  const char *colon = strrchr(label, ':'); /* urn:itu:bs:2051:0:speaker:M+030 */
  if (colon) label = colon + 1;
  if (!strncmp(label, "RC_", 3)) {
    for (const struct layout *l = layouts; l->name; l++)
      for (int c = 0; c < l->channels && l->channels > 2; c++)
        if (!strcmp(l->speaker[c]->label, label + 3)) return l->speaker[c]->label;
    return NULL;
  }
  for (size_t i = 0; i < sizeof places / sizeof *places; i++)
    if (!strcmp(places[i].label, label)) return places[i].speaker;
  return NULL;
}

/* One gain for all of its blocks. */
static bool bed_gain(const struct adm_channel *channel, double *gain) {
  for (int i = 0; i < channel->n_blocks; i++) {
    if (i && channel->blocks[i].gain != channel->blocks[0].gain) return false;
    *gain = channel->blocks[i].gain;
  }
  return true;
}

static enum status add_speaker(struct making *m, const struct adm_object *o,
                               struct adm_source_channel *c, double gain) {
  const struct adm_channel *channel = &m->adm->channels[c->channel];
  const char *speaker = speaker_of(channel->label);
  double own = 1;
  if (!speaker)
    return refuse(m, "channel %s of the bed %s has the speakerLabel %s, a place that no layout "
                  "has (accepted: RC_L ... RC_Rts, and M+030, M+000, LFE1, U+045 ... of 5.1 to "
                  "7.1.4)", channel->id, quoted(o->name).text, quoted(channel->label).text);
  for (int i = 0; i < m->n_bed; i++)
    if (!strcmp(m->labels[i], speaker))
      return refuse(m, "two channels of its beds are %s, the second one in %s (accepted: beds that "
                    "share no loudspeaker: mix such beds into one, or make one of them objects)",
                    speaker, quoted(o->name).text);
  if (!bed_gain(channel, &own))
    return refuse(m, "channel %s of the bed %s has a gain that changes (accepted: objects with "
                  "such a gain)", channel->id, quoted(o->name).text);
  if (!(gain * own >= 0 && gain * own <= 64))
    return refuse(m, "the bed %s has a gain of %g (accepted: 0 to 64)", quoted(o->name).text,
                  gain * own);
  c->gain = (float)(gain * own);
  m->labels[m->n_bed] = speaker; /* fewer than there are names of speakers */
  m->bed[m->n_bed++] = *c;
  return STATUS_OK;
}

static int place_in(const struct layout *l, const char *speaker) {
  for (int c = 0; c < l->channels; c++)
    if (!strcmp(l->speaker[c]->label, speaker)) return c;
  return -1;
}

static enum status find_bed(struct making *m, const struct layout **bed) {
  char text[160] = "";
  if (m->n_bed == 1 && !m->scene->n_objects && !strcmp(m->labels[0], "C")) {
    m->labels[0] = "M";
    *bed = layouts;
    return STATUS_OK;
  }
  if (!m->n_bed) *bed = layout_find("7.1.2");
  for (const struct layout *l = layouts; l->name && m->n_bed; l++) {
    int n = 0;
    while (n < m->n_bed && place_in(l, m->labels[n]) >= 0) n++;
    if (n < m->n_bed) continue;
    *bed = l;
    return STATUS_OK;
  }
  if (!m->n_bed) return STATUS_OK;
  for (int i = 0; i < m->n_bed; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), " %s", m->labels[i]);
  return refuse(m, "no layout has all loudspeakers of its bed:%s (accepted: those of 2.0 to 7.1.4)",
                text);
}

/* ---- objects ---- */

static enum status set_place(const struct making *m, const struct adm_object *o, int i,
                             const struct adm_block *from, struct scene_block *to) {
  memcpy(to->position, from->position, sizeof to->position);
  if (!from->cartesian) adm_polar_to_room(from->position, to->position);
  for (int k = 0; k < 3; k++) {
    double *x = &to->position[k];
    if (fabs(*x) > 1 && fabs(*x) < 1 + 1e-6) *x = *x < 0 ? -1 : 1; /* rounded by its writer */
    if (!(fabs(*x) <= 1))
      return refuse(m, "block %d of the object %s is at %c %g (accepted: -1 to 1)", i + 1,
                    quoted(o->name).text, "XYZ"[k], *x);
    *x += 0.0;
  }
  to->gain = from->gain * o->gain;
  if (to->gain >= 0 && to->gain <= 64) return STATUS_OK;
  return refuse(m, "block %d of the object %s has a gain of %g (accepted: 0 to 64)", i + 1,
                quoted(o->name).text, to->gain);
}

/* How long it takes to go there: all of the block, unless it jumps. */
static int64_t ramp_of(const struct adm_block *b, int64_t length, int rate_hz) {
  if (!b->jump) return length;
  if (!(b->has & ADM_INTERPOLATION) || !(b->interpolation_s > 0)) return 0;
  return (int64_t)fmin(floor((double)b->interpolation_s * rate_hz + 0.5), (double)length);
}

/* In place of one that begins at the same frame. */
static void put_block(struct scene_object *to, struct scene_block b) {
  struct scene_block *last = to->n_blocks ? &to->blocks[to->n_blocks - 1] : NULL;
  if (last && last->frame + last->ramp_frames > b.frame) last->ramp_frames = b.frame - last->frame;
  if (last && last->frame == b.frame) to->n_blocks--;
  if (!to->n_blocks) b.frame = b.ramp_frames = 0;
  to->blocks[to->n_blocks++] = b;
}

/* `at`: where the object begins. Where its blocks leave a gap it is silent. */
static enum status add_blocks(const struct making *m, const struct adm_object *o,
                              const struct adm_channel *channel, int64_t at,
                              struct scene_object *to) {
  const int rate_hz = m->file->format.rate_hz;
  int64_t end = at;
  for (int i = 0; i < channel->n_blocks; i++) {
    const struct adm_block *b = &channel->blocks[i];
    const bool last = i + 1 == channel->n_blocks;
    struct scene_block block = {0};
    const int64_t frame = at + adm_time_frames(b->rtime, rate_hz);
    const int64_t next = last ? m->n_frames : at + adm_time_frames(b[1].rtime, rate_hz);
    const int64_t stop = b->duration.per ? frame + adm_time_frames(b->duration, rate_hz) : next;
    const enum status status = set_place(m, o, i, b, &block);
    if (status) return status;
    if (!last && stop > next + slack(m))
      return refuse(m, "block %d of the object %s lasts until %.5f s, the next one begins at "
                    "%.5f s (accepted: blocks that do not overlap)", i + 1, quoted(o->name).text,
                    (double)stop / rate_hz, (double)next / rate_hz);
    if (frame >= m->n_frames) break;
    const bool gap = frame > end + slack(m);
    if (gap) {
      struct scene_block silent = block;
      silent.frame = (int32_t)end;
      silent.gain = 0;
      put_block(to, silent);
    }
    block.frame = (int32_t)frame;
    const int64_t length = (last || stop < next - slack(m) ? stop : next) - frame;
    if (!gap && to->n_blocks)
      block.ramp_frames = (int32_t)ramp_of(b, length < m->n_frames ? length : m->n_frames, rate_hz);
    put_block(to, block);
    end = stop;
  }
  if (end < m->n_frames - slack(m) && to->n_blocks && channel->blocks[0].rtime.per) {
    struct scene_block silent = to->blocks[to->n_blocks - 1];
    silent.frame = (int32_t)end;
    silent.ramp_frames = 0;
    silent.gain = 0;
    put_block(to, silent);
  }
  return STATUS_OK;
}

static enum status add_object(struct making *m, const struct adm_object *o,
                              struct adm_source_channel *c, double gain) {
  const struct adm_channel *channel = &m->adm->channels[c->channel];
  const int n = m->scene->n_objects;
  if (n == SCENE_MAX_OBJECTS)
    return refuse(m, "more objects than %d (accepted: up to %d)", n, SCENE_MAX_OBJECTS);
  if (!channel->n_blocks)
    return refuse(m, "the object %s has no block that says where it is", quoted(o->name).text);
  m->n_blocks += 2 * (int64_t)channel->n_blocks + 2; /* and gaps */
  if (m->n_blocks > 2 * (int64_t)SCENE_MAX_BLOCKS)
    return refuse(m, "its objects have more than %d blocks", SCENE_MAX_BLOCKS);
  struct scene_object *object = &m->scene->objects[n];
  object->name = memory_text(o->name ? o->name : "", o->name ? strlen(o->name) : 0);
  m->scene->n_objects++;
  object->blocks = malloc((2 * (size_t)channel->n_blocks + 2) * sizeof *object->blocks);
  if (!object->blocks) return fail(m->why, STATUS_AGAIN, "%s: out of memory", m->file->path);
  struct adm_object loud = *o;
  loud.gain = gain;
  m->objects[n] = *c;
  const enum status status = add_blocks(m, &loud, channel, c->first, object);
  if (status) return status;
  if (!object->n_blocks)
    return refuse(m, "the object %s begins behind the end of the audio", quoted(o->name).text);
  struct scene_block *fit =
      realloc(object->blocks, (size_t)object->n_blocks * sizeof *object->blocks);
  if (fit) object->blocks = fit;
  return STATUS_OK;
}

/* ---- the programme ---- */

static enum status add_track(struct making *m, int index, int track, double gain) {
  const struct adm_object *o = &m->adm->objects[index];
  const struct adm_track *t = &m->adm->tracks[track];
  struct adm_source_channel c = {t->index, index, t->channel, track, 1, 0, 0};
  if (t->index < 0) return STATUS_OK; /* silence */
  if (t->channel < 0)
    return refuse(m, "track %s of %s does not say what it is", t->uid, quoted(o->name).text);
  const enum adm_kind kind = m->adm->channels[t->channel].kind;
  set_span(m, o, &c);
  if (kind == ADM_SPEAKERS) return add_speaker(m, o, &c, gain);
  if (kind == ADM_OBJECTS) return add_object(m, o, &c, gain);
  return refuse(m, "%s is of type %s (accepted: DirectSpeakers, Objects)", quoted(o->name).text,
                adm_kind_names[kind]);
}

static enum status add_tracks(struct making *m, int object, double gain, int depth) {
  const struct adm_object *o = &m->adm->objects[object];
  enum status status = STATUS_OK;
  if (m->seen[object]) return STATUS_OK;
  m->seen[object] = true;
  if (depth == MOST_DEPTH) return refuse(m, "objects within objects, more than %d deep", depth);
  gain *= o->gain;
  for (int k = 0; k < o->tracks.n && !status; k++)
    status = add_track(m, object, o->tracks.items[k], gain);
  for (int k = 0; k < o->objects.n && !status; k++)
    status = add_tracks(m, o->objects.items[k], gain, depth + 1);
  return status;
}

static enum status add_programme(struct making *m) {
  const struct adm *adm = m->adm;
  enum status status = STATUS_OK;
  for (int i = 0; i < adm->n_objects; i++) /* an alternative to another one */
    for (int k = 0; k < adm->objects[i].complementary.n; k++)
      m->seen[adm->objects[i].complementary.items[k]] = true;
  if (adm->n_programmes) {
    const struct adm_list *contents = &adm->programmes[0].contents;
    for (int i = 0; i < contents->n; i++) {
      const struct adm_list *objects = &adm->contents[contents->items[i]].objects;
      for (int k = 0; k < objects->n && !status; k++)
        status = add_tracks(m, objects->items[k], 1, 0);
    }
    return status;
  }
  for (int i = 0; i < adm->n_objects && !status; i++) status = add_tracks(m, i, 1, 0);
  return status;
}

/* Tracks that say by common definitions alone what they are. */
static enum status add_bare_tracks(struct making *m) {
  static const struct adm_object file = {.name = NULL, .gain = 1};
  enum status status = STATUS_OK;
  for (int i = 0; i < m->adm->n_tracks && !status; i++) {
    const struct adm_track *t = &m->adm->tracks[i];
    struct adm_source_channel c = {t->index, -1, t->channel, i, 1, 0, m->n_frames};
    if (t->index >= 0) status = add_speaker(m, &file, &c, 1);
  }
  return status;
}

/* Whether the file says of its tracks what they are. */
static bool says(const struct adm *adm) {
  bool bare = adm->n_tracks > 0;
  for (int i = 0; i < adm->n_tracks; i++) {
    const int channel = adm->tracks[i].channel;
    bare = bare && channel >= 0 && adm->channels[channel].kind == ADM_SPEAKERS;
  }
  return adm->n_objects || bare;
}

/* ---- what is left out ---- */

static void add_note(struct making *m, int n, const char *what) {
  char *text = m->out->note;
  const size_t used = strlen(text), room = sizeof m->out->note - used;
  if (n)
    snprintf(text + used, room, "%s%s of %d object%s",
             used ? ", " : "kept in ADM masters, but not rendered: ", what, n, n > 1 ? "s" : "");
}

static void take_notes(struct making *m) {
  static const char *const names[] = {"size", "diffuseness", "channel lock", "zones"};
  int n[4] = {0};
  for (int i = 0; i < m->scene->n_objects; i++) {
    const struct adm_channel *c = &m->adm->channels[m->objects[i].channel];
    bool has[4] = {false};
    for (int k = 0; k < c->n_blocks; k++) {
      const struct adm_block *b = &c->blocks[k];
      has[0] |= b->width > 0 || b->height > 0 || b->depth > 0;
      has[1] |= b->diffuse > 0;
      has[2] |= b->lock;
      has[3] |= b->zones != 0;
    }
    for (int k = 0; k < 4; k++) n[k] += has[k];
  }
  for (int k = 0; k < 4; k++) add_note(m, n[k], names[k]);
  char *text = m->out->note;
  for (int i = 0; i < m->adm->n_foreign && i < ADM_MOST_FOREIGN; i++) {
    const size_t used = strlen(text);
    snprintf(text + used, sizeof m->out->note - used, "%s%s",
             i ? ", " : used ? "; of its axml not taken: " : "of its axml not taken: ",
             quoted(m->adm->foreign[i]).text);
  }
  const size_t used = strlen(text);
  if (m->adm->n_programmes > 1)
    snprintf(text + used, sizeof m->out->note - used, "%sthe first of %d programmes",
             used ? "; " : "", m->adm->n_programmes);
}

/* ---- all ---- */

static enum status join(struct making *m) {
  struct adm_source *out = m->out;
  const struct layout *bed = NULL;
  enum status status = find_bed(m, &bed);
  if (status) return status;
  out->layout = layout_with_objects(bed, m->scene->n_objects);
  if (!out->layout)
    return refuse(m, "%d objects behind a bed of %s (accepted: %d channels in all)",
                  m->scene->n_objects, bed->name, MAX_CHANNELS);
  for (int c = 0; c < bed->channels; c++)
    out->channels[c] = (struct adm_source_channel){-1, -1, -1, -1, 1, 0, m->n_frames};
  for (int i = 0; i < m->n_bed; i++) out->channels[place_in(bed, m->labels[i])] = m->bed[i];
  memcpy(out->channels + bed->channels, m->objects,
         sizeof *m->objects * (size_t)m->scene->n_objects);
  take_notes(m);
  return STATUS_OK;
}

enum status adm_source_make(struct adm **adm, const struct riff_file *file,
                            struct adm_source **out, struct scene **scene, struct failure *why) {
  struct making m = {.adm = *adm, .file = file, .why = why, .n_frames = (int32_t)file->n_frames};
  *out = NULL;
  *scene = NULL;
  if (!says(*adm)) {
    adm_destroy(adm);
    return STATUS_OK;
  }
  m.out = memory_new(1, sizeof *m.out);
  m.scene = memory_new(1, sizeof *m.scene);
  m.scene->objects = memory_new(SCENE_MAX_OBJECTS, sizeof *m.scene->objects);
  m.seen = memory_new((size_t)(*adm)->n_objects, sizeof *m.seen);
  enum status status = (*adm)->n_objects ? add_programme(&m) : add_bare_tracks(&m);
  if (!status && !m.n_bed && !m.scene->n_objects)
    status = refuse(&m, "a master without tracks (accepted: a bed, objects, or both)");
  if (!status) status = join(&m);
  const char *fault = !status && m.scene->n_objects ? scene_fault(m.scene, m.n_frames) : NULL;
  if (fault) status = refuse(&m, "%s", fault);
  free(m.seen);
  if (status || !m.scene->n_objects) scene_destroy(&m.scene);
  if (status) {
    adm_source_destroy(&m.out);
    return status;
  }
  m.out->adm = *adm;
  *adm = NULL;
  *out = m.out;
  *scene = m.scene;
  return STATUS_OK;
}

void adm_source_destroy(struct adm_source **source) {
  if (*source) adm_destroy(&(*source)->adm);
  free(*source);
  *source = NULL;
}
