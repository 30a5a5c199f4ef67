/* SPDX-License-Identifier: MIT
 * See adm.h: a new master. */
#include <string.h>

#include "adm_parts.h"
#include "memory.h"

enum { MOST_OBJECTS = 118 };

static void set_id(char id[16], const char *text) {
  memset(id, 0, 16);
  memcpy(id, text, strnlen(text, 15));
}

static int add_track(struct adm *adm, const struct adm_shape *shape, int pack, int channel) {
  const int i = adm_add(adm, ADM_TRACKS);
  adm->tracks[i].index = i;
  adm->tracks[i].pack = pack;
  adm->tracks[i].channel = channel;
  adm->tracks[i].bits = 24;
  adm->tracks[i].rate_hz = shape->rate_hz;
  snprintf(adm->tracks[i].uid, sizeof adm->tracks[i].uid, "ATU_%08x", (unsigned)i + 1);
  adm->tracks[i].in_axml = adm->tracks[i].in_chna = true;
  return i;
}

static int add_channel(struct adm *adm, enum adm_kind kind, const char *name,
                       const double position[3]) {
  const int i = adm_add(adm, ADM_CHANNELS);
  struct adm_channel *channel = &adm->channels[i];
  channel->kind = kind;
  channel->name = adm_text(adm, name);
  channel->numbered = true;
  struct adm_block *block = channel->blocks = memory_new(1, sizeof *block);
  channel->n_blocks = 1;
  *block = (struct adm_block){.gain = 1, .importance = 10, .has = ADM_X | ADM_Y | ADM_Z};
  memcpy(block->position, position, sizeof block->position);
  return i;
}

static int add_object(struct adm *adm, const struct adm_shape *shape, enum adm_kind kind,
                      const char *name) {
  const int i = adm_add(adm, ADM_OBJECT_TABLE), pack = adm_add(adm, ADM_PACKS);
  const struct adm_time length = {shape->n_frames, shape->rate_hz};
  adm->objects[i].name = adm->packs[pack].name = adm_text(adm, name);
  adm->objects[i].start = (struct adm_time){0, 100000};
  adm->objects[i].duration = length;
  adm->packs[pack].kind = kind;
  adm_list_add(&adm->objects[i].packs, pack);
  adm_list_add(&adm->contents[0].objects, i);
  return i;
}

static void add_bed(struct adm *adm, const struct adm_shape *shape) {
  const int i = add_object(adm, shape, ADM_SPEAKERS, "Bed");
  const int pack = adm->objects[i].packs.items[0];
  const char *common = shape->flavour == ADM_ITU ? adm_common_pack(shape->layout) : NULL;
  adm->packs[pack].common = common;
  adm->packs[pack].name = adm_text(adm, shape->layout);
  if (common) set_id(adm->packs[pack].id, common);
  for (int k = 0;; k++) {
    const struct adm_speaker *speaker = adm_speaker(shape->flavour, shape->layout, k);
    if (!speaker) return;
    const int c = add_channel(adm, ADM_SPEAKERS, speaker->name, speaker->position);
    struct adm_channel *channel = &adm->channels[c];
    snprintf(channel->label, sizeof channel->label, "%s", speaker->label);
    channel->high_hz = speaker->high_hz;
    channel->blocks[0].cartesian = shape->flavour == ADM_DOLBY;
    channel->common = common;
    if (common) set_id(channel->id, speaker->id);
    adm_list_add(&adm->packs[pack].channels, c);
    adm_list_add(&adm->objects[i].tracks, add_track(adm, shape, pack, c));
  }
}

static void add_objects(struct adm *adm, const struct adm_shape *shape) {
  static const double front[3] = {0, 1, 0};
  for (int k = 0; k < shape->n_objects; k++) {
    char name[32];
    snprintf(name, sizeof name, "Object %d", k + 1);
    const int i = add_object(adm, shape, ADM_OBJECTS, name);
    const int pack = adm->objects[i].packs.items[0];
    const int c = add_channel(adm, ADM_OBJECTS, name, front);
    adm->channels[c].blocks[0].cartesian = true;
    adm_list_add(&adm->packs[pack].channels, c);
    adm_list_add(&adm->objects[i].tracks, add_track(adm, shape, pack, c));
  }
}

enum status adm_make(const struct adm_shape *shape, struct adm **out, struct failure *why) {
  const int most = shape->flavour == ADM_DOLBY ? MOST_OBJECTS : 60000;
  *out = NULL;
  if (shape->layout && !adm_speaker(shape->flavour, shape->layout, 0))
    return fail(why, STATUS_BAD_DATA, "no bed of %s can be made (accepted: %s)", shape->layout,
                shape->flavour == ADM_DOLBY ? "2.0, 3.0, 7.0, 7.1, 7.0.2, 7.1.2"
                                            : "2.0, 5.1, 7.1, 5.1.4, 7.1.4, 7.1.2");
  if (shape->n_objects < 0 || shape->n_objects > most)
    return fail(why, STATUS_BAD_DATA, "%d objects (accepted: up to %d)", shape->n_objects, most);
  struct adm *adm = *out = adm_new();
  adm_add(adm, ADM_PROGRAMMES);
  struct adm_programme *programme = &adm->programmes[0];
  programme->name = adm_text(adm, shape->flavour == ADM_DOLBY ? "Atmos_Master" : "Master");
  programme->start = (struct adm_time){0, 100000};
  programme->end = (struct adm_time){shape->n_frames, shape->rate_hz};
  adm_list_add(&programme->contents, adm_add(adm, ADM_CONTENTS));
  adm->contents[0].name = adm_text(adm, "Master");
  adm->contents[0].dialogue = 2;
  adm->contents[0].kind = 0;
  if (shape->layout) add_bed(adm, shape);
  add_objects(adm, shape);
  if (shape->flavour == ADM_DOLBY) {
    dbmd_init(&adm->dbmd, adm->n_tracks);
    adm->has_dbmd = true;
  }
  return STATUS_OK;
}
