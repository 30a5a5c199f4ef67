/* SPDX-License-Identifier: MIT
 * See stems.h. What stems are, as JSON, as a digest, and against a receipt. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "memory.h"
#include "settings.h"
#include "source_layout.h"
#include "stems.h"

static json_t *channels_json(const struct stem *stem, const struct layout *layout) {
  json_t *labels = json_array();
  for (int c = 0; c < stem->n_channels; c++)
    json_array_append_new(labels, json_string(layout->speaker[stem->channel[c]]->label));
  return labels;
}

static void hash_place(struct hash *hash, const struct stem_place *place) {
  hash_update(hash, place->xyz, (size_t)place->n * sizeof *place->xyz);
}

static json_t *automation_json(const struct stem *stem) {
  struct hash hash;
  char text[HASH_TEXT_SIZE];
  hash_init(&hash);
  for (int i = 0; i < stem->n_points; i++) {
    const struct stem_point *p = &stem->points[i];
    hash_update(&hash, &p->time_s, sizeof p->time_s);
    hash_update(&hash, &p->gain_db, sizeof p->gain_db);
    hash_place(&hash, &p->places.one);
    for (int k = 0; k < p->places.n_both; k++) hash_place(&hash, &p->places.both[k]);
  }
  hash_final(&hash, text);
  return json_pack("{s:i, s:s}", "points", stem->n_points, "sha256", text);
}

/* Where it is heard, under the key that says it in a manifest. */
static void set_place(json_t *json, const struct stem *stem, const struct layout *layout) {
  if (stem->n_channels) {
    json_object_set_new(json, "channels", channels_json(stem, layout));
  } else if (stem->n_points > 1 || stem->points->gain_db != 0) {
    json_object_set_new(json, "automation", automation_json(stem));
  } else {
    json_t *places = settings_of(stem_place_rows, &stem->points->places);
    const char *other = stem->n_objects == 1 ? "positions" : "position";
    json_object_del(places, other);
    json_object_update(json, places);
    json_decref(places);
  }
}

json_t *stems_json(const struct stems *stems, const char (*sha256)[HASH_TEXT_SIZE]) {
  json_t *list = json_array();
  for (int k = 0; k < stems->n; k++) {
    const struct stem *stem = &stems->items[k];
    json_t *json = settings_of(stem_rows, stem);
    json_object_set_new(json, "file", settings_json_text(stem->text));
    set_place(json, stem, stems->layout);
    if (sha256) json_object_set_new(json, "audio_sha256", json_string(sha256[k]));
    json_array_append_new(list, json);
  }
  return list;
}

enum status stems_stat(const struct track *track, struct source_file *out,
                       struct source_file *each, struct failure *why) {
  const struct stems *stems = track->stems;
  struct failure reason = {0};
  struct hash hash;
  json_t *json = stems_json(stems, NULL);
  char *text = settings_text(json);
  enum status status = STATUS_OK;
  json_decref(json);
  *out = (struct source_file){0};
  hash_init(&hash);
  hash_update(&hash, stems->layout->name, strlen(stems->layout->name));
  hash_update(&hash, text, strlen(text));
  free(text);
  for (int k = 0; k < stems->n && !status; k++) {
    struct source_file file;
    char line[64];
    if ((status = source_file_stat(stems->items[k].path, "", &file, &reason))) {
      char *place = stems_place(track, k);
      fail(why, status, "%s%s", place, reason.text);
      free(place);
      break;
    }
    snprintf(line, sizeof line, "\n%" PRId64 " %" PRId64, file.bytes, file.modified_ns);
    hash_update(&hash, line, strlen(line));
    out->bytes += file.bytes;
    if (file.modified_ns > out->modified_ns) out->modified_ns = file.modified_ns;
    if (each) each[k] = file;
  }
  if (hash_final(&hash, out->path_sha256) && !status)
    status = fail(why, STATUS_AGAIN, "%s: out of memory", track->source);
  return status;
}

/* ---- against a receipt ---- */

static bool is_listed(const struct stem *stem, const char *sha256, const json_t *item) {
  const char *listed = json_string_value(json_object_get(item, "audio_sha256"));
  json_t *file = settings_json_text(stem->text);
  const bool same = listed && !strcmp(listed, sha256) &&
                    json_equal(file, json_object_get(item, "file"));
  json_decref(file);
  return same;
}

char *stems_changed(const struct stems *stems, const json_t *listed) {
  char *all = NULL;
  for (int k = 0; k < stems->n; k++) {
    const struct stem *stem = &stems->items[k];
    struct audio audio;
    const enum status unread =
        decode_stated(stem->path, stem->layout ? stem->layout : &source_as_it_is, &audio, NULL);
    bool found = false;
    const json_t *item;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)listed, i, item)
      found |= !unread && is_listed(stem, audio.sha256, item);
    audio_free(&audio);
    if (found) continue;
    char *longer = memory_print("%s%sstem %d (%s)", all ? all : "", all ? ", " : "", k + 1,
                                stem->name);
    free(all);
    all = longer;
  }
  return all;
}
