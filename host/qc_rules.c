/* SPDX-License-Identifier: MIT
 * See qc_rules.h: the table, the looks at sound and levels, and the verdict. */
#include "qc_rules.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

const char *const qc_severity_names[] = {"ok", "note", "warning", "error", NULL};

struct qc_asking {
  const struct qc_rule *rule;
  const double *limits; /* of all rules */
  struct qc_result *result;
};

/* ---- looks at the sound ---- */

static bool is_multichannel(const struct qc_file *f) { return f->source.channels > 2; }

static void look_rate(const struct qc_file *f, struct qc_asking *a) {
  if (is_multichannel(f) || f->source.adm) qc_ask(a, f->source.rate_hz, "the file");
}

static void look_bits(const struct qc_file *f, struct qc_asking *a) {
  if (is_multichannel(f) || f->source.adm) qc_ask(a, f->source.bits, "the file");
}

static double seconds(const struct qc_file *f, int32_t first, int32_t end) {
  return (double)(end - first) / f->source.rate_hz;
}

static void look_silence(const struct qc_file *f, struct qc_asking *a) {
  qc_ask(a, seconds(f, f->measured.first_sound, f->measured.end_sound),
         "nothing in the file is above %g dBFS", qc_setting(a, "silence_dbfs"));
}

static double heard(const struct qc_file *f, int track) {
  const struct qc_track *t = &f->measured.tracks[track];
  return seconds(f, t->first_sound, t->end_sound);
}

static void look_silent_objects(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int i = 0; i < f->scene.n; i++) {
    const struct qc_voice *v = &f->scene.voices[i];
    if (v->is_bed) continue;
    qc_ask(a, heard(f, v->track), "%s: object %s peaks at %.1f dBFS",
           qc_where(f, v->track, where), v->object, f->measured.tracks[v->track].peak_dbfs);
  }
}

/* Channels of a bed that mirror each other: both silent is padding, one is a fault. */
static void look_lone_channels(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int i = 0; i < f->scene.n; i++)
    for (int k = i + 1; k < f->scene.n; k++) {
      const struct qc_voice *v = &f->scene.voices[i], *w = &f->scene.voices[k];
      if (!v->is_bed || !w->is_bed || v->is_lfe || w->is_lfe || v->i_object != w->i_object)
        continue;
      if (v->position[0] == 0 || v->position[0] != -w->position[0] ||
          v->position[1] != w->position[1] || v->position[2] != w->position[2])
        continue;
      const double one = heard(f, v->track), other = heard(f, w->track);
      if (one > 0 || other > 0)
        qc_ask(a, fmin(one, other), "%s is silent, the other side is not",
               qc_where(f, other < one ? w->track : v->track, where));
    }
}

static void look_peak(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int c = 0; c < f->source.channels; c++)
    qc_ask(a, f->measured.tracks[c].peak_dbfs, "%s", qc_where(f, c, where));
}

static void look_clipped(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int c = 0; c < f->source.channels; c++) {
    const struct qc_track *t = &f->measured.tracks[c];
    qc_ask(a, (double)t->n_clipped, "%s, first at %.3f s", qc_where(f, c, where),
           seconds(f, 0, t->first_clipped));
  }
}

static void look_dc(const struct qc_file *f, struct qc_asking *a) {
  char where[QC_WHERE_SIZE];
  for (int c = 0; c < f->source.channels; c++)
    qc_ask(a, f->measured.tracks[c].dc_dbfs, "%s", qc_where(f, c, where));
}

/* `corner`: of qc_lfe_corners. */
static void look_lfe(const struct qc_file *f, struct qc_asking *a, int corner) {
  char where[QC_WHERE_SIZE];
  for (int c = 0; c < f->source.channels; c++) {
    const struct qc_track *t = &f->measured.tracks[c];
    if (!t->is_lfe) continue;
    const bool silent = t->above_dbfs[corner] < qc_setting(a, "silence_dbfs");
    qc_ask(a, silent ? -HUGE_VAL : t->above_db[corner],
           "%s: %.1f dBFS RMS above %g Hz", qc_where(f, c, where), t->above_dbfs[corner],
           qc_setting(a, "lfe_corner_hz") * qc_lfe_corners[corner]);
  }
}
static void look_lfe_full_range(const struct qc_file *f, struct qc_asking *a) {
  look_lfe(f, a, 2);
}
static void look_lfe_corner(const struct qc_file *f, struct qc_asking *a) { look_lfe(f, a, 1); }

static const struct qc_loudness *surround_of(const struct qc_file *f) {
  return f->measured.surround.layout ? &f->measured.surround : NULL;
}

static const char *surround_name(const struct qc_file *f) {
  return f->scene.native == f->measured.surround.layout ? "5.1"
                                                        : "render to 5.1 (BS.2127), an estimate";
}

/* In the tenths that meters show and specifications mean. */
static void look_loudness(const struct qc_file *f, struct qc_asking *a) {
  const struct qc_loudness *l = surround_of(f);
  if (l) qc_ask(a, nearbyint(10 * l->figures.integrated_lufs) / 10, "%s", surround_name(f));
}

static void look_true_peak(const struct qc_file *f, struct qc_asking *a) {
  const struct qc_loudness *l = surround_of(f);
  if (l) qc_ask(a, l->true_peak_dbtp, "%s", surround_name(f));
}

/* ---- the table ---- */

#define MUSIC "Atmos music: Dolby, UMG, Apple"
#define PROFILE "Dolby Atmos Master ADM profile"
#define MINE "lacquer"

const struct qc_rule qc_rules[] = {
    /* settings of the measurement */
    {"silence_dbfs", "dBFS", QC_IS, -80, QC_OK, "samples not above it are silence", MINE, NULL},
    {"lfe_corner_hz", "Hz", QC_IS, 120, QC_OK,
     "corner of the LFE's low pass (UMG: 100 to 150)", "BS.775, BS.2051", NULL},
    /* the file */
    {"rate", "Hz", QC_IS, 48000, QC_WARNING, "sample rate", MUSIC, look_rate},
    {"bits", "bits", QC_LEAST, 24, QC_WARNING, "word length", MUSIC, look_bits},
    {"profile", "departures", QC_MOST, 0, QC_ERROR, "departures from the profile", PROFILE,
     qc_look_profile},
    {"tracks", "tracks", QC_MOST, 128, QC_ERROR, "tracks of a master", PROFILE, qc_look_tracks},
    {"objects", "objects", QC_MOST, 118, QC_ERROR, "objects beside the beds", PROFILE,
     qc_look_objects},
    {"bed_tracks", "tracks", QC_LEAST, 10, QC_NOTE, "tracks of the first bed: 7.1.2, as other "
     "tools expect it", "reports of users of other tools", qc_look_bed_tracks},
    {"length", "ms", QC_MOST, 0.03, QC_ERROR, "difference of programme and audio", PROFILE,
     qc_look_length},
    {"object_length", "ms", QC_MOST, 0.03, QC_WARNING, "difference of an object and the audio",
     PROFILE, qc_look_object_length},
    {"position", "", QC_MOST, 1, QC_ERROR, "largest coordinate of an object", "BS.2076",
     qc_look_position},
    /* the sound */
    {"silence", "s", QC_LEAST, 0.001, QC_ERROR, "from the first sound to the last one", MINE,
     look_silence},
    {"silent_object", "s", QC_LEAST, 0.001, QC_WARNING, "from an object's first sound to its last "
     "one", MINE, look_silent_objects},
    {"lone_channel", "s", QC_LEAST, 0.001, QC_WARNING, "sound of a bed's channel whose other side "
     "is heard", MINE, look_lone_channels},
    {"peak", "dBFS", QC_MOST, 0, QC_ERROR, "sample peak of a track", MINE, look_peak},
    {"clipped", "samples", QC_MOST, 0, QC_WARNING, "three or more in a row at full scale", MINE,
     look_clipped},
    {"dc", "dBFS", QC_MOST, -60, QC_WARNING, "mean of a track", MINE, look_dc},
    {"lfe_full_range", "dB", QC_MOST, -30, QC_ERROR, "energy of the LFE above four times its "
     "corner", "Apple; the figure: lacquer", look_lfe_full_range},
    {"lfe_corner", "dB", QC_MOST, -14, QC_WARNING, "energy of the LFE above 1.25 times its corner",
     "UMG; the figure: lacquer", look_lfe_corner},
    {"loudness", "LKFS", QC_MOST, -18, QC_ERROR, "integrated loudness in 5.1, BS.1770-4", MUSIC,
     look_loudness},
    {"true_peak", "dBTP", QC_MOST, -1, QC_ERROR, "true peak in 5.1", MUSIC, look_true_peak},
    /* dbmd */
    {"binaural_unset", "tracks", QC_MOST, 0, QC_WARNING, "tracks without a binaural mode",
     "Dolby", qc_look_binaural_unset},
    {"binaural_off", "tracks", QC_LEAST, 1, QC_WARNING, "tracks whose binaural mode is not off",
     "UMG", qc_look_binaural_off},
    {"binaural_mid", "tracks", QC_LEAST, 1, QC_WARNING, "tracks whose binaural mode is not mid",
     "UMG", qc_look_binaural_mid},
    {"frame_rate", "fps", QC_IS, 24, QC_WARNING, "frame rate of the metadata", "UMG",
     qc_look_frame_rate},
    {"first_action", "", QC_MOST, 0, QC_NOTE, "a first frame of action is set", "UMG",
     qc_look_first_action},
    {"downmix", "", QC_MOST, 0, QC_NOTE, "5.1 downmix other than direct render", "UMG",
     qc_look_downmix},
    {"trims", "layouts", QC_MOST, 0, QC_NOTE, "trims other than 0 dB by hand", "UMG",
     qc_look_trims},
    /* stereo companions */
    {"sync_found", "of 1", QC_LEAST, 0.5, QC_ERROR, "share of the windows that agree about the "
     "companion's place", MINE, qc_look_sync_found},
    {"sync_start", "ms", QC_MOST, 20.834, QC_ERROR, "offset of the companion: 1000 samples at "
     "48 kHz", "Apple: gapless boundaries", qc_look_sync_start},
    {"sync_exact", "frames", QC_MOST, 0, QC_WARNING, "offset of the companion; an error where "
     "both were rendered from the same samples", MINE, qc_look_sync_exact},
    {"sync_drift", "frames", QC_MOST, 1, QC_ERROR, "change of the offset from start to end", MINE,
     qc_look_sync_drift},
    {"sync_polarity", "channels", QC_MOST, 0, QC_ERROR, "channels of the companion that are "
     "inverted", MINE, qc_look_sync_polarity},
    {"sync_sides", "", QC_MOST, 0, QC_ERROR, "left and right of the companion are exchanged", MINE,
     qc_look_sync_sides},
    {"head", "ms", QC_MOST, 41.667, QC_WARNING, "difference of the silence before the first "
     "sound: one frame of 24 fps", "Dolby", qc_look_head},
    {"duration", "ms", QC_MOST, 50, QC_ERROR, "difference of the durations",
     "Apple; Dolby: a frame, 41.7", qc_look_duration},
    {"duration_exact", "frames", QC_MOST, 0, QC_WARNING, "the same; an error where both were "
     "rendered from the same samples", MINE, qc_look_duration_exact},
    {NULL, NULL, QC_IS, 0, QC_OK, NULL, NULL, NULL},
};

int qc_n_rules(void) {
  int n = 0;
  while (qc_rules[n].name) n++;
  return n;
}

/* ---- limits ---- */

double *qc_limits_new(void) {
  const int n = qc_n_rules();
  double *limits = memory_new((size_t)n, sizeof *limits);
  for (int i = 0; i < n; i++) limits[i] = qc_rules[i].limit;
  return limits;
}

static bool limit_set(double *limits, const char *text) {
  const char *equals = strchr(text, '=');
  for (int i = 0; equals && qc_rules[i].name; i++) {
    const size_t n = strlen(qc_rules[i].name);
    char *end;
    if ((size_t)(equals - text) != n || strncmp(text, qc_rules[i].name, n)) continue;
    const bool off = !strcmp(equals + 1, "off") && qc_rules[i].look;
    limits[i] = off ? NAN : strtod(equals + 1, &end);
    if (off) return true;
    if (end == equals + 1 || *end || !isfinite(limits[i])) return false;
    return strcmp(qc_rules[i].name, "lfe_corner_hz") || (limits[i] >= 20 && limits[i] <= 1000);
  }
  return false;
}

enum status qc_limit_set(double *limits, const char *text, struct failure *why) {
  if (limit_set(limits, text)) return STATUS_OK;
  char names[600] = "";
  size_t used = 0;
  for (int i = 0; qc_rules[i].name && used < sizeof names; i++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                             qc_rules[i].name);
  return fail(why, STATUS_USAGE, "--limit %.40s: expected NAME=VALUE, or NAME=off; names: %s", text,
              names);
}

static double limit_of(const double *limits, const char *name) {
  for (int i = 0; qc_rules[i].name; i++)
    if (!strcmp(qc_rules[i].name, name)) return limits[i];
  return NAN;
}

struct qc_settings qc_settings_of(const double *limits) {
  return (struct qc_settings){limit_of(limits, "silence_dbfs"), limit_of(limits, "lfe_corner_hz")};
}

double qc_setting(const struct qc_asking *a, const char *name) {
  return limit_of(a->limits, name);
}

/* ---- the verdict ---- */

const char *qc_where(const struct qc_file *f, int track, char text[QC_WHERE_SIZE]) {
  const struct qc_voice *v = NULL;
  for (int i = 0; i < f->scene.n && !v; i++)
    if (f->scene.voices[i].track == track) v = &f->scene.voices[i];
  const char *name = !v ? "of no object" : v->is_bed ? v->label : v->name;
  snprintf(text, QC_WHERE_SIZE, "%s %d (%s)", f->source.adm ? "track" : "channel", track + 1,
           name);
  return text;
}

const char *qc_number(double x, char text[QC_NUMBER_SIZE]) {
  if (!isfinite(x)) return x < 0 ? "-inf" : "inf";
  int n = snprintf(text, QC_NUMBER_SIZE, "%.3f", fabs(x) < 0.0005 ? 0 : x);
  while (n > 1 && text[n - 1] == '0') text[--n] = 0;
  if (text[n - 1] == '.') text[n - 1] = 0;
  return text;
}

static bool is_beyond(const struct qc_rule *rule, double value, double limit) {
  switch (rule->sense) {
  case QC_MOST: return value > limit;
  case QC_LEAST: return value < limit;
  case QC_IS: return value != limit;
  }
  return true;
}

static bool is_worse(const struct qc_rule *rule, double value, const struct qc_result *r) {
  if (!r->n_values) return true;
  switch (rule->sense) {
  case QC_MOST: return value > r->worst;
  case QC_LEAST: return value < r->worst;
  case QC_IS: return fabs(value - r->limit) > fabs(r->worst - r->limit);
  }
  return false;
}

static void answer(struct qc_asking *a, double value, enum qc_severity severity,
                   const char *format, va_list args) {
  struct qc_result *r = a->result;
  char text[512];
  const char *unit = a->rule->unit;
  char number[QC_NUMBER_SIZE];
  if (is_worse(a->rule, value, r)) r->worst = value;
  r->n_values++;
  if (isnan(r->limit) || !is_beyond(a->rule, value, r->limit)) return;
  if (severity > r->state) r->state = severity;
  if (r->n_beyond++ >= QC_MOST_TEXTS) return;
  vsnprintf(text, sizeof text, format, args);
  r->texts[r->n_beyond - 1] =
      memory_print("%s%s%s: %s", qc_number(value, number), *unit ? " " : "", unit, text);
}

void qc_ask(struct qc_asking *a, double value, const char *format, ...) {
  va_list args;
  va_start(args, format);
  answer(a, value, a->rule->severity, format, args);
  va_end(args);
}

void qc_ask_error(struct qc_asking *a, double value, const char *format, ...) {
  va_list args;
  va_start(args, format);
  answer(a, value, QC_ERROR, format, args);
  va_end(args);
}

void qc_judge(struct qc_file *f, const double *limits) {
  f->results = memory_new((size_t)qc_n_rules(), sizeof *f->results);
  for (int i = 0; qc_rules[i].name; i++) {
    f->results[i].limit = limits[i];
    struct qc_asking asking = {&qc_rules[i], limits, &f->results[i]};
    if (qc_rules[i].look) qc_rules[i].look(f, &asking);
  }
}

enum qc_severity qc_verdict(const struct qc_file *f) {
  enum qc_severity worst = f->status ? QC_ERROR : QC_OK;
  for (int i = 0; i < f->n_companions; i++)
    if (f->companions[i].status) worst = QC_ERROR;
  for (int i = 0; f->results && qc_rules[i].name; i++)
    if (f->results[i].state > worst) worst = f->results[i].state;
  return worst;
}

void qc_results_free(struct qc_file *f) {
  for (int i = 0; f->results && i < qc_n_rules(); i++)
    for (int k = 0; k < QC_MOST_TEXTS; k++) free(f->results[i].texts[k]);
  free(f->results);
  f->results = NULL;
}
