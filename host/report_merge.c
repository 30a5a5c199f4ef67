/* SPDX-License-Identifier: MIT
 * See report_merge.h. */
#define _XOPEN_SOURCE 700 /* st_mtim */
#include "report_merge.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_tree.h"
#include "memory.h"
#include "parallel.h"

struct failed_unit {
  char *file, *error;
  int64_t modified_ns; /* of the report that says so */
};
struct merging {
  struct merged *m;
  int n_paths, n_failed;
  char **paths; /* of receipts */
  struct failed_unit *failed;
  int64_t report_ns; /* of the report in hand */
  pthread_mutex_t lock; /* of the tallies */
};

/* Room for one more; full at 0, 1, 3, 7, ... */
static void *room(void *items, int n, size_t size) {
  return n & (n + 1) ? items : memory_grow(items, 2 * (size_t)n + 2, size);
}

static int64_t modified_ns(const char *path) {
  struct source_file file = {0};
  source_file_stat(path, path, &file, NULL);
  return file.modified_ns;
}

static int tally_find(struct tally *t, const char *text) {
  for (int i = 0; i < t->n; i++)
    if (!strcmp(t->texts[i], text)) return i;
  t->counts = room(t->counts, t->n, sizeof *t->counts);
  t->texts = room(t->texts, t->n, sizeof *t->texts);
  t->counts[t->n] = 0;
  t->texts[t->n] = memory_text(text, strlen(text));
  return t->n++;
}

static void tally_free(struct tally *t) {
  for (int i = 0; i < t->n; i++) free(t->texts[i]);
  free(t->texts);
  free(t->counts);
}

static struct merged_unit *add_unit(struct merged *m, const char *file, enum merged_state state,
                                    char *text) {
  m->units = room(m->units, m->n, sizeof *m->units);
  m->units[m->n] = (struct merged_unit){.file = memory_text(file, strlen(file)), .note = text,
                                        .state = state, .manifest = -1, .device = -1,
                                        .engine = -1};
  return &m->units[m->n++];
}

/* ---- receipts ---- */

static bool is_ours(const char *name) {
  return name_ends_in(name, RECEIPT_ENDING) ||
         (!strncmp(name, "report", 6) && name_ends_in(name, ".json"));
}

static void read_unit(void *context, int item) {
  struct merging *w = context;
  struct merged_unit *u = &w->m->units[item];
  const char *path = w->paths[item];
  struct receipt r;
  struct receipt_origin origin;
  *u = (struct merged_unit){.path = path, .manifest = -1, .device = -1, .engine = -1,
                            .modified_ns = modified_ns(path), .state = MERGED_UNREADABLE};
  if (!receipt_read_all(path, &r, &origin)) {
    u->file = memory_text(path, strlen(path));
    return;
  }
  u->file = memory_text(origin.file, strlen(origin.file));
  u->state = receipt_is_finished(&r) ? MERGED_DELIVERED : MERGED_UNFINISHED;
  memcpy(u->pcm_sha256, r.pcm_sha256, sizeof u->pcm_sha256);
  u->figures = (struct merged_figures){"", r.coverage, r.seconds, r.loudness_lufs,
                                       r.true_peak_dbtp, r.meters_compared, r.meters_differ_lu};
  memcpy(u->figures.tier, r.tier, sizeof u->figures.tier - 1);
  pthread_mutex_lock(&w->lock);
  u->device = tally_find(&w->m->devices, r.device);
  u->engine = tally_find(&w->m->engines, origin.engine_sha256);
  if (*origin.manifest) u->manifest = tally_find(&w->m->manifests, origin.manifest);
  pthread_mutex_unlock(&w->lock);
  receipt_origin_free(&origin);
}

/* By file; of one file the best first, then the latest. */
static int by_file(const void *x, const void *y) {
  const struct merged_unit *a = x, *b = y;
  const int order = strcmp(a->file, b->file);
  if (order) return order;
  if (a->state != b->state) return (int)b->state - (int)a->state;
  if (a->modified_ns != b->modified_ns) return a->modified_ns < b->modified_ns ? 1 : -1;
  return a->path && b->path ? strcmp(a->path, b->path) : 0;
}

static void sort_units(struct merged *m) {
  if (m->n) qsort(m->units, (size_t)m->n, sizeof *m->units, by_file);
}

static void unit_free(struct merged_unit *u) {
  free(u->file);
  free(u->note);
}

/* One unit per file: the best receipt, and what speaks against it. */
static void join_copies(struct merged *m) {
  int left = 0;
  for (int i = 0; i < m->n; i++) {
    struct merged_unit *u = &m->units[i], *first = left ? &m->units[left - 1] : NULL;
    if (!first || strcmp(first->file, u->file)) {
      m->units[left++] = *u;
      continue;
    }
    if (first->state == MERGED_DELIVERED && u->state == MERGED_DELIVERED &&
        strcmp(first->pcm_sha256, u->pcm_sha256)) {
      first->state = MERGED_CONFLICT;
      first->note = memory_print("%s and %s have different samples", first->path, u->path);
    } else {
      m->copies++;
    }
    unit_free(u);
  }
  m->n = left;
}

/* Among the first n units, which are sorted. */
static struct merged_unit *find(const struct merged *m, int n, const char *file) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (strcmp(m->units[middle].file, file) < 0) low = middle + 1;
    else high = middle;
  }
  return low < n && !strcmp(m->units[low].file, file) ? &m->units[low] : NULL;
}

/* ---- what failed ---- */

static void on_failed(void *context, const char *file, const char *error) {
  struct merging *w = context;
  w->failed = room(w->failed, w->n_failed, sizeof *w->failed);
  w->failed[w->n_failed++] = (struct failed_unit){memory_text(file, strlen(file)),
                                                  memory_text(error, strlen(error)),
                                                  w->report_ns};
}

static void read_run(struct merging *w, const char *path) {
  struct merged *m = w->m;
  m->runs = room(m->runs, m->n_runs, sizeof *m->runs);
  w->report_ns = modified_ns(path);
  m->n_runs += report_merge_run(path, &m->runs[m->n_runs], on_failed, w);
}

static int latest_first(const void *x, const void *y) {
  const struct failed_unit *a = x, *b = y;
  const int order = strcmp(a->file, b->file);
  return order ? order : (a->modified_ns < b->modified_ns) - (a->modified_ns > b->modified_ns);
}

/* A receipt that is younger than the report is of a later run, which did it. */
static void add_failures(struct merging *w) {
  struct merged *m = w->m;
  const int n = m->n;
  if (w->n_failed) qsort(w->failed, (size_t)w->n_failed, sizeof *w->failed, latest_first);
  for (int i = 0; i < w->n_failed; i++) {
    struct failed_unit *f = &w->failed[i];
    struct merged_unit *u = find(m, n, f->file);
    if (i && !strcmp(f->file, f[-1].file)) continue; /* of several runs the last */
    if (u && u->modified_ns > f->modified_ns) continue;
    if (!u) u = add_unit(m, f->file, MERGED_FAILED, NULL);
    free(u->note);
    u->state = MERGED_FAILED;
    u->note = f->error;
    f->error = NULL;
  }
  sort_units(m);
}

/* ---- what is missing ---- */

/* False: it cannot be read. */
static bool add_missing(struct merged *m, const char *path) {
  struct manifest *manifest;
  const int n = m->n;
  if (access(path, R_OK)) {
    fprintf(stderr, "lacquer: %s: cannot be read: what is missing of it is not known (--manifest "
            "FILE names another)\n", path);
    return false;
  }
  if (manifest_read(path, stderr, &manifest)) return false;
  for (int t = 0; t < manifest->n_tracks; t++)
    for (int v = 0; v < manifest->tracks[t].n_variants; v++) {
      const struct track *track = &manifest->tracks[t];
      char *name = manifest_output_name(manifest, track,
                                        &manifest->variants[track->variants[v]]);
      if (!find(m, n, name)) add_unit(m, name, MERGED_MISSING, NULL);
      free(name);
    }
  manifest_destroy(&manifest);
  sort_units(m);
  return true;
}

static void add_all_missing(struct merged *m, const char *manifest) {
  if (manifest) {
    m->complete_known = add_missing(m, manifest);
    return;
  }
  for (int i = 0; i < m->n_runs; i++) /* of a run that delivered nothing, too */
    if (*m->runs[i].manifest == '/') tally_find(&m->manifests, m->runs[i].manifest);
  m->complete_known = m->manifests.n > 0;
  for (int i = 0; i < m->manifests.n; i++)
    m->complete_known &= add_missing(m, m->manifests.texts[i]);
}

/* ---- the whole ---- */

static enum status collect(struct merging *w, const char *folder, struct failure *why) {
  struct file_tree tree;
  const enum status status = file_tree_list(folder, is_ours, &tree, why);
  if (status) return status;
  for (int i = 0; i < tree.n; i++) {
    char *path = memory_print("%s/%s", folder, tree.names[i]);
    const bool receipt = name_ends_in(path, RECEIPT_ENDING);
    if (receipt) {
      w->paths = room(w->paths, w->n_paths, sizeof *w->paths);
      w->paths[w->n_paths++] = path;
    } else {
      read_run(w, path);
      free(path);
    }
  }
  file_tree_free(&tree);
  return STATUS_OK;
}

static void count_units(struct merged *m) {
  for (int i = 0; i < m->n; i++) {
    const struct merged_unit *u = &m->units[i];
    if (u->device >= 0) m->devices.counts[u->device]++;
    if (u->engine >= 0) m->engines.counts[u->engine]++;
  }
}

static void merging_free(struct merging *w) {
  struct merged *m = w->m;
  for (int i = 0; i < w->n_paths; i++) free(w->paths[i]);
  for (int i = 0; i < w->n_failed; i++) {
    free(w->failed[i].file);
    free(w->failed[i].error);
  }
  for (int i = 0; i < m->n; i++) unit_free(&m->units[i]);
  for (int i = 0; i < m->n_runs; i++) {
    free(m->runs[i].path);
    free(m->runs[i].device);
    free(m->runs[i].manifest);
  }
  tally_free(&m->manifests);
  tally_free(&m->devices);
  tally_free(&m->engines);
  free(w->paths);
  free(w->failed);
  free(m->units);
  free(m->runs);
  pthread_mutex_destroy(&w->lock);
}

static int merge(struct merging *w, const struct report_merge_options *options, FILE *out) {
  struct merged *m = w->m;
  bool sound = true;
  m->n = w->n_paths;
  m->units = memory_new(2 * (size_t)m->n + 2, sizeof *m->units); /* as room() would make it */
  parallel_run(options->jobs, m->n, read_unit, w);
  sort_units(m);
  join_copies(m);
  add_failures(w);
  add_all_missing(m, options->manifest);
  count_units(m);
  report_merge_print(m, options, out);
  for (int i = 0; i < m->n; i++) sound &= m->units[i].state == MERGED_DELIVERED;
  return sound ? STATUS_OK : STATUS_UNIT_FAILED;
}

int report_merge(char *const *folders, int n_folders, const struct report_merge_options *options,
                 FILE *out) {
  struct merged m = {0};
  struct merging w = {.m = &m};
  struct failure why = {0};
  pthread_mutex_init(&w.lock, NULL);
  for (int i = 0; i < n_folders && !why.status; i++) collect(&w, folders[i], &why);
  if (!why.status && !w.n_paths && !m.n_runs)
    fail(&why, STATUS_NO_INPUT, "%s: no receipts and no reports in it", folders[0]);
  if (why.status) fprintf(stderr, "lacquer: %s\n", why.text);
  const int status = why.status ? (int)why.status : merge(&w, options, out);
  merging_free(&w);
  return status;
}
