/* SPDX-License-Identifier: MIT
 * See qc_fixture.h. */
#include "qc_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_fixture.h"

#define PI 3.14159265358979323846
enum { HEAD = 3 * QC_RATE / 10 };

/* ---- masters ---- */

static struct adm *scene(void) {
  struct adm *adm = adm_fixture_master(QC_OBJECTS, 400, QC_FRAMES);
  for (int i = 0; i < DBMD_TRIMS; i++) adm->dbmd.trims[i] = (struct dbmd_trim){0};
  for (int i = 0; i < adm->n_channels; i++) { /* objects are heard; the last one stands */
    struct adm_channel *c = &adm->channels[i];
    for (int b = 0; c->kind == ADM_OBJECTS && b < c->n_blocks; b++) {
      c->blocks[b].gain = 1;
      if (c->blocks[b].has & ADM_IMPORTANCE) c->blocks[b].importance = 10;
      if (i == adm->n_channels - 1)
        memcpy(c->blocks[b].position, (const double[]){-1, 1, 0}, sizeof c->blocks[b].position);
    }
  }
  return adm;
}

struct qc_master qc_master_make(uint64_t seed) {
  const struct fixture_shape shape = {QC_RATE, QC_TRACKS, QC_FRAMES - 2 * HEAD, 24};
  struct qc_master m = {scene(), QC_TRACKS, QC_RATE, 24, QC_FRAMES, {NULL}};
  int32_t *pcm = fixture_programme(&shape, seed);
  for (int c = 0; c < QC_TRACKS; c++) {
    m.pcm[c] = calloc(QC_FRAMES, sizeof **m.pcm);
    assert_non_null(m.pcm[c]);
    for (int32_t i = 0; i < shape.n_frames; i++) {
      const double x = 0.06 * 0x1p-31 * pcm[i * QC_TRACKS + c];
      const double fade = sin(PI * i / shape.n_frames);
      m.pcm[c][HEAD + i] = c == 3 ? 0.1 * fade * fade * sin(2 * PI * 40 / QC_RATE * i) : x;
    }
  }
  free(pcm);
  return m;
}

static int32_t word_of(double x, int bits) {
  const double most = ldexp(1, bits - 1);
  return (int32_t)fmax(-most, fmin(most - 1, floor(x * most + 0.5)));
}

static void write_frames(const struct qc_master *m, struct riff_writer *writer,
                         struct failure *why) {
  for (int32_t i = 0; i < m->n_frames && !why->status; i++) {
    unsigned char frame[QC_TRACKS * 4], *at = frame;
    for (int c = 0; c < m->n_tracks; c++) {
      const uint32_t word = (uint32_t)word_of(m->pcm[c][i], m->bits);
      for (int b = 0; b < m->bits; b += 8) *at++ = (unsigned char)(word >> b);
    }
    riff_samples(writer, frame, (size_t)(at - frame), why);
  }
}

void qc_master_write(const struct qc_master *m, enum adm_flavour flavour, const char *path) {
  const struct riff_format format = {m->n_tracks, m->rate_hz, m->bits};
  struct adm_chunks chunks;
  struct riff_writer writer;
  struct failure why = {0};
  if (adm_write(m->adm, flavour, path, &format, m->n_frames, &chunks, &why))
    fail_msg("%s", why.text);
  const struct riff_layout layout = adm_layout(&chunks, flavour, &format, m->n_frames);
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  assert_true(fd >= 0);
  if (!riff_begin(&writer, fd, path, &layout, &why)) write_frames(m, &writer, &why);
  if (why.status || riff_end(&writer, &why)) fail_msg("%s", why.text);
  assert_int_equal(close(fd), 0);
  adm_chunks_free(&chunks);
}

void qc_master_free(struct qc_master *m) {
  adm_destroy(&m->adm);
  for (int c = 0; c < QC_TRACKS; c++) free(m->pcm[c]);
}

/* ---- stereo ---- */

static void stereo_new(struct qc_stereo *s, int rate_hz, int32_t n_frames) {
  *s = (struct qc_stereo){rate_hz, n_frames, {calloc((size_t)n_frames, sizeof(double)),
                                              calloc((size_t)n_frames, sizeof(double))}};
  assert_true(s->pcm[0] && s->pcm[1]);
}

struct qc_stereo qc_stereo_of(const struct qc_master *m) {
  const double half = sqrt(0.5);
  struct qc_stereo s;
  stereo_new(&s, m->rate_hz, m->n_frames);
  for (int32_t i = 0; i < m->n_frames; i++)
    for (int c = 0; c < 2; c++)
      s.pcm[c][i] = m->pcm[c][i] + half * (m->pcm[2][i] + m->pcm[4 + c][i] + m->pcm[6 + c][i]) +
                    (c ? 0 : m->pcm[QC_TRACKS - 1][i]);
  return s;
}

void qc_stereo_cut(struct qc_stereo *s, int32_t at, int32_t n_frames) {
  struct qc_stereo out;
  stereo_new(&out, s->rate_hz, n_frames);
  for (int32_t i = 0; i < n_frames; i++)
    for (int c = 0; c < 2; c++)
      out.pcm[c][i] = at + i >= 0 && at + i < s->n_frames ? s->pcm[c][at + i] : 0;
  qc_stereo_free(s);
  *s = out;
}

static double between(const double *x, int32_t n, double at) {
  const int32_t i = (int32_t)floor(at);
  const double t = at - i;
  double p[4];
  for (int k = 0; k < 4; k++) p[k] = i - 1 + k >= 0 && i - 1 + k < n ? x[i - 1 + k] : 0;
  return p[1] + 0.5 * t * (p[2] - p[0] + t * (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3] +
                                              t * (3 * (p[1] - p[2]) + p[3] - p[0])));
}

void qc_stereo_resample(struct qc_stereo *s, double ratio, int rate_hz) {
  struct qc_stereo out;
  stereo_new(&out, rate_hz, (int32_t)floor(s->n_frames / ratio + 0.5));
  for (int32_t i = 0; i < out.n_frames; i++)
    for (int c = 0; c < 2; c++) out.pcm[c][i] = between(s->pcm[c], s->n_frames, i * ratio);
  qc_stereo_free(s);
  *s = out;
}

void qc_stereo_write(const struct qc_stereo *s, int sf_format, const char *path) {
  const struct fixture_shape shape = {s->rate_hz, 2, s->n_frames, 24};
  int32_t *pcm = malloc(sizeof *pcm * 2 * (size_t)s->n_frames);
  assert_non_null(pcm);
  for (int32_t i = 0; i < s->n_frames; i++)
    for (int c = 0; c < 2; c++) pcm[2 * i + c] = word_of(s->pcm[c][i], 24) * 256;
  fixture_write(path, sf_format, &shape, pcm);
  free(pcm);
}

void qc_stereo_free(struct qc_stereo *s) {
  free(s->pcm[0]);
  free(s->pcm[1]);
}

/* ---- runs ---- */

json_t *qc_json_of(const char *program, const char *const words[], int *status) {
  const char *argv[24] = {program, "qc", "--json"};
  for (int i = 0; words[i]; i++) argv[3 + i] = words[i];
  struct program_run run = run_words(argv);
  *status = run.status;
  if (!*run.out) fail_msg("exit status %d: %s", run.status, run.err);
  json_t *line = cli_json_line(run.out, 0);
  run_free(&run);
  return line;
}

static const json_t *rule_of(const json_t *line, const char *rule) {
  const json_t *rules = json_object_get(line, "rules");
  for (size_t i = 0; i < json_array_size(rules); i++) {
    const json_t *one = json_array_get(rules, i);
    if (!strcmp(json_string_value(json_object_get(one, "rule")), rule)) return one;
  }
  return NULL;
}

const char *qc_state(const json_t *line, const char *rule) {
  const json_t *one = rule_of(line, rule);
  return one ? json_string_value(json_object_get(one, "state")) : "idle";
}

double qc_worst(const json_t *line, const char *rule) {
  const json_t *one = rule_of(line, rule);
  if (!one) fail_msg("nothing falls under %s", rule);
  return json_number_value(json_object_get(one, "worst"));
}
