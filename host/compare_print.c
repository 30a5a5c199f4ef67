/* SPDX-License-Identifier: MIT
 * See compare.h: what the user is told of a comparison. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "junit.h"
#include "memory.h"
#include "settings.h"

static const char *state_name(const struct pair *p) {
  static const char *const names[] = {
      [PAIR_UNREADABLE] = "unreadable", [PAIR_ONLY_A] = "only in A", [PAIR_ONLY_B] = "only in B",
      [PAIR_SHAPE] = "other shape", [PAIR_DIFFERENT] = "different",
      [PAIR_IDENTICAL] = "identical"};
  return p->state == PAIR_DIFFERENT && !p->beyond ? "within limits" : names[p->state];
}

/* ---- in words ---- */

static void shape_text(const struct pair_figures *f, char text[64]) {
  const int channels = f->layout->channels;
  snprintf(text, 64, "%d Hz, %s, %d frames", f->rate_hz,
           channels == 1 ? "mono" : channels == 2 ? "stereo" : f->layout->name, (int)f->n_frames);
}

/* What is the matter with a pair; owned by the caller, NULL: nothing. */
static char *finding(const struct pair *p) {
  char a[64], b[64];
  switch (p->state) {
  case PAIR_UNREADABLE: return memory_text(p->error, strlen(p->error));
  case PAIR_SHAPE:
    if (p->moved) return memory_print("the objects of B are at other places than those of A");
    shape_text(&p->of[0], a);
    shape_text(&p->of[1], b);
    return memory_print("A is %s; B is %s", a, b);
  case PAIR_DIFFERENT:
    return memory_print("first at channel %d, frame %d (from 0): %.9g in A, %.9g in B; %lld "
                        "samples differ", p->channel + 1, (int)p->frame, (double)p->value[0],
                        (double)p->value[1], (long long)p->n_different);
  default: return NULL;
  }
}

/* "-62.1", "-" for what was not measured, "silent" where one of the two is. */
static const char *number(double x, const char *format, char text[16]) {
  if (isnan(x)) return "-";
  if (!isfinite(x)) return "silent";
  if (fabs(x) < 0.005) x = 0; /* no "-0.00" */
  snprintf(text, 16, format, x);
  return text;
}

static void print_figures(const struct pair *p, FILE *out) {
  char peak[16], rms[16], lufs[16], true_peak[16], delta[16], band[32] = "-";
  const bool measured = p->state == PAIR_DIFFERENT || p->state == PAIR_SHAPE;
  const bool residual = p->state == PAIR_DIFFERENT;
  if (measured)
    snprintf(band, sizeof band, "%s at %.5g",
             number(p->band_delta_db[p->worst_band], "%+.2f", delta),
             band_centre_hz(p->worst_band));
  fprintf(out, "%8s %8s  %8s  %8s  %16s",
          number(residual ? p->residual_peak_db : NAN, "%.1f", peak),
          number(residual ? p->residual_rms_db : NAN, "%.1f", rms),
          number(measured ? p->lufs_delta : NAN, "%+.2f", lufs),
          number(measured ? p->true_peak_delta_db : NAN, "%+.2f", true_peak), band);
}

static void print_totals(const struct comparison *c, FILE *out) {
  int count[PAIR_IDENTICAL + 1] = {0}, within = 0;
  for (int i = 0; i < c->n; i++) {
    const struct pair *p = &c->pairs[i];
    if (p->state == PAIR_DIFFERENT && !p->beyond) within++;
    else count[p->state]++;
  }
  fprintf(out, "%d pairs: %d identical, %d different within limits, %d different, %d of another "
          "shape, %d only in A, %d only in B, %d unreadable\n", c->n, count[PAIR_IDENTICAL],
          within, count[PAIR_DIFFERENT], count[PAIR_SHAPE], count[PAIR_ONLY_A],
          count[PAIR_ONLY_B], count[PAIR_UNREADABLE]);
}

static void print_table(const struct comparison *c, bool quiet, FILE *out) {
  fprintf(out, "%-13s  %17s  %8s  %8s  %16s\n", "", "residual dBFS", "loudness", "true peak",
          "largest octave");
  fprintf(out, "%-13s  %8s %8s  %8s  %8s  %16s  %s\n", "", "peak", "rms", "LU", "dB", "dB at Hz",
          "file");
  for (int i = 0; i < c->n; i++) {
    const struct pair *p = &c->pairs[i];
    if (quiet && p->state == PAIR_IDENTICAL) continue;
    char *text = finding(p);
    fprintf(out, "%-13s  ", state_name(p));
    print_figures(p, out);
    fprintf(out, "  %s\n", p->name);
    if (text) fprintf(out, "%15s%s\n", "", text);
    free(text);
  }
  print_totals(c, out);
}

/* ---- JSON ---- */

static json_t *real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *bands_json(const double db[BANDS]) {
  json_t *list = json_array();
  for (int i = 0; i < BANDS; i++) json_array_append_new(list, real(db[i]));
  return list;
}

static json_t *side_json(const struct pair *p, int side) {
  const struct pair_figures *f = &p->of[side];
  json_t *json = json_pack("{s:i, s:i, s:s, s:i, s:i, s:b}", "rate_hz", f->rate_hz, "channels",
                           f->layout->channels, "layout", f->layout->name, "frames",
                           (int)f->n_frames, "bits", f->bits, "float", (int)f->is_float);
  if (p->state == PAIR_IDENTICAL) return json;
  json_object_set_new(json, "loudness_lufs", real(f->lufs));
  json_object_set_new(json, "true_peak_dbtp", real(f->true_peak_dbtp));
  json_object_set_new(json, "octaves_db", bands_json(f->band_db));
  return json;
}

static void add_difference(const struct pair *p, json_t *line) {
  json_object_set_new(line, "first_difference",
                      json_pack("{s:i, s:i, s:f, s:f}", "channel", (int)p->channel + 1, "frame",
                                (int)p->frame, "a", (double)p->value[0], "b",
                                (double)p->value[1]));
  json_object_set_new(line, "samples_different", json_integer(p->n_different));
  json_object_set_new(line, "residual_peak_dbfs", real(p->residual_peak_db));
  json_object_set_new(line, "residual_rms_dbfs", real(p->residual_rms_db));
}

static void print_json(const struct pair *p, FILE *out) {
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(p->name));
  json_object_set_new(line, "state", json_string(state_name(p)));
  json_object_set_new(line, "beyond_limits", json_boolean(p->beyond));
  if (p->error) json_object_set_new(line, "error", settings_json_text(p->error));
  if (p->state >= PAIR_SHAPE) {
    json_object_set_new(line, "a", side_json(p, 0));
    json_object_set_new(line, "b", side_json(p, 1));
  }
  if (p->state == PAIR_DIFFERENT) add_difference(p, line);
  if (p->state == PAIR_DIFFERENT || p->state == PAIR_SHAPE) {
    json_object_set_new(line, "loudness_delta_lu", real(p->lufs_delta));
    json_object_set_new(line, "true_peak_delta_db", real(p->true_peak_delta_db));
    json_object_set_new(line, "octave_deltas_db", bands_json(p->band_delta_db));
  }
  json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
  fputc('\n', out);
  json_decref(line);
}

void compare_print(const struct comparison *c, const struct compare_options *options, FILE *out) {
  if (!options->json) {
    print_table(c, options->quiet, out);
    return;
  }
  for (int i = 0; i < c->n; i++)
    if (!options->quiet || c->pairs[i].state != PAIR_IDENTICAL) print_json(&c->pairs[i], out);
}

/* ---- JUnit ---- */

static char *failure_text(const struct pair *p) {
  char *what = finding(p), *text;
  if (p->state == PAIR_DIFFERENT)
    text = memory_print("residual peak %.1f dBFS, rms %.1f dBFS, loudness %+.2f LU, true peak "
                        "%+.2f dB, octave at %.5g Hz %+.2f dB; %s", p->residual_peak_db,
                        p->residual_rms_db, p->lufs_delta, p->true_peak_delta_db,
                        band_centre_hz(p->worst_band), p->band_delta_db[p->worst_band], what);
  else text = memory_print("%s%s%s", state_name(p), what ? ": " : "", what ? what : "");
  free(what);
  return text;
}

enum status compare_write_junit(const struct comparison *c, const char *path,
                                struct failure *why) {
  struct junit *junit = junit_open(path, "lacquer compare");
  for (int i = 0; i < c->n; i++) {
    char *text = c->pairs[i].beyond ? failure_text(&c->pairs[i]) : NULL;
    junit_case(junit, c->pairs[i].name, text);
    free(text);
  }
  return junit_close(&junit, why);
}
