/* SPDX-License-Identifier: MIT
 * See receipt.h. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "receipt.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "publish.h"
#include "settings.h"
#include "shaders.h"

/* One row per field: the same table writes and reads. Later ones are younger than the first
 * receipts: they may be missing, and are where they are empty. */
enum field_type {
  FIELD_TEXT, FIELD_LATER_TEXT, FIELD_REAL, FIELD_LATER_REAL, FIELD_INT, FIELD_LATER_INT,
  FIELD_INT64, FIELD_BOOL
};
struct field {
  const char *group, *name;
  enum field_type type;
  size_t offset, size;
};
#define FIELD(group, name, type, member) \
  {group, name, type, offsetof(struct receipt, member), sizeof(((struct receipt *)0)->member)}
#define READING(group, member) \
  FIELD(group, "integrated_lufs", FIELD_REAL, member.figures.integrated_lufs), \
  FIELD(group, "momentary_max_lufs", FIELD_REAL, member.figures.momentary_lufs), \
  FIELD(group, "short_term_max_lufs", FIELD_REAL, member.figures.short_term_lufs), \
  FIELD(group, "loudness_range_lu", FIELD_REAL, member.figures.range_lu)
#define PEAK(group, member) \
  FIELD(group, "true_peak_dbtp", FIELD_REAL, member.true_peak_db), \
  FIELD(group, "peak_to_loudness_db", FIELD_REAL, member.peak_to_loudness_db)
static const struct field fields[] = {
    FIELD(NULL, "key", FIELD_TEXT, key),
    FIELD(NULL, "file_key", FIELD_TEXT, file_key),
    FIELD("key_parts", "chain_sha256", FIELD_TEXT, parts.chain_sha256),
    FIELD("key_parts", "tables_sha256", FIELD_TEXT, parts.tables_sha256),
    FIELD("key_parts", "match_sha256", FIELD_TEXT, parts.match_sha256),
    FIELD("deliverable", "pcm_sha256", FIELD_TEXT, pcm_sha256),
    FIELD("deliverable", "file_sha256", FIELD_TEXT, file_sha256),
    FIELD("deliverable", "file_bytes", FIELD_INT64, file_bytes),
    FIELD("deliverable", "rate_hz", FIELD_INT, rate_hz),
    FIELD("deliverable", "bits", FIELD_INT, bits),
    FIELD("deliverable", "layout", FIELD_LATER_TEXT, layout),
    FIELD("deliverable", "rendered", FIELD_LATER_TEXT, rendered),
    FIELD("deliverable", "form", FIELD_LATER_TEXT, form),
    FIELD("binaural", "hrtf", FIELD_LATER_TEXT, hrtf),
    FIELD("binaural", "hrtf_sha256", FIELD_LATER_TEXT, hrtf_sha256),
    FIELD("binaural", "hrtf_title", FIELD_LATER_TEXT, hrtf_title),
    FIELD("binaural", "hrtf_license", FIELD_LATER_TEXT, hrtf_license),
    FIELD("binaural", "largest_angle_deg", FIELD_LATER_REAL, hrtf_angle_deg),
    FIELD("deliverable", "objects", FIELD_LATER_INT, n_objects),
    FIELD("deliverable", "blocks", FIELD_LATER_INT, n_blocks),
    FIELD("deliverable", "seconds", FIELD_REAL, seconds),
    FIELD("edit", "first_frame", FIELD_INT, edit.first_frame),
    FIELD("edit", "frames", FIELD_INT, edit.n_frames),
    FIELD("edit", "gap_before_frames", FIELD_INT, gap_before_frames),
    FIELD("edit", "gap_after_frames", FIELD_INT, gap_after_frames),
    FIELD("source", "audio_sha256", FIELD_TEXT, source.audio_sha256),
    FIELD("source", "rate_hz", FIELD_INT, source.rate_hz),
    FIELD("source", "channels", FIELD_INT, source.channels),
    FIELD("source", "layout", FIELD_LATER_TEXT, source.layout),
    FIELD("source", "bytes", FIELD_INT64, source_file.bytes),
    FIELD("source", "modified_ns", FIELD_INT64, source_file.modified_ns),
    FIELD("measured", "source_lufs", FIELD_REAL, source_lufs),
    FIELD("measured", "loudness_lufs", FIELD_REAL, loudness_lufs),
    FIELD("measured", "own_loudness_lufs", FIELD_REAL, own_lufs),
    FIELD("measured", "true_peak_dbtp", FIELD_REAL, true_peak_dbtp),
    FIELD("measured", "true_peak_with_dither_dbtp", FIELD_REAL, true_peak_with_dither),
    FIELD("measured", "gain_db", FIELD_REAL, gain_db),
    FIELD("measured", "deepest_reduction_db", FIELD_REAL, reduction_db),
    FIELD("measured", "limiter_look_ahead_ms", FIELD_REAL, look_ahead_ms),
    FIELD("measured", "limiter_release_ms", FIELD_REAL, release_ms),
    FIELD("measured", "filter_error_db", FIELD_REAL, filter_error_db),
    FIELD("measured", "filter_pre_ring_ms", FIELD_REAL, pre_ring_ms),
    FIELD("measured", "target_reached", FIELD_BOOL, reached),
    FIELD("measured", "verdict", FIELD_TEXT, verdict),
    FIELD("measured", "stopped_by", FIELD_TEXT, stopped_by),
    FIELD("measured", "deepest_clipping_db", FIELD_REAL, clipped_db),
    FIELD("measured", "band_limited", FIELD_BOOL, band_limited),
    FIELD("album", "tracks_sha256", FIELD_TEXT, album),
    FIELD("album", "loudness_lufs", FIELD_REAL, album_lufs),
    FIELD("measured", "samples_beyond_full_scale", FIELD_INT64, clipped),
    READING("loudness_source", source_reading),
    READING("loudness_after_chain", chain_reading),
    PEAK("loudness_after_chain", chain_reading),
    READING("loudness_limited", limited_reading),
    READING("loudness_delivered", delivered_reading),
    PEAK("loudness_delivered", delivered_reading),
    FIELD("estimate_5_1", "integrated_lufs", FIELD_LATER_REAL, immersive_lufs),
    FIELD("estimate_5_1", "true_peak_dbtp", FIELD_LATER_REAL, immersive_peak_dbtp),
    FIELD("estimate_5_1", "verdict", FIELD_LATER_TEXT, immersive),
    FIELD("meters", "compared", FIELD_BOOL, meters_compared),
    FIELD("meters", "largest_difference_lu", FIELD_REAL, meters_differ_lu),
    FIELD("meters", "tolerance_lu", FIELD_REAL, meters_tolerance_lu),
    FIELD("meters", "agree", FIELD_BOOL, meters_agree),
    FIELD("verification", "tier", FIELD_TEXT, tier),
    FIELD("verification", "coverage", FIELD_REAL, coverage),
    FIELD("verification", "note", FIELD_TEXT, note),
    FIELD(NULL, "chain_runs_as", FIELD_TEXT, chain),
    FIELD("rendered_on", "device", FIELD_TEXT, device),
    FIELD("rendered_on", "driver", FIELD_TEXT, driver),
};
#undef PEAK
#undef READING
#undef FIELD

const struct layout *receipt_layout(const struct receipt *r) {
  return layout_find(*r->layout ? r->layout : r->source.layout);
}

int receipt_channels(const struct receipt *r) {
  const struct layout *layout = receipt_layout(r);
  return layout ? layout->channels : r->source.channels;
}

static json_t *field_value(const struct field *f, const struct receipt *r) {
  const void *at = (const char *)r + f->offset;
  switch (f->type) {
  case FIELD_TEXT:
  case FIELD_LATER_TEXT: return settings_json_text(at);
  case FIELD_LATER_REAL:
  case FIELD_REAL: {
    const double x = *(const double *)at;
    return isfinite(x) ? json_real(x) : json_null(); /* silence */
  }
  case FIELD_LATER_INT:
  case FIELD_INT: return json_integer(*(const int *)at);
  case FIELD_INT64: return json_integer(*(const int64_t *)at);
  case FIELD_BOOL: return json_boolean(*(const bool *)at);
  }
  return json_null();
}

static bool field_read(const struct field *f, const json_t *value, struct receipt *r) {
  void *at = (char *)r + f->offset;
  switch (f->type) {
  case FIELD_LATER_TEXT:
    if (!value) return true;
    /* fall through */
  case FIELD_TEXT:
    if (!json_is_string(value) || json_string_length(value) >= f->size) return false;
    strcpy(at, json_string_value(value));
    return true;
  case FIELD_LATER_REAL:
    if (!value) value = json_null();
    /* fall through */
  case FIELD_REAL:
    *(double *)at = json_is_null(value) ? -HUGE_VAL : json_number_value(value);
    return json_is_null(value) || json_is_number(value);
  case FIELD_LATER_INT:
    *(int *)at = (int)json_integer_value(value);
    return !value || json_is_integer(value);
  case FIELD_INT: *(int *)at = (int)json_integer_value(value); return json_is_integer(value);
  case FIELD_INT64: *(int64_t *)at = json_integer_value(value); return json_is_integer(value);
  case FIELD_BOOL: *(bool *)at = json_is_true(value); return json_is_boolean(value);
  }
  return false;
}

static bool is_left_out(const struct field *f, const struct receipt *r) {
  const void *at = (const char *)r + f->offset;
  if (f->type == FIELD_LATER_INT) return !*(const int *)at;
  if (f->type == FIELD_LATER_REAL) return !isfinite(*(const double *)at);
  return f->type == FIELD_LATER_TEXT && !*(const char *)at;
}

static json_t *group_of(json_t *root, const char *name) {
  if (!name) return root;
  if (!json_object_get(root, name)) json_object_set_new(root, name, json_object());
  return json_object_get(root, name);
}

/* Read whole and parsed from memory: jansson takes files byte by byte. */
static json_t *load(const char *path) {
  enum { MOST_BYTES = 1 << 20 };
  json_t *root = NULL;
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  size_t room = 8192, size = 0;
  char *text = memory_new(1, room);
  for (size_t got; (got = fread(text + size, 1, room - size, file)) > 0 && room < MOST_BYTES;) {
    size += got;
    if (size == room) text = memory_grow(text, room *= 2, 1);
  }
  if (feof(file) && !ferror(file)) root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
  fclose(file);
  free(text);
  return root;
}

static json_t *match_of(const struct unit_plan *plan, const struct track *track) {
  if (plan->matched) return matched_json(plan->matched);
  if (!chain_match(&track->chain)) return NULL;
  json_t *root = load(plan->unit->receipt_path);
  json_t *match = json_incref(json_object_get(root, "match"));
  json_decref(root);
  return match;
}

/* Of a track that was not decoded, with the hashes of the receipt that is replaced. */
static json_t *stems_of(const struct unit_plan *plan, const struct track *track) {
  json_t *stems = stems_json(track->stems, plan->stem_sha256);
  if (plan->stem_sha256) return stems;
  json_t *root = load(plan->unit->receipt_path), *item;
  const json_t *before = json_object_get(root, "stems");
  size_t i;
  json_array_foreach(stems, i, item) {
    json_t *sha256 = json_object_get(json_array_get(before, i), "audio_sha256");
    if (sha256) json_object_set(item, "audio_sha256", sha256);
  }
  json_decref(root);
  return stems;
}

enum status receipt_write(const struct unit_plan *plan, const struct manifest *manifest,
                          const struct receipt *receipt, struct failure *why) {
  const struct unit *unit = plan->unit;
  const struct track *track = &manifest->tracks[unit->track];
  json_t *match = match_of(plan, track);
  char *path = realpath(manifest->path, NULL);
  json_t *root = json_pack("{s:i, s:s, s:s, s:s}", "lacquer_receipt", 1, "file", unit->name,
                           "engine_sha256", lacquer_engine_hash, "spirv_sha256",
                           lacquer_spirv_hash);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
    if (!is_left_out(&fields[i], receipt))
      json_object_set_new(group_of(root, fields[i].group), fields[i].name,
                          field_value(&fields[i], receipt));
  json_object_set_new(root, "manifest", settings_json_text(path ? path : manifest->path));
  free(path);
  json_object_set_new(group_of(root, "source"), "path", json_string(track->source_text));
  json_object_set_new(group_of(root, "track"), "number", json_integer(track->number));
  if (track->disc)
    json_object_set_new(group_of(root, "track"), "disc", json_integer(track->disc));
  json_t *edit = settings_of(edit_rows, &track->edit);
  json_object_update(group_of(root, "edit"), edit);
  json_decref(edit);
  if (track->stems) {
    json_object_set_new(group_of(root, "source"), "stems_sha256",
                        json_string(receipt->source_file.path_sha256));
    json_object_set_new(root, "stems", stems_of(plan, track));
  }
  json_object_set_new(root, "chain", settings_of_chain(&track->chain));
  if (match) json_object_set_new(root, "match", match);
  json_object_set_new(root, "variant", settings_of_variant(&manifest->variants[unit->variant]));
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  json_decref(root);
  if (!text) return fail(why, STATUS_AGAIN, "%s: out of memory", unit->receipt_path);
  const size_t n = strlen(text);
  text[n] = '\n'; /* in place of the closing zero */
  enum status status = write_file_atomic(unit->receipt_path, text, n + 1, why);
  free(text);
  return status;
}

static bool read_fields(const json_t *root, struct receipt *out) {
  bool sound = json_is_object(root);
  *out = (struct receipt){0};
  for (size_t i = 0; sound && i < sizeof fields / sizeof *fields; i++) {
    const struct field *f = &fields[i];
    const json_t *group = f->group ? json_object_get(root, f->group) : root;
    sound = field_read(f, json_object_get(group, f->name), out);
  }
  const json_t *group = json_object_get(root, "source"), *source = json_object_get(group, "path");
  const char *stems = json_string_value(json_object_get(group, "stems_sha256"));
  if (!sound || !json_is_string(source)) return false;
  if (stems) snprintf(out->source_file.path_sha256, HASH_TEXT_SIZE, "%s", stems);
  else sound = !hash_bytes(json_string_value(source), json_string_length(source),
                           out->source_file.path_sha256);
  return sound;
}

bool receipt_read(const char *path, struct receipt *out) {
  json_t *root = load(path);
  const bool sound = read_fields(root, out);
  json_decref(root);
  return sound;
}

/* ---- where it comes from ---- */

/* Takes over its arguments; `stems`: NULL, there are none. Numbers have the digits that receipts
 * have. */
static char *settings_joined(json_t *chain, json_t *edit, json_t *variant, json_t *stems) {
  json_t *all = json_pack("{s:o, s:o, s:o}", "chain", chain, "edit", edit, "variant", variant);
  if (stems) json_object_set_new(all, "stems", stems);
  char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(10));
  json_decref(all);
  return text ? text : memory_text("", 0);
}

char *receipt_settings(const struct manifest *manifest, const struct unit *unit) {
  const struct track *track = &manifest->tracks[unit->track];
  json_t *edit = settings_of(edit_rows, &track->edit);
  return settings_joined(settings_of_chain(&track->chain), edit,
                         settings_of_variant(&manifest->variants[unit->variant]),
                         track->stems ? stems_json(track->stems, NULL) : NULL);
}

static json_t *copy_of(const json_t *root, const char *name) {
  json_t *copy = json_deep_copy(json_object_get(root, name));
  return copy ? copy : json_null();
}

static char *text_of(const json_t *root, const char *name) {
  const char *text = json_string_value(json_object_get(root, name));
  return text ? memory_text(text, strlen(text)) : memory_text("", 0);
}

bool receipt_read_all(const char *path, struct receipt *out, struct receipt_origin *origin) {
  json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
  *origin = (struct receipt_origin){0};
  const bool sound = read_fields(root, out);
  if (sound) {
    json_t *edit = copy_of(root, "edit");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) /* what was found, not asked */
      if (fields[i].group && !strcmp(fields[i].group, "edit"))
        json_object_del(edit, fields[i].name);
    origin->file = text_of(root, "file");
    origin->manifest = text_of(root, "manifest");
    const json_t *track = json_object_get(root, "track");
    origin->track = (int)json_integer_value(json_object_get(track, "number"));
    origin->disc = (int)json_integer_value(json_object_get(track, "disc"));
    json_t *stems = json_deep_copy(json_object_get(root, "stems")), *stem;
    size_t k;
    origin->stems = json_incref(json_object_get(root, "stems"));
    json_array_foreach(stems, k, stem) json_object_del(stem, "audio_sha256");
    origin->settings =
        settings_joined(copy_of(root, "chain"), edit, copy_of(root, "variant"), stems);
    char *engine = text_of(root, "engine_sha256");
    snprintf(origin->engine_sha256, sizeof origin->engine_sha256, "%s", engine);
    free(engine);
  }
  json_decref(root);
  return sound;
}

void receipt_origin_free(struct receipt_origin *origin) {
  free(origin->file);
  free(origin->manifest);
  free(origin->settings);
  json_decref(origin->stems);
  *origin = (struct receipt_origin){0};
}
