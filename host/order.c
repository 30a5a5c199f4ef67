/* SPDX-License-Identifier: MIT
 * See order.h. */
#include "order.h"

#include <stdlib.h>

#include "memory.h"
#include "plan_file.h"
#include "shards.h"

/* The shard of every track, from 0. Caller frees. */
static int *assign(const struct manifest *m, const struct surveyed *sources, int n_shards) {
  const size_t n = (size_t)m->n_tracks;
  int64_t *weights = memory_new(n, sizeof *weights);
  int *shard = memory_new(n, sizeof *shard);
  for (int t = 0; t < m->n_tracks; t++) weights[t] = survey_weight(&sources[t], &m->tracks[t]);
  shards_assign(weights, m->n_tracks, n_shards, shard);
  free(weights);
  return shard;
}

static void choose(struct order *order, const struct surveyed *sources, int shard,
                   int n_shards) {
  const struct manifest *m = order->manifest;
  int *of = assign(m, sources, n_shards);
  order->tracks = memory_new((size_t)m->n_tracks, sizeof *order->tracks);
  for (int t = 0; t < m->n_tracks; t++) order->tracks[t] = of[t] == shard - 1;
  free(of);
}

/* The tracks of a plan that still holds. */
static int choose_planned(struct order *order, const struct plan_file *plan, int shard,
                          int n_shards, FILE *errors) {
  if (n_shards && plan->n_shards && plan->n_shards != n_shards) {
    fprintf(errors, "%s: a shard of %d is asked for (accepted: --shard I/%d, as was planned)\n",
            plan->path, n_shards, plan->n_shards);
    return STATUS_USAGE;
  }
  if (n_shards && order->manifest->n_tracks == plan->n_tracks)
    choose(order, plan->sources, shard, n_shards);
  return plan_file_check(plan, order->manifest, order->tracks, errors);
}

int order_open(const char *path, int shard, int n_shards, FILE *errors, struct order *out) {
  struct plan_file *plan = NULL;
  int status = STATUS_OK;
  *out = (struct order){0};
  if (plan_file_is(path)) status = (int)plan_file_read(path, errors, &plan);
  if (!status && plan) status = manifest_read(plan->manifest, errors, &out->manifest);
  else if (!status) status = failed_read(path, errors, &out->manifest, &out->units);
  if (!status && plan) {
    status = choose_planned(out, plan, shard, n_shards, errors);
  } else if (!status && n_shards) {
    struct surveyed *sources = survey_sources(out->manifest);
    choose(out, sources, shard, n_shards);
    survey_free(sources, out->manifest->n_tracks);
  }
  plan_file_destroy(&plan);
  if (status) order_close(out);
  return status;
}

void order_close(struct order *order) {
  failed_units_free(&order->units);
  manifest_destroy(&order->manifest);
  free(order->tracks);
  *order = (struct order){0};
}

static void print_summary(const struct manifest *m, const struct surveyed *sources,
                          const int *shard, int n_shards, FILE *people) {
  int64_t total = 0, n_units = 0, least = INT64_MAX, most = 0;
  int64_t *load = memory_new((size_t)n_shards, sizeof *load);
  for (int t = 0; t < m->n_tracks; t++) {
    const int64_t weight = survey_weight(&sources[t], &m->tracks[t]);
    total += weight;
    n_units += m->tracks[t].n_variants;
    if (n_shards) load[shard[t]] += weight;
  }
  for (int i = 0; i < n_shards; i++) {
    if (load[i] < least) least = load[i];
    if (load[i] > most) most = load[i];
  }
  fprintf(people, "%d tracks, %lld files, %.0f s of audio to deliver", m->n_tracks,
          (long long)n_units, (double)total / 1e6);
  if (n_shards)
    fprintf(people, "; %d shards of %.0f to %.0f s", n_shards, (double)least / 1e6,
            (double)most / 1e6);
  fputc('\n', people);
  free(load);
}

static int tell_unreadable(const struct manifest *m, const struct surveyed *sources,
                           FILE *errors) {
  int n = 0, common = STATUS_OK;
  for (int t = 0; t < m->n_tracks; t++) {
    if (!sources[t].error) continue;
    fprintf(errors, "lacquer: %s\n", sources[t].error);
    common = n++ && common != sources[t].status ? STATUS_UNIT_FAILED : sources[t].status;
  }
  return n && n < m->n_tracks ? STATUS_UNIT_FAILED : common;
}

int order_plan(const char *path, int n_shards, FILE *out, FILE *people, FILE *errors) {
  struct manifest *m;
  struct failure why = {0};
  int status = manifest_read(path, errors, &m);
  if (status) return status;
  struct surveyed *sources = survey_sources(m);
  int *shard = n_shards ? assign(m, sources, n_shards) : NULL;
  status = (int)plan_file_write(m, sources, shard, n_shards, out, &why);
  if (status) fprintf(errors, "lacquer: %s\n", why.text);
  else status = tell_unreadable(m, sources, errors);
  if (people && !why.status) print_summary(m, sources, shard, n_shards, people);
  free(shard);
  survey_free(sources, m->n_tracks);
  manifest_destroy(&m);
  return status;
}
