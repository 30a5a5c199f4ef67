/* SPDX-License-Identifier: MIT
 * See matching.h. */
#include "matching.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "decode.h"
#include "eq.h"
#include "memory.h"
#include "param_values.h"
#include "settings.h"

/* ---- measured files ---- */

struct reference {
  char *path;
  struct failure failure; /* status: it could not be measured */
  struct ltas ltas;
  char sha256[HASH_TEXT_SIZE];
  struct source_file file; /* as it was before it was read */
  struct reference *next;
};
struct references {
  pthread_mutex_t lock;
  struct reference *first;
};

struct references *references_create(void) {
  struct references *references = memory_new(1, sizeof *references);
  pthread_mutex_init(&references->lock, NULL);
  return references;
}

void references_destroy(struct references **references) {
  if (!*references) return;
  for (struct reference *r = (*references)->first, *next; r; r = next) {
    next = r->next;
    ltas_free(&r->ltas);
    free(r->path);
    free(r);
  }
  pthread_mutex_destroy(&(*references)->lock);
  free(*references);
  *references = NULL;
}

static struct reference *measure(const char *path) {
  struct reference *r = memory_new(1, sizeof *r);
  struct audio audio;
  struct failure why = {0};
  r->path = memory_text(path, strlen(path));
  enum status status = source_file_stat(path, "", &r->file, &why);
  if (!status) status = decode_file(path, &audio, &why);
  if (status) {
    fail(&r->failure, status, "match reference: %s", why.text);
    return r;
  }
  status = ltas_measure(&audio, &r->ltas, &why);
  if (status) fail(&r->failure, status, "match reference: %s: %s", path, why.text);
  memcpy(r->sha256, audio.sha256, sizeof r->sha256);
  audio_free(&audio);
  return r;
}

/* Under the lock: the one who needs a file waits for the one who measures it. */
static const struct reference *find_or_measure(struct references *references, const char *path) {
  pthread_mutex_lock(&references->lock);
  struct reference *r = references->first;
  while (r && strcmp(r->path, path)) r = r->next;
  if (!r) {
    r = measure(path);
    r->next = references->first;
    references->first = r;
  }
  pthread_mutex_unlock(&references->lock);
  return r;
}

/* ---- a track ---- */

const struct match_params *chain_match(const struct chain *chain) {
  for (int i = 0; i < chain->n_stages; i++)
    if (chain->stages[i].stage == &stage_match)
      return stage_match.neutral(chain->stages[i].params) ? NULL : chain->stages[i].params;
  return NULL;
}

char *match_path(const struct manifest *manifest, const struct match_reference *reference) {
  return manifest_beside(manifest->path, reference->path);
}

enum status references_present(const struct manifest *manifest, const struct track *track,
                               struct failure *why) {
  const struct match_params *match = chain_match(&track->chain);
  enum status status = STATUS_OK;
  for (int i = 0; match && i < match->n_references && !status; i++) {
    char *path = match_path(manifest, &match->references[i]);
    if (access(path, R_OK))
      status = fail(why, STATUS_NO_INPUT, "%s:%d: match reference %s: %s", track->file,
                    track->line, path, strerror(errno));
    free(path);
  }
  return status;
}

bool match_files(const struct manifest *manifest, const struct match_params *params,
                 struct source_file file[MATCH_REFERENCES]) {
  bool found = true;
  for (int i = 0; i < params->n_references && found; i++) {
    char *path = match_path(manifest, &params->references[i]);
    found = !source_file_stat(path, "", &file[i], NULL);
    free(path);
  }
  return found;
}

enum status match_track(struct references *references, const struct manifest *manifest,
                        const struct match_params *params, const struct audio *source,
                        struct matched *out, struct failure *why) {
  const struct ltas *ltas[MATCH_REFERENCES];
  struct ltas own;
  struct failure reason = {0};
  *out = (struct matched){.params = params};
  for (int i = 0; i < params->n_references; i++) {
    char *path = match_path(manifest, &params->references[i]);
    const struct reference *r = find_or_measure(references, path);
    free(path);
    if (r->failure.status) return fail(why, r->failure.status, "%s", r->failure.text);
    memcpy(out->sha256[i], r->sha256, sizeof r->sha256);
    out->file[i] = r->file;
    ltas[i] = &r->ltas;
  }
  if (ltas_measure(source, &own, &reason))
    return fail(why, reason.status, "cannot be matched: %s", reason.text);
  match_design(params, &own, ltas, &out->curves);
  ltas_free(&own);
  return STATUS_OK;
}

/* ---- the EQ ---- */

/* With the defaults of a band, so that the settings are those of the bands as told. */
static void add_curve(struct eq_params *eq, int target, const double gain_db[MATCH_POINTS]) {
  const struct param_row *row = stage_eq.rows;
  struct eq_band *band = &eq->bands[eq->n_bands++];
  while (strcmp(row->name, "bands")) row++;
  params_init(row->items, band);
  band->type = EQ_CURVE;
  band->target = target;
  band->n_points = MATCH_POINTS;
  for (int i = 0; i < MATCH_POINTS; i++)
    band->points[i] = (struct pchip_point){match_frequency_hz(i), gain_db[i]};
}

static void fill_eq(const struct matched *matched, struct eq_params *eq) {
  const bool apart = matched->params->channels == MATCH_MID_SIDE;
  eq->phase = matched->params->phase;
  add_curve(eq, apart ? EQ_MID : EQ_STEREO, matched->curves.gain_db);
  if (apart) add_curve(eq, EQ_SIDE, matched->curves.side_db);
}

struct chain matched_chain(const struct chain *chain, const struct matched *matched) {
  struct chain copy = chain_copy(chain);
  for (int i = 0; i < copy.n_stages; i++) {
    struct chain_stage *s = &copy.stages[i];
    if (s->stage != &stage_match) continue;
    stage_params_destroy(s->stage, &s->params);
    *s = (struct chain_stage){&stage_eq, stage_params_new(&stage_eq)};
    fill_eq(matched, s->params);
  }
  return copy;
}

/* ---- told ---- */

static json_t *curve_json(const struct eq_band *band) {
  json_t *points = json_array();
  for (int i = 0; i < band->n_points; i++)
    json_array_append_new(points, json_pack("{s:f, s:f}", "freq", band->points[i].freq_hz, "gain",
                                            band->points[i].value));
  return json_pack("{s:s, s:s, s:o}", "type", "curve", "target", linear_targets[band->target],
                   "points", points);
}

json_t *matched_json(const struct matched *matched) {
  const struct match_params *p = matched->params;
  struct eq_params *eq = stage_params_new(&stage_eq);
  json_t *references = json_array(), *bands = json_array();
  for (int i = 0; i < p->n_references; i++)
    json_array_append_new(
        references, json_pack("{s:o, s:f, s:s}", "path", settings_json_text(p->references[i].path),
                              "weight", p->references[i].weight, "audio_sha256",
                              matched->sha256[i]));
  fill_eq(matched, eq);
  for (int i = 0; i < eq->n_bands; i++) json_array_append_new(bands, curve_json(&eq->bands[i]));
  free(eq);
  return json_pack("{s:o, s:{s:s, s:o}}", "references", references, "eq", "phase",
                   linear_phases[p->phase], "bands", bands);
}
