/* SPDX-License-Identifier: MIT
 * See adm_parts.h: the elements of a model in the shape of the Dolby Atmos Master ADM
 * profile. Rules and sources: adm.md. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "adm_parts.h"
#include "memory.h"
#include "utf8.h"

enum {
  MOST_CONTENTS = 123, MOST_OBJECTS = 118, MOST_TRACKS = 128, MOST_BEDS = 10,
  MOST_NAME_BYTES = 64,
  UNITS = 100000, /* of a second: times have five decimals */
  OVERLAP = 2,    /* units that rounding explains */
};

struct dolby {
  struct adm_document *d;
  int *order; /* objects of the model: beds, then objects */
  int *number; /* by object of the model: from 0, of beds and of objects apart */
  int n_beds, n_objects;
  int64_t length; /* of the programme, in units */
};

/* ---- what the profile can hold ---- */

__attribute__((format(printf, 2, 3)))
static enum status refuse(const struct dolby *w, const char *format, ...) {
  char text[500];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  text[utf8_cut(text, strlen(text), sizeof text - 8)] = 0;
  for (char *c = text; *c; c++) /* names are as the file has them */
    if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = '?';
  return fail(w->d->why, STATUS_BAD_DATA, "%s: no Atmos master can be made of it: %s", w->d->path,
              text);
}

static const struct adm_object *object_at(const struct dolby *w, int i) {
  return &w->d->adm->objects[w->order[i]];
}
static const struct adm_track *track_of(const struct dolby *w, const struct adm_object *o, int i) {
  return &w->d->adm->tracks[o->tracks.items[i]];
}
static const struct adm_channel *channel_of(const struct dolby *w, const struct adm_object *o,
                                            int i) {
  const int channel = track_of(w, o, i)->channel;
  return channel < 0 ? NULL : &w->d->adm->channels[channel];
}

static enum status check_counts(const struct dolby *w) {
  const struct adm *adm = w->d->adm;
  const struct riff_format *f = w->d->format;
  if (adm->n_programmes != 1) return refuse(w, "%d programmes (accepted: 1)", adm->n_programmes);
  if (adm->n_contents < 1 || adm->n_contents > MOST_CONTENTS)
    return refuse(w, "%d contents (accepted: 1 to %d)", adm->n_contents, MOST_CONTENTS);
  if (w->n_objects > MOST_OBJECTS || w->n_beds > MOST_BEDS || !adm->n_objects)
    return refuse(w, "%d beds and %d objects (accepted: up to %d, %d)", w->n_beds, w->n_objects,
                  MOST_BEDS, MOST_OBJECTS);
  if (f->channels > MOST_TRACKS)
    return refuse(w, "%d tracks (accepted: up to %d)", f->channels, MOST_TRACKS);
  if (f->bits != 24 || (f->rate_hz != 48000 && f->rate_hz != 96000))
    return refuse(w, "%d bits at %d Hz (accepted: 24 bits, 48000 or 96000 Hz)", f->bits,
                  f->rate_hz);
  if (!adm->has_dbmd || !adm->dbmd.has_ddp || !adm->dbmd.has_atmos || !adm->dbmd.has_tracks ||
      adm->dbmd.n_tracks != f->channels)
    return refuse(w, "dbmd with the modes of %d tracks is missing", f->channels);
  return STATUS_OK;
}

/* Every object belongs to one content of mixed kind, and the programme has them all. */
static enum status check_contents(const struct dolby *w) {
  const struct adm *adm = w->d->adm;
  int *owners = memory_new((size_t)adm->n_objects, sizeof *owners);
  enum status status = STATUS_OK;
  if (adm->programmes[0].contents.n != adm->n_contents || adm->programmes[0].loudness.has)
    status = refuse(w, "a programme of %d of %d contents, or with loudness (accepted: all, none)",
                    adm->programmes[0].contents.n, adm->n_contents);
  for (int i = 0; i < adm->n_contents && !status; i++) {
    const struct adm_content *c = &adm->contents[i];
    if ((c->dialogue >= 0 && c->dialogue != 2) || c->kind > 0 || c->loudness.has || c->language)
      status = refuse(w, "content %d is of a kind, or has loudness or a language (accepted: mixed "
                      "content of no kind)", i + 1);
    for (int k = 0; k < c->objects.n; k++) owners[c->objects.items[k]]++;
  }
  for (int i = 0; i < adm->n_objects && !status; i++)
    if (owners[i] != 1)
      status = refuse(w, "object %d is of %d contents (accepted: 1)", i + 1, owners[i]);
  free(owners);
  return status;
}

static enum status check_block(const struct dolby *w, const struct adm_object *o, int i,
                               const struct adm_block *b) {
  const char *name = o->name;
  for (int k = 0; k < 3; k++)
    if (!b->cartesian || !(fabs(b->position[k]) <= 1))
      return refuse(w, "block %d of %s is at %c %g (accepted: cartesian, -1 to 1)", i + 1, name,
                    "XYZ"[k], b->position[k]);
  const uint32_t size = b->has & ADM_SIZE;
  if (size && (size != ADM_SIZE || b->width != b->height || b->width != b->depth ||
               !(b->width >= 0 && b->width <= 1)))
    return refuse(w, "block %d of %s has width, height and depth %g, %g, %g (accepted: all three "
                  "the same, 0 to 1)", i + 1, name, (double)b->width, (double)b->height,
                  (double)b->depth);
  if ((b->has & ADM_DIFFUSE) && b->diffuse != 0 && b->diffuse != 1)
    return refuse(w, "block %d of %s is diffuse by %g (accepted: 0, 1)", i + 1, name,
                  (double)b->diffuse);
  if ((b->has & ADM_IMPORTANCE) && b->importance == 0 && !((b->has & ADM_GAIN) && b->gain == 0))
    return refuse(w, "block %d of %s has importance 0 (accepted: with gain 0)", i + 1, name);
  if (b->has & ADM_LOCK_DISTANCE)
    return refuse(w, "block %d of %s has a maxDistance (accepted: none)", i + 1, name);
  const double ramp = i ? 0.005208 : 0;
  if ((b->has & ADM_JUMP) && !b->jump)
    return refuse(w, "block %d of %s does not jump (accepted: jumpPosition 1)", i + 1, name);
  if ((b->has & ADM_INTERPOLATION) && fabs((double)b->interpolation_s - ramp) > 1e-6)
    return refuse(w, "block %d of %s has a ramp of %g s (accepted: %g s)", i + 1, name,
                  (double)b->interpolation_s, ramp);
  return STATUS_OK;
}

static int64_t begin_of(const struct dolby *w, const struct adm_channel *c, int i) {
  return i < c->n_blocks ? adm_time_in(c->blocks[i].rtime, UNITS) : w->length;
}

/* Blocks that tile the programme. */
static enum status check_blocks(const struct dolby *w, const struct adm_object *o) {
  const struct adm_channel *c = channel_of(w, o, 0);
  enum status status = STATUS_OK;
  if (!c->n_blocks || begin_of(w, c, 0))
    return refuse(w, "%s has no block at 0 s", o->name);
  for (int i = 0; i < c->n_blocks && !status; i++) {
    const struct adm_block *b = &c->blocks[i];
    const int64_t begin = begin_of(w, c, i), next = begin_of(w, c, i + 1);
    const int64_t end = begin + adm_time_in(b->duration, UNITS);
    if (next <= begin)
      return refuse(w, "block %d of %s begins at %lld0 us, the next one or the end is at %lld0 us",
                    i + 1, o->name, (long long)begin, (long long)next);
    if (b->duration.per && (end < next - OVERLAP || end > next + OVERLAP))
      return refuse(w, "block %d of %s ends at %lld0 us, the next one or the end is at %lld0 us "
                    "(accepted: blocks without gaps)", i + 1, o->name, (long long)end,
                    (long long)next);
    status = check_block(w, o, i, b);
  }
  return status;
}

static enum status check_bed(const struct dolby *w, const struct adm_object *o) {
  const char *labels[MOST_TRACKS];
  for (int i = 0; i < o->tracks.n; i++) labels[i] = channel_of(w, o, i)->label;
  if (adm_dolby_layout(labels, o->tracks.n)) return STATUS_OK;
  return refuse(w, "the bed %s has %d channels from %s on (accepted: RC_L, RC_R ... of 2.0, 3.0, "
                "7.0, 7.1, 7.0.2 and 7.1.2)", o->name, o->tracks.n, labels[0]);
}

/* *track: the file's channel that comes next. */
static enum status check_object(const struct dolby *w, const struct adm_object *o, int *track) {
  const int kind = adm_object_kind(w->d->adm, o);
  if (!o->name || !*o->name || strlen(o->name) > MOST_NAME_BYTES)
    return refuse(w, "an object has no name, or one of more than %d bytes", MOST_NAME_BYTES);
  if (o->packs.n != 1 || (kind != ADM_SPEAKERS && kind != ADM_OBJECTS) || o->objects.n ||
      o->complementary.n || o->gain != 1 || o->importance >= 0 || o->dialogue >= 0 ||
      o->interact > 0 || o->disable_ducking == 0)
    return refuse(w, "%s has other packs or objects, a gain, importance, interaction or ducking",
                  o->name);
  if (adm_time_in(o->start, UNITS) ||
      (o->duration.per && llabs(adm_time_in(o->duration, UNITS) - w->length) > OVERLAP))
    return refuse(w, "%s is not as long as the programme", o->name);
  if (!o->tracks.n || o->tracks.n > (kind == ADM_SPEAKERS ? MOST_BEDS : 1))
    return refuse(w, "%s has %d tracks", o->name, o->tracks.n);
  for (int i = 0; i < o->tracks.n; i++) {
    const struct adm_channel *c = channel_of(w, o, i);
    if (!c || c->kind != (enum adm_kind)kind)
      return refuse(w, "a track of %s has no channel of its kind", o->name);
    if (track_of(w, o, i)->index != (*track)++)
      return refuse(w, "%s is channel %d of the file (accepted: %d; beds first, in order)", o->name,
                    track_of(w, o, i)->index + 1, *track);
  }
  return kind == ADM_SPEAKERS ? check_bed(w, o) : check_blocks(w, o);
}

static enum status check(const struct dolby *w) {
  enum status status = check_counts(w);
  int track = 0;
  if (!status) status = check_contents(w);
  for (int i = 0; i < w->d->adm->n_objects && !status; i++)
    status = check_object(w, object_at(w, i), &track);
  if (!status && track != w->d->format->channels)
    status = refuse(w, "%d of %d tracks belong to objects (accepted: all)", track,
                    w->d->format->channels);
  return status;
}

/* ---- elements ---- */

static void write_time(struct adm_xml *x, const char *name, int64_t units) {
  const int64_t s = units / UNITS;
  adm_xml_attribute(x, name, "%02d:%02d:%02d.%05d", (int)(s / 3600), (int)(s / 60 % 60),
                    (int)(s % 60), (int)(units % UNITS));
}

/* "00011001": of the pack of the i-th object in order, and of the k-th channel of all. */
static void pack_hex(const struct dolby *w, int i, char hex[9]) {
  snprintf(hex, 9, "%04x%04x", i < w->n_beds ? ADM_SPEAKERS : ADM_OBJECTS,
           (0x1001 + w->number[w->order[i]]) & 0xFFFF);
}
static void object_id(const struct dolby *w, int object, char id[16]) {
  const bool bed = adm_object_kind(w->d->adm, &w->d->adm->objects[object]) == ADM_SPEAKERS;
  snprintf(id, 16, "AO_%04x", (bed ? 0x1001 : 0x100b) + w->number[object]);
}

/* The tracks one by one, with what their elements are called. */
struct place {
  int object, channel; /* in order; of the object */
  int track;           /* from 0 */
  int bed_channel;     /* of the beds so far */
  char hex[9];         /* of channel, stream and track format */
  char pack_name[96];
  const char *name;    /* of the channel */
  const struct adm_channel *of;
};
static bool next_place(const struct dolby *w, struct place *p) {
  if (p->of) p->track++, p->channel++;
  while (p->object < w->n_beds + w->n_objects &&
         p->channel == object_at(w, p->object)->tracks.n)
    p->object++, p->channel = 0;
  if (p->object == w->n_beds + w->n_objects) return false;
  const struct adm_object *o = object_at(w, p->object);
  p->of = channel_of(w, o, p->channel);
  p->name = o->name;
  if (p->object < w->n_beds) {
    p->name = adm_room_speaker(p->of->label)->name; /* check_bed found them all */
    snprintf(p->hex, 9, "0001%04x", (0x1001 + p->bed_channel++) & 0xFFFF);
    snprintf(p->pack_name, sizeof p->pack_name, "AtmosCustomPackFormat%d", p->object + 1);
  } else {
    pack_hex(w, p->object, p->hex);
    snprintf(p->pack_name, sizeof p->pack_name, "%s", o->name);
  }
  return true;
}

static void write_programme(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  const struct adm *adm = w->d->adm;
  char id[16];
  adm_xml_open(x, "audioProgramme");
  adm_xml_attribute(x, "audioProgrammeID", "APR_1001");
  adm_xml_attribute(x, "audioProgrammeName", "Atmos_Master");
  write_time(x, "start", 0);
  write_time(x, "end", w->length);
  for (int i = 0; i < adm->n_contents; i++)
    adm_xml_leaf(x, "audioContentIDRef", "ACO_%04x", 0x1001 + i);
  adm_xml_close(x, "audioProgramme");
  for (int i = 0; i < adm->n_contents; i++) {
    const struct adm_content *c = &adm->contents[i];
    adm_xml_open(x, "audioContent");
    adm_xml_attribute(x, "audioContentID", "ACO_%04x", 0x1001 + i);
    adm_xml_attribute(x, "audioContentName", "%s", c->name ? c->name : "Atmos_Master_Content");
    for (int k = 0; k < c->objects.n; k++) {
      object_id(w, c->objects.items[k], id);
      adm_xml_leaf(x, "audioObjectIDRef", "%s", id);
    }
    adm_xml_leaf_of(x, "dialogue", "mixedContentKind", "0", "2");
    adm_xml_close(x, "audioContent");
  }
}

static void write_objects(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  char id[16], hex[9];
  int uid = 0;
  for (int i = 0; i < w->n_beds + w->n_objects; i++) {
    const struct adm_object *o = object_at(w, i);
    object_id(w, w->order[i], id);
    pack_hex(w, i, hex);
    adm_xml_open(x, "audioObject");
    adm_xml_attribute(x, "audioObjectID", "%s", id);
    adm_xml_attribute(x, "audioObjectName", "%s", o->name);
    write_time(x, "start", 0);
    write_time(x, "duration", w->length);
    adm_xml_leaf(x, "audioPackFormatIDRef", "AP_%s", hex);
    for (int k = 0; k < o->tracks.n; k++) adm_xml_leaf(x, "audioTrackUIDRef", "ATU_%08x", ++uid);
    adm_xml_close(x, "audioObject");
  }
}

static void write_kind(struct adm_xml *x, const char *hex) {
  const bool bed = hex[3] == '1';
  adm_xml_attribute(x, "typeDefinition", "%s", adm_kind_names[bed ? ADM_SPEAKERS : ADM_OBJECTS]);
  adm_xml_attribute(x, "typeLabel", bed ? "0001" : "0003");
}

static void write_packs(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  char hex[9];
  for (struct place p = {0}; next_place(w, &p);) {
    if (p.channel == 0) {
      pack_hex(w, p.object, hex);
      adm_xml_open(x, "audioPackFormat");
      adm_xml_attribute(x, "audioPackFormatID", "AP_%s", hex);
      adm_xml_attribute(x, "audioPackFormatName", "%s", p.pack_name);
      write_kind(x, hex);
    }
    adm_xml_leaf(x, "audioChannelFormatIDRef", "AC_%s", p.hex);
    if (p.channel + 1 == object_at(w, p.object)->tracks.n) adm_xml_close(x, "audioPackFormat");
  }
}

static void write_position(struct adm_xml *x, const double position[3], bool always_z) {
  static const char *const axes[] = {"X", "Y", "Z"};
  for (int i = 0; i < 3; i++)
    if (i < 2 || always_z || position[i] != 0)
      adm_xml_leaf_of(x, "position", "coordinate", axes[i], "%.10f", position[i] + 0.0);
}

static void write_bed_block(struct adm_xml *x, const struct place *p) {
  const struct adm_speaker *speaker = adm_room_speaker(p->of->label);
  adm_xml_open(x, "audioBlockFormat");
  adm_xml_attribute(x, "audioBlockFormatID", "AB_%s_00000001", p->hex);
  adm_xml_leaf(x, "speakerLabel", "%s", speaker->label);
  adm_xml_leaf(x, "cartesian", "1");
  write_position(x, speaker->position, true);
  adm_xml_close(x, "audioBlockFormat");
}

static void write_object_block(const struct dolby *w, const struct place *p, int i) {
  struct adm_xml *x = &w->d->xml;
  const struct adm_block *b = &p->of->blocks[i];
  const int64_t begin = begin_of(w, p->of, i);
  adm_xml_open(x, "audioBlockFormat");
  adm_xml_attribute(x, "audioBlockFormatID", "AB_%s_%08x", p->hex, (unsigned)i + 1);
  write_time(x, "rtime", begin);
  write_time(x, "duration", begin_of(w, p->of, i + 1) - begin);
  adm_xml_leaf(x, "cartesian", "1");
  write_position(x, b->position, false);
  adm_write_block_rest(x, b);
  adm_xml_leaf_of(x, "jumpPosition", "interpolationLength", i ? "0.005208" : "0.000000", "1");
  adm_xml_close(x, "audioBlockFormat");
}

static void write_channels(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  for (struct place p = {0}; next_place(w, &p);) {
    adm_xml_open(x, "audioChannelFormat");
    adm_xml_attribute(x, "audioChannelFormatID", "AC_%s", p.hex);
    adm_xml_attribute(x, "audioChannelFormatName", "%s", p.name);
    write_kind(x, p.hex);
    if (p.object < w->n_beds) write_bed_block(x, &p);
    for (int i = 0; p.object >= w->n_beds && i < p.of->n_blocks; i++)
      write_object_block(w, &p, i);
    adm_xml_close(x, "audioChannelFormat");
  }
}

static void write_pcm(struct adm_xml *x, const char *name_attribute, const char *name) {
  adm_xml_attribute(x, name_attribute, "PCM_%s", name);
  adm_xml_attribute(x, "formatDefinition", "PCM");
  adm_xml_attribute(x, "formatLabel", "0001");
}

static void write_formats(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  char pack[9];
  for (struct place p = {0}; next_place(w, &p);) {
    pack_hex(w, p.object, pack);
    adm_xml_open(x, "audioStreamFormat");
    adm_xml_attribute(x, "audioStreamFormatID", "AS_%s", p.hex);
    write_pcm(x, "audioStreamFormatName", p.name);
    adm_xml_leaf(x, "audioChannelFormatIDRef", "AC_%s", p.hex);
    adm_xml_leaf(x, "audioPackFormatIDRef", "AP_%s", pack);
    adm_xml_leaf(x, "audioTrackFormatIDRef", "AT_%s_01", p.hex);
    adm_xml_close(x, "audioStreamFormat");
  }
  for (struct place p = {0}; next_place(w, &p);) {
    adm_xml_open(x, "audioTrackFormat");
    adm_xml_attribute(x, "audioTrackFormatID", "AT_%s_01", p.hex);
    write_pcm(x, "audioTrackFormatName", p.name);
    adm_xml_leaf(x, "audioStreamFormatIDRef", "AS_%s", p.hex);
    adm_xml_close(x, "audioTrackFormat");
  }
}

static void write_tracks(const struct dolby *w) {
  struct adm_xml *x = &w->d->xml;
  for (struct place p = {0}; next_place(w, &p);) {
    char uid[16], format[16], pack[16], hex[9];
    pack_hex(w, p.object, hex);
    snprintf(uid, sizeof uid, "ATU_%08x", (unsigned)p.track + 1);
    snprintf(format, sizeof format, "AT_%s_01", p.hex);
    snprintf(pack, sizeof pack, "AP_%s", hex);
    adm_xml_open(x, "audioTrackUID");
    adm_xml_attribute(x, "UID", "%s", uid);
    adm_xml_attribute(x, "bitDepth", "24");
    adm_xml_attribute(x, "sampleRate", "%d", w->d->format->rate_hz);
    adm_xml_leaf(x, "audioTrackFormatIDRef", "%s", format);
    adm_xml_leaf(x, "audioPackFormatIDRef", "%s", pack);
    adm_xml_close(x, "audioTrackUID");
    adm_chna_row(&w->d->chna, p.track + 1, uid, format, pack);
  }
  w->d->chna.n_tracks = w->d->format->channels;
}

static void put_in_order(struct dolby *w) {
  const struct adm *adm = w->d->adm;
  w->order = memory_new((size_t)adm->n_objects, sizeof *w->order);
  w->number = memory_new((size_t)adm->n_objects, sizeof *w->number);
  for (int beds = 1, n = 0; beds >= 0; beds--)
    for (int i = 0; i < adm->n_objects; i++) {
      if ((adm_object_kind(adm, &adm->objects[i]) == ADM_SPEAKERS) != beds) continue;
      w->number[i] = beds ? w->n_beds++ : w->n_objects++;
      w->order[n++] = i;
    }
}

enum status adm_write_dolby(struct adm_document *d) {
  const struct adm_time length = {d->n_frames, d->format->rate_hz};
  struct dolby w = {.d = d, .length = adm_time_in(length, UNITS)};
  put_in_order(&w);
  const enum status status = check(&w);
  if (!status) {
    adm_write_root(d, true);
    write_programme(&w);
    write_objects(&w);
    write_packs(&w);
    write_channels(&w);
    write_formats(&w);
    write_tracks(&w);
    adm_write_root(d, false);
  }
  free(w.order);
  free(w.number);
  return status;
}
