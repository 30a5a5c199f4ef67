/* SPDX-License-Identifier: MIT
 * See plan_file.h. */
#define _XOPEN_SOURCE 700 /* realpath */
#include "plan_file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "name_list.h"
#include "problems.h"
#include "settings.h"
#include "shaders.h"
#include "track_digest.h"
#include "track_source.h"

static const char beginning[] = "{\"lacquer_plan\":";

/* ---- writing ---- */

static bool write_line(json_t *line, FILE *out) {
  const bool failed = json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(12)) ||
                      fputc('\n', out) == EOF;
  json_decref(line);
  return !failed;
}

static json_t *units_json(const struct manifest *m, const struct track *track) {
  json_t *units = json_array();
  for (int i = 0; i < track->n_variants; i++) {
    const struct variant *variant = &m->variants[track->variants[i]];
    char *name = manifest_output_name(m, track, variant);
    json_array_append_new(units, json_pack("{s:s, s:s}", "variant", variant->name, "file", name));
    free(name);
  }
  return units;
}

static json_t *stems_list(const struct surveyed *source) {
  json_t *list = json_array();
  for (int i = 0; i < source->n_stems; i++)
    json_array_append_new(list, json_pack("{s:I, s:I}", "bytes",
                                          (json_int_t)source->stems[i].bytes, "modified_ns",
                                          (json_int_t)source->stems[i].modified_ns));
  return list;
}

static json_t *track_json(const struct manifest *m, int t, const struct surveyed *source,
                          const char *settings) {
  const struct track *track = &m->tracks[t];
  json_t *line = json_pack("{s:i, s:i, s:s, s:s, s:s, s:o}", "track", t + 1, "number",
                           track->number, "title", track->title, "source", track->source_text,
                           "settings_sha256", settings, "units", units_json(m, track));
  json_t *rest =
      source->error
          ? json_pack("{s:o, s:i}", "error", settings_json_text(source->error), "status",
                      source->status)
          : json_pack("{s:I, s:I, s:i, s:i, s:i}", "bytes", (json_int_t)source->file.bytes,
                      "modified_ns", (json_int_t)source->file.modified_ns, "rate_hz",
                      source->rate_hz, "channels", source->channels, "frames", source->n_frames);
  if (source->n_stems) json_object_set_new(rest, "stems", stems_list(source));
  json_object_update(line, rest);
  json_decref(rest);
  return line;
}

static json_t *header_json(const struct manifest *m, const struct surveyed *sources,
                           const char *path, int n_shards) {
  int64_t weight = 0, n_units = 0;
  for (int t = 0; t < m->n_tracks; t++) {
    weight += survey_weight(&sources[t], &m->tracks[t]);
    n_units += m->tracks[t].n_variants;
  }
  json_t *header = json_pack("{s:i, s:s, s:s, s:o, s:i, s:I, s:f}", "lacquer_plan", 1,
                             "engine_sha256", lacquer_engine_hash, "spirv_sha256",
                             lacquer_spirv_hash, "manifest", settings_json_text(path), "tracks",
                             m->n_tracks, "units", (json_int_t)n_units, "audio_seconds",
                             (double)weight / 1e6);
  if (n_shards) json_object_set_new(header, "shards", json_integer(n_shards));
  return header;
}

enum status plan_file_write(const struct manifest *m, const struct surveyed *sources,
                            const int *shard, int n_shards, FILE *out, struct failure *why) {
  char *path = realpath(m->path, NULL);
  if (!path) return fail(why, STATUS_NO_INPUT, "%s: %s", m->path, strerror(errno));
  struct track_digests *digests = track_digests_create(m);
  bool sound = write_line(header_json(m, sources, path, n_shards), out);
  for (int t = 0; t < m->n_tracks && sound; t++) {
    char settings[HASH_TEXT_SIZE];
    sound = !track_digest(digests, &m->tracks[t], settings);
    json_t *line = track_json(m, t, &sources[t], settings);
    if (n_shards) json_object_set_new(line, "shard", json_integer(shard[t] + 1));
    sound = write_line(line, out) && sound;
  }
  track_digests_destroy(&digests);
  free(path);
  if (sound && !fflush(out)) return STATUS_OK;
  return fail(why, STATUS_IO, "the plan cannot be written: %s", strerror(errno));
}

/* ---- reading ---- */

bool plan_file_is(const char *path) {
  char text[sizeof beginning] = "";
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  const size_t n = fread(text, 1, sizeof beginning - 1, file);
  fclose(file);
  return n == sizeof beginning - 1 && !memcmp(text, beginning, n);
}

void plan_file_destroy(struct plan_file **plan) {
  if (!*plan) return;
  survey_free((*plan)->sources, (*plan)->n_tracks);
  free((*plan)->settings);
  free((*plan)->manifest);
  free((*plan)->path);
  free(*plan);
  *plan = NULL;
}

static bool tell(struct problems *problems, int line, const char *what) {
  const char *near = strstr(what, " near '"); /* jansson quotes the file there: any bytes */
  problems_add(problems, line, "%.*s (accepted: a plan as \"lacquer plan\" of this version wrote "
               "it; plan again)", near ? (int)(near - what) : (int)strlen(what), what);
  return false;
}

static bool take_header(struct plan_file *plan, const json_t *header, struct problems *problems) {
  json_error_t error;
  const char *engine, *spirv, *manifest;
  int version, n_shards = 0;
  if (json_unpack_ex((json_t *)(uintptr_t)header, &error, 0, "{s:i, s:s, s:s, s:s, s:i, s?i}",
                     "lacquer_plan", &version, "engine_sha256", &engine, "spirv_sha256", &spirv,
                     "manifest", &manifest, "tracks", &plan->n_tracks, "shards", &n_shards)) {
    plan->n_tracks = 0;
    return tell(problems, 1, error.text);
  }
  if (version != 1 || plan->n_tracks < 1 || plan->n_tracks > MANIFEST_TRACKS || n_shards < 0) {
    plan->n_tracks = 0;
    return tell(problems, 1, "a header with numbers that no plan has");
  }
  plan->n_shards = n_shards;
  plan->manifest = memory_text(manifest, strlen(manifest));
  plan->sources = memory_new((size_t)plan->n_tracks, sizeof *plan->sources);
  plan->settings = memory_new((size_t)plan->n_tracks, sizeof *plan->settings);
  if (strcmp(engine, lacquer_engine_hash) || strcmp(spirv, lacquer_spirv_hash))
    return tell(problems, 1, "another engine made this plan");
  return true;
}

static bool take_stems(struct surveyed *source, const json_t *list, json_error_t *error) {
  json_t *item;
  size_t i;
  const size_t n = json_array_size(list);
  snprintf(error->text, sizeof error->text, "no list of stems");
  if (!list) return true;
  if (n < 1 || n > STEMS_MOST) return false;
  source->stems = memory_new(n, sizeof *source->stems);
  source->n_stems = (int)n;
  json_array_foreach(list, i, item) {
    json_int_t bytes, modified_ns;
    if (json_unpack_ex(item, error, 0, "{s:I, s:I}", "bytes", &bytes, "modified_ns",
                       &modified_ns))
      return false;
    source->stems[i] = (struct source_file){.bytes = bytes, .modified_ns = modified_ns};
  }
  return true;
}

static bool take_source(struct surveyed *source, json_t *line, json_error_t *error) {
  const char *text = NULL;
  json_int_t bytes = 0, modified_ns = 0;
  if (json_object_get(line, "error")) {
    if (json_unpack_ex(line, error, 0, "{s:s, s:i}", "error", &text, "status", &source->status))
      return false;
    source->error = memory_text(text, strlen(text));
    return true;
  }
  if (json_unpack_ex(line, error, 0, "{s:I, s:I, s:i, s:i, s:i}", "bytes", &bytes, "modified_ns",
                     &modified_ns, "rate_hz", &source->rate_hz, "channels", &source->channels,
                     "frames", &source->n_frames))
    return false;
  source->file = (struct source_file){.bytes = bytes, .modified_ns = modified_ns};
  if (!take_stems(source, json_object_get(line, "stems"), error)) return false;
  snprintf(error->text, sizeof error->text, "a rate or a length that no audio has");
  return source->rate_hz > 0 && source->n_frames > 0;
}

static bool take_track(struct plan_file *plan, int t, json_t *line, struct problems *problems) {
  json_error_t error;
  const char *settings;
  int number;
  if (t >= plan->n_tracks) return tell(problems, t + 2, "more tracks than the header says");
  if (json_unpack_ex(line, &error, 0, "{s:i, s:s}", "track", &number, "settings_sha256",
                     &settings))
    return tell(problems, t + 2, error.text);
  if (number != t + 1 || strlen(settings) != HASH_TEXT_SIZE - 1)
    return tell(problems, t + 2, "another track than the one in turn, or no digest");
  memcpy(plan->settings[t], settings, HASH_TEXT_SIZE);
  return take_source(&plan->sources[t], line, &error) || tell(problems, t + 2, error.text);
}

static bool take_lines(struct plan_file *plan, FILE *file, struct problems *problems) {
  char *text = NULL;
  size_t room = 0;
  int n = 0;
  bool sound = true;
  for (ssize_t size; sound && (size = getline(&text, &room, file)) > 0; n++) {
    json_error_t error;
    json_t *line = json_loadb(text, (size_t)size, JSON_REJECT_DUPLICATES, &error);
    if (!line) sound = tell(problems, n + 1, error.text);
    else if (n) sound = take_track(plan, n - 1, line, problems);
    else sound = take_header(plan, line, problems);
    json_decref(line);
  }
  free(text);
  if (sound && ferror(file)) problems_add(problems, 0, "cannot be read: %s", strerror(errno));
  else if (sound && n != plan->n_tracks + 1) tell(problems, n + 1, "the plan is cut off");
  return !problems->n;
}

enum status plan_file_read(const char *path, FILE *errors, struct plan_file **out) {
  struct problems problems = {0};
  enum status status = STATUS_BAD_DATA;
  FILE *file = fopen(path, "rb");
  *out = memory_new(1, sizeof **out);
  (*out)->path = memory_text(path, strlen(path));
  problems_enter(&problems, path);
  if (!file) {
    problems_add(&problems, 0, "cannot be opened: %s", strerror(errno));
    status = STATUS_NO_INPUT;
  } else {
    if (take_lines(*out, file, &problems)) status = STATUS_OK;
    fclose(file);
  }
  if (status) plan_file_destroy(out);
  problems_print(&problems, errors);
  problems_release(&problems);
  return status;
}

/* ---- holding against ---- */

static void check_file(const struct source_file *planned, const char *path, int line,
                       struct problems *problems) {
  struct source_file file;
  struct failure why = {0};
  if (source_file_stat(path, "", &file, &why))
    problems_add(problems, line, "%s (accepted: the file that was planned)", why.text);
  else if (file.bytes != planned->bytes || file.modified_ns != planned->modified_ns)
    problems_add(problems, line, "%s has changed since it was planned (accepted: its size and "
                 "time as planned; plan again)", name_quote(path, strlen(path)).text);
}

static void check_source(const struct surveyed *planned, const struct track *track, int line,
                         struct problems *problems) {
  if (planned->error) return; /* it fails when it is rendered, or is there by now */
  const int n = track_source_files(track);
  const bool same_number = planned->n_stems == (track->stems ? n : 0);
  if (!same_number)
    problems_add(problems, line, "its sources are not those of line %d of %s (accepted: a plan as "
                 "it was written; plan again)", track->line, track->file);
  for (int i = 0; i < n && same_number; i++)
    check_file(planned->n_stems ? &planned->stems[i] : &planned->file,
               track_source_file(track, i), line, problems);
}

enum status plan_file_check(const struct plan_file *plan, const struct manifest *m,
                            const bool *mine, FILE *errors) {
  struct problems problems = {0};
  problems_enter(&problems, plan->path);
  if (m->n_tracks != plan->n_tracks)
    problems_add(&problems, 1, "%s has %d tracks now, and had %d (accepted: the manifest as it "
                 "was planned; plan again)", plan->manifest, m->n_tracks, plan->n_tracks);
  struct track_digests *digests = track_digests_create(m);
  for (int t = 0; t < plan->n_tracks && m->n_tracks == plan->n_tracks; t++) {
    const struct track *track = &m->tracks[t];
    char settings[HASH_TEXT_SIZE];
    if (track_digest(digests, track, settings) || strcmp(settings, plan->settings[t]))
      problems_add(&problems, t + 2, "line %d of %s asks for something else than was planned "
                   "(accepted: the manifest as it was planned; plan again)", track->line,
                   track->file);
    else if (!mine || mine[t])
      check_source(&plan->sources[t], track, t + 2, &problems);
  }
  track_digests_destroy(&digests);
  const enum status status = problems.n ? STATUS_BAD_DATA : STATUS_OK;
  problems_print(&problems, errors);
  problems_release(&problems);
  return status;
}
