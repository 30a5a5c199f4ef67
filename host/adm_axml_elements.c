/* SPDX-License-Identifier: MIT
 * See adm_axml.h: the elements of ADM and their attributes, one table, and how a value of
 * each is taken. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "adm_axml.h"
#include "detmath.h"
#include "name_list.h"
#include "utf8.h"

static void stop_value(struct reader *r, const char *name, const char *value,
                       const char *accepted) {
  axml_stop(r, STATUS_BAD_DATA, "%s %s (accepted: %s)", name, name_quote(value, strlen(value)).text,
            accepted);
}

void adm_note_foreign(struct adm *adm, const char *what, const char *name) {
  char text[96];
  snprintf(text, sizeof text, "%s%s%.*s", what, *what ? " " : "",
           (int)utf8_cut(name, strlen(name), 60), name);
  for (int i = 0; i < adm->n_foreign && i < ADM_MOST_FOREIGN; i++)
    if (!strcmp(adm->foreign[i], text)) return;
  if (adm->n_foreign < ADM_MOST_FOREIGN) adm->foreign[adm->n_foreign] = adm_text(adm, text);
  adm->n_foreign++;
}

/* ---- values ---- */

static double number(struct reader *r, const char *name, const char *text) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !isfinite(value) || fabs(value) > 1e9 || strpbrk(text, "xX")) {
    stop_value(r, name, text, "a number");
    return 0;
  }
  return value + 0.0; /* no negative zero */
}

static int whole(struct reader *r, const char *name, const char *text, int most) {
  char *end;
  const long value = strtol(text, &end, 10);
  if (end == text || *end || value < 0 || value > most) {
    char accepted[48];
    snprintf(accepted, sizeof accepted, "a whole number, 0 to %d", most);
    stop_value(r, name, text, accepted);
    return 0;
  }
  return (int)value;
}

struct adm_time axml_time(struct reader *r, const char *name, const char *text) {
  struct adm_time time = {0};
  if (!adm_time_read(text, &time)) stop_value(r, name, text, "HH:MM:SS.sssss");
  return time;
}

static enum adm_kind kind_of(struct reader *r, const char *name, const char *text) {
  for (int i = 1; adm_kind_names[i]; i++)
    if (!strcmp(text, adm_kind_names[i])) return (enum adm_kind)i;
  if (strlen(text) == 4 && !strncmp(text, "000", 3) && text[3] >= '1' && text[3] <= '5')
    return (enum adm_kind)(text[3] - '0');
  stop_value(r, name, text, "DirectSpeakers, Matrix, Objects, HOA, Binaural, or 0001 to 0005");
  return ADM_SPEAKERS;
}

/* An ID: it can be printed, and fits. */
static bool is_id(const char *text) {
  const size_t n = strlen(text);
  return n && n < 16 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789_") == n;
}

void axml_copy_id(struct reader *r, const char *name, const char *text, char id[16]) {
  if (is_id(text)) memcpy(id, text, strlen(text) + 1);
  else stop_value(r, name, text, "an ID such as AO_1001");
}

/* ---- leaves ---- */

static struct adm_channel *channel_of(struct reader *r) {
  return &r->adm->channels[r->stack[r->depth - 1].index];
}
static struct adm_block *block_of(struct reader *r) {
  struct adm_channel *channel = channel_of(r);
  return &channel->blocks[channel->n_blocks - 1];
}
static void set_float(struct reader *r, const char *name, const char *text, float *to,
                      uint32_t bit) {
  *to = (float)number(r, name, text);
  block_of(r)->has |= bit;
}

static void take_gain(struct reader *r, const char *text) {
  const double value = number(r, "gain", text);
  block_of(r)->gain = !strcmp(r->attributes[0], "dB") ? det_db_to_gain(value) : value;
  block_of(r)->has |= ADM_GAIN;
}
static void take_importance(struct reader *r, const char *text) {
  block_of(r)->importance = (int16_t)whole(r, "importance", text, 10);
  block_of(r)->has |= ADM_IMPORTANCE;
}
static void take_width(struct reader *r, const char *text) {
  set_float(r, "width", text, &block_of(r)->width, ADM_WIDTH);
}
static void take_height(struct reader *r, const char *text) {
  set_float(r, "height", text, &block_of(r)->height, ADM_HEIGHT);
}
static void take_depth(struct reader *r, const char *text) {
  set_float(r, "depth", text, &block_of(r)->depth, ADM_DEPTH);
}
static void take_diffuse(struct reader *r, const char *text) {
  set_float(r, "diffuse", text, &block_of(r)->diffuse, ADM_DIFFUSE);
}
static void take_cartesian(struct reader *r, const char *text) {
  block_of(r)->cartesian = whole(r, "cartesian", text, 1);
  block_of(r)->has |= ADM_CARTESIAN;
}
static void take_lock(struct reader *r, const char *text) {
  block_of(r)->lock = whole(r, "channelLock", text, 1);
  block_of(r)->has |= ADM_LOCK;
  if (*r->attributes[0])
    set_float(r, "maxDistance", r->attributes[0], &block_of(r)->lock_distance, ADM_LOCK_DISTANCE);
}
static void take_jump(struct reader *r, const char *text) {
  block_of(r)->jump = whole(r, "jumpPosition", text, 1);
  block_of(r)->has |= ADM_JUMP;
  if (*r->attributes[0])
    set_float(r, "interpolationLength", r->attributes[0], &block_of(r)->interpolation_s,
              ADM_INTERPOLATION);
}
static void take_label(struct reader *r, const char *text) {
  struct adm_channel *channel = channel_of(r);
  if (strlen(text) >= sizeof channel->label || (*channel->label && strcmp(channel->label, text)))
    adm_note_foreign(r->adm, "speakerLabel", "that differs or is long");
  else memcpy(channel->label, text, strlen(text) + 1);
}
static void take_position(struct reader *r, const char *text) {
  static const char *const axes[] = {"X", "Y", "Z", "azimuth", "elevation", "distance"};
  struct adm_block *block = block_of(r);
  for (int i = 0; i < 6; i++) {
    if (strcmp(r->attributes[0], axes[i])) continue;
    block->position[i % 3] = number(r, axes[i], text);
    block->has |= (uint32_t)ADM_X << i % 3;
    if (i < 3 && (block->has & ADM_CARTESIAN) && !block->cartesian)
      adm_note_foreign(r->adm, "cartesian", "0 beside X, Y and Z");
    if (i < 3) block->cartesian = true;
    return;
  }
  stop_value(r, "position of coordinate", r->attributes[0],
             "X, Y, Z, azimuth, elevation or distance");
}
static void take_zone(struct reader *r, const char *text) {
  struct adm_block *block = block_of(r);
  block->has |= ADM_ZONES;
  for (int i = 0; i < ADM_MOST_ZONES; i++) {
    bool same = !strcmp(text, adm_zones[i].name);
    for (int k = 0; k < 6 && same; k++)
      same = fabs(number(r, "a limit of a zone", r->attributes[k]) - adm_zones[i].limits[k]) < 1e-9;
    if (!same) continue;
    block->zones |= (uint16_t)(1 << i);
    return;
  }
  adm_note_foreign(r->adm, "zone", "that is none of the Dolby profile");
}
static void take_frequency(struct reader *r, const char *text) {
  struct adm_channel *channel = channel_of(r);
  const double hz = number(r, "frequency", text);
  if (!strcmp(r->attributes[0], "lowPass")) channel->high_hz = hz;
  else if (!strcmp(r->attributes[0], "highPass")) channel->low_hz = hz;
  else stop_value(r, "frequency of type", r->attributes[0], "lowPass or highPass");
}
static void take_dialogue(struct reader *r, const char *text) {
  struct adm_content *content = &r->adm->contents[r->stack[r->depth - 1].index];
  content->dialogue = whole(r, "dialogue", text, 2);
  const char *kind = r->attributes[content->dialogue];
  if (*kind) content->kind = whole(r, "the kind of dialogue", kind, 255);
}
static void take_object_gain(struct reader *r, const char *text) {
  const double value = number(r, "gain", text);
  r->adm->objects[r->stack[r->depth - 1].index].gain =
      !strcmp(r->attributes[0], "dB") ? det_db_to_gain(value) : value;
}
static struct adm_loudness *loudness_of(struct reader *r) {
  const struct open *around = &r->stack[r->depth - 2];
  return around->place == (enum place)ADM_PROGRAMMES
             ? &r->adm->programmes[around->index].loudness
             : &r->adm->contents[around->index].loudness;
}
static void take_loudness(struct reader *r, const char *text) {
  const char *name = r->stack[r->depth].row->name;
  struct adm_loudness *to = loudness_of(r);
  int i = 0;
  while (strcmp(adm_loudness_names[i], name)) i++;
  to->values[i] = number(r, name, text);
  to->has |= 1u << i;
}

/* ---- the elements ---- */

#define AT(type, member) offsetof(struct adm_##type, member)
static const struct attribute programme_attributes[] = {
    {"audioProgrammeID", ID, AT(programme, id)}, {"audioProgrammeName", TEXT, AT(programme, name)},
    {"audioProgrammeLanguage", TEXT, AT(programme, language)},
    {"start", TIME, AT(programme, start)}, {"end", TIME, AT(programme, end)}, {0}},
  content_attributes[] = {
    {"audioContentID", ID, AT(content, id)}, {"audioContentName", TEXT, AT(content, name)},
    {"audioContentLanguage", TEXT, AT(content, language)}, {0}},
  object_attributes[] = {
    {"audioObjectID", ID, AT(object, id)}, {"audioObjectName", TEXT, AT(object, name)},
    {"start", TIME, AT(object, start)}, {"startTime", TIME, AT(object, start)},
    {"duration", TIME, AT(object, duration)}, {"importance", WHOLE, AT(object, importance)},
    {"interact", WHOLE, AT(object, interact)},
    {"disableDucking", WHOLE, AT(object, disable_ducking)},
    {"dialogue", WHOLE, AT(object, dialogue)}, {0}},
  pack_attributes[] = {
    {"audioPackFormatID", ID, AT(pack, id)}, {"audioPackFormatName", TEXT, AT(pack, name)},
    {"typeDefinition", KIND, AT(pack, kind)}, {"typeLabel", KIND, AT(pack, kind)},
    {"importance", WHOLE, AT(pack, importance)}, {0}},
  channel_attributes[] = {
    {"audioChannelFormatID", ID, AT(channel, id)},
    {"audioChannelFormatName", TEXT, AT(channel, name)},
    {"typeDefinition", KIND, AT(channel, kind)}, {"typeLabel", KIND, AT(channel, kind)}, {0}},
  stream_attributes[] = {
    {"audioStreamFormatID", ID, AT(stream, id)}, {"audioStreamFormatName", TEXT, AT(stream, name)},
    {"formatDefinition", PCM, 0}, {"formatLabel", PCM, 0}, {0}},
  format_attributes[] = {
    {"audioTrackFormatID", ID, AT(track_format, id)},
    {"audioTrackFormatName", TEXT, AT(track_format, name)},
    {"formatDefinition", PCM, 0}, {"formatLabel", PCM, 0},
    {"typeDefinition", SKIP, 0}, {"typeLabel", SKIP, 0}, {0}},
  track_attributes[] = {
    {"UID", ID, AT(track, uid)}, {"bitDepth", WHOLE, AT(track, bits)},
    {"sampleRate", WHOLE, AT(track, rate_hz)}, {0}},
  loudness_attributes[] = {{"loudnessMethod", TEXT, AT(loudness, method)}, {0}},
  none_attributes[] = {{0}};
#undef AT

static const struct element elements[] = {
#define ROW(parent, name, table, attributes) {parent, name, (enum place)(table), attributes, {0}, \
                                              NULL, 0, 0, false}
#define VALUE(parent, name, take, ...) {(enum place)(parent), name, LEAF, NULL, {__VA_ARGS__}, \
                                        take, 0, 0, false}
#define REF(parent, name, to, type, member, is_list) \
  {(enum place)(parent), name, LEAF, NULL, {0}, NULL, to, offsetof(struct adm_##type, member), \
   is_list}
    ROW(IN_BLOCK, "zoneExclusion", IN_ZONES, none_attributes),
    VALUE(IN_BLOCK, "position", take_position, "coordinate"),
    VALUE(IN_BLOCK, "cartesian", take_cartesian, 0),
    VALUE(IN_BLOCK, "jumpPosition", take_jump, "interpolationLength"),
    VALUE(IN_BLOCK, "gain", take_gain, "gainUnit"),
    VALUE(IN_BLOCK, "importance", take_importance, 0),
    VALUE(IN_BLOCK, "speakerLabel", take_label, 0),
    VALUE(IN_BLOCK, "width", take_width, 0),
    VALUE(IN_BLOCK, "height", take_height, 0),
    VALUE(IN_BLOCK, "depth", take_depth, 0),
    VALUE(IN_BLOCK, "diffuse", take_diffuse, 0),
    VALUE(IN_BLOCK, "channelLock", take_lock, "maxDistance"),
    VALUE(IN_ZONES, "zone", take_zone, "minX", "maxX", "minY", "maxY", "minZ", "maxZ"),
    ROW((enum place)ADM_CHANNELS, "audioBlockFormat", IN_BLOCK, NULL),
    VALUE(ADM_CHANNELS, "frequency", take_frequency, "typeDefinition"),
    ROW(IN_ALL, "audioProgramme", ADM_PROGRAMMES, programme_attributes),
    ROW(IN_ALL, "audioContent", ADM_CONTENTS, content_attributes),
    ROW(IN_ALL, "audioObject", ADM_OBJECT_TABLE, object_attributes),
    ROW(IN_ALL, "audioPackFormat", ADM_PACKS, pack_attributes),
    ROW(IN_ALL, "audioChannelFormat", ADM_CHANNELS, channel_attributes),
    ROW(IN_ALL, "audioStreamFormat", ADM_STREAMS, stream_attributes),
    ROW(IN_ALL, "audioTrackFormat", ADM_FORMATS, format_attributes),
    ROW(IN_ALL, "audioTrackUID", ADM_TRACKS, track_attributes),
    ROW((enum place)ADM_PROGRAMMES, "loudnessMetadata", IN_LOUDNESS, loudness_attributes),
    ROW((enum place)ADM_CONTENTS, "loudnessMetadata", IN_LOUDNESS, loudness_attributes),
    VALUE(IN_LOUDNESS, "integratedLoudness", take_loudness, 0),
    VALUE(IN_LOUDNESS, "loudnessRange", take_loudness, 0),
    VALUE(IN_LOUDNESS, "maxTruePeak", take_loudness, 0),
    VALUE(IN_LOUDNESS, "maxMomentary", take_loudness, 0),
    VALUE(IN_LOUDNESS, "maxShortTerm", take_loudness, 0),
    VALUE(IN_LOUDNESS, "dialogueLoudness", take_loudness, 0),
    VALUE(ADM_CONTENTS, "dialogue", take_dialogue, "nonDialogueContentKind",
          "dialogueContentKind", "mixedContentKind"),
    VALUE(ADM_OBJECT_TABLE, "gain", take_object_gain, "gainUnit"),
    REF(ADM_PROGRAMMES, "audioContentIDRef", ADM_CONTENTS, programme, contents, true),
    REF(ADM_CONTENTS, "audioObjectIDRef", ADM_OBJECT_TABLE, content, objects, true),
    REF(ADM_OBJECT_TABLE, "audioPackFormatIDRef", ADM_PACKS, object, packs, true),
    REF(ADM_OBJECT_TABLE, "audioTrackUIDRef", ADM_TRACKS, object, tracks, true),
    REF(ADM_OBJECT_TABLE, "audioObjectIDRef", ADM_OBJECT_TABLE, object, objects, true),
    REF(ADM_OBJECT_TABLE, "audioComplementaryObjectIDRef", ADM_OBJECT_TABLE, object,
        complementary, true),
    REF(ADM_PACKS, "audioChannelFormatIDRef", ADM_CHANNELS, pack, channels, true),
    REF(ADM_PACKS, "audioPackFormatIDRef", ADM_PACKS, pack, packs, true),
    REF(ADM_STREAMS, "audioChannelFormatIDRef", ADM_CHANNELS, stream, channel, false),
    REF(ADM_STREAMS, "audioPackFormatIDRef", ADM_PACKS, stream, pack, false),
    REF(ADM_STREAMS, "audioTrackFormatIDRef", ADM_FORMATS, stream, formats, true),
    REF(ADM_FORMATS, "audioStreamFormatIDRef", ADM_STREAMS, track_format, stream, false),
    REF(ADM_TRACKS, "audioTrackFormatIDRef", ADM_FORMATS, track, channel, false),
    REF(ADM_TRACKS, "audioChannelFormatIDRef", ADM_CHANNELS, track, channel, false),
    REF(ADM_TRACKS, "audioPackFormatIDRef", ADM_PACKS, track, pack, false),
#undef ROW
#undef VALUE
#undef REF
};
#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

const struct element *axml_find(enum place parent, const char *name) {
  for (int i = 0; i < COUNT(elements); i++)
    if (elements[i].parent == parent && !strcmp(elements[i].name, name)) return &elements[i];
  return NULL;
}

static void set_attribute(struct reader *r, const struct attribute *a, const char *value,
                          char *to) {
  switch (a->type) {
  case ID: axml_copy_id(r, a->name, value, to); break;
  case TEXT: *(const char **)to = adm_text(r->adm, value); break;
  case TIME: *(struct adm_time *)to = axml_time(r, a->name, value); break;
  case WHOLE: *(int *)to = whole(r, a->name, value, 1000000); break;
  case KIND:
    if (*(enum adm_kind *)to && *(enum adm_kind *)to != kind_of(r, a->name, value))
      adm_note_foreign(r->adm, "typeLabel", "other than typeDefinition");
    else *(enum adm_kind *)to = kind_of(r, a->name, value);
    break;
  case PCM:
    if (strcmp(value, "PCM") && strcmp(value, "0001"))
      adm_note_foreign(r->adm, a->name, "other than PCM");
    break;
  case SKIP: break;
  }
}

static bool is_namespace(const char *name) {
  return !strncmp(name, "xmlns", 5) || !strncmp(name, "xsi:", 4) || !strncmp(name, "xml:", 4);
}

void axml_set_attributes(struct reader *r, const struct attribute *rows, const char **given,
                           void *row) {
  for (; *given; given += 2) {
    const struct attribute *a = rows;
    while (a->name && strcmp(a->name, given[0])) a++;
    if (a->name) set_attribute(r, a, given[1], (char *)row + a->at);
    else if (!is_namespace(given[0])) adm_note_foreign(r->adm, "attribute", given[0]);
  }
}

void axml_set_loudness(struct reader *r, const char **given) {
  r->depth++; /* as a leaf of it would see it */
  axml_set_attributes(r, loudness_attributes, given, loudness_of(r));
  r->depth--;
}
