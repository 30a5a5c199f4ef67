/* SPDX-License-Identifier: MIT
 * See adm_profile.h: axml, by a small parser of its own, and its match with chna. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adm_profile.h"

/* ---- a tree of elements ---- */

enum { MOST_ATTRIBUTES = 12 };
struct node {
  char *name, *text;
  int n_attributes;
  char *keys[MOST_ATTRIBUTES], *values[MOST_ATTRIBUTES];
  struct node *first, *last, *next, *parent;
};
struct parser {
  char *at, *end;
  bool bad;
};

static void skip_space(struct parser *p) {
  while (p->at < p->end && isspace((unsigned char)*p->at)) p->at++;
}

static char *take_until(struct parser *p, const char *stops) {
  char *begin = p->at;
  while (p->at < p->end && !strchr(stops, *p->at)) p->at++;
  if (p->at == p->end) p->bad = true;
  return begin;
}

static struct node *new_node(struct node *parent) {
  struct node *node = calloc(1, sizeof *node);
  if (!node) abort();
  node->parent = parent;
  if (parent && parent->last) parent->last->next = node;
  if (parent && !parent->first) parent->first = node;
  if (parent) parent->last = node;
  node->text = (char *)"";
  return node;
}

/* Behind "<name": attributes up to ">" or "/>"; true: it is closed. */
static bool take_attributes(struct parser *p, struct node *node) {
  for (;;) {
    skip_space(p);
    if (p->at >= p->end) return !(p->bad = true);
    if (*p->at == '>' || *p->at == '/') {
      const bool closed = *p->at == '/';
      *p->at++ = 0;
      if (closed) p->at++;
      return closed;
    }
    const int n = node->n_attributes;
    char *key = take_until(p, "=");
    if (p->bad || n == MOST_ATTRIBUTES || p->at + 2 >= p->end) return !(p->bad = true);
    *p->at++ = 0;
    const char quote[2] = {*p->at++, 0};
    node->keys[n] = key;
    node->values[n] = take_until(p, quote);
    node->n_attributes++;
    if (p->at < p->end) *p->at++ = 0;
  }
}

static struct node *parse(struct parser *p) {
  struct node *root = new_node(NULL), *here = root;
  while (!p->bad && here) {
    char *text = take_until(p, "<");
    if (p->at >= p->end) {
      p->bad = here != root || !root->first;
      break;
    }
    *p->at++ = 0;
    if (!here->first) here->text = text;
    if (*p->at == '?' || *p->at == '!') {
      take_until(p, ">");
      p->at++;
    } else if (*p->at == '/') {
      p->at++;
      char *name = take_until(p, ">");
      if (p->bad) break;
      *p->at++ = 0;
      if (!here->name || strcmp(name, here->name)) p->bad = true;
      here = here->parent;
    } else {
      here = new_node(here);
      here->name = take_until(p, " \t\r\n/>");
      if (p->bad) break;
      if (isspace((unsigned char)*p->at)) *p->at++ = 0; /* else take_attributes ends the name */
      if (take_attributes(p, here)) here = here->parent;
    }
  }
  p->bad = p->bad || here != root;
  return root;
}

static const char *attribute(const struct node *node, const char *key) {
  for (int i = 0; i < node->n_attributes; i++)
    if (!strcmp(node->keys[i], key)) return node->values[i];
  return NULL;
}
static const char *value(const struct node *node, const char *key) {
  const char *text = attribute(node, key);
  return text ? text : "";
}
static struct node *child(const struct node *node, const char *name) {
  for (struct node *c = node->first; c; c = c->next)
    if (!strcmp(c->name, name)) return c;
  return NULL;
}
static struct node *sibling(const struct node *node) {
  for (struct node *c = node->next; c; c = c->next)
    if (!strcmp(c->name, node->name)) return c;
  return NULL;
}
static int count(const struct node *node, const char *name) {
  int n = 0;
  for (const struct node *c = child(node, name); c; c = sibling(c)) n++;
  return n;
}
static const char *text_of(const struct node *node, const char *name) {
  const struct node *c = child(node, name);
  return c ? c->text : "";
}

/* ---- rules ---- */

struct axml {
  const struct node *all; /* audioFormatExtended */
  const struct profile_facts *facts;
  struct profile_report *r;
  long long length; /* of the programme in 10 us */
};
#define TELL(a, sound, rule, ...) profile_tell((a)->r, sound, rule, __VA_ARGS__)
#define EACH(one, parent_node, tag) \
  for (const struct node *one = child(parent_node, tag); one; one = sibling(one))

static const struct node *find(const struct axml *a, const char *name, const char *key,
                               const char *id) {
  EACH(n, a->all, name) if (!strcmp(value(n, key), id)) return n;
  return NULL;
}

/* "HH:MM:SS.sssss" in 10 us; -1: other than that. */
static long long time_of(const char *text) {
  static const char shape[] = "00:00:00.00000";
  if (strlen(text) != strlen(shape)) return -1;
  for (size_t i = 0; shape[i]; i++)
    if (shape[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i]) return -1;
  return (atoll(text) * 3600 + atoll(text + 3) * 60 + atoll(text + 6)) * 100000 + atoll(text + 9);
}

/* What may stand where: "parent" then its children, "@" then attributes. */
static const char *const listed[] = {
    "audioProgramme audioContentIDRef @audioProgrammeID @audioProgrammeName @start @end",
    "audioContent audioObjectIDRef dialogue @audioContentID @audioContentName",
    "dialogue @mixedContentKind",
    "audioObject audioPackFormatIDRef audioTrackUIDRef @audioObjectID @audioObjectName @start "
    "@duration",
    "audioPackFormat audioChannelFormatIDRef @audioPackFormatID @audioPackFormatName "
    "@typeDefinition @typeLabel",
    "audioChannelFormat audioBlockFormat @audioChannelFormatID @audioChannelFormatName "
    "@typeDefinition @typeLabel",
    "audioBlockFormat speakerLabel cartesian position jumpPosition gain importance width height "
    "depth diffuse channelLock zoneExclusion @audioBlockFormatID @rtime @duration",
    "position @coordinate",
    "jumpPosition @interpolationLength",
    "zoneExclusion zone",
    "zone @minX @maxX @minY @maxY @minZ @maxZ",
    "audioStreamFormat audioChannelFormatIDRef audioPackFormatIDRef audioTrackFormatIDRef "
    "@audioStreamFormatID @audioStreamFormatName @formatDefinition @formatLabel",
    "audioTrackFormat audioStreamFormatIDRef @audioTrackFormatID @audioTrackFormatName "
    "@formatDefinition @formatLabel",
    "audioTrackUID audioTrackFormatIDRef audioPackFormatIDRef @UID @bitDepth @sampleRate",
    "audioFormatExtended audioProgramme audioContent audioObject audioPackFormat "
    "audioChannelFormat audioStreamFormat audioTrackFormat audioTrackUID",
};

static bool has_word(const char *words, const char *mark, const char *word) {
  char wanted[80];
  snprintf(wanted, sizeof wanted, " %s%s", mark, word);
  const size_t n = strlen(wanted);
  for (const char *at = words; (at = strstr(at, wanted)); at += n)
    if (at[n] == ' ' || !at[n]) return true;
  return false;
}

static void check_listed(const struct axml *a, const struct node *node) {
  const char *words = "";
  for (size_t i = 0; i < sizeof listed / sizeof *listed; i++) {
    const size_t n = strlen(node->name);
    if (!strncmp(listed[i], node->name, n) && listed[i][n] == ' ') words = listed[i];
  }
  for (int i = 0; i < node->n_attributes; i++)
    TELL(a, has_word(words, "@", node->keys[i]), "unlisted-attribute", "%s of %s", node->keys[i],
         node->name);
  for (const struct node *c = node->first; c; c = c->next) {
    TELL(a, has_word(words, "", c->name), "unlisted-element", "%s in %s", c->name, node->name);
    check_listed(a, c);
  }
}

static void check_programme(struct axml *a) {
  const struct node *p = child(a->all, "audioProgramme");
  TELL(a, count(a->all, "audioProgramme") == 1, "programme-one", "%d",
       count(a->all, "audioProgramme"));
  if (!p) return;
  const long long start = time_of(value(p, "start")), end = time_of(value(p, "end"));
  const int n = count(p, "audioContentIDRef");
  const double audio = (double)a->facts->n_frames / a->facts->rate_hz * 1e5;
  a->length = end - start;
  TELL(a, !strcmp(value(p, "audioProgrammeID"), "APR_1001"), "programme-id", "%s",
       value(p, "audioProgrammeID"));
  TELL(a, !strcmp(value(p, "audioProgrammeName"), "Atmos_Master"), "programme-name", "%s",
       value(p, "audioProgrammeName"));
  TELL(a, start >= 0 && end >= 0, "time-format", "of the programme");
  TELL(a, (double)a->length <= audio + 0.01 && (double)a->length > audio - 1.01, "programme-length",
       "%lld of %.2f", a->length, audio);
  TELL(a, n >= 1 && n <= 123 && n == count(a->all, "audioContent"), "programme-contents", "%d", n);
  EACH(ref, p, "audioContentIDRef")
    TELL(a, find(a, "audioContent", "audioContentID", ref->text), "reference", "%s", ref->text);
}

static void check_contents(const struct axml *a) {
  int i = 0;
  EACH(c, a->all, "audioContent") {
    char id[16];
    snprintf(id, sizeof id, "ACO_%04x", 0x1001 + i++);
    const struct node *dialogue = child(c, "dialogue");
    TELL(a, !strcmp(value(c, "audioContentID"), id), "content-id", "%s", id);
    TELL(a, *value(c, "audioContentName"), "content-name", "%s", id);
    TELL(a, dialogue && !strcmp(dialogue->text, "2") &&
            !strcmp(value(dialogue, "mixedContentKind"), "0"), "content-dialogue", "%s", id);
    TELL(a, count(c, "audioObjectIDRef") >= 1, "content-objects", "%s", id);
    EACH(ref, c, "audioObjectIDRef")
      TELL(a, find(a, "audioObject", "audioObjectID", ref->text), "reference", "%s", ref->text);
  }
}

static bool is_bed(const struct axml *a, const struct node *object) {
  const struct node *pack =
      find(a, "audioPackFormat", "audioPackFormatID", text_of(object, "audioPackFormatIDRef"));
  return pack && !strcmp(value(pack, "typeLabel"), "0001");
}

static void check_objects(const struct axml *a) {
  int beds = 0, objects = 0, uid = 0;
  EACH(o, a->all, "audioObject") {
    const bool bed = is_bed(a, o);
    const char *name = value(o, "audioObjectName"), *id = value(o, "audioObjectID");
    const int n = count(o, "audioTrackUIDRef");
    char expected[24];
    snprintf(expected, sizeof expected, "AO_%04x", bed ? 0x1001 + beds++ : 0x100b + objects++);
    TELL(a, !strcmp(id, expected), bed ? "bed-id" : "object-id", "%s for %s", id, expected);
    TELL(a, !bed || !objects, "beds-first", "%s", id);
    TELL(a, *name && strlen(name) <= 64, "object-name", "%s", id);
    TELL(a, !strcmp(value(o, "start"), "00:00:00.00000"), "object-start", "%s", id);
    TELL(a, time_of(value(o, "duration")) == a->length, "object-duration", "%s", id);
    TELL(a, count(o, "audioPackFormatIDRef") == 1, "object-pack", "%s", id);
    TELL(a, bed ? n >= 1 && n <= 10 : n == 1, "object-tracks", "%s: %d", id, n);
    EACH(ref, o, "audioTrackUIDRef") {
      snprintf(expected, sizeof expected, "ATU_%08x", (unsigned)++uid);
      TELL(a, !strcmp(ref->text, expected), "object-track-order", "%s", ref->text);
    }
    int owners = 0;
    EACH(c, a->all, "audioContent")
      EACH(ref, c, "audioObjectIDRef") owners += !strcmp(ref->text, id);
    TELL(a, owners == 1, "object-content", "%s: %d", id, owners);
  }
  TELL(a, objects <= 118, "object-count", "%d", objects);
}

/* ---- packs, channels ---- */

static const struct room {
  const char *name, *label;
  double at[3];
} rooms[] = {
    {"RoomCentricLeft", "RC_L", {-1, 1, 0}}, {"RoomCentricRight", "RC_R", {1, 1, 0}},
    {"RoomCentricCenter", "RC_C", {0, 1, 0}}, {"RoomCentricLFE", "RC_LFE", {-1, 1, -1}},
    {"RoomCentricLeftSideSurround", "RC_Lss", {-1, 0, 0}},
    {"RoomCentricRightSideSurround", "RC_Rss", {1, 0, 0}},
    {"RoomCentricLeftRearSurround", "RC_Lrs", {-1, -1, 0}},
    {"RoomCentricRightRearSurround", "RC_Rrs", {1, -1, 0}},
    {"RoomCentricLeftTopSurround", "RC_Lts", {-1, 0, 1}},
    {"RoomCentricRightTopSurround", "RC_Rts", {1, 0, 1}},
};

static bool is_typed(const struct node *node, bool bed) {
  return !strcmp(value(node, "typeDefinition"), bed ? "DirectSpeakers" : "Objects") &&
         !strcmp(value(node, "typeLabel"), bed ? "0001" : "0003");
}

static void check_packs(const struct axml *a) {
  int beds = 0, objects = 0;
  EACH(p, a->all, "audioPackFormat") {
    const bool bed = !strcmp(value(p, "typeLabel"), "0001");
    const int n = count(p, "audioChannelFormatIDRef");
    const char *id = value(p, "audioPackFormatID");
    char expected[32], order[200] = "";
    snprintf(expected, sizeof expected, "AP_%s%04x", bed ? "0001" : "0003",
             0x1001 + (bed ? beds++ : objects++));
    TELL(a, !strcmp(id, expected), "pack-id", "%s for %s", id, expected);
    TELL(a, is_typed(p, bed), "pack-type", "%s", id);
    TELL(a, *value(p, "audioPackFormatName"), "pack-name", "%s", id);
    TELL(a, bed ? n <= 10 : n == 1, "pack-channels", "%s: %d", id, n);
    EACH(ref, p, "audioChannelFormatIDRef") {
      const struct node *c = find(a, "audioChannelFormat", "audioChannelFormatID", ref->text);
      TELL(a, c, "reference", "%s", ref->text);
      const struct node *block = c ? child(c, "audioBlockFormat") : NULL;
      if (bed && block && strlen(order) < 150)
        strcat(strcat(order, text_of(block, "speakerLabel")), " ");
    }
    static const char *const allowed[] = {
        "RC_L RC_R ", "RC_L RC_R RC_C ", "RC_L RC_R RC_C RC_Lss RC_Rss RC_Lrs RC_Rrs ",
        "RC_L RC_R RC_C RC_LFE RC_Lss RC_Rss RC_Lrs RC_Rrs ",
        "RC_L RC_R RC_C RC_Lss RC_Rss RC_Lrs RC_Rrs RC_Lts RC_Rts ",
        "RC_L RC_R RC_C RC_LFE RC_Lss RC_Rss RC_Lrs RC_Rrs RC_Lts RC_Rts "};
    bool known = !bed;
    for (int i = 0; i < 6; i++) known |= !strcmp(order, allowed[i]);
    TELL(a, known, "bed-order", "%s", order);
  }
}

static double coordinate(const struct node *block, const char *axis, bool *found) {
  *found = false;
  EACH(p, block, "position")
    if (!strcmp(value(p, "coordinate"), axis)) {
      char *end;
      const double x = strtod(p->text, &end);
      *found = end != p->text && !*end;
      return x;
    }
  return 0;
}

static void check_bed_channel(const struct axml *a, const struct node *c) {
  const struct node *b = child(c, "audioBlockFormat");
  const char *id = value(c, "audioChannelFormatID");
  TELL(a, count(c, "audioBlockFormat") == 1, "bed-block-one", "%s", id);
  if (!b) return;
  TELL(a, !attribute(b, "rtime") && !attribute(b, "duration"), "bed-block-time", "%s", id);
  TELL(a, !child(b, "jumpPosition"), "bed-jump", "%s", id);
  TELL(a, !strcmp(text_of(b, "cartesian"), "1"), "cartesian", "%s", id);
  const struct room *room = NULL;
  for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++)
    if (!strcmp(rooms[i].label, text_of(b, "speakerLabel"))) room = &rooms[i];
  TELL(a, room, "bed-label", "%s", id);
  if (!room) return;
  TELL(a, !strcmp(value(c, "audioChannelFormatName"), room->name), "bed-name", "%s", id);
  for (int k = 0; k < 3; k++) {
    bool found;
    const char axis[2] = {"XYZ"[k], 0};
    const double x = coordinate(b, axis, &found);
    TELL(a, found && x == room->at[k], "bed-position", "%s %s", id, axis);
  }
}

static void check_zone(const struct axml *a, const struct node *zone, const char *id) {
  static const struct {
    const char *name;
    double at[6];
  } zones[] = {{"ZM1", {-1, 1, -1, -0.41934, -0.499, 0.499}},
               {"ZM2L", {-1, -0.75806, -0.41934, 0.83871, -0.499, 0.499}},
               {"ZM2R", {0.75806, 1, -0.41934, 0.83871, -0.499, 0.499}},
               {"ZM3L", {-1, -0.16129, 0.5, 1, -0.499, 0.499}},
               {"ZM3Lss", {-1, -0.51611, -0.707, 0.49999, -0.499, 0.499}},
               {"ZM3R", {0.16129, 1, 0.5, 1, -0.499, 0.499}},
               {"ZM3Rss", {0.51611, 1, -0.707, 0.49999, -0.499, 0.499}},
               {"ZM4", {-1, 1, -1, 0.83871, -0.499, 0.499}},
               {"ZM5", {-1, 1, 0.5, 1, -0.499, 0.499}},
               {"ZB", {-1, 1, -1, 1, -1, -0.4995}}, {"ZT", {-1, 1, -1, 1, 0.4995, 1}}};
  static const char *const keys[] = {"minX", "maxX", "minY", "maxY", "minZ", "maxZ"};
  bool known = false;
  for (size_t i = 0; i < sizeof zones / sizeof *zones && !known; i++) {
    known = !strcmp(zones[i].name, zone->text);
    for (int k = 0; k < 6; k++)
      known = known && attribute(zone, keys[k]) && atof(value(zone, keys[k])) == zones[i].at[k];
  }
  TELL(a, known, "block-zone", "%s", id);
}

static void check_block(const struct axml *a, const struct node *b, int i, const char *id) {
  static const char *const sizes[] = {"width", "height", "depth"};
  int n_sizes = 0;
  for (int k = 0; k < 3; k++) {
    bool found;
    const char axis[2] = {"XYZ"[k], 0};
    const double x = coordinate(b, axis, &found);
    TELL(a, (found || k == 2) && fabs(x) <= 1, "block-position", "%s %d %s", id, i + 1, axis);
    n_sizes += child(b, sizes[k]) != NULL;
  }
  TELL(a, count(b, "position") <= 3, "block-position", "%s %d", id, i + 1);
  const double width = atof(text_of(b, "width"));
  TELL(a, !n_sizes || (n_sizes == 3 && width == atof(text_of(b, "height")) &&
                       width == atof(text_of(b, "depth")) && width >= 0 && width <= 1),
       "block-size", "%s %d", id, i + 1);
  TELL(a, !strcmp(text_of(b, "cartesian"), "1"), "cartesian", "%s %d", id, i + 1);
  const struct node *jump = child(b, "jumpPosition");
  TELL(a, jump && !strcmp(jump->text, "1"), "block-jump", "%s %d", id, i + 1);
  if (jump)
    TELL(a, !strcmp(value(jump, "interpolationLength"), i ? "0.005208" : "0.000000"),
         "block-interpolation", "%s %d", id, i + 1);
  const char *diffuse = child(b, "diffuse") ? text_of(b, "diffuse") : "0";
  TELL(a, !strcmp(diffuse, "0") || !strcmp(diffuse, "1"), "block-diffuse", "%s %d", id, i + 1);
  if (child(b, "importance")) {
    const double importance = atof(text_of(b, "importance"));
    TELL(a, importance >= 0 && importance <= 10, "block-importance", "%s %d", id, i + 1);
    if (importance == 0)
      TELL(a, child(b, "gain") && atof(text_of(b, "gain")) == 0, "block-importance", "%s %d", id,
           i + 1);
  }
  const struct node *zones = child(b, "zoneExclusion");
  if (zones) EACH(zone, zones, "zone") check_zone(a, zone, id);
}

static void check_object_channel(const struct axml *a, const struct node *c) {
  const char *id = value(c, "audioChannelFormatID");
  long long at = 0;
  int i = 0;
  EACH(b, c, "audioBlockFormat") {
    const long long begin = time_of(value(b, "rtime")), length = time_of(value(b, "duration"));
    TELL(a, begin >= 0 && length >= 0, "time-format", "%s block %d", id, i + 1);
    TELL(a, begin == at && length > 0, "block-tiling", "%s block %d", id, i + 1);
    at = begin + length;
    check_block(a, b, i++, id);
  }
  TELL(a, at == a->length, "block-tiling", "%s ends at %lld", id, at);
}

static void check_channels(const struct axml *a) {
  int beds = 0, objects = 0;
  EACH(c, a->all, "audioChannelFormat") {
    const bool bed = !strcmp(value(c, "typeLabel"), "0001");
    const char *id = value(c, "audioChannelFormatID");
    char expected[32];
    int i = 0;
    snprintf(expected, sizeof expected, "AC_%s%04x", bed ? "0001" : "0003",
             0x1001 + (bed ? beds++ : objects++));
    TELL(a, !strcmp(id, expected), "channel-id", "%s for %s", id, expected);
    TELL(a, is_typed(c, bed), "channel-type", "%s", id);
    EACH(b, c, "audioBlockFormat") {
      snprintf(expected, sizeof expected, "AB_%.8s_%08x", strlen(id) > 3 ? id + 3 : "",
               (unsigned)++i);
      TELL(a, !strcmp(value(b, "audioBlockFormatID"), expected), "block-id", "%s", expected);
    }
    if (bed) check_bed_channel(a, c);
    else check_object_channel(a, c);
  }
}

/* ---- streams, track formats, UIDs, chna ---- */

static bool is_pcm(const struct node *node) {
  return !strcmp(value(node, "formatDefinition"), "PCM") &&
         !strcmp(value(node, "formatLabel"), "0001");
}

/* Streams, formats and UIDs stand in the order of the channels, one for each. */
static void check_track(const struct axml *a, const struct node *c, const struct node *s,
                        const struct node *f, const struct node *u, int i) {
  const char *hex = strlen(value(c, "audioChannelFormatID")) == 11
                        ? value(c, "audioChannelFormatID") + 3 : "";
  char id[40], name[140], pack[40];
  snprintf(name, sizeof name, "PCM_%.120s", value(c, "audioChannelFormatName"));
  snprintf(id, sizeof id, "AS_%.8s", hex);
  TELL(a, !strcmp(value(s, "audioStreamFormatID"), id), "stream-id", "%s", id);
  TELL(a, !strcmp(value(s, "audioStreamFormatName"), name), "stream-name", "%s", name);
  TELL(a, is_pcm(s), "stream-pcm", "%s", id);
  TELL(a, !strcmp(text_of(f, "audioStreamFormatIDRef"), id), "format-ref", "%s", id);
  snprintf(id, sizeof id, "AT_%.8s_01", hex);
  TELL(a, !strcmp(text_of(s, "audioChannelFormatIDRef"), value(c, "audioChannelFormatID")) &&
          !strcmp(text_of(s, "audioTrackFormatIDRef"), id), "stream-refs", "%s", id);
  TELL(a, !strcmp(value(f, "audioTrackFormatID"), id), "format-id", "%s", id);
  TELL(a, !strcmp(value(f, "audioTrackFormatName"), name), "format-name", "%s", name);
  TELL(a, is_pcm(f), "format-pcm", "%s", id);
  TELL(a, !strcmp(text_of(u, "audioTrackFormatIDRef"), id), "uid-refs", "%s", id);
  snprintf(pack, sizeof pack, "%.30s", text_of(u, "audioPackFormatIDRef"));
  const struct node *p = find(a, "audioPackFormat", "audioPackFormatID", pack);
  bool holds = false;
  if (p)
    EACH(ref, p, "audioChannelFormatIDRef")
      holds |= !strcmp(ref->text, value(c, "audioChannelFormatID"));
  TELL(a, holds, "uid-refs", "%s", pack);
  TELL(a, !strcmp(text_of(s, "audioPackFormatIDRef"), pack), "stream-refs", "%s", pack);
  snprintf(name, sizeof name, "ATU_%08x", (unsigned)i + 1);
  TELL(a, !strcmp(value(u, "UID"), name), "uid-id", "%s", name);
  TELL(a, !strcmp(value(u, "bitDepth"), "24"), "uid-depth", "%s", name);
  TELL(a, atoi(value(u, "sampleRate")) == a->facts->rate_hz, "uid-rate", "%s", name);
  const unsigned char *row = a->facts->chna + 4 + 40 * i;
  if (a->facts->chna_bytes < 4 + 40 * ((size_t)i + 1)) return;
  TELL(a, row[0] + row[1] * 256 == i + 1, "chna-track", "row %d", i + 1);
  TELL(a, !strncmp((const char *)row + 2, name, 12), "chna-uid", "row %d", i + 1);
  TELL(a, !strncmp((const char *)row + 14, id, 14) && !strncmp((const char *)row + 28, pack, 11),
       "chna-refs", "row %d", i + 1);
  TELL(a, !row[39], "chna-pad", "row %d", i + 1);
}

static void check_tracks(const struct axml *a) {
  const struct node *c = child(a->all, "audioChannelFormat");
  const struct node *s = child(a->all, "audioStreamFormat");
  const struct node *f = child(a->all, "audioTrackFormat");
  const struct node *u = child(a->all, "audioTrackUID");
  const unsigned char *chna = a->facts->chna;
  int n = 0;
  for (; c && s && f && u; c = sibling(c), s = sibling(s), f = sibling(f), u = sibling(u))
    check_track(a, c, s, f, u, n++);
  TELL(a, !c && !s && !f && !u && n == a->facts->n_tracks, "track-count", "%d of %d", n,
       a->facts->n_tracks);
  TELL(a, a->facts->chna_bytes == 4 + 40 * (size_t)n && chna[0] + 256 * chna[1] == n &&
          chna[2] + 256 * chna[3] == n, "chna-count", "%zu bytes", a->facts->chna_bytes);
}

static void free_tree(struct node *node) {
  for (struct node *c = node->first, *next; c; c = next) {
    next = c->next;
    free_tree(c);
  }
  free(node);
}

void profile_check_axml(const char *text, size_t size, const struct profile_facts *facts,
                        struct profile_report *r) {
  static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
  static const char *const way[] = {"ebuCoreMain", "coreMetadata", "format",
                                    "audioFormatExtended"};
  char *copy = calloc(size + 1, 1);
  if (!copy) abort();
  memcpy(copy, text, size);
  struct parser p = {copy, copy + size, false};
  profile_tell(r, size > sizeof head && !memcmp(text, head, sizeof head - 1), "xml-utf-8",
               "the declaration");
  struct node *root = parse(&p);
  const struct node *at = root;
  profile_tell(r, !p.bad, "xml", "not well-formed");
  for (int i = 0; i < 4 && at && !p.bad; i++) {
    at = child(at, way[i]);
    if (at && !i)
      profile_tell(r, !strcmp(value(at, "xmlns"), "urn:ebu:metadata-schema:ebuCore_2016"), "root",
                   "namespace %s", value(at, "xmlns"));
  }
  profile_tell(r, at != NULL, "root", "no ebuCoreMain/coreMetadata/format/audioFormatExtended");
  if (at && !p.bad) {
    struct axml a = {at, facts, r, 0};
    check_listed(&a, at);
    check_programme(&a);
    check_contents(&a);
    check_objects(&a);
    check_packs(&a);
    check_channels(&a);
    check_tracks(&a);
  }
  free_tree(root);
  free(copy);
}
