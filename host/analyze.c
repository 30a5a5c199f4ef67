/* SPDX-License-Identifier: MIT
 * See analyze.h. */
#include "analyze.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "decode.h"
#include "memory.h"
#include "settings.h"

struct master { /* one immersive master */
  const struct riff_file *file;
  const struct adm *adm;
  bool is_atmos; /* it says so: then it is held against the profile */
  struct problems problems;
};

static const char profile_name[] = "Dolby Atmos Master ADM profile";

/* ---- what is told of an object ---- */

struct extent { /* where an object is, over all of its blocks */
  double least[3], most[3];
  int n_blocks;
  bool cartesian;
};
static const char *const axes[2][3] = {{"azimuth", "elevation", "distance"}, {"X", "Y", "Z"}};

static struct extent extent_of(const struct adm *adm, const struct adm_object *o) {
  struct extent extent = {
      {INFINITY, INFINITY, INFINITY}, {-INFINITY, -INFINITY, -INFINITY}, 0, true};
  for (int i = 0; i < o->tracks.n; i++) {
    const int channel = adm->tracks[o->tracks.items[i]].channel;
    const struct adm_channel *c = channel < 0 ? NULL : &adm->channels[channel];
    for (int b = 0; c && b < c->n_blocks; b++)
      for (int k = 0; k < 3; k++) {
        extent.least[k] = fmin(extent.least[k], c->blocks[b].position[k]);
        extent.most[k] = fmax(extent.most[k], c->blocks[b].position[k]);
        extent.cartesian = extent.cartesian && c->blocks[b].cartesian;
      }
    if (c) extent.n_blocks += c->n_blocks;
  }
  return extent;
}

/* The name of a bed's layout; NULL: none that is known. */
static const char *layout_of(const struct adm *adm, const struct adm_object *o) {
  const char *labels[16];
  if (o->packs.n == 1 && adm->packs[o->packs.items[0]].common)
    return adm_common_layout(adm->packs[o->packs.items[0]].id);
  if (o->tracks.n > 16) return NULL;
  for (int i = 0; i < o->tracks.n; i++) {
    const int channel = adm->tracks[o->tracks.items[i]].channel;
    labels[i] = channel < 0 ? "" : adm->channels[channel].label;
  }
  return adm_dolby_layout(labels, o->tracks.n);
}

static const char *label_of(const struct adm *adm, const struct adm_object *o, int i) {
  const int channel = adm->tracks[o->tracks.items[i]].channel;
  if (channel < 0) return "?";
  const struct adm_channel *c = &adm->channels[channel];
  return *c->label ? c->label : c->name ? c->name : c->id;
}

static const char *binaural_of(const struct master *m, int track) {
  const struct dbmd *d = &m->adm->dbmd;
  if (track < 0 || !d->has_tracks || track >= d->n_tracks) return NULL;
  return dbmd_binaural_names[DBMD_BINAURAL_MODE(d->binaural[track])];
}

/* ---- text ---- */

/* Names come from the file: no control characters on a terminal. */
static void print_name(FILE *out, const char *name) {
  for (; name && *name; name++)
    fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}

static void print_object(const struct master *m, const struct adm_object *o, FILE *out) {
  const struct adm *adm = m->adm;
  const struct extent extent = extent_of(adm, o);
  const bool bed = adm_object_kind(adm, o) == ADM_SPEAKERS;
  const char *layout = bed ? layout_of(adm, o) : NULL;
  fprintf(out, "  %-9s %s ", bed ? "bed" : "object", o->id);
  print_name(out, o->name);
  if (bed) fprintf(out, " (%s)", layout ? layout : "a layout of its own");
  fprintf(out, ": channel%s", o->tracks.n == 1 ? "" : "s");
  for (int i = 0; i < o->tracks.n; i++) {
    const int track = adm->tracks[o->tracks.items[i]].index;
    const char *binaural = binaural_of(m, track);
    fprintf(out, "%s %d", i ? "," : "", track + 1);
    if (bed) fputc(' ', out), print_name(out, label_of(adm, o, i));
    if (binaural) fprintf(out, " (%s)", binaural);
  }
  if (!bed && extent.n_blocks) {
    fprintf(out, "; %d block%s", extent.n_blocks, extent.n_blocks == 1 ? "" : "s");
    for (int k = 0; k < 3; k++) {
      fprintf(out, ", %s %.3g", axes[extent.cartesian][k], extent.least[k] + 0.0);
      if (extent.least[k] != extent.most[k]) fprintf(out, " to %.3g", extent.most[k] + 0.0);
    }
  }
  fputc('\n', out);
}

static void print_dbmd(const struct dbmd *d, FILE *out) {
  if (d->has_atmos) {
    fprintf(out, "  dbmd      by ");
    print_name(out, *d->tool ? d->tool : "an unnamed tool");
    fprintf(out, " %d.%d.%d; frames per second: %s; first action: ", d->version[0], d->version[1],
            d->version[2], dbmd_fps_names[d->fps]);
    if (d->first_hours == DBMD_NO_FIRST_ACTION) fprintf(out, "none");
    else fprintf(out, "%02d:%02d:%08.5f", d->first_hours, d->first_minutes, d->first_10us / 1e5);
    fprintf(out, "\n            7.1 to 5.1: %s; 5.1 to stereo: %s, 90 degrees: %s\n",
            dbmd_warp_names[d->warp], dbmd_downmix_names[d->downmix], dbmd_phase_names[d->phase]);
  }
  if (!d->has_tracks) return;
  fprintf(out, "            trims:");
  for (int i = 0; i < DBMD_TRIMS; i++) {
    const struct dbmd_trim *t = &d->trims[i];
    if (t->automatic) fprintf(out, " %s automatic%s", dbmd_trim_names[i], i < 8 ? "," : "\n");
    else
      fprintf(out, " %s centre %g surround %g height %g dB%s", dbmd_trim_names[i],
              (double)t->centre_db, (double)t->surround_db, (double)t->height_db,
              i < 8 ? "," : "\n");
  }
}

static void print_profile(const struct master *m, FILE *out) {
  if (!m->is_atmos) {
    fprintf(out, "  profile   not looked at: the programme is not called Atmos_Master\n");
    return;
  }
  if (!m->problems.n) {
    fprintf(out, "  profile   %s: no departure found (lacquer's own check, no certification)\n",
            profile_name);
    return;
  }
  fprintf(out, "  profile   %s: %d departures (lacquer's own check)\n", profile_name,
          m->problems.n);
  for (int i = 0; i < m->problems.n; i++) {
    fprintf(out, "            ");
    print_name(out, m->problems.items[i].text);
    fputc('\n', out);
  }
}

static void print_master(const struct master *m, FILE *out) {
  const struct riff_file *f = m->file;
  const struct adm *adm = m->adm;
  fprintf(out, "%s: ADM in %s, %d Hz, %d bits, %d channels, %lld frames (%.3f s)\n", f->path,
          riff_form_names[f->form], f->format.rate_hz, f->format.bits, f->format.channels,
          (long long)f->n_frames, (double)f->n_frames / f->format.rate_hz);
  for (int i = 0; i < adm->n_programmes; i++) {
    fprintf(out, "  %-9s %s ", "programme", adm->programmes[i].id);
    print_name(out, adm->programmes[i].name);
    fprintf(out, ": %d contents, %.5f to %.5f s\n", adm->programmes[i].contents.n,
            adm_time_s(adm->programmes[i].start), adm_time_s(adm->programmes[i].end));
  }
  for (int i = 0; i < adm->n_objects; i++) print_object(m, &adm->objects[i], out);
  if (!adm->n_objects) fprintf(out, "  no objects: %d tracks\n", adm->n_tracks);
  if (adm->has_dbmd) print_dbmd(&adm->dbmd, out);
  print_profile(m, out);
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *text) {
  return text ? settings_json_text(text) : json_null();
}

static json_t *object_json(const struct master *m, const struct adm_object *o) {
  const struct adm *adm = m->adm;
  const struct extent extent = extent_of(adm, o);
  const bool bed = adm_object_kind(adm, o) == ADM_SPEAKERS;
  json_t *line = json_object(), *tracks = json_array();
  json_object_set_new(line, "id", json_string(o->id));
  json_object_set_new(line, "name", text_or_null(o->name));
  json_object_set_new(line, "type", json_string(adm_kind_names[adm_object_kind(adm, o)]));
  if (bed) json_object_set_new(line, "layout", text_or_null(layout_of(adm, o)));
  for (int i = 0; i < o->tracks.n; i++) {
    const int track = adm->tracks[o->tracks.items[i]].index;
    json_t *one = json_object();
    json_object_set_new(one, "channel", json_integer(track + 1));
    if (bed) json_object_set_new(one, "label", settings_json_text(label_of(adm, o, i)));
    if (binaural_of(m, track))
      json_object_set_new(one, "binaural", json_string(binaural_of(m, track)));
    json_array_append_new(tracks, one);
  }
  json_object_set_new(line, "tracks", tracks);
  json_object_set_new(line, "blocks", json_integer(extent.n_blocks));
  for (int k = 0; k < 3 && !bed && extent.n_blocks; k++)
    json_object_set_new(line, axes[extent.cartesian][k],
                        json_pack("[f, f]", extent.least[k] + 0.0, extent.most[k] + 0.0));
  return line;
}

static json_t *dbmd_json(const struct dbmd *d) {
  json_t *line = json_object(), *trims = json_object();
  if (d->has_atmos) {
    char first[32];
    snprintf(first, sizeof first, "%02d:%02d:%08.5f", d->first_hours, d->first_minutes,
             d->first_10us / 1e5);
    json_object_set_new(line, "tool", settings_json_text(d->tool));
    json_object_set_new(line, "fps", json_string(dbmd_fps_names[d->fps]));
    json_object_set_new(line, "first_action", d->first_hours == DBMD_NO_FIRST_ACTION
                                                  ? json_null() : json_string(first));
    json_object_set_new(line, "downmix_5_to_2", json_string(dbmd_downmix_names[d->downmix]));
    json_object_set_new(line, "phase_90", json_string(dbmd_phase_names[d->phase]));
    json_object_set_new(line, "downmix_7_to_5", json_string(dbmd_warp_names[d->warp]));
  }
  for (int i = 0; d->has_tracks && i < DBMD_TRIMS; i++) {
    const struct dbmd_trim *t = &d->trims[i];
    json_object_set_new(trims, dbmd_trim_names[i],
                        t->automatic ? json_string("automatic")
                                     : json_pack("{s:f, s:f, s:f}", "centre_db",
                                                 (double)t->centre_db, "surround_db",
                                                 (double)t->surround_db, "height_db",
                                                 (double)t->height_db));
  }
  json_object_set_new(line, "trims", trims);
  return line;
}

static void print_json(json_t *line, FILE *out) {
  json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
  fputc('\n', out);
  json_decref(line);
}

static json_t *file_json(const char *path, const char *format, const struct riff_format *f,
                         int64_t n_frames) {
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(path));
  json_object_set_new(line, "format", json_string(format));
  json_object_set_new(line, "rate_hz", json_integer(f->rate_hz));
  json_object_set_new(line, "bits", json_integer(f->bits));
  json_object_set_new(line, "channels", json_integer(f->channels));
  json_object_set_new(line, "frames", json_integer(n_frames));
  return line;
}

static void print_master_json(const struct master *m, FILE *out) {
  const struct adm *adm = m->adm;
  json_t *line = file_json(m->file->path, riff_form_names[m->file->form], &m->file->format,
                           m->file->n_frames);
  json_t *facts = json_object(), *programmes = json_array(), *objects = json_array();
  for (int i = 0; i < adm->n_programmes; i++) {
    const struct adm_programme *p = &adm->programmes[i];
    json_t *one = json_object();
    json_object_set_new(one, "id", json_string(p->id));
    json_object_set_new(one, "name", text_or_null(p->name));
    json_object_set_new(one, "start_s", json_real(adm_time_s(p->start)));
    json_object_set_new(one, "end_s", json_real(adm_time_s(p->end)));
    json_array_append_new(programmes, one);
  }
  for (int i = 0; i < adm->n_objects; i++)
    json_array_append_new(objects, object_json(m, &adm->objects[i]));
  json_object_set_new(facts, "programmes", programmes);
  json_object_set_new(facts, "objects", objects);
  json_object_set_new(facts, "tracks", json_integer(adm->n_tracks));
  if (adm->has_dbmd) json_object_set_new(facts, "dbmd", dbmd_json(&adm->dbmd));
  if (m->is_atmos) {
    json_t *problems = json_array();
    for (int i = 0; i < m->problems.n; i++)
      json_array_append_new(problems, settings_json_text(m->problems.items[i].text));
    json_object_set_new(facts, "profile", json_string(profile_name));
    json_object_set_new(facts, "departures", problems);
  }
  json_object_set_new(line, "adm", facts);
  print_json(line, out);
}

/* ---- files ---- */

static bool says_atmos(const struct adm *adm) {
  for (int i = 0; i < adm->n_programmes; i++)
    if (adm->programmes[i].name && !strcmp(adm->programmes[i].name, "Atmos_Master")) return true;
  return false;
}

static enum status analyze_master(const struct riff_file *file, bool json, FILE *out,
                                  struct failure *why) {
  struct adm_chunks chunks;
  struct adm *adm = NULL;
  enum status status = adm_chunks_load(file, &chunks, why);
  if (!status) status = adm_read(&chunks, file, &adm, why);
  if (!status) {
    struct master m = {file, adm, says_atmos(adm), {0}};
    if (m.is_atmos) adm_check_dolby(adm, file, &m.problems);
    if (json) print_master_json(&m, out);
    else print_master(&m, out);
    problems_release(&m.problems);
  }
  adm_destroy(&adm);
  adm_chunks_free(&chunks);
  return status;
}

static void print_audio(const char *path, const char *name, const struct riff_format *f,
                        bool is_float, int64_t n_frames, bool json, FILE *out) {
  if (json) {
    print_json(file_json(path, name, f, n_frames), out);
    return;
  }
  fprintf(out, "%s: %s, %d Hz, %d bits%s, %d channel%s, %lld frames (%.3f s)\n", path, name,
          f->rate_hz, f->bits, is_float ? " float" : "", f->channels, f->channels == 1 ? "" : "s",
          (long long)n_frames, (double)n_frames / f->rate_hz);
}

static enum status analyze_audio(const char *path, bool json, FILE *out, struct failure *why) {
  struct audio audio;
  const enum status status = decode_headers(path, NULL, &audio, why);
  const struct riff_format format = {audio.channels, audio.rate_hz, audio.bits};
  if (!status)
    print_audio(path, audio.format, &format, audio.is_float, audio.n_frames, json, out);
  audio_free(&audio);
  return status;
}

/* Masters, and BW64, are read here; what else there is, as a render would read it. */
static enum status analyze_file(const char *path, bool json, FILE *out, struct failure *why) {
  struct riff_file file;
  enum status status = riff_open(path, &file, why);
  if (!file.is_adm && file.form != RIFF_BW64) status = analyze_audio(path, json, out, why);
  else if (!status && file.is_adm) status = analyze_master(&file, json, out, why);
  else if (!status)
    print_audio(path, riff_form_names[file.form], &file.format, false, file.n_frames, json, out);
  riff_close(&file);
  return status;
}

int analyze_files(char *const *paths, int n, bool json, FILE *out, FILE *errors) {
  enum status first = STATUS_OK;
  for (int i = 0; i < n; i++) {
    struct failure why = {0};
    const enum status status = analyze_file(paths[i], json, out, &why);
    if (status) fprintf(errors, "lacquer: %s\n", why.text);
    if (!first) first = status;
  }
  return first;
}
