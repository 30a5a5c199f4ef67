/* SPDX-License-Identifier: MIT
 * See qc.h: what the user is told of a file. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "qc.h"
#include "settings.h"

struct qc_count qc_count(const struct qc_file *f) {
  struct qc_count count = {{0}, 0, 0, 0};
  for (int i = 0; f->results && qc_rules[i].name; i++) {
    const struct qc_result *r = &f->results[i];
    if (!qc_rules[i].look) continue;
    count.by_severity[r->state]++;
    if (isnan(r->limit)) count.n_off++;
    else if (!r->n_values) count.n_idle++;
    else if (r->state == QC_OK) count.n_kept++;
  }
  return count;
}

static const char *verdict_of(const struct qc_file *f) {
  static const char *const names[] = {"pass", "pass", "pass with warnings", "fail"};
  return names[qc_verdict(f)];
}

static double seconds(const struct qc_file *f, int32_t frames) {
  return (double)frames / f->source.rate_hz;
}

static const struct qc_voice *voice_of(const struct qc_file *f, int track) {
  for (int i = 0; i < f->scene.n; i++)
    if (f->scene.voices[i].track == track) return &f->scene.voices[i];
  return NULL;
}

/* -1: dbmd does not say. */
static int binaural_mode(const struct qc_file *f, int track) {
  const struct adm *adm = f->source.adm;
  if (!adm || !adm->has_dbmd || !adm->dbmd.has_tracks || track >= adm->dbmd.n_tracks) return -1;
  return DBMD_BINAURAL_MODE(adm->dbmd.binaural[track]);
}

/* ---- text ---- */

/* "-12.3"; "-inf": silence */
static const char *level(double db, char text[16]) {
  if (isfinite(db)) snprintf(text, 16, "%.1f", fabs(db) < 0.05 ? 0 : db);
  else snprintf(text, 16, "-inf");
  return text;
}

/* Names come from the file: no control characters on a terminal. */
static void print_clean(FILE *out, const char *text) {
  for (; *text; text++)
    fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

static void print_loudness(const struct qc_loudness *l, const char *what, FILE *out) {
  char i[16], s[16], m[16], p[16];
  if (!l->layout) return;
  const struct loudness_figures *f = &l->figures;
  fprintf(out, "  loudness   %s%s: %s LKFS, short-term %s, momentary %s, range %.1f LU, true peak "
          "%s dBTP\n", l->layout->name, what, level(f->integrated_lufs, i),
          level(f->short_term_lufs, s), level(f->momentary_lufs, m), f->range_lu,
          level(l->true_peak_dbtp, p));
}

static const char *native_words(const struct qc_file *f) {
  return f->source.adm ? " (panned by BS.2127)" : "";
}
static const char *surround_words(const struct qc_file *f) {
  return f->source.adm || f->scene.native != f->measured.surround.layout
             ? " (a render by BS.2127: an estimate)" : "";
}

enum { MODES = 5 };
/* Tracks by binaural mode; returns how many have one. */
static int count_modes(const struct qc_file *f, int count[MODES]) {
  int n = 0;
  memset(count, 0, MODES * sizeof *count);
  for (int c = 0; c < f->source.channels; c++) {
    const int mode = binaural_mode(f, c);
    if (mode >= 0) count[mode]++, n++;
  }
  return n;
}

static void print_binaural(const struct qc_file *f, FILE *out) {
  int count[MODES];
  if (!count_modes(f, count)) return;
  fprintf(out, "  binaural  ");
  for (int i = 0; i < MODES; i++)
    if (count[i]) fprintf(out, " %s %d", dbmd_binaural_names[i], count[i]);
  fputc('\n', out);
}

static int automatic_trims(const struct dbmd *d) {
  int n = 0;
  for (int i = 0; i < DBMD_TRIMS; i++) n += d->trims[i].automatic;
  return n;
}

static void print_dbmd(const struct qc_file *f, FILE *out) {
  const struct adm *adm = f->source.adm;
  if (!adm || !adm->has_dbmd || !adm->dbmd.has_atmos) return;
  const struct dbmd *d = &adm->dbmd;
  const int automatic = automatic_trims(d);
  fprintf(out, "  dbmd       %s fps; 7.1 to 5.1: %s; 5.1 to stereo: %s; %d of %d trims automatic\n",
          dbmd_fps_names[d->fps], dbmd_warp_names[d->warp], dbmd_downmix_names[d->downmix],
          automatic, DBMD_TRIMS);
}

static void print_companion(const struct qc_file *f, const struct qc_companion *c, FILE *out) {
  const struct qc_sync *s = &c->sync;
  char i[16], p[16];
  fprintf(out, "  companion  ");
  print_clean(out, c->path);
  if (c->status) {
    fprintf(out, ": not read\n");
    return;
  }
  fprintf(out, ": %s, %d Hz, %d bits, %d frames, %s LKFS, %s dBTP\n", c->format, c->rate_hz,
          c->bits, (int)c->n_frames, level(c->loudness.figures.integrated_lufs, i),
          level(c->loudness.true_peak_dbtp, p));
  if (f->scene.refusal || !s->n_windows)
    fprintf(out, "             offset not measured: %s\n",
            f->scene.refusal ? f->scene.refusal : "no sound to compare");
  else if (!s->found)
    fprintf(out, "             offset not found: %d of %d windows agree, correlation %.2f\n",
            s->n_votes, s->n_windows, s->correlation);
  else
    fprintf(out, "             offset %+d frames (%+.3f ms), drift %+d frames (%+.1f ppm); %d of "
            "%d windows agree, correlation %.3f (L %+.2f, R %+.2f)\n", s->offset_frames,
            1000.0 * s->offset_frames / f->source.rate_hz, s->drift_frames, s->drift_ppm,
            s->n_votes, s->n_windows, s->correlation, s->channel[0], s->channel[1]);
}

static void print_track(const struct qc_file *f, int c, FILE *out) {
  const struct qc_track *t = &f->measured.tracks[c];
  const struct qc_voice *v = voice_of(f, c);
  const int mode = binaural_mode(f, c);
  char peak[16], rms[16], dc[16];
  fprintf(out, "  %5d  %7s %7s %7s %8lld", c + 1, level(t->peak_dbfs, peak),
          level(t->rms_dbfs, rms), level(t->dc_dbfs, dc), (long long)t->n_clipped);
  if (t->first_sound < t->end_sound)
    fprintf(out, "  %9.3f %9.3f", seconds(f, t->first_sound), seconds(f, t->end_sound));
  else fprintf(out, "  %9s %9s", "-", "-");
  if (mode >= 0) fprintf(out, "  %-13s", dbmd_binaural_names[mode]);
  fprintf(out, "  %s ", !v ? "unused" : v->is_bed ? "bed" : v->moves ? "moves" : "stands");
  if (v) print_clean(out, v->is_bed ? v->label : v->name);
  if (t->is_lfe && isfinite(t->above_db[0]))
    fprintf(out, "; above its corner %.1f, 1.25 and 4 times that %.1f and %.1f dB", t->above_db[0],
            t->above_db[1], t->above_db[2]);
  fputc('\n', out);
}

enum { DIALOGUES = 4 };
static const char *const dialogue_names[DIALOGUES] = {"no dialogue", "dialogue", "mixed",
                                                      "not stated"};
static void count_contents(const struct adm *adm, int count[DIALOGUES]) {
  memset(count, 0, DIALOGUES * sizeof *count);
  for (int i = 0; i < adm->n_contents; i++) {
    const int kind = adm->contents[i].dialogue;
    count[kind >= 0 && kind < DIALOGUES - 1 ? kind : DIALOGUES - 1]++;
  }
}

static void print_scene(const struct qc_file *f, FILE *out) {
  int count[DIALOGUES];
  if (!f->source.adm) return;
  count_contents(f->source.adm, count);
  fprintf(out, "  scene      %d bed%s, %d object%s, %d of them move; contents:", f->scene.n_beds,
          f->scene.n_beds == 1 ? "" : "s", f->scene.n_objects, f->scene.n_objects == 1 ? "" : "s",
          f->scene.n_moving);
  for (int i = 0; i < DIALOGUES; i++)
    if (count[i]) fprintf(out, " %d %s", count[i], dialogue_names[i]);
  fputc('\n', out);
}

static void print_figures(const struct qc_file *f, FILE *out) {
  const struct qc_measured *m = &f->measured;
  print_scene(f, out);
  fprintf(out, "  sound      from %.3f to %.3f s: %.3f s of silence before, %.3f s after\n",
          seconds(f, m->first_sound), seconds(f, m->end_sound), seconds(f, m->first_sound),
          seconds(f, f->source.n_frames - m->end_sound));
  print_loudness(&m->surround, surround_words(f), out);
  if (m->native.layout != m->surround.layout) print_loudness(&m->native, native_words(f), out);
  if (f->scene.refusal) fprintf(out, "  loudness   not measured: %s\n", f->scene.refusal);
  print_dbmd(f, out);
  print_binaural(f, out);
  for (int i = 0; i < f->n_companions; i++) print_companion(f, &f->companions[i], out);
  fprintf(out, "  track     peak     rms      dc  clipped       from        to  (dBFS, samples, s)"
          "\n");
  for (int c = 0; c < f->source.channels; c++) print_track(f, c, out);
}

static void print_rule(const struct qc_rule *rule, const struct qc_result *r, FILE *out) {
  static const char *const senses[] = {"at most", "at least", "wanted"};
  char worst[QC_NUMBER_SIZE], limit[64] = "no limit", number[QC_NUMBER_SIZE];
  if (!isnan(r->limit))
    snprintf(limit, sizeof limit, "%s %s", senses[rule->sense], qc_number(r->limit, number));
  fprintf(out, "  %-8s %-15s %9s %-10s %-15s  %s", qc_severity_names[r->state], rule->name,
          qc_number(r->worst, worst), rule->unit, limit, rule->help);
  if (r->state == QC_OK) fputc('\n', out);
  else fprintf(out, " (%s)\n", rule->source);
  for (int i = 0; i < QC_MOST_TEXTS && r->texts[i]; i++) {
    fprintf(out, "             ");
    print_clean(out, r->texts[i]);
    fputc('\n', out);
  }
  if (r->n_beyond > QC_MOST_TEXTS)
    fprintf(out, "             and %d more\n", r->n_beyond - QC_MOST_TEXTS);
}

void qc_print(const struct qc_file *f, bool quiet, FILE *out) {
  const struct qc_count n = qc_count(f);
  print_clean(out, f->path);
  fprintf(out, ": %s: %s, %d Hz, %d bits%s, %d %s, %d frames (%.3f s)\n", verdict_of(f),
          f->source.format, f->source.rate_hz, f->source.bits, f->source.is_float ? " float" : "",
          f->source.channels, f->source.adm ? "tracks" : "channels", (int)f->source.n_frames,
          seconds(f, f->source.n_frames));
  if (!quiet) print_figures(f, out);
  for (int severity = QC_ERROR; severity >= QC_OK; severity--)
    for (int i = 0; qc_rules[i].name; i++) {
      const struct qc_result *r = &f->results[i];
      if (!qc_rules[i].look || !r->n_values || (int)r->state != severity) continue;
      if (!quiet || severity >= QC_WARNING) print_rule(&qc_rules[i], r, out);
    }
  fprintf(out, "  rules: %d kept", n.n_kept);
  for (int severity = QC_ERROR; severity > QC_OK; severity--)
    if (n.by_severity[severity])
      fprintf(out, ", %d %s%s", n.by_severity[severity], qc_severity_names[severity],
              n.by_severity[severity] == 1 ? "" : "s");
  if (n.n_off) fprintf(out, ", %d off", n.n_off);
  fprintf(out, ", %d without a case\n", n.n_idle);
}

/* ---- JSON ---- */

static json_t *real(double x) { return isfinite(x) ? json_real(x + 0.0) : json_null(); }

static json_t *loudness_json(const struct qc_loudness *l, bool estimate) {
  if (!l->layout) return json_null();
  const struct loudness_figures *f = &l->figures;
  return json_pack("{s:s, s:b, s:o, s:o, s:o, s:f, s:o}", "layout", l->layout->name, "estimate",
                   (int)estimate, "integrated_lufs", real(f->integrated_lufs),
                   "short_term_max_lufs", real(f->short_term_lufs), "momentary_max_lufs",
                   real(f->momentary_lufs), "loudness_range_lu", f->range_lu, "true_peak_dbtp",
                   real(l->true_peak_dbtp));
}

static json_t *track_json(const struct qc_file *f, int c) {
  const struct qc_track *t = &f->measured.tracks[c];
  const struct qc_voice *v = voice_of(f, c);
  json_t *line = json_pack("{s:i, s:s, s:o, s:o, s:o, s:I, s:i, s:i}", "track", c + 1, "use",
                           !v ? "unused" : v->is_bed ? "bed" : "object", "peak_dbfs",
                           real(t->peak_dbfs), "rms_dbfs", real(t->rms_dbfs), "dc_dbfs",
                           real(t->dc_dbfs), "clipped", (json_int_t)t->n_clipped, "first_sound",
                           (int)t->first_sound, "end_sound", (int)t->end_sound);
  json_object_set_new(line, "silent", json_boolean(t->first_sound == t->end_sound));
  json_object_set_new(line, "digital_silence", json_boolean(!isfinite(t->peak_dbfs)));
  if (v && v->is_bed) json_object_set_new(line, "label", settings_json_text(v->label));
  if (v && *v->object) json_object_set_new(line, "object", json_string(v->object));
  if (v && *v->name) json_object_set_new(line, "name", settings_json_text(v->name));
  if (v && !v->is_bed) json_object_set_new(line, "moves", json_boolean(v->moves));
  if (binaural_mode(f, c) >= 0)
    json_object_set_new(line, "binaural", json_string(dbmd_binaural_names[binaural_mode(f, c)]));
  if (t->is_lfe)
    json_object_set_new(line, "lfe_above_corner_db",
                        json_pack("[o, o, o]", real(t->above_db[0]), real(t->above_db[1]),
                                  real(t->above_db[2])));
  return line;
}

static json_t *companion_json(const struct qc_file *f, const struct qc_companion *c) {
  const struct qc_sync *s = &c->sync;
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(c->path));
  if (c->error) json_object_set_new(line, "error", settings_json_text(c->error));
  if (c->status) return line;
  json_object_set_new(line, "same_source", json_boolean(c->same_source));
  json_object_set_new(line, "is_binaural", json_boolean(c->is_binaural));
  json_object_set_new(line, "rate_hz", json_integer(c->rate_hz));
  json_object_set_new(line, "bits", json_integer(c->bits));
  json_object_set_new(line, "frames", json_integer(c->n_frames));
  json_object_set_new(line, "first_sound", json_integer(c->first_sound));
  json_object_set_new(line, "loudness", loudness_json(&c->loudness, false));
  json_object_set_new(line, "windows", json_integer(s->n_windows));
  json_object_set_new(line, "votes", json_integer(s->n_votes));
  json_object_set_new(line, "correlation", json_real(s->correlation));
  json_object_set_new(line, "found", json_boolean(s->found));
  if (!s->found) return line;
  json_object_set_new(line, "offset_frames", json_integer(s->offset_frames));
  json_object_set_new(line, "offset_ms",
                      json_real(1000.0 * s->offset_frames / f->source.rate_hz));
  json_object_set_new(line, "drift_frames", json_integer(s->drift_frames));
  json_object_set_new(line, "drift_ppm", json_real(s->drift_ppm));
  json_object_set_new(line, "correlation_left", json_real(s->channel[0]));
  json_object_set_new(line, "correlation_right", json_real(s->channel[1]));
  json_object_set_new(line, "sides_exchanged", json_boolean(s->swapped));
  return line;
}

static json_t *dbmd_json(const struct qc_file *f) {
  const struct dbmd *d = &f->source.adm->dbmd;
  json_t *line = json_object(), *modes = json_object();
  int count[MODES];
  if (d->has_atmos) {
    json_object_set_new(line, "fps", json_string(dbmd_fps_names[d->fps]));
    json_object_set_new(line, "downmix_7_to_5", json_string(dbmd_warp_names[d->warp]));
    json_object_set_new(line, "downmix_5_to_2", json_string(dbmd_downmix_names[d->downmix]));
  }
  if (d->has_tracks)
    json_object_set_new(line, "automatic_trims", json_integer(automatic_trims(d)));
  count_modes(f, count);
  for (int i = 0; i < MODES; i++)
    json_object_set_new(modes, dbmd_binaural_names[i], json_integer(count[i]));
  json_object_set_new(line, "binaural", modes);
  return line;
}

static json_t *contents_json(const struct adm *adm) {
  json_t *line = json_object();
  int count[DIALOGUES];
  count_contents(adm, count);
  for (int i = 0; i < DIALOGUES; i++)
    json_object_set_new(line, dialogue_names[i], json_integer(count[i]));
  return line;
}

static json_t *rule_json(const struct qc_rule *rule, const struct qc_result *r) {
  static const char *const senses[] = {"at most", "at least", "is"};
  json_t *where = json_array();
  for (int i = 0; i < QC_MOST_TEXTS && r->texts[i]; i++)
    json_array_append_new(where, settings_json_text(r->texts[i]));
  return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:i, s:i, s:o, s:s}", "rule", rule->name,
                   "state", qc_severity_names[r->state], "worst", real(r->worst), "unit",
                   rule->unit, "sense", senses[rule->sense], "limit", real(r->limit), "values",
                   r->n_values, "beyond", r->n_beyond, "where", where, "source", rule->source);
}

static void add_lists(const struct qc_file *f, json_t *line) {
  json_t *tracks = json_array(), *companions = json_array(), *rules = json_array();
  for (int c = 0; c < f->source.channels; c++) json_array_append_new(tracks, track_json(f, c));
  for (int i = 0; i < f->n_companions; i++)
    json_array_append_new(companions, companion_json(f, &f->companions[i]));
  for (int i = 0; qc_rules[i].name; i++)
    if (qc_rules[i].look && f->results[i].n_values)
      json_array_append_new(rules, rule_json(&qc_rules[i], &f->results[i]));
  json_object_set_new(line, "tracks", tracks);
  json_object_set_new(line, "companions", companions);
  json_object_set_new(line, "rules", rules);
}

void qc_print_json(const struct qc_file *f, FILE *out) {
  const struct qc_count n = qc_count(f);
  const struct qc_measured *m = &f->measured;
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(f->path));
  json_object_set_new(line, "verdict", json_string(verdict_of(f)));
  json_object_set_new(line, "errors", json_integer(n.by_severity[QC_ERROR]));
  json_object_set_new(line, "warnings", json_integer(n.by_severity[QC_WARNING]));
  json_object_set_new(line, "notes", json_integer(n.by_severity[QC_NOTE]));
  json_object_set_new(line, "format", json_string(f->source.format));
  json_object_set_new(line, "rate_hz", json_integer(f->source.rate_hz));
  json_object_set_new(line, "bits", json_integer(f->source.bits));
  json_object_set_new(line, "channels", json_integer(f->source.channels));
  json_object_set_new(line, "frames", json_integer(f->source.n_frames));
  json_object_set_new(line, "beds", json_integer(f->scene.n_beds));
  json_object_set_new(line, "objects", json_integer(f->scene.n_objects));
  json_object_set_new(line, "objects_that_move", json_integer(f->scene.n_moving));
  json_object_set_new(line, "first_sound", json_integer(m->first_sound));
  json_object_set_new(line, "end_sound", json_integer(m->end_sound));
  json_object_set_new(line, "loudness_5_1",
                      loudness_json(&m->surround, *surround_words(f) != 0));
  json_object_set_new(line, "loudness_native", loudness_json(&m->native, f->source.adm != NULL));
  if (f->source.adm) json_object_set_new(line, "contents", contents_json(f->source.adm));
  if (f->source.adm && f->source.adm->has_dbmd)
    json_object_set_new(line, "dbmd", dbmd_json(f));
  if (f->scene.refusal) json_object_set_new(line, "no_render", json_string(f->scene.refusal));
  add_lists(f, line);
  json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
  fputc('\n', out);
  json_decref(line);
}
