/* SPDX-License-Identifier: MIT
 * See incremental.h. */
#include "incremental.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adm.h"
#include "adm_file.h"
#include "deliver.h"
#include "memory.h"
#include "sndfile_write.h"
#include "track_source.h"

enum need { NEED_NOTHING, NEED_TAGS, NEED_RENDER };

/* A master that has its names from the one that was its source. */
static bool keeps_names(const struct plan *plan, const struct unit *unit, const struct receipt *r) {
  const struct layout *layout = receipt_layout(r);
  return *r->form && layout && !strcmp(layout->name, r->source.layout) &&
         adm_file_is(plan->manifest->tracks[unit->track].source);
}
/* A file that says more than its samples and tags: it is tagged anew in its own form alone. */
static bool says_more(const struct plan *plan, const struct unit *unit, const struct receipt *r) {
  const struct layout *layout = receipt_layout(r);
  return (layout && layout->n_objects) || keeps_names(plan, unit, r);
}
static bool same_form(const struct plan *plan, const struct unit *unit, const struct receipt *r) {
  const struct variant *v = &plan->manifest->variants[unit->variant];
  return !strcmp(r->form, v->format == FILE_ADM ? adm_file_form(v->adm) : "");
}

static enum need need_of(const struct plan *plan, const struct unit_plan *u,
                         const struct receipt *r) {
  struct stat s;
  if (strcmp(r->key, u->key) || stat(u->unit->path, &s) || s.st_size != r->file_bytes)
    return NEED_RENDER;
  if (!strcmp(r->file_key, u->file_key)) return NEED_NOTHING;
  return says_more(plan, u->unit, r) && !same_form(plan, u->unit, r) ? NEED_RENDER : NEED_TAGS;
}

/* The samples of the unit's file, if they are those that were delivered. */
static bool load_samples(const struct unit *unit, const struct receipt *r,
                         struct sndfile_samples *out, struct adm **model) {
  *model = NULL;
  if (adm_file_is(unit->path) ? adm_file_load(unit->path, receipt_layout(r), out, model, NULL)
                              : sndfile_load(unit->path, r->bits, receipt_layout(r), out, NULL))
    return false;
  if (!strcmp(out->pcm_sha256, r->pcm_sha256) && out->rate_hz == r->rate_hz &&
      out->channels == receipt_channels(r))
    return true;
  free(out->pcm);
  adm_destroy(model);
  return false;
}

/* Writes the file anew with the tags of the plan. */
static void retag(const struct plan *plan, const struct unit_plan *u,
                  const struct render_options *options, struct unit_result *result) {
  struct sndfile_samples samples;
  struct adm *model;
  result->state = UNIT_SKIPPED;
  if (deliver_may_write(plan, u->unit, options->force, NULL) ||
      !load_samples(u->unit, &result->receipt, &samples, &model))
    return;
  const bool more = says_more(plan, u->unit, &result->receipt);
  const struct delivery d = {
      plan, u, options, samples.n_frames, samples.pcm, NULL, more ? model : NULL,
      keeps_names(plan, u->unit, &result->receipt)};
  result->state = deliver_retagged(&d, &result->receipt, &result->failure) ? UNIT_FAILED
                                                                           : UNIT_RETAGGED;
  free(samples.pcm);
  adm_destroy(&model);
}

bool incremental_receipt(const struct plan *plan, const struct unit *unit,
                         struct receipt *receipt) {
  const struct track *track = &plan->manifest->tracks[unit->track];
  struct source_file file;
  return !track_source_stat(track, &file, NULL) &&
         receipt_read(unit->receipt_path, receipt) &&
         source_file_same(&receipt->source_file, &file);
}

bool incremental_current(const struct plan *plan, const struct track_keys *keys,
                         const struct unit *unit) {
  struct receipt r;
  struct unit_plan u;
  struct sndfile_samples samples;
  struct adm *model;
  if (!incremental_receipt(plan, unit, &r) ||
      !plan_recall(plan, keys, unit, &r.source, &r.parts, &u))
    return false;
  const enum need need = need_of(plan, &u, &r);
  if (need != NEED_TAGS) return need == NEED_NOTHING;
  if (!load_samples(unit, &r, &samples, &model)) return false;
  free(samples.pcm);
  adm_destroy(&model);
  return true;
}

int incremental_track(const struct plan *plan, int track, const struct render_options *options,
                      struct unit_result *results) {
  const struct unit *units = &plan->units[plan->first_unit[track]];
  const int n = plan->first_unit[track + 1] - plan->first_unit[track];
  struct unit_plan *u = memory_new((size_t)n + 1, sizeof *u);
  struct track_keys keys;
  int known = 0, left = 0;
  track_keys_recall(plan, track, &keys);
  for (; known < n; known++) {
    struct unit_result *result = &results[known];
    *result = (struct unit_result){.state = UNIT_UP_TO_DATE};
    if (!incremental_receipt(plan, &units[known], &result->receipt) ||
        !plan_recall(plan, &keys, &units[known], &result->receipt.source,
                     &result->receipt.parts, &u[known]))
      break;
    const enum need need = need_of(plan, &u[known], &result->receipt);
    if (need == NEED_RENDER) break;
    if (need == NEED_TAGS) result->state = UNIT_RETAGGED;
  }
  for (int i = 0; i < n; i++) {
    if (known < n) results[i].state = UNIT_SKIPPED;
    else if (results[i].state == UNIT_RETAGGED) retag(plan, &u[i], options, &results[i]);
    left += results[i].state == UNIT_SKIPPED;
  }
  track_keys_free(&keys);
  free(u);
  return left;
}

void incremental_unit(const struct plan *plan, const struct unit_plan *unit,
                      const struct render_options *options, const struct source_file *file,
                      struct unit_result *result) {
  struct receipt *r = &result->receipt;
  *result = (struct unit_result){.state = UNIT_SKIPPED};
  if (!receipt_read(unit->unit->receipt_path, r)) return;
  const enum need need = need_of(plan, unit, r);
  if (need == NEED_RENDER) return;
  const bool known = source_file_same(&r->source_file, file) &&
                     !strcmp(r->parts.match_sha256, unit->parts.match_sha256);
  r->source_file = *file;
  r->parts = unit->parts;
  if (need == NEED_TAGS) {
    retag(plan, unit, options, result);
  } else {
    result->state = UNIT_UP_TO_DATE;
    if (!known) receipt_write(unit, plan->manifest, r, NULL); /* without it: as slow again */
  }
}
