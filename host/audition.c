/* SPDX-License-Identifier: MIT
 * See audition.h. */
#include "audition.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "encode.h"
#include "manifest.h"
#include "memory.h"
#include "publish.h"

/* One file in the making. */
struct sheet {
  const struct audition *a;
  float *x;      /* interleaved; room for the longest file */
  float *after;  /* interleaved: the deliverable */
  json_t *files; /* by kind */
};

static void deliverable_as_float(const struct audition *a, float *x) {
  const size_t n = (size_t)a->n_frames * (size_t)a->layout->channels;
  if (a->is_float) memcpy(x, a->pcm, n * sizeof *x);
  for (size_t i = 0; i < n && !a->is_float; i++) x[i] = (float)a->pcm[i] * 0x1p-31f;
}

/* x = gain * planar */
static void scaled(const struct audition *a, const float *const *planar, double gain_db,
                   float *x) {
  const float gain = (float)det_db_to_gain(gain_db);
  for (int c = 0; c < a->layout->channels; c++)
    for (int32_t i = 0; i < a->source_frames; i++)
      x[(size_t)i * (size_t)a->layout->channels + (size_t)c] = gain * planar[c][i];
}

/* x = after - x */
static void take_from_after(const struct sheet *s) {
  const size_t n = (size_t)s->a->n_frames * (size_t)s->a->layout->channels;
  for (size_t i = 0; i < n; i++) s->x[i] = s->after[i] - s->x[i];
}

static enum status write_file(const struct sheet *s, const char *kind, const float *x,
                              int rate_hz, int32_t n_frames, double gain_db,
                              struct failure *why) {
  char *name = memory_print("%s.%s.wav", s->a->name, kind);
  char *path = memory_print("%s/%s", s->a->folder, name);
  const struct deliverable file = {.path = path, .format = FILE_WAV, .bits = 32,
                                   .rate_hz = rate_hz, .channels = s->a->layout->channels,
                                   .layout = s->a->layout,
                                   .n_frames = n_frames,
                                   .pcm = (const int32_t *)(const void *)x};
  struct encoded encoded = {0};
  enum status status = encode_file(&file, &encoded, why);
  if (!status) status = publish_file(encoded.temp_path, path, why);
  encoded_discard(&encoded);
  json_object_set_new(s->files, kind,
                      json_pack("{s:s, s:i, s:i, s:f}", "file", name, "rate_hz", rate_hz,
                                "frames", (int)n_frames, "gain_db", gain_db));
  free(path);
  free(name);
  return status;
}

static json_t *number_or_null(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static enum status write_json(const struct sheet *s, bool residuals, struct failure *why) {
  const struct audition *a = s->a;
  json_t *root = json_pack("{s:i, s:s, s:O}", "lacquer_audition", 1, "deliverable", a->name,
                           "files", s->files);
  json_object_set_new(root, "source_lufs", number_or_null(a->source_lufs));
  json_object_set_new(root, "loudness_lufs", number_or_null(a->delivered_lufs));
  json_object_set_new(root, "drive_db", json_real(a->drive_db));
  if (!residuals)
    json_object_set_new(root, "note", json_string("no residuals: the deliverable has another "
                                                  "rate than its source"));
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
  char *path = memory_print("%s/%s.audition.json", a->folder, a->name);
  enum status status = text ? write_file_atomic(path, text, strlen(text), why)
                            : fail(why, STATUS_AGAIN, "%s: out of memory", path);
  free(path);
  free(text);
  json_decref(root);
  return status;
}

static enum status write_all(const struct sheet *s, struct failure *why) {
  const struct audition *a = s->a;
  const bool residuals = a->rate_hz == a->source_rate_hz && a->n_frames == a->source_frames;
  const double match_db = a->delivered_lufs - a->source_lufs;
  const double before_db = isfinite(match_db) ? match_db : 0; /* silence: as it is */
  deliverable_as_float(a, s->after);
  enum status status =
      write_file(s, "after", s->after, a->rate_hz, a->n_frames, 0, why);
  scaled(a, a->source, before_db, s->x);
  if (!status)
    status = write_file(s, "before", s->x, a->source_rate_hz, a->source_frames, before_db, why);
  if (!status && residuals) {
    take_from_after(s);
    status = write_file(s, "total_residual", s->x, a->rate_hz, a->n_frames, 0, why);
  }
  if (!status && residuals) {
    scaled(a, a->chain, a->drive_db, s->x);
    take_from_after(s);
    status = write_file(s, "limiter_residual", s->x, a->rate_hz, a->n_frames, 0, why);
  }
  return status ? status : write_json(s, residuals, why);
}

enum status audition_write(const struct audition *a, struct failure *why) {
  const size_t frames = (size_t)(a->n_frames > a->source_frames ? a->n_frames : a->source_frames);
  struct sheet s = {a, malloc(frames * (size_t)a->layout->channels * sizeof(float)),
                    malloc(frames * (size_t)a->layout->channels * sizeof(float)), json_object()};
  enum status status = s.x && s.after ? write_all(&s, why)
                                      : fail(why, STATUS_AGAIN, "%s: out of memory", a->name);
  json_decref(s.files);
  free(s.after);
  free(s.x);
  return status;
}
