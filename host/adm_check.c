/* SPDX-License-Identifier: MIT
 * See adm.h: where a master departs from the Dolby Atmos Master ADM profile. The rules stand
 * in adm.md. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "memory.h"

enum { UNITS = 100000, OVERLAP = 1, MOST_OF_ONE_KIND = 8 };

struct check {
  const struct adm *adm;
  struct problems *problems;
  int64_t length; /* of the programme, in units */
};
#define TELL(c, ...) problems_add((c)->problems, 0, __VA_ARGS__)

static const char *shown(const char *text) { return text ? text : ""; }

static void check_counts(const struct check *c) {
  const struct adm *adm = c->adm;
  int n_objects = 0;
  for (int i = 0; i < adm->n_objects; i++)
    n_objects += adm_object_kind(adm, &adm->objects[i]) == ADM_OBJECTS;
  if (adm->n_programmes != 1) TELL(c, "%d programmes (accepted: 1)", adm->n_programmes);
  if (adm->n_contents > 123) TELL(c, "%d contents (accepted: 1 to 123)", adm->n_contents);
  if (adm->n_tracks > 128) TELL(c, "%d tracks (accepted: up to 128)", adm->n_tracks);
  if (n_objects > 118) TELL(c, "%d objects (accepted: up to 118)", n_objects);
  for (int i = 0; i < adm->n_foreign && i < ADM_MOST_FOREIGN; i++)
    TELL(c, "%s is not part of the profile", adm->foreign[i]);
}

static void check_file(const struct check *c, const struct riff_file *file) {
  static const char *const chunks[] = {"axml", "chna", "dbmd"};
  const struct riff_format *f = &file->format;
  for (int i = 0; i < 3; i++)
    if (!riff_find(file, chunks[i])) TELL(c, "no %s chunk", chunks[i]);
  if (f->bits != 24) TELL(c, "%d bits (accepted: 24)", f->bits);
  if (f->rate_hz != 48000 && f->rate_hz != 96000)
    TELL(c, "%d Hz (accepted: 48000, 96000)", f->rate_hz);
  if (f->channels != c->adm->n_tracks)
    TELL(c, "%d tracks of a file with %d channels (accepted: all)", c->adm->n_tracks, f->channels);
  if (file->n_trailing)
    TELL(c, "%lld bytes behind the end that the header states", (long long)file->n_trailing);
  if (c->adm->has_dbmd && c->adm->dbmd.has_tracks && c->adm->dbmd.n_tracks != f->channels)
    TELL(c, "dbmd has the modes of %d tracks (accepted: %d)", c->adm->dbmd.n_tracks, f->channels);
  if (c->adm->n_programmes != 1) return;
  const int64_t audio = adm_time_in((struct adm_time){file->n_frames, f->rate_hz}, UNITS);
  if (llabs(audio - c->length) > OVERLAP)
    TELL(c, "the programme takes %.5f s, the audio %.5f s", (double)c->length / UNITS,
         (double)audio / UNITS);
}

static void check_programme(const struct check *c) {
  const struct adm *adm = c->adm;
  for (int i = 0; i < adm->n_programmes; i++) {
    const struct adm_programme *p = &adm->programmes[i];
    if (strcmp(p->id, "APR_1001")) TELL(c, "programme %s (accepted: APR_1001)", p->id);
    if (strcmp(shown(p->name), "Atmos_Master"))
      TELL(c, "the programme's name (accepted: Atmos_Master)");
    if (!p->start.per || !p->end.per) TELL(c, "the programme has no start or end");
    if (p->loudness.has || p->language) TELL(c, "the programme has loudness or a language");
    if (p->contents.n != adm->n_contents)
      TELL(c, "the programme has %d of %d contents", p->contents.n, adm->n_contents);
  }
  for (int i = 0; i < adm->n_contents; i++) {
    const struct adm_content *content = &adm->contents[i];
    char id[16];
    snprintf(id, sizeof id, "ACO_%04x", 0x1001 + i);
    if (strcmp(content->id, id)) TELL(c, "content %s (accepted: %s)", content->id, id);
    if (content->dialogue != 2 || content->kind != 0)
      TELL(c, "content %s is not mixed content of kind 0", content->id);
    if (!*shown(content->name) || !content->objects.n)
      TELL(c, "content %s has no name or no objects", content->id);
    if (content->loudness.has || content->language)
      TELL(c, "content %s has loudness or a language", content->id);
  }
}

/* "0x1003" of "AO_1003", "00011003" of "AC_00011003"; -1: no such ID. */
static long id_number(const char *id, const char *prefix, size_t digits) {
  const size_t n = strlen(prefix);
  if (strncmp(id, prefix, n) || strlen(id) != n + digits) return -1;
  if (strspn(id + n, "0123456789abcdefABCDEF") != digits) return -1;
  return strtol(id + n, NULL, 16);
}

static void check_object(const struct check *c, const struct adm_object *o) {
  const int kind = adm_object_kind(c->adm, o);
  const long number = id_number(o->id, "AO_", 4);
  const long least = kind == ADM_OBJECTS ? 0x100b : 0x1001;
  const size_t name_bytes = strlen(shown(o->name));
  if (kind != ADM_SPEAKERS && kind != ADM_OBJECTS)
    TELL(c, "object %s is of type %s (accepted: DirectSpeakers, Objects)", o->id,
         adm_kind_names[kind]);
  if (number < least || number > 0x1080)
    TELL(c, "object %s (accepted: AO_%04lx to AO_1080)", o->id, least);
  if (name_bytes < 1 || name_bytes > 64)
    TELL(c, "the name of object %s has %zu bytes (accepted: 1 to 64)", o->id, name_bytes);
  if (!o->start.per || o->start.n) TELL(c, "object %s does not start at 0", o->id);
  if (llabs(adm_time_in(o->duration, UNITS) - c->length) > OVERLAP)
    TELL(c, "object %s does not take the programme's length", o->id);
  if (o->packs.n != 1) TELL(c, "object %s has %d packs (accepted: 1)", o->id, o->packs.n);
  if (o->tracks.n < 1 || o->tracks.n > (kind == ADM_OBJECTS ? 1 : 10))
    TELL(c, "object %s has %d tracks (accepted: %s)", o->id, o->tracks.n,
         kind == ADM_OBJECTS ? "1" : "1 to 10");
  if (o->objects.n || o->complementary.n || o->gain != 1 || o->importance >= 0 || o->dialogue >= 0)
    TELL(c, "object %s has objects, gain, importance or dialogue of its own", o->id);
}

/* Each object of one content; beds, then objects; their tracks in the order of the file. */
static void check_order(const struct check *c) {
  const struct adm *adm = c->adm;
  int *owners = memory_new((size_t)adm->n_objects, sizeof *owners), index = 0;
  bool objects = false;
  for (int i = 0; i < adm->n_contents; i++)
    for (int k = 0; k < adm->contents[i].objects.n; k++)
      owners[adm->contents[i].objects.items[k]]++;
  for (int i = 0; i < adm->n_objects; i++) {
    const struct adm_object *o = &adm->objects[i];
    const bool bed = adm_object_kind(adm, o) == ADM_SPEAKERS;
    if (owners[i] != 1) TELL(c, "object %s is of %d contents (accepted: 1)", o->id, owners[i]);
    if (bed && objects) TELL(c, "the bed %s stands behind an object", o->id);
    objects = objects || !bed;
    bool in_order = true;
    for (int k = 0; k < o->tracks.n; k++)
      in_order = adm->tracks[o->tracks.items[k]].index == index++ && in_order;
    if (!in_order) TELL(c, "the tracks of object %s are not the next ones of the file", o->id);
  }
  free(owners);
}

static void check_pack(const struct check *c, const struct adm_pack *pack) {
  const char *labels[10];
  char prefix[16];
  snprintf(prefix, sizeof prefix, "AP_%04x", (unsigned)pack->kind);
  if (pack->common || id_number(pack->id, prefix, 4) < 0x1001)
    TELL(c, "pack %s (accepted: from %s1001)", pack->id, prefix);
  if (!*shown(pack->name)) TELL(c, "pack %s has no name", pack->id);
  const int most = pack->kind == ADM_OBJECTS ? 1 : 10;
  if (pack->channels.n < 1 || pack->channels.n > most || pack->packs.n) {
    TELL(c, "pack %s has %d channels and %d packs (accepted: 1 to %d, 0)", pack->id,
         pack->channels.n, pack->packs.n, most);
    return;
  }
  if (pack->kind != ADM_SPEAKERS) return;
  for (int i = 0; i < pack->channels.n; i++)
    labels[i] = c->adm->channels[pack->channels.items[i]].label;
  const bool five = (pack->channels.n == 5 && !strcmp(labels[3], "RC_Ls")) ||
                    (pack->channels.n == 6 && !strcmp(labels[4], "RC_Ls"));
  if (!five && !adm_dolby_layout(labels, pack->channels.n))
    TELL(c, "pack %s: its channels are no bed (accepted: RC_L RC_R ... of 2.0, 3.0, 5.0, 5.1, 7.0, "
         "7.1, 7.0.2, 7.1.2)", pack->id);
}

static void check_bed_channel(const struct check *c, const struct adm_channel *channel) {
  const struct adm_speaker *speaker = adm_room_speaker(channel->label);
  const struct adm_block *b = channel->blocks;
  if (channel->n_blocks != 1) {
    TELL(c, "channel %s has %d blocks (accepted: 1)", channel->id, channel->n_blocks);
    return;
  }
  if (b->rtime.per || b->duration.per)
    TELL(c, "the block of channel %s has a time (accepted: none)", channel->id);
  if (!b->cartesian || !(b->has & ADM_CARTESIAN))
    TELL(c, "the block of channel %s is not cartesian", channel->id);
  if (b->has & ADM_JUMP) TELL(c, "the block of channel %s has a jumpPosition", channel->id);
  if (channel->high_hz > 0 || channel->low_hz > 0)
    TELL(c, "channel %s has a frequency", channel->id);
  if (!speaker) return; /* the bed of it is told */
  if (strcmp(shown(channel->name), speaker->name))
    TELL(c, "the name of channel %s (accepted: %s)", channel->id, speaker->name);
  if (memcmp(b->position, speaker->position, sizeof b->position))
    TELL(c, "channel %s is at %g, %g, %g (accepted: %g, %g, %g)", channel->id, b->position[0],
         b->position[1], b->position[2], speaker->position[0], speaker->position[1],
         speaker->position[2]);
}

/* What is wrong with an object's block; NULL: nothing. */
static const char *block_problem(const struct adm_block *b, int i, int64_t next) {
  const int64_t begin = adm_time_in(b->rtime, UNITS), end = begin + adm_time_in(b->duration, UNITS);
  const double ramp = i ? 0.005208 : 0;
  const uint32_t size = b->has & ADM_SIZE;
  if (!b->rtime.per || !b->duration.per) return "has no rtime or duration";
  if (!i && begin) return "is the first and does not begin at 0";
  if (llabs(end - next) > OVERLAP) return "does not end where the next one begins, or the object";
  if (!b->cartesian || !(b->has & ADM_CARTESIAN)) return "is not cartesian";
  if (!(b->has & ADM_X) || !(b->has & ADM_Y)) return "has no X or Y";
  for (int k = 0; k < 3; k++)
    if (!(fabs(b->position[k]) <= 1)) return "has a position beyond -1 to 1";
  if (!(b->has & ADM_JUMP) || !b->jump) return "has no jumpPosition of 1";
  if (!(b->has & ADM_INTERPOLATION)) return "has no interpolationLength";
  if (fabs((double)b->interpolation_s - ramp) > 1e-6)
    return i ? "has an interpolationLength other than 0.005208"
             : "is the first and has an interpolationLength other than 0";
  if (size && (size != ADM_SIZE || b->width != b->height || b->width != b->depth))
    return "has a width, height and depth that are not equal";
  if (size && !(b->width >= 0 && b->width <= 1)) return "has a size beyond 0 to 1";
  if ((b->has & ADM_DIFFUSE) && b->diffuse != 0 && b->diffuse != 1) return "is diffuse in part";
  if ((b->has & ADM_IMPORTANCE) && !b->importance && (!(b->has & ADM_GAIN) || b->gain != 0))
    return "has importance 0 without gain 0";
  if (b->has & ADM_LOCK_DISTANCE) return "has a maxDistance";
  return NULL;
}

static void check_object_channel(const struct check *c, const struct adm_channel *channel) {
  int n_told = 0;
  if (!channel->n_blocks) TELL(c, "channel %s has no block", channel->id);
  for (int i = 0; i < channel->n_blocks; i++) {
    const int64_t next = i + 1 < channel->n_blocks
                             ? adm_time_in(channel->blocks[i + 1].rtime, UNITS)
                             : c->length;
    const char *what = block_problem(&channel->blocks[i], i, next);
    if (!what) continue;
    if (++n_told <= MOST_OF_ONE_KIND)
      TELL(c, "block %d of channel %s %s", i + 1, channel->id, what);
  }
  if (n_told > MOST_OF_ONE_KIND)
    TELL(c, "%d more blocks of channel %s depart", n_told - MOST_OF_ONE_KIND, channel->id);
}

static void check_channel(const struct check *c, const struct adm_channel *channel) {
  char prefix[16];
  snprintf(prefix, sizeof prefix, "AC_%04x", (unsigned)channel->kind);
  if (channel->common || id_number(channel->id, prefix, 4) < 0x1001)
    TELL(c, "channel %s (accepted: from %s1001)", channel->id, prefix);
  if (!channel->numbered)
    TELL(c, "the IDs of the blocks of channel %s are not counted from 00000001", channel->id);
  if (channel->kind == ADM_SPEAKERS) check_bed_channel(c, channel);
  if (channel->kind == ADM_OBJECTS) check_object_channel(c, channel);
}

/* The ID of an element that has the number of another one. */
static bool same_number(const char *id, const char *other) {
  return strlen(id) >= 11 && strlen(other) >= 11 && !strncmp(id + 3, other + 3, 8);
}

static void check_streams(const struct check *c) {
  const struct adm *adm = c->adm;
  for (int i = 0; i < adm->n_streams; i++) {
    const struct adm_stream *s = &adm->streams[i];
    const char *channel = s->channel < 0 ? "" : adm->channels[s->channel].id;
    if (s->channel < 0 || s->pack < 0 || s->formats.n != 1)
      TELL(c, "stream %s does not refer to a channel, a pack and a track format", s->id);
    else if (!same_number(s->id, channel))
      TELL(c, "stream %s does not have the number of channel %s", s->id, channel);
    else if (strncmp(shown(s->name), "PCM_", 4) ||
             strcmp(shown(s->name) + 4, shown(adm->channels[s->channel].name)))
      TELL(c, "the name of stream %s is not PCM_ and the channel's", s->id);
  }
  for (int i = 0; i < adm->n_formats; i++) {
    const struct adm_track_format *f = &adm->formats[i];
    const struct adm_stream *s = f->stream < 0 ? NULL : &adm->streams[f->stream];
    if (!s || !same_number(f->id, s->id) || strlen(f->id) != 14 || strcmp(f->id + 11, "_01"))
      TELL(c, "track format %s does not have the number of its stream and _01", f->id);
    else if (strcmp(shown(f->name), shown(s->name)))
      TELL(c, "the name of track format %s is not its stream's", f->id);
  }
}

static void check_tracks(const struct check *c, int rate_hz) {
  const struct adm *adm = c->adm;
  for (int i = 0; i < adm->n_tracks; i++) {
    const struct adm_track *t = &adm->tracks[i];
    char uid[16];
    snprintf(uid, sizeof uid, "ATU_%08x", (unsigned)i + 1);
    if (strcmp(t->uid, uid)) TELL(c, "track %s (accepted: %s)", t->uid, uid);
    if (!t->in_axml || !t->in_chna) TELL(c, "track %s is not in both axml and chna", t->uid);
    if (t->index != i)
      TELL(c, "track %s is channel %d (accepted: %d)", t->uid, t->index + 1, i + 1);
    if (t->bits != 24) TELL(c, "track %s has %d bits (accepted: 24)", t->uid, t->bits);
    if ((t->rate_hz != 48000 && t->rate_hz != 96000) || (rate_hz && t->rate_hz != rate_hz))
      TELL(c, "track %s has %d Hz (accepted: 48000 or 96000, that of the file)", t->uid,
           t->rate_hz);
    if (t->differs) TELL(c, "track %s has other formats in axml than in chna", t->uid);
    bool in_pack = false;
    for (int k = 0; t->pack >= 0 && k < adm->packs[t->pack].channels.n; k++)
      in_pack = in_pack || adm->packs[t->pack].channels.items[k] == t->channel;
    if (!in_pack) TELL(c, "track %s leads to no channel of its pack", t->uid);
  }
}

void adm_check_dolby(const struct adm *adm, const struct riff_file *file,
                     struct problems *problems) {
  struct check c = {adm, problems, 0};
  if (adm->n_programmes)
    c.length = adm_time_in(adm->programmes[0].end, UNITS) -
               adm_time_in(adm->programmes[0].start, UNITS);
  check_counts(&c);
  if (file) check_file(&c, file);
  check_programme(&c);
  for (int i = 0; i < adm->n_objects; i++) check_object(&c, &adm->objects[i]);
  check_order(&c);
  for (int i = 0; i < adm->n_packs; i++) check_pack(&c, &adm->packs[i]);
  for (int i = 0; i < adm->n_channels; i++) check_channel(&c, &adm->channels[i]);
  check_streams(&c);
  check_tracks(&c, file ? file->format.rate_hz : 0);
  if (adm->has_dbmd && (!adm->dbmd.has_atmos || !adm->dbmd.has_tracks))
    TELL(&c, "dbmd has no segment 9 or 10");
}
