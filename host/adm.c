/* SPDX-License-Identifier: MIT
 * See adm.h: the tables of a model, and times. */
#include "adm.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "texts.h"

const char *const adm_kind_names[] = {"", "DirectSpeakers", "Matrix", "Objects", "HOA",
                                      "Binaural", NULL};
const char *const adm_loudness_names[] = {"integratedLoudness", "loudnessRange", "maxTruePeak",
                                          "maxMomentary", "maxShortTerm", "dialogueLoudness",
                                          NULL};
const char *const adm_table_names[ADM_TABLES] = {
    "audioProgramme", "audioContent", "audioObject", "audioPackFormat", "audioChannelFormat",
    "audioStreamFormat", "audioTrackFormat", "audioTrackUID"};

/* Zones that an object can be kept out of, as masters of Dolby's tools have them. */
const struct adm_zone adm_zones[ADM_MOST_ZONES] = {
    {"ZM1", {-1, 1, -1, -0.41934, -0.499, 0.499}},
    {"ZM2L", {-1, -0.75806, -0.41934, 0.83871, -0.499, 0.499}},
    {"ZM2R", {0.75806, 1, -0.41934, 0.83871, -0.499, 0.499}},
    {"ZM3L", {-1, -0.16129, 0.5, 1, -0.499, 0.499}},
    {"ZM3Lss", {-1, -0.51611, -0.707, 0.49999, -0.499, 0.499}},
    {"ZM3R", {0.16129, 1, 0.5, 1, -0.499, 0.499}},
    {"ZM3Rss", {0.51611, 1, -0.707, 0.49999, -0.499, 0.499}},
    {"ZM4", {-1, 1, -1, 0.83871, -0.499, 0.499}},
    {"ZM5", {-1, 1, 0.5, 1, -0.499, 0.499}},
    {"ZB", {-1, 1, -1, 1, -1, -0.4995}},
    {"ZT", {-1, 1, -1, 1, 0.4995, 1}},
};

/* ---- tables ---- */

static const struct table {
  size_t rows_at, n_at, row_bytes;
} tables[ADM_TABLES] = {
#define TABLE(member, type) {offsetof(struct adm, member), offsetof(struct adm, n_##member), \
                             sizeof(struct adm_##type)}
    TABLE(programmes, programme), TABLE(contents, content), TABLE(objects, object),
    TABLE(packs, pack), TABLE(channels, channel), TABLE(streams, stream),
    TABLE(formats, track_format), TABLE(tracks, track)
#undef TABLE
};

int adm_rows(const struct adm *adm, enum adm_table table) {
  return *(const int *)((const char *)adm + tables[table].n_at);
}

/* The pointers differ in type: they are copied, not aliased. */
void *adm_row(const struct adm *adm, enum adm_table table, int i) {
  char *rows;
  memcpy(&rows, (const char *)adm + tables[table].rows_at, sizeof rows);
  return rows ? rows + tables[table].row_bytes * (size_t)i : NULL;
}

static void clear(struct adm *adm, enum adm_table table, int i) {
  switch (table) {
  case ADM_CONTENTS: adm->contents[i].dialogue = adm->contents[i].kind = -1; break;
  case ADM_OBJECT_TABLE:
    adm->objects[i].importance = adm->objects[i].interact = -1;
    adm->objects[i].disable_ducking = adm->objects[i].dialogue = -1;
    adm->objects[i].gain = 1;
    break;
  case ADM_PACKS: adm->packs[i].importance = -1; break;
  case ADM_STREAMS: adm->streams[i].channel = adm->streams[i].pack = -1; break;
  case ADM_FORMATS: adm->formats[i].stream = -1; break;
  case ADM_TRACKS:
    adm->tracks[i].index = adm->tracks[i].channel = adm->tracks[i].pack = -1;
    break;
  default: break;
  }
}

int adm_add(struct adm *adm, enum adm_table table) {
  const struct table *t = &tables[table];
  int *n = (int *)((char *)adm + t->n_at);
  if (!(*n & (*n - 1))) {
    void *rows = memory_grow(adm_row(adm, table, 0), 2 * (size_t)*n + 1, t->row_bytes);
    memcpy((char *)adm + t->rows_at, &rows, sizeof rows);
  }
  memset(adm_row(adm, table, *n), 0, t->row_bytes);
  clear(adm, table, *n);
  return (*n)++;
}

bool adm_add_block(struct adm_channel *channel, struct adm_block **block) {
  const int n = channel->n_blocks;
  if (!(n & (n - 1))) {
    void *grown = realloc(channel->blocks, (2 * (size_t)n + 1) * sizeof **block);
    if (!grown) return false;
    channel->blocks = grown;
  }
  *block = &channel->blocks[channel->n_blocks++];
  **block = (struct adm_block){.gain = 1, .importance = 10};
  return true;
}

void adm_list_add(struct adm_list *list, int item) {
  if (!(list->n & (list->n - 1)))
    list->items = memory_grow(list->items, 2 * (size_t)list->n + 1, sizeof *list->items);
  list->items[list->n++] = item;
}

const char *adm_text(struct adm *adm, const char *text) {
  const size_t n = strlen(text);
  return memcpy(texts_room(adm->texts, n + 1), text, n);
}

struct adm *adm_new(void) {
  struct adm *adm = memory_new(1, sizeof *adm);
  adm->texts = texts_create();
  return adm;
}

void adm_destroy(struct adm **model) {
  struct adm *adm = *model;
  if (!adm) return;
  for (int i = 0; i < adm->n_programmes; i++) free(adm->programmes[i].contents.items);
  for (int i = 0; i < adm->n_contents; i++) free(adm->contents[i].objects.items);
  for (int i = 0; i < adm->n_objects; i++) {
    struct adm_object *o = &adm->objects[i];
    struct adm_list *lists[] = {&o->packs, &o->tracks, &o->objects, &o->complementary};
    for (int k = 0; k < 4; k++) free(lists[k]->items);
  }
  for (int i = 0; i < adm->n_packs; i++) {
    free(adm->packs[i].channels.items);
    free(adm->packs[i].packs.items);
  }
  for (int i = 0; i < adm->n_channels; i++) free(adm->channels[i].blocks);
  for (int i = 0; i < adm->n_streams; i++) free(adm->streams[i].formats.items);
  for (int t = 0; t < ADM_TABLES; t++) free(adm_row(adm, (enum adm_table)t, 0));
  dbmd_free(&adm->dbmd);
  texts_destroy(&adm->texts);
  free(adm);
  *model = NULL;
}

int adm_object_kind(const struct adm *adm, const struct adm_object *object) {
  return object->packs.n ? (int)adm->packs[object->packs.items[0]].kind : 0;
}

/* ---- times ---- */

/* Up to nine digits from *text; their number. */
static int take_digits(const char **text, int64_t *value) {
  int n = 0;
  for (*value = 0; **text >= '0' && **text <= '9' && n < 10; n++)
    *value = *value * 10 + (*(*text)++ - '0');
  return n < 10 ? n : 0;
}

bool adm_time_read(const char *text, struct adm_time *time) {
  int64_t parts[3], fraction = 0, per = 1;
  for (int i = 0; i < 3; i++) {
    const int n = take_digits(&text, &parts[i]);
    if (n < 1 || n > 2 || (i && parts[i] > 59) || *text != (i < 2 ? ':' : *text)) return false;
    if (i < 2) text++;
  }
  if (*text == '.') {
    text++;
    const int n = take_digits(&text, &fraction);
    if (!n) return false;
    for (int i = 0; i < n; i++) per *= 10;
    if (*text == 'S') {
      text++;
      if (!take_digits(&text, &per) || per < 1 || fraction >= per) return false;
    }
  }
  *time = (struct adm_time){(parts[0] * 3600 + parts[1] * 60 + parts[2]) * per + fraction,
                            (int32_t)per};
  return !*text;
}

int64_t adm_time_in(struct adm_time time, int32_t per) {
  if (!time.per) return 0;
  return time.n / time.per * per + time.n % time.per * per / time.per;
}

double adm_time_s(struct adm_time time) {
  return time.per ? (double)time.n / (double)time.per : 0;
}
