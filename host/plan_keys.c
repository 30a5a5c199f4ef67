/* SPDX-License-Identifier: MIT
 * See plan_keys.h. */
#include "plan_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hrtf.h"
#include "memory.h"
#include "plan.h"
#include "settings.h"
#include "shaders.h"

static void hash_text(struct hash *hash, const char *text) {
  hash_update(hash, text ? text : "", text ? strlen(text) : 0);
  hash_update(hash, "\n", 1);
}

static char *text_of(json_t *json) {
  char *text = settings_text(json);
  json_decref(json);
  return text;
}

/* ---- settings ---- */

/* A rate that is the source's own is as good as none. */
void plan_settings_create(struct plan *plan) {
  const struct manifest *m = plan->manifest;
  plan->variant_settings = memory_new((size_t)m->n_variants + 1, sizeof *plan->variant_settings);
  for (int v = 0; v < m->n_variants; v++)
    for (int converted = 0; converted < 2; converted++) {
      json_t *settings = settings_of_variant(&m->variants[v]);
      if (!converted) json_object_del(settings, "rate");
      plan->variant_settings[v][converted] = text_of(settings);
    }
}

void plan_settings_free(struct plan *plan) {
  for (int v = 0; plan->variant_settings && v < plan->manifest->n_variants; v++)
    for (int converted = 0; converted < 2; converted++) free(plan->variant_settings[v][converted]);
  free(plan->variant_settings);
}

static const char *variant_settings(const struct plan *plan, int variant,
                                    const struct source_identity *source) {
  const int rate_hz = plan->manifest->variants[variant].resample.rate_hz;
  return plan->variant_settings[variant][rate_hz && rate_hz != source->rate_hz];
}

/* NULL when there are none: a track without edits has the bits it always had. */
static char *edit_settings(const struct edit *edit) {
  json_t *json = settings_of(edit_rows, edit);
  if (json_object_size(json)) return text_of(json);
  json_decref(json);
  return NULL;
}

/* ---- a track ---- */

static void hash_chain(const char *settings, const struct matched *matched,
                       char sha256[HASH_TEXT_SIZE]) {
  struct hash hash;
  hash_init(&hash);
  hash_text(&hash, settings);
  /* a changed reference is another unit, also when the curve stays the same */
  for (int i = 0; matched && i < matched->params->n_references; i++)
    hash_text(&hash, matched->sha256[i]);
  hash_final(&hash, sha256);
}

static void hash_files(const struct source_file *files, int n, char sha256[HASH_TEXT_SIZE]) {
  struct hash hash;
  hash_init(&hash);
  for (int i = 0; i < n; i++) {
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 " %" PRId64, files[i].bytes, files[i].modified_ns);
    hash_text(&hash, text);
  }
  hash_final(&hash, sha256);
}

void track_keys_make(const struct plan *plan, int track, const struct chain *chain,
                     const struct matched *matched, struct track_keys *out) {
  const struct track *t = &plan->manifest->tracks[track];
  *out = (struct track_keys){.track = track, .chain = text_of(settings_of_chain(chain)),
                             .edit = edit_settings(&t->edit)};
  hash_chain(out->chain, matched, out->chain_sha256);
  if (!matched) return;
  char *written = text_of(settings_of_chain(&t->chain));
  hash_chain(written, NULL, out->written_sha256);
  free(written);
  hash_files(matched->file, matched->params->n_references, out->files_sha256);
}

void track_keys_recall(const struct plan *plan, int track, struct track_keys *out) {
  const struct track *t = &plan->manifest->tracks[track];
  const struct match_params *match = chain_match(&t->chain);
  *out = (struct track_keys){.track = track, .chain = text_of(settings_of_chain(&t->chain)),
                             .edit = edit_settings(&t->edit)};
  hash_chain(out->chain, NULL, match ? out->written_sha256 : out->chain_sha256);
  struct source_file files[MATCH_REFERENCES];
  if (match && match_files(plan->manifest, match, files))
    hash_files(files, match->n_references, out->files_sha256);
}

void track_keys_free(struct track_keys *keys) {
  free(keys->chain);
  free(keys->edit);
  *keys = (struct track_keys){0};
}

/* Everything that decides the curves; "" when there are none, or a reference is missing. */
static void match_inputs(const struct track_keys *keys, const struct source_identity *source,
                         char sha256[HASH_TEXT_SIZE]) {
  struct hash hash;
  *sha256 = 0;
  if (!*keys->files_sha256) return;
  hash_init(&hash);
  hash_text(&hash, "lacquer match 1");
  hash_text(&hash, lacquer_engine_hash);
  hash_text(&hash, source->audio_sha256);
  hash_text(&hash, keys->written_sha256);
  hash_text(&hash, keys->files_sha256);
  hash_final(&hash, sha256);
}

/* ---- a unit ---- */

uint32_t plan_dither_seed(const struct plan *plan, const struct track_keys *keys,
                          const struct source_identity *source, int variant) {
  struct hash hash;
  char text[HASH_TEXT_SIZE];
  hash_init(&hash);
  hash_text(&hash, "lacquer dither 1");
  hash_text(&hash, source->audio_sha256);
  hash_text(&hash, keys->chain);
  hash_text(&hash, variant_settings(plan, variant, source));
  if (keys->edit) hash_text(&hash, keys->edit);
  if (hash_final(&hash, text)) return 0;
  text[8] = 0;
  return (uint32_t)strtoul(text, NULL, 16);
}

static void make_file_key(const struct plan *plan, struct unit_plan *u) {
  const struct manifest *m = plan->manifest;
  const struct track *track = &m->tracks[u->unit->track];
  const struct variant *variant = &m->variants[u->unit->variant];
  char number[48];
  int n = snprintf(number, sizeof number, "%d %d", track->number, m->catalogue.year);
  if (track->disc) snprintf(number + n, sizeof number - (size_t)n, " %d", track->disc);
  const char *const tags[] = {u->key, variant_form(variant), u->unit->name,
                              track->title, track->artist, track->isrc, m->catalogue.title,
                              m->catalogue.genre, m->catalogue.upc, number};
  struct hash hash;
  hash_init(&hash);
  for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) hash_text(&hash, tags[i]);
  hash_final(&hash, u->file_key);
}

/* A master says of its objects what they are: other names make another file. */
static void hash_objects(const struct plan *plan, const struct unit *unit, struct hash *hash) {
  const struct stems *stems = plan->manifest->tracks[unit->track].stems;
  if (plan->manifest->variants[unit->variant].format != FILE_ADM) return;
  for (int k = 0; stems && k < stems->n; k++) {
    if (!stems->items[k].n_objects) continue;
    hash_text(hash, stems->items[k].name);
    hash_text(hash, scene_roles[stems->items[k].role]);
  }
}

static void make_keys(const struct plan *plan, const struct track_keys *keys,
                      const struct source_identity *source, struct unit_plan *u) {
  struct hash hash;
  hash_init(&hash);
  hash_text(&hash, "lacquer unit 2");
  hash_text(&hash, source->audio_sha256);
  hash_text(&hash, u->parts.chain_sha256);
  hash_text(&hash, variant_settings(plan, u->unit->variant, source));
  if (keys->edit) hash_text(&hash, keys->edit);
  hash_objects(plan, u->unit, &hash);
  hash_text(&hash, u->parts.tables_sha256);
  const struct hrtf *hrtf = plan->hrtfs[u->unit->variant];
  if (hrtf) hash_text(&hash, hrtf->sha256);
  hash_text(&hash, lacquer_engine_hash);
  hash_text(&hash, lacquer_spirv_hash);
  hash_final(&hash, u->own_key);
  memcpy(u->key, u->own_key, sizeof u->key);
  const struct plan_album *album = plan_album_of(plan, u->unit);
  if (album) {
    hash_init(&hash);
    hash_text(&hash, u->own_key);
    hash_text(&hash, album->digest);
    hash_final(&hash, u->key);
  }
  make_file_key(plan, u);
}

void plan_unit_keys(const struct plan *plan, const struct track_keys *keys,
                    const struct source_identity *source, const char *tables,
                    struct unit_plan *u) {
  memcpy(u->parts.chain_sha256, keys->chain_sha256, sizeof u->parts.chain_sha256);
  hash_bytes(tables, strlen(tables), u->parts.tables_sha256);
  match_inputs(keys, source, u->parts.match_sha256);
  make_keys(plan, keys, source, u);
}

bool plan_recall(const struct plan *plan, const struct track_keys *keys, const struct unit *unit,
                 const struct source_identity *source, const struct key_parts *parts,
                 struct unit_plan *out) {
  *out = (struct unit_plan){.unit = unit, .parts = *parts};
  if (*keys->written_sha256) {
    char inputs[HASH_TEXT_SIZE];
    match_inputs(keys, source, inputs);
    if (!*inputs || strcmp(inputs, parts->match_sha256)) return false;
  } else {
    memcpy(out->parts.chain_sha256, keys->chain_sha256, sizeof keys->chain_sha256);
    *out->parts.match_sha256 = 0;
  }
  make_keys(plan, keys, source, out);
  return true;
}
