/* SPDX-License-Identifier: MIT
 * See adm.h: chunks to a model. What elements say is read in adm_axml.c; here they are
 * joined by their IDs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "adm_parts.h"
#include "memory.h"

static const char silent_uid[] = "ATU_00000000"; /* a track without audio (BS.2076) */

/* ---- IDs ---- */

struct entry {
  char id[16];
  enum adm_table table;
  int index;
};
struct index {
  struct entry *entries; /* owned, sorted */
  int n;
};

static int by_id(const void *a, const void *b) {
  const struct entry *x = a, *y = b;
  return x->table != y->table ? (int)x->table - (int)y->table : strcasecmp(x->id, y->id);
}

static void index_build(struct index *index, const struct adm *adm) {
  int n = 0;
  for (int t = 0; t < ADM_TABLES; t++) n += adm_rows(adm, (enum adm_table)t);
  free(index->entries);
  index->entries = memory_new((size_t)n, sizeof *index->entries);
  index->n = 0;
  for (int t = 0; t < ADM_TABLES; t++)
    for (int i = 0; i < adm_rows(adm, (enum adm_table)t); i++) {
      struct entry *entry = &index->entries[index->n++];
      *entry = (struct entry){"", (enum adm_table)t, i};
      memcpy(entry->id, adm_row(adm, entry->table, i), sizeof entry->id);
    }
  qsort(index->entries, (size_t)n, sizeof *index->entries, by_id);
}

static int find(const struct index *index, enum adm_table table, const char *id) {
  struct entry key = {"", table, 0};
  memcpy(key.id, id, strnlen(id, 15));
  const struct entry *entry =
      bsearch(&key, index->entries, (size_t)index->n, sizeof key, by_id);
  return entry ? entry->index : -1;
}

static enum status check_ids(const struct index *index, const char *path, struct failure *why) {
  for (int i = 1; i < index->n; i++)
    if (!by_id(&index->entries[i - 1], &index->entries[i]))
      return fail(why, STATUS_BAD_DATA, "%s: two elements %s have the ID %s", path,
                  adm_table_names[index->entries[i].table], index->entries[i].id);
  return STATUS_OK;
}

/* ---- what is not in the axml ---- */

/* Whether its number is one of the common definitions. */
static bool is_common(const char *id) {
  static const char *const kinds[] = {"AP_", "AC_", "AS_", "AT_"};
  bool known = false;
  for (int i = 0; i < 4; i++) known |= !strncasecmp(id, kinds[i], 3);
  if (!known || strspn(id + 3, "0123456789abcdefABCDEF") < 8) return false;
  return id[7] == '0' && strncmp(id + 7, "0000", 4) != 0;
}

/* The pack or channel of the common definitions that an ID stands for. */
static void common_id(const char *id, char out[16]) {
  snprintf(out, 16, "%s%.8s", strncasecmp(id, "AP_", 3) ? "AC_" : "AP_", id + 3);
}

static void add_common(struct adm *adm, struct index *index, const char *id) {
  const bool is_pack = !strncasecmp(id, "AP_", 3);
  const enum adm_table table = is_pack ? ADM_PACKS : ADM_CHANNELS;
  if (find(index, table, id) >= 0) return;
  const int i = adm_add(adm, table);
  char *const row = adm_row(adm, table, i);
  memcpy(row, id, strlen(id) + 1);
  const int kind = id[6] - '0';
  const enum adm_kind known = kind >= ADM_SPEAKERS && kind <= ADM_BINAURAL ? (enum adm_kind)kind
                                                                             : ADM_SPEAKERS;
  if (is_pack) {
    adm->packs[i].common = true;
    adm->packs[i].kind = known;
    adm->packs[i].name = adm_common_layout(id);
    return;
  }
  struct adm_channel *channel = &adm->channels[i];
  const struct adm_speaker *speaker = adm_common_channel(id);
  struct adm_block *block;
  channel->common = true;
  channel->kind = known;
  if (!speaker || !adm_add_block(channel, &block)) return;
  channel->name = speaker->name;
  channel->high_hz = speaker->high_hz;
  snprintf(channel->label, sizeof channel->label, "%s", speaker->label);
  memcpy(block->position, speaker->position, sizeof block->position);
}

static int by_text(const void *a, const void *b) { return strcasecmp(a, b); }

/* Adds packs and channels for `n` IDs that were not found; each once. */
static void add_commons(struct adm *adm, struct index *index, char (*ids)[16], int n) {
  qsort(ids, (size_t)n, sizeof *ids, by_text);
  for (int i = 0; i < n; i++)
    if (!i || strcasecmp(ids[i - 1], ids[i])) add_common(adm, index, ids[i]);
  index_build(index, adm);
}

struct id_list {
  char (*ids)[16];
  int n;
};
static void add_id(struct id_list *list, const char *id) {
  if (!(list->n & (list->n - 1)))
    list->ids = memory_grow(list->ids, 2 * (size_t)list->n + 1, sizeof *list->ids);
  common_id(id, list->ids[list->n++]);
}

/* Makes rows for the common definitions that are referred to. */
static void add_referred(struct adm *adm, struct index *index, const struct chna *chna,
                         const struct adm_refs *refs) {
  struct id_list list = {0};
  for (int i = 0; i < refs->n; i++) {
    const struct adm_ref *ref = &refs->items[i];
    if (find(index, ref->to, ref->id) < 0 && is_common(ref->id)) add_id(&list, ref->id);
  }
  for (int i = 0; i < chna->n_rows; i++) {
    const struct chna_row *row = &chna->rows[i];
    if (find(index, ADM_FORMATS, row->track_ref) < 0 && is_common(row->track_ref))
      add_id(&list, row->track_ref);
    if (is_common(row->pack_ref)) add_id(&list, row->pack_ref);
  }
  for (int i = 0, n = list.n; i < n; i++) { /* a pack's channels */
    const char *layout = strncmp(list.ids[i], "AP_", 3) ? NULL : adm_common_layout(list.ids[i]);
    for (int k = 0; layout && adm_speaker(ADM_ITU, layout, k); k++)
      add_id(&list, adm_speaker(ADM_ITU, layout, k)->id);
  }
  if (list.n) add_commons(adm, index, list.ids, list.n);
  free(list.ids);
  for (int i = 0; i < adm->n_packs; i++) {
    struct adm_pack *pack = &adm->packs[i];
    const char *layout = pack->common ? adm_common_layout(pack->id) : NULL;
    for (int k = 0; layout && adm_speaker(ADM_ITU, layout, k); k++)
      adm_list_add(&pack->channels,
                   find(index, ADM_CHANNELS, adm_speaker(ADM_ITU, layout, k)->id));
  }
}

/* Rows of chna: tracks that axml has, or new ones. */
static enum status join_chna(struct adm *adm, struct index *index, const struct chna *chna,
                             const char *path, struct failure *why) {
  const int n_in_axml = adm->n_tracks;
  for (int i = 0; i < chna->n_rows; i++) {
    const struct chna_row *row = &chna->rows[i];
    int at = find(index, ADM_TRACKS, row->uid);
    if (at < 0) {
      at = adm_add(adm, ADM_TRACKS);
      memcpy(adm->tracks[at].uid, row->uid, strlen(row->uid) + 1);
    }
    struct adm_track *track = &adm->tracks[at];
    if (track->in_chna)
      return fail(why, STATUS_BAD_DATA, "%s: chna: %s has two rows", path, row->uid);
    track->in_chna = true;
    track->index = row->track - 1;
    if (*track->format_ref && *row->track_ref)
      track->differs = strcasecmp(track->format_ref, row->track_ref) != 0;
    if (!*track->format_ref) memcpy(track->format_ref, row->track_ref, sizeof row->track_ref);
  }
  if (adm->n_tracks > n_in_axml) index_build(index, adm);
  return check_ids(index, path, why); /* two rows of one UID that axml has not */
}

/* ---- references ---- */

static enum status set_ref(struct adm *adm, const struct index *index, const struct adm_ref *ref,
                           const char *path, struct failure *why) {
  const char *owner = adm_row(adm, ref->from, ref->owner);
  void *to = (char *)adm_row(adm, ref->from, ref->owner) + ref->at;
  int target = find(index, ref->to, ref->id);
  if (ref->from == ADM_TRACKS && ref->to == ADM_FORMATS) return STATUS_OK; /* tracks_to_channels */
  if (target < 0 && is_common(ref->id)) {
    if (ref->to == ADM_STREAMS || ref->to == ADM_FORMATS) return STATUS_OK; /* nothing to hold */
    char id[16];
    common_id(ref->id, id);
    target = find(index, ref->to, id);
  }
  if (target < 0)
    return fail(why, STATUS_BAD_DATA, "%s: axml, line %d: %s %s refers to %s, which is not there",
                path, ref->line, adm_table_names[ref->from], owner, ref->id);
  if (ref->is_list) adm_list_add(to, target);
  else if (*(int *)to < 0) *(int *)to = target;
  return STATUS_OK;
}

/* The channel that a track's reference leads to, over track and stream formats; -1: none. */
static int channel_of(const struct adm *adm, const struct index *index, const char *id) {
  char common[16];
  const int format = find(index, ADM_FORMATS, id);
  if (format >= 0) {
    const int stream = adm->formats[format].stream;
    return stream < 0 ? -1 : adm->streams[stream].channel;
  }
  if (!strncasecmp(id, "AC_", 3)) { /* chna may have "AC_00011001_00" */
    memcpy(common, id, 11);
    common[11] = 0;
    return strlen(id) < 11 ? -1 : find(index, ADM_CHANNELS, common);
  }
  if (!is_common(id)) return -1;
  common_id(id, common);
  return find(index, ADM_CHANNELS, common);
}

static enum status tracks_to_channels(struct adm *adm, const struct index *index,
                                      const struct chna *chna, const char *path,
                                      struct failure *why) {
  for (int i = 0; i < adm->n_streams; i++)
    for (int k = 0; k < adm->streams[i].formats.n; k++) {
      struct adm_track_format *format = &adm->formats[adm->streams[i].formats.items[k]];
      if (format->stream < 0) format->stream = i;
    }
  for (int i = 0; i < chna->n_rows; i++) {
    struct adm_track *track = &adm->tracks[find(index, ADM_TRACKS, chna->rows[i].uid)];
    const int pack = find(index, ADM_PACKS, chna->rows[i].pack_ref);
    if (track->pack < 0) track->pack = pack;
    else if (pack != track->pack && *chna->rows[i].pack_ref) track->differs = true;
  }
  for (int i = 0; i < adm->n_tracks; i++) {
    struct adm_track *track = &adm->tracks[i];
    if (track->channel >= 0 || !*track->format_ref) continue;
    track->channel = channel_of(adm, index, track->format_ref);
    if (track->channel < 0 && adm->n_objects)
      return fail(why, STATUS_BAD_DATA, "%s: track %s refers to %s, which leads to no channel",
                  path, track->uid, track->format_ref);
  }
  return STATUS_OK;
}

static void add_silence(struct adm *adm, struct index *index, const struct adm_refs *refs) {
  for (int i = 0; i < refs->n; i++)
    if (refs->items[i].to == ADM_TRACKS && !strcasecmp(refs->items[i].id, silent_uid)) {
      if (find(index, ADM_TRACKS, silent_uid) >= 0) return;
      memcpy(adm_row(adm, ADM_TRACKS, adm_add(adm, ADM_TRACKS)), silent_uid, sizeof silent_uid);
      index_build(index, adm);
      return;
    }
}

enum status adm_resolve(struct adm *adm, const struct chna *chna, struct adm_refs *refs,
                        const char *path, struct failure *why) {
  struct index index = {0};
  index_build(&index, adm);
  enum status status = check_ids(&index, path, why);
  if (!status) status = join_chna(adm, &index, chna, path, why);
  if (!status) {
    add_silence(adm, &index, refs);
    add_referred(adm, &index, chna, refs);
  }
  for (int i = 0; i < refs->n && !status; i++)
    status = set_ref(adm, &index, &refs->items[i], path, why);
  if (!status) status = tracks_to_channels(adm, &index, chna, path, why);
  free(index.entries);
  return status;
}

/* ---- a whole model ---- */

/* typeDefinition may be left out: the ID has it. */
static enum adm_kind kind_of_id(const char *id) {
  return strlen(id) >= 7 && id[6] >= '1' && id[6] <= '5' ? (enum adm_kind)(id[6] - '0')
                                                         : ADM_SPEAKERS;
}

static enum status check_order(const struct adm_channel *channel, const char *path,
                               struct failure *why) {
  for (int i = 1; i < channel->n_blocks; i++) {
    const struct adm_time one = channel->blocks[i - 1].rtime, next = channel->blocks[i].rtime;
    if (!next.per || adm_time_s(next) < adm_time_s(one))
      return fail(why, STATUS_BAD_DATA, "%s: axml: block %d of %s %s begins before block %d "
                  "(accepted: blocks in the order of their rtime)", path, i + 1,
                  adm_table_names[ADM_CHANNELS], channel->id, i);
  }
  return STATUS_OK;
}

static enum status complete(struct adm *adm, const char *path, struct failure *why) {
  enum status status = STATUS_OK;
  for (int i = 0; i < adm->n_packs; i++)
    if (!adm->packs[i].kind) adm->packs[i].kind = kind_of_id(adm->packs[i].id);
  for (int i = 0; i < adm->n_channels && !status; i++) {
    if (!adm->channels[i].kind) adm->channels[i].kind = kind_of_id(adm->channels[i].id);
    status = check_order(&adm->channels[i], path, why);
    for (int k = 0; k < adm->channels[i].n_blocks; k++) {
      struct adm_block *block = &adm->channels[i].blocks[k];
      if (!block->cartesian && !(block->has & ADM_Z) && !adm->channels[i].common)
        block->position[2] = 1; /* the distance */
    }
  }
  return status;
}

static enum status read_all(const struct adm_chunks *chunks, const struct riff_file *file,
                            struct adm *adm, struct failure *why) {
  struct adm_refs refs = {0};
  struct chna chna = {0};
  enum status status = STATUS_OK;
  if (chunks->chna)
    status = chna_read(chunks->chna, chunks->chna_bytes, file->path, file->format.channels, &chna,
                       why);
  if (!status && chunks->axml) status = adm_axml_read(chunks, file->path, adm, &refs, why);
  if (!status) status = adm_resolve(adm, &chna, &refs, file->path, why);
  if (!status) status = complete(adm, file->path, why);
  if (!status && chunks->dbmd) {
    status = dbmd_read(chunks->dbmd, chunks->dbmd_bytes, file->path, &adm->dbmd, why);
    adm->has_dbmd = !status;
  }
  free(refs.items);
  chna_free(&chna);
  return status;
}

enum status adm_read(const struct adm_chunks *chunks, const struct riff_file *file,
                     struct adm **adm, struct failure *why) {
  *adm = adm_new();
  const enum status status = read_all(chunks, file, *adm, why);
  if (status) adm_destroy(adm);
  return status;
}

enum status adm_chunks_load(const struct riff_file *file, struct adm_chunks *chunks,
                            struct failure *why) {
  *chunks = (struct adm_chunks){0};
  enum status status = riff_load(file, "axml", ADM_MOST_AXML_BYTES, &chunks->axml,
                                 &chunks->axml_bytes, why);
  if (!status)
    status = riff_load(file, "chna", CHNA_MOST_BYTES, &chunks->chna, &chunks->chna_bytes, why);
  if (!status)
    status = riff_load(file, "dbmd", DBMD_MOST_BYTES, &chunks->dbmd, &chunks->dbmd_bytes, why);
  if (status) adm_chunks_free(chunks);
  return status;
}

void adm_chunks_free(struct adm_chunks *chunks) {
  free(chunks->axml);
  free(chunks->chna);
  free(chunks->dbmd);
  *chunks = (struct adm_chunks){0};
}
