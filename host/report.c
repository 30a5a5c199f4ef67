/* SPDX-License-Identifier: MIT
 * See report.h. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "publish.h"
#include "settings.h"
#include "shaders.h"

static const char *state_name(enum unit_state state) {
  static const char *const names[] = {"skipped", "delivered", "up to date", "failed", "retagged"};
  return names[state];
}

static bool has_file(enum unit_state state) {
  return state != UNIT_SKIPPED && state != UNIT_FAILED;
}

/* "-14.00", or "silence" */
static const char *level(double db, char text[16]) {
  if (isfinite(db)) snprintf(text, 16, "%.2f", db);
  else snprintf(text, 16, "silence");
  return text;
}

static void verdict(const struct receipt *r, char text[32]) {
  if (!strcmp(r->tier, "sample")) snprintf(text, 32, "sample %.1f %%", 100 * r->coverage);
  else if (!strcmp(r->tier, "off")) snprintf(text, 32, "not checked");
  else snprintf(text, 32, "%s", r->tier);
  if (strstr(r->note, "rendered on the CPU")) snprintf(text, 32, "re-rendered");
}

static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *reading_json(const struct loudness_reading *r, bool with_peak) {
  const struct loudness_figures *f = &r->figures;
  json_t *json = json_object();
  json_object_set_new(json, "integrated_lufs", number_or_null(f->integrated_lufs));
  json_object_set_new(json, "momentary_max_lufs", number_or_null(f->momentary_lufs));
  json_object_set_new(json, "short_term_max_lufs", number_or_null(f->short_term_lufs));
  json_object_set_new(json, "loudness_range_lu", number_or_null(f->range_lu));
  if (!with_peak) return json;
  json_object_set_new(json, "true_peak_dbtp", number_or_null(r->true_peak_db));
  json_object_set_new(json, "peak_to_loudness_db", number_or_null(r->peak_to_loudness_db));
  return json;
}

static json_t *unit_json(const struct plan *plan, int unit, const struct unit_result *result) {
  const struct unit *u = &plan->units[unit];
  const struct track *track = &plan->manifest->tracks[u->track];
  const struct receipt *r = &result->receipt;
  json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s}", "track", track->number, "title",
                           track->title, "variant", plan->manifest->variants[u->variant].name,
                           "state", state_name(result->state), "file", u->name);
  if (result->state == UNIT_FAILED) {
    json_object_set_new(line, "error", settings_json_text(result->failure.text));
    json_object_set_new(line, "status", json_integer(result->failure.status));
  } else if (has_file(result->state)) {
    json_object_set_new(line, "rate_hz", json_integer(r->rate_hz));
    json_object_set_new(line, "source_lufs", number_or_null(r->source_lufs));
    json_object_set_new(line, "loudness_lufs", number_or_null(r->loudness_lufs));
    json_object_set_new(line, "true_peak_dbtp", number_or_null(r->true_peak_dbtp));
    json_object_set_new(line, "gain_db", number_or_null(r->gain_db));
    json_object_set_new(line, "deepest_reduction_db", number_or_null(r->reduction_db));
    json_object_set_new(line, "before", reading_json(&r->source_reading, false));
    json_object_set_new(line, "after_chain", reading_json(&r->chain_reading, true));
    json_object_set_new(line, "after", reading_json(&r->delivered_reading, true));
    json_object_set_new(line, "meters_differ_lu", number_or_null(r->meters_differ_lu));
    json_object_set_new(line, "target_reached", json_boolean(r->reached));
    json_object_set_new(line, "verdict", json_string(r->verdict));
    json_object_set_new(line, "stopped_by", json_string(r->stopped_by));
    json_object_set_new(line, "deepest_clipping_db", number_or_null(r->clipped_db));
    json_object_set_new(line, "band_limited", json_boolean(r->band_limited));
    if (*r->album) json_object_set_new(line, "album_lufs", number_or_null(r->album_lufs));
    json_object_set_new(line, "verification", json_string(r->tier));
    json_object_set_new(line, "coverage", json_real(r->coverage));
    json_object_set_new(line, "pcm_sha256", json_string(r->pcm_sha256));
    json_object_set_new(line, "device", json_string(r->device));
    json_object_set_new(line, "key", json_string(r->key));
    if (*r->note) json_object_set_new(line, "note", settings_json_text(r->note));
  }
  return line;
}

static void print_warnings(const struct plan *plan, int unit, const struct unit_result *result,
                           FILE *out) {
  const struct receipt *r = &result->receipt;
  const struct unit *u = &plan->units[unit];
  if (result->state == UNIT_FAILED) fprintf(out, "lacquer: %s\n", result->failure.text);
  if (result->state != UNIT_DELIVERED) return;
  if (*r->note) fprintf(out, "lacquer: %s: %s\n", u->name, r->note);
  if (!r->reached) fprintf(out, "lacquer: %s: %s\n", u->name, r->verdict);
  const bool matched = chain_match(&plan->manifest->tracks[u->track].chain);
  if (r->filter_error_db > (matched ? MATCH_MET_DB : 0.01))
    fprintf(out, "lacquer: %s: a filter of the chain is up to %.2f dB off what was asked, even at "
            "the greatest length (too narrow or steep for so low a frequency)\n", u->name,
            r->filter_error_db);
  if (!r->meters_agree && !r->clipped)
    fprintf(out, "lacquer: %s: libebur128 reads the file %.2f LU off lacquer's own meter "
            "(tolerance %g LU)\n", u->name, r->meters_differ_lu, r->meters_tolerance_lu);
  if (r->clipped)
    fprintf(out, "lacquer: %s: %lld samples beyond full scale were clipped (set true_peak)\n",
            u->name, (long long)r->clipped);
}

static void print_line(const struct reporter *reporter, int unit,
                       const struct unit_result *result) {
  char text[16];
  fprintf(stderr, "[%d/%d] %s: %s", reporter->done, reporter->plan->n_units,
          reporter->plan->units[unit].name, state_name(result->state));
  if (has_file(result->state))
    fprintf(stderr, ", %s LUFS", level(result->receipt.loudness_lufs, text));
  fputc('\n', stderr);
}

void report_unit(void *context, int unit, const struct unit_result *result) {
  struct reporter *reporter = context;
  const bool delivered = result->state == UNIT_DELIVERED;
  const struct progress_unit done = {
      .file = reporter->plan->units[unit].name, .state = state_name(result->state),
      .rendered = delivered, .failed = result->state == UNIT_FAILED,
      .audio_seconds = delivered ? result->receipt.seconds : 0};
  reporter->done++;
  progress_pause(reporter->progress);
  if (progress_wants_lines(reporter->progress)) print_line(reporter, unit, result);
  print_warnings(reporter->plan, unit, result, stderr);
  progress_unit(reporter->progress, &done);
  if (reporter->data) {
    json_t *line = unit_json(reporter->plan, unit, result);
    json_dumpf(line, reporter->data, JSON_COMPACT | JSON_REAL_PRECISION(10));
    fputc('\n', reporter->data);
    fflush(reporter->data);
    json_decref(line);
  }
}

void report_track(void *context, int track, bool begins) {
  const struct reporter *reporter = context;
  const struct track *t = &reporter->plan->manifest->tracks[track];
  progress_track(reporter->progress, t->number, t->title, begins);
}

/* Characters of a UTF-8 text, for padding. */
static int columns(const char *text) {
  int n = 0;
  for (; *text; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
  return n;
}

static void print_padded(FILE *out, const char *text, int width) {
  fprintf(out, "%s%*s  ", text, width > columns(text) ? width - columns(text) : 0, "");
}

static int widest(const struct plan *plan, const char *(*text)(const struct plan *, int)) {
  int most = 5;
  for (int i = 0; i < plan->n_units; i++)
    if (columns(text(plan, i)) > most) most = columns(text(plan, i));
  return most;
}

static const char *title_of(const struct plan *p, int i) {
  return p->manifest->tracks[p->units[i].track].title;
}
static const char *variant_of(const struct plan *p, int i) {
  return p->manifest->variants[p->units[i].variant].name;
}

/* The albums whose gain was found in this run. */
static json_t *albums_json(const struct plan *plan) {
  json_t *list = json_array();
  for (int v = 0; v < plan->manifest->n_variants; v++) {
    const struct plan_album *album = &plan->albums[v];
    const struct variant *variant = &plan->manifest->variants[v];
    if (!album->solved) continue;
    json_t *one = json_object();
    json_object_set_new(one, "variant", json_string(variant->name));
    json_object_set_new(one, "tracks", json_integer(album->n_tracks));
    json_object_set_new(one, "target_lufs", json_real(variant->loudness.loudness_lufs));
    json_object_set_new(one, "gain_db", json_real(album->result.drive_db));
    json_object_set_new(one, "loudness_lufs", number_or_null(album->result.loudness_lufs));
    json_object_set_new(one, "delivered_lufs", number_or_null(album->delivered_lufs));
    json_object_set_new(one, "target_reached", json_boolean(album->result.reached));
    json_array_append_new(list, one);
  }
  return list;
}

static void print_albums(const struct plan *plan, FILE *out) {
  for (int v = 0; v < plan->manifest->n_variants; v++) {
    const struct plan_album *album = &plan->albums[v];
    const struct variant *variant = &plan->manifest->variants[v];
    char verdict[VERDICT_SIZE], text[16];
    if (!album->solved) continue;
    verdict_text(variant, album->result.limit, album->result.loudness_lufs, verdict);
    fprintf(out, "\n%s: %d tracks, %+.2f dB each: %s", variant->name, album->n_tracks,
            album->result.drive_db, verdict);
    if (!isnan(album->delivered_lufs))
      fprintf(out, "; libebur128 reads %s LUFS of all files together",
              level(album->delivered_lufs, text));
    fputc('\n', out);
  }
}

void report_table(const struct plan *plan, const struct unit_result *results, FILE *out) {
  const int title = widest(plan, title_of), variant = widest(plan, variant_of);
  fprintf(out, "\n No  ");
  print_padded(out, "Title", title);
  print_padded(out, "Variant", variant);
  fprintf(out, "  LUFS before    after  LRA before  after    PLR  true peak  gain dB  limiter  "
          "target      verified        file\n");
  for (int i = 0; i < plan->n_units; i++) {
    const struct unit_result *result = &results[i];
    const struct receipt *r = &result->receipt;
    char a[16], b[16], c[16], d[32], e[16] = "-";
    fprintf(out, "%3d  ", plan->manifest->tracks[plan->units[i].track].number);
    print_padded(out, title_of(plan, i), title);
    print_padded(out, variant_of(plan, i), variant);
    if (!has_file(result->state)) {
      fprintf(out, "  %s\n", state_name(result->state));
      continue;
    }
    verdict(r, d);
    if (isfinite(r->delivered_reading.peak_to_loudness_db))
      snprintf(e, sizeof e, "%.1f", r->delivered_reading.peak_to_loudness_db);
    fprintf(out, "%13s %8s  %10.1f %6.1f %6s  %9s  %+7.2f  %7.2f  %-10s  %-14s  %s\n",
            level(r->source_lufs, a), level(r->loudness_lufs, b),
            r->source_reading.figures.range_lu, r->delivered_reading.figures.range_lu, e,
            level(r->true_peak_dbtp, c), r->gain_db, r->reduction_db > 0 ? -r->reduction_db : 0.0,
            r->reached ? r->verdict : "infeasible", d, plan->units[i].name);
  }
  print_albums(plan, out);
}

/* Whether the file says the same, up to how long the run took: then it is left alone. */
static bool is_written(const char *path, const char *text) {
  static const char varies[] = "\n  \"wall_seconds\": ";
  const size_t n = strlen(text);
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  char *old = memory_new(n + 64, 1); /* lengths differ by a few digits */
  old[fread(old, 1, n + 63, file)] = 0;
  fclose(file);
  const char *a = strstr(text, varies), *b = strstr(old, varies);
  bool same = a && b && a - text == b - old && !memcmp(text, old, (size_t)(a - text));
  if (same) {
    a = strchr(a + 1, '\n');
    b = strchr(b + 1, '\n');
    same = a && b && !strcmp(a, b);
  }
  free(old);
  return same;
}

enum status report_write(const struct plan *plan, const struct unit_result *results,
                         const struct device *device, double seconds, struct failure *why) {
  int count[UNIT_STATES] = {0}, infeasible = 0;
  double audio_seconds = 0;
  json_t *units = json_array();
  for (int i = 0; i < plan->n_units; i++) {
    count[results[i].state]++;
    if (has_file(results[i].state))
      infeasible += !results[i].receipt.reached;
    if (results[i].state == UNIT_DELIVERED) audio_seconds += results[i].receipt.seconds;
    json_array_append_new(units, unit_json(plan, i, &results[i]));
  }
  json_t *root = json_pack(
      "{s:i, s:o, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:o, s:o}",
      "lacquer_report", 1, "manifest", settings_json_text(plan->manifest->path), "device",
      device->engine.name, "driver", device->engine.driver, "engine_sha256", lacquer_engine_hash,
      "spirv_sha256", lacquer_spirv_hash, "delivered", count[UNIT_DELIVERED], "retagged",
      count[UNIT_RETAGGED], "up_to_date", count[UNIT_UP_TO_DATE], "failed", count[UNIT_FAILED], "skipped", count[UNIT_SKIPPED],
      "infeasible", infeasible,
      "audio_seconds", audio_seconds, "wall_seconds", seconds, "albums", albums_json(plan),
      "units", units);
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  char *path = memory_print("%s/report.json", plan->folder);
  enum status status = STATUS_OK;
  if (!text) status = fail(why, STATUS_AGAIN, "%s: out of memory", path);
  else if (!is_written(path, text)) status = write_file_atomic(path, text, strlen(text), why);
  free(path);
  free(text);
  json_decref(root);
  return status;
}
