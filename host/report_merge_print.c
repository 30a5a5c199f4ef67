/* SPDX-License-Identifier: MIT
 * See report_merge.h: what the user is told. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "report_merge.h"
#include "settings.h"

const char *merged_state_name(enum merged_state state) {
  static const char *const names[MERGED_STATES] = {
      [MERGED_FAILED] = "failed",         [MERGED_MISSING] = "missing",
      [MERGED_UNFINISHED] = "unfinished", [MERGED_UNREADABLE] = "unreadable",
      [MERGED_CONFLICT] = "conflict",     [MERGED_DELIVERED] = "delivered"};
  return names[state];
}

struct sums {
  int count[MERGED_STATES];
  struct report_totals totals; /* of what is delivered */
};

static struct sums sum_up(const struct merged *m) {
  struct sums s = {0};
  for (int i = 0; i < m->n; i++) {
    const struct merged_unit *u = &m->units[i];
    const struct merged_figures *f = &u->figures;
    struct receipt r = {.coverage = f->coverage, .seconds = f->seconds,
                        .meters_compared = f->meters_compared,
                        .meters_differ_lu = f->meters_differ_lu};
    memcpy(r.tier, f->tier, sizeof f->tier);
    s.count[u->state]++;
    if (u->state == MERGED_DELIVERED) report_count(&s.totals, &r);
  }
  return s;
}

/* ---- people ---- */

static const char *level(double db, char text[16]) {
  if (!isfinite(db)) return "silence";
  snprintf(text, 16, "%.2f", db);
  return text;
}

static void print_unit(const struct merged *m, const struct merged_unit *u, FILE *out) {
  const struct merged_figures *f = &u->figures;
  char lufs[16] = "", peak[16] = "", tier[32] = "";
  const char *device = u->device >= 0 ? m->devices.texts[u->device] : "";
  const bool has = u->state == MERGED_DELIVERED;
  if (has && !strcmp(f->tier, "sample"))
    snprintf(tier, sizeof tier, "sample %.1f %%", 100 * f->coverage);
  else if (has) snprintf(tier, sizeof tier, "%s", f->tier);
  fprintf(out, "%-10s  %7s  %9s  %-14s  %-20.20s  %s\n", merged_state_name(u->state),
          has ? level(f->lufs, lufs) : "", has ? level(f->true_peak_dbtp, peak) : "", tier, device,
          u->file);
  if (u->note && *u->note) fprintf(out, "%12s%s\n", "", u->note);
}

/* The one after `i` (-1: the first) in the order of the texts, which is not that of reading;
 * -1: no more. */
static int next(const struct tally *t, int i) {
  int found = -1;
  for (int k = 0; k < t->n; k++)
    if ((i < 0 || strcmp(t->texts[k], t->texts[i]) > 0) &&
        (found < 0 || strcmp(t->texts[k], t->texts[found]) < 0))
      found = k;
  return found;
}

static void print_tally(const char *name, const struct tally *t, int digits, FILE *out) {
  int n = 0;
  for (int i = next(t, -1); i >= 0; i = next(t, i))
    if (t->counts[i])
      fprintf(out, "%s%.*s (%d)", n++ ? ", " : name, digits, t->texts[i], t->counts[i]);
  if (n) fputc('\n', out);
}

static void print_totals(const struct merged *m, FILE *out) {
  const struct sums s = sum_up(m);
  enum { ALL = 256 };
  fprintf(out, "\n%d units: %d delivered", m->n, s.count[MERGED_DELIVERED]);
  for (int i = 0; i < MERGED_DELIVERED; i++)
    if (i == MERGED_MISSING && !m->complete_known)
      fprintf(out, ", %d or more missing (not every manifest could be read)", s.count[i]);
    else if (s.count[i] || i <= MERGED_MISSING)
      fprintf(out, ", %d %s", s.count[i], merged_state_name((enum merged_state)i));
  fprintf(out, "\naudio: %.2f hours", s.totals.seconds / 3600);
  if (m->copies) fprintf(out, "; %d receipts more of the same samples", m->copies);
  fputc('\n', out);
  report_print_coverage(&s.totals, out);
  print_tally("devices: ", &m->devices, ALL, out);
  print_tally("engines: ", &m->engines, 12, out);
  for (int i = 0; i < m->n_runs; i++) {
    const struct merged_run *r = &m->runs[i];
    fprintf(out, "run: %d delivered, %d up to date, %d failed, %.1f s of audio in %.1f s on %s "
            "(%s)\n", r->delivered, r->up_to_date, r->failed, r->audio_seconds, r->wall_seconds,
            r->device, r->path);
  }
}

static void print_table(const struct merged *m, bool quiet, FILE *out) {
  fprintf(out, "%-10s  %7s  %9s  %-14s  %-20s  %s\n", "state", "LUFS", "true peak", "verified",
          "device", "file");
  for (int i = 0; i < m->n; i++)
    if (!quiet || m->units[i].state != MERGED_DELIVERED) print_unit(m, &m->units[i], out);
  print_totals(m, out);
}

/* ---- JSON ---- */

static void put_line(json_t *line, FILE *out) {
  json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
  fputc('\n', out);
  json_decref(line);
}

static json_t *real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static void unit_line(const struct merged *m, const struct merged_unit *u, FILE *out) {
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(u->file));
  json_object_set_new(line, "state", json_string(merged_state_name(u->state)));
  if (u->path) json_object_set_new(line, "receipt", settings_json_text(u->path));
  if (u->note) json_object_set_new(line, "note", settings_json_text(u->note));
  if (u->state == MERGED_DELIVERED) {
    json_object_set_new(line, "loudness_lufs", real(u->figures.lufs));
    json_object_set_new(line, "true_peak_dbtp", real(u->figures.true_peak_dbtp));
    json_object_set_new(line, "seconds", real(u->figures.seconds));
    json_object_set_new(line, "verification", settings_json_text(u->figures.tier));
    json_object_set_new(line, "coverage", real(u->figures.coverage));
    json_object_set_new(line, "pcm_sha256", json_string(u->pcm_sha256));
    json_object_set_new(line, "device", json_string(m->devices.texts[u->device]));
    json_object_set_new(line, "engine_sha256", json_string(m->engines.texts[u->engine]));
  }
  put_line(line, out);
}

static json_t *tally_json(const struct tally *t) {
  json_t *json = json_object();
  for (int i = next(t, -1); i >= 0; i = next(t, i))
    if (t->counts[i]) json_object_set_new(json, t->texts[i], json_integer(t->counts[i]));
  return json;
}

static json_t *runs_json(const struct merged *m) {
  json_t *list = json_array();
  for (int i = 0; i < m->n_runs; i++) {
    const struct merged_run *r = &m->runs[i];
    json_array_append_new(
        list, json_pack("{s:o, s:s, s:i, s:i, s:i, s:f, s:f}", "report",
                        settings_json_text(r->path), "device", r->device, "delivered",
                        r->delivered, "up_to_date", r->up_to_date, "failed", r->failed,
                        "audio_seconds", r->audio_seconds, "wall_seconds", r->wall_seconds));
  }
  return list;
}

static void totals_line(const struct merged *m, FILE *out) {
  const struct sums s = sum_up(m);
  json_t *line = json_pack("{s:i, s:i}", "lacquer_merged_report", 1, "units", m->n);
  for (int i = 0; i < MERGED_STATES; i++)
    json_object_set_new(line, merged_state_name((enum merged_state)i), json_integer(s.count[i]));
  json_object_set_new(line, "missing_known", json_boolean(m->complete_known));
  json_object_set_new(line, "copies", json_integer(m->copies));
  json_object_set_new(line, "audio_seconds", json_real(s.totals.seconds));
  json_object_set_new(line, "verification", report_tiers_json(&s.totals));
  json_object_set_new(line, "coverage", json_real(report_coverage(&s.totals)));
  json_object_set_new(line, "meters_compared", json_integer(s.totals.compared));
  json_object_set_new(line, "meters_differ_lu", json_real(s.totals.differ_lu));
  json_object_set_new(line, "devices", tally_json(&m->devices));
  json_object_set_new(line, "engines", tally_json(&m->engines));
  json_object_set_new(line, "runs", runs_json(m));
  put_line(line, out);
}

void report_merge_print(const struct merged *m, const struct report_merge_options *options,
                        FILE *out) {
  if (!options->json) {
    print_table(m, options->quiet, out);
    return;
  }
  for (int i = 0; i < m->n; i++)
    if (!options->quiet || m->units[i].state != MERGED_DELIVERED)
      unit_line(m, &m->units[i], out);
  totals_line(m, out);
}
