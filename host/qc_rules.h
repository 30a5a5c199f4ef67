/* SPDX-License-Identifier: MIT
 * The rules of quality control: one row each, and what a file's figures make of them. qc.md has
 * the limits with their sources. */
#ifndef LACQUER_QC_RULES_H
#define LACQUER_QC_RULES_H
#include "qc_sync.h"

struct qc_companion { /* a stereo file that belongs to the one that is looked at */
  char *path;         /* owned */
  bool same_source;   /* both were rendered from the same samples */
  bool is_binaural;   /* for headphones: late by what a head and its filters take */
  enum status status; /* of reading it; then */
  char *error;        /* owned */
  int rate_hz, bits, channels;
  char format[32];
  int32_t n_frames;
  int32_t first_sound, end_sound; /* equal: silence */
  struct qc_loudness loudness;
  struct qc_sync sync;
};
struct qc_file { /* what is known of a file */
  char *path;         /* owned */
  enum status status; /* of reading it; then */
  char *error;        /* owned */
  struct qc_source source;
  struct qc_scene scene;
  struct qc_measured measured;
  struct qc_companion *companions; /* owned */
  int n_companions;
  struct qc_result *results;       /* by rule; owned */
};

enum qc_sense { QC_MOST, QC_LEAST, QC_IS };
enum qc_severity { QC_OK, QC_NOTE, QC_WARNING, QC_ERROR };
extern const char *const qc_severity_names[]; /* "ok", "note", "warning", "error" */
struct qc_asking;
struct qc_rule {
  const char *name, *unit;
  enum qc_sense sense;       /* of the limit */
  double limit;
  enum qc_severity severity; /* of what is beyond it */
  const char *help, *source;
  void (*look)(const struct qc_file *file, struct qc_asking *asking); /* NULL: a setting */
};
extern const struct qc_rule qc_rules[]; /* closed by name NULL */
int qc_n_rules(void);

enum { QC_MOST_TEXTS = 8 };
struct qc_result { /* of a rule */
  enum qc_severity state;
  int n_values, n_beyond; /* n_values 0: nothing that it applies to */
  double worst;           /* value */
  double limit;           /* as asked; NAN: not held against one */
  char *texts[QC_MOST_TEXTS]; /* owned; of the first values beyond it: what and where */
};

/* Limits by rule, as the table has them. The caller frees. */
double *qc_limits_new(void);
/* "NAME=VALUE", or "NAME=off". STATUS_USAGE: no such rule, or no number. */
enum status qc_limit_set(double *limits, const char *text, struct failure *why);
struct qc_settings qc_settings_of(const double *limits);

/* Holds the file against all rules: fills in file->results. */
void qc_judge(struct qc_file *file, const double *limits);
enum qc_severity qc_verdict(const struct qc_file *file); /* the worst of them */
void qc_results_free(struct qc_file *file);

/* ---- for the rows ---- */

/* One value of a rule; the text says where it is, and stands only where it is beyond. */
__attribute__((format(printf, 3, 4)))
void qc_ask(struct qc_asking *asking, double value, const char *format, ...);
/* The same, where it is worse than the row says: an error. */
__attribute__((format(printf, 3, 4)))
void qc_ask_error(struct qc_asking *asking, double value, const char *format, ...);
double qc_setting(const struct qc_asking *asking, const char *name);
/* "track 11 (Voice)", "channel 4 (LFE)" */
enum { QC_WHERE_SIZE = 160 };
const char *qc_where(const struct qc_file *file, int track, char text[QC_WHERE_SIZE]);

/* Up to three decimals, no zeros behind them; or "-inf". */
enum { QC_NUMBER_SIZE = 352 };
const char *qc_number(double x, char text[QC_NUMBER_SIZE]);

/* Looks at the scene and its metadata: qc_rules_scene.c. */
void qc_look_tracks(const struct qc_file *f, struct qc_asking *a);
void qc_look_objects(const struct qc_file *f, struct qc_asking *a);
void qc_look_bed_tracks(const struct qc_file *f, struct qc_asking *a);
void qc_look_profile(const struct qc_file *f, struct qc_asking *a);
void qc_look_length(const struct qc_file *f, struct qc_asking *a);
void qc_look_object_length(const struct qc_file *f, struct qc_asking *a);
void qc_look_position(const struct qc_file *f, struct qc_asking *a);
void qc_look_binaural_unset(const struct qc_file *f, struct qc_asking *a);
void qc_look_binaural_off(const struct qc_file *f, struct qc_asking *a);
void qc_look_binaural_mid(const struct qc_file *f, struct qc_asking *a);
void qc_look_frame_rate(const struct qc_file *f, struct qc_asking *a);
void qc_look_first_action(const struct qc_file *f, struct qc_asking *a);
void qc_look_downmix(const struct qc_file *f, struct qc_asking *a);
void qc_look_trims(const struct qc_file *f, struct qc_asking *a);
/* Looks at stereo companions: qc_rules_sync.c. */
void qc_look_sync_found(const struct qc_file *f, struct qc_asking *a);
void qc_look_sync_start(const struct qc_file *f, struct qc_asking *a);
void qc_look_sync_exact(const struct qc_file *f, struct qc_asking *a);
void qc_look_sync_drift(const struct qc_file *f, struct qc_asking *a);
void qc_look_sync_polarity(const struct qc_file *f, struct qc_asking *a);
void qc_look_sync_sides(const struct qc_file *f, struct qc_asking *a);
void qc_look_head(const struct qc_file *f, struct qc_asking *a);
void qc_look_duration(const struct qc_file *f, struct qc_asking *a);
void qc_look_duration_exact(const struct qc_file *f, struct qc_asking *a);
#endif
