/* SPDX-License-Identifier: MIT
 * See report.h. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu.h"
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

static json_t *hrtf_json(const struct receipt *r) {
  return json_pack("{s:o, s:s, s:o, s:o, s:o}", "path", settings_json_text(r->hrtf), "sha256",
                   r->hrtf_sha256, "title", settings_json_text(r->hrtf_title), "license",
                   settings_json_text(r->hrtf_license), "largest_angle_deg",
                   number_or_null(r->hrtf_angle_deg));
}

static json_t *unit_json(const struct plan *plan, int unit, const struct unit_result *result) {
  const struct unit *u = &plan->units[unit];
  const struct track *track = &plan->manifest->tracks[u->track];
  const struct receipt *r = &result->receipt;
  json_t *line = json_pack("{s:i, s:s, s:s, s:s, s:s}", "track", track->number, "title",
                           track->title, "variant", plan->manifest->variants[u->variant].name,
                           "state", state_name(result->state), "file", u->name);
  if (track->disc) json_object_set_new(line, "disc", json_integer(track->disc));
  if (result->state == UNIT_FAILED) {
    json_object_set_new(line, "error", settings_json_text(result->failure.text));
    json_object_set_new(line, "status", json_integer(result->failure.status));
  } else if (has_file(result->state)) {
    json_object_set_new(line, "rate_hz", json_integer(r->rate_hz));
    if (receipt_layout(r))
      json_object_set_new(line, "layout", json_string(receipt_layout(r)->name));
    if (*r->hrtf) json_object_set_new(line, "hrtf", hrtf_json(r));
    json_object_set_new(line, "source_lufs", number_or_null(r->source_lufs));
    json_object_set_new(line, "loudness_lufs", number_or_null(r->loudness_lufs));
    json_object_set_new(line, "true_peak_dbtp", number_or_null(r->true_peak_dbtp));
    json_object_set_new(line, "gain_db", number_or_null(r->gain_db));
    json_object_set_new(line, "deepest_reduction_db", number_or_null(r->reduction_db));
    json_object_set_new(line, "limiter_look_ahead_ms", number_or_null(r->look_ahead_ms));
    json_object_set_new(line, "limiter_release_ms", number_or_null(r->release_ms));
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
    if (*r->immersive) json_object_set_new(line, "immersive", json_string(r->immersive));
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
  if (*r->hrtf && r->hrtf_angle_deg > 10)
    fprintf(out, "lacquer: %s: the impulse responses nearest to a loudspeaker were measured %.0f "
            "degrees from it\n", u->name, r->hrtf_angle_deg);
  if (strstr(r->immersive, "above")) fprintf(out, "lacquer: %s: %s\n", u->name, r->immersive);
  const bool matched = chain_match(&plan->manifest->tracks[u->track].chain);
  if (r->filter_error_db > (matched ? MATCH_MET_DB : 0.01))
    fprintf(out, "lacquer: %s: a filter of the chain is up to %.2f dB off what was asked, even at "
            "the greatest length (too narrow or steep for so low a frequency)\n", u->name,
            r->filter_error_db);
  if (r->meters_compared && !r->meters_agree && !r->clipped)
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

/* ---- totals ---- */

static void sum_up(const struct plan *plan, const struct unit_result *results,
                   struct report_totals *t) {
  *t = (struct report_totals){0};
  for (int i = 0; i < plan->n_units; i++) {
    const struct unit_result *result = &results[i];
    t->count[result->state]++;
    if (result->state == UNIT_FAILED || result->state == UNIT_SKIPPED) continue;
    t->infeasible += !result->receipt.reached;
    if (result->state == UNIT_DELIVERED) t->rendered_seconds += result->receipt.seconds;
    report_count(t, &result->receipt);
  }
}

void report_count(struct report_totals *t, const struct receipt *r) {
  for (int i = 0; i < REPORT_TIERS; i++) t->tier[i] += !strcmp(r->tier, report_tiers[i]);
  t->seconds += r->seconds;
  t->covered_seconds += r->coverage * r->seconds;
  t->compared += r->meters_compared;
  if (r->meters_compared) t->differ_lu = fmax(t->differ_lu, r->meters_differ_lu);
}

double report_coverage(const struct report_totals *t) {
  return t->seconds > 0 ? t->covered_seconds / t->seconds : 0;
}

const char *const report_tiers[REPORT_TIERS] = {"full", "sample", "golden", "off"};

void report_print_coverage(const struct report_totals *t, FILE *out) {
  static const char *const words[REPORT_TIERS] = {"in full", "by samples", "by golden receipts",
                                                  "not at all"};
  int n = 0;
  fputs("verified: ", out);
  for (int i = 0; i < REPORT_TIERS; i++)
    if (t->tier[i]) fprintf(out, "%s%d %s", n++ ? ", " : "", t->tier[i], words[i]);
  fprintf(out, "%s; %.1f %% of all intermediate results compared\n", n ? "" : "nothing",
          100 * report_coverage(t));
  if (t->compared)
    fprintf(out, "loudness: libebur128 read %d of them, too; at most %.4f LU off lacquer's meter\n",
            t->compared, t->differ_lu);
}

json_t *report_tiers_json(const struct report_totals *t) {
  json_t *json = json_object();
  for (int i = 0; i < REPORT_TIERS; i++)
    json_object_set_new(json, report_tiers[i], json_integer(t->tier[i]));
  return json;
}

/* ---- the table ---- */

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
  struct report_totals totals;
  sum_up(plan, results, &totals);
  fputc('\n', out);
  report_print_coverage(&totals, out);
}

/* ---- report.json ---- */

/* How full the device was; NULL on the CPU. */
static json_t *lanes_json(const struct device *device) {
  struct gpu_stats s;
  if (!device->engine.is_gpu) return NULL;
  gpu_engine_stats(&device->engine, &s);
  const double lanes = (double)s.lanes;
  return json_pack("{s:I, s:I, s:I, s:f, s:f, s:I}", "submits", (json_int_t)s.batches, "steps",
                   (json_int_t)s.steps, "dispatches", (json_int_t)s.dispatches, "in_a_step",
                   s.steps ? lanes / (double)s.steps : 0.0, "in_a_dispatch",
                   s.dispatches ? lanes / (double)s.dispatches : 0.0, "at_different_blocks",
                   (json_int_t)s.spread);
}

/* All but the units. */
static json_t *head_json(const struct plan *plan, const struct report_totals *t,
                         const struct device *device, double seconds) {
  return json_pack(
      "{s:i, s:o, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:o, s:f, s:i, s:f,"
      " s:o, s:o*}",
      "lacquer_report", 1, "manifest", settings_json_text(plan->manifest->path), "device",
      device->engine.name, "driver", device->engine.driver, "engine_sha256", lacquer_engine_hash,
      "spirv_sha256", lacquer_spirv_hash, "delivered",
      t->count[UNIT_DELIVERED], "retagged", t->count[UNIT_RETAGGED], "up_to_date",
      t->count[UNIT_UP_TO_DATE], "failed", t->count[UNIT_FAILED], "skipped",
      t->count[UNIT_SKIPPED], "infeasible", t->infeasible, "audio_seconds", t->rendered_seconds,
      "wall_seconds", seconds, "verification", report_tiers_json(t), "coverage",
      report_coverage(t), "meters_compared", t->compared, "meters_differ_lu", t->differ_lu,
      "albums", albums_json(plan), "lanes", lanes_json(device));
}

/* A line per unit, so that neither writer nor reader needs to hold them all. */
static void write_units(const struct plan *plan, const struct unit_result *results, FILE *out) {
  for (int i = 0; i < plan->n_units; i++) {
    json_t *unit = unit_json(plan, i, &results[i]);
    fputs(i ? ",\n    " : "\n    ", out);
    json_dumpf(unit, out, JSON_REAL_PRECISION(10));
    json_decref(unit);
  }
}

/* `fd` is closed. */
static enum status write_report(int fd, const char *path, const json_t *head,
                                const struct plan *plan, const struct unit_result *results,
                                struct failure *why) {
  FILE *out = fdopen(fd, "w");
  char *text = json_dumps(head, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  if (!out) close(fd);
  if (out && text) {
    fprintf(out, "%.*s,\n" REPORT_UNITS, (int)strlen(text) - 2, text); /* without "\n}" */
    write_units(plan, results, out);
    fputs("\n  ]\n}\n", out);
  }
  bool written = out && text && !ferror(out);
  if (out) written = !fclose(out) && written;
  free(text);
  return written ? STATUS_OK : fail(why, STATUS_IO, "%s: cannot write: %s", path, strerror(errno));
}

/* Whether both files say the same, but for how long the run took. */
static bool says_the_same(const char *path, const char *new_path) {
  static const char varies[] = "  \"wall_seconds\": ";
  FILE *a = fopen(path, "rb"), *b = fopen(new_path, "rb");
  char *x = NULL, *y = NULL;
  size_t room_x = 0, room_y = 0;
  bool same = a && b;
  while (same) {
    const ssize_t n = getline(&x, &room_x, a), m = getline(&y, &room_y, b);
    if (n < 0 || m < 0) {
      same = n == m;
      break;
    }
    same = !strcmp(x, y) || (!strncmp(x, varies, sizeof varies - 1) &&
                             !strncmp(y, varies, sizeof varies - 1));
  }
  free(x), free(y);
  if (a) fclose(a);
  if (b) fclose(b);
  return same;
}

enum status report_write(const struct plan *plan, const struct unit_result *results,
                         const struct device *device, double seconds, struct failure *why) {
  struct report_totals totals;
  sum_up(plan, results, &totals);
  json_t *head = head_json(plan, &totals, device, seconds);
  char *path = plan->n_shards ? memory_print("%s/report.%d-of-%d.json", plan->folder,
                                             plan->shard, plan->n_shards)
                              : memory_print("%s/report.json", plan->folder);
  char *temp_path = NULL;
  int fd;
  enum status status = temp_open(path, &fd, &temp_path, why);
  if (!status) status = write_report(fd, path, head, plan, results, why);
  if (!status && !says_the_same(path, temp_path)) status = publish_file(temp_path, path, why);
  else if (temp_path) unlink(temp_path);
  free(temp_path);
  free(path);
  json_decref(head);
  return status;
}
