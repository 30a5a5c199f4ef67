/* SPDX-License-Identifier: MIT
 * See compare.h. */
#define _DEFAULT_SOURCE
#include "compare.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "file_tree.h"
#include "memory.h"
#include "parallel.h"

/* ---- pairs ---- */

static bool is_audio(const char *name) {
  static const char *const endings[] = {".wav", ".rf64", ".aif", ".aiff", ".aifc", ".flac"};
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
    if (name_ends_in(name, endings[i])) return true;
  return false;
}

/* Both lists are ascending. */
static void pair_names(const char *const folder[2], const struct file_tree tree[2],
                       struct comparison *c) {
  int at[2] = {0, 0};
  c->pairs = memory_new((size_t)tree[0].n + (size_t)tree[1].n + 1, sizeof *c->pairs);
  while (at[0] < tree[0].n || at[1] < tree[1].n) {
    const char *a = at[0] < tree[0].n ? tree[0].names[at[0]] : NULL;
    const char *b = at[1] < tree[1].n ? tree[1].names[at[1]] : NULL;
    const int order = !a ? 1 : !b ? -1 : strcmp(a, b);
    struct pair *p = &c->pairs[c->n++];
    p->name = order <= 0 ? memory_text(a, strlen(a)) : memory_text(b, strlen(b));
    p->state = order < 0 ? PAIR_ONLY_A : order > 0 ? PAIR_ONLY_B : PAIR_IDENTICAL;
    if (order <= 0) p->path[0] = memory_print("%s/%s", folder[0], tree[0].names[at[0]++]);
    if (order >= 0) p->path[1] = memory_print("%s/%s", folder[1], tree[1].names[at[1]++]);
  }
}

static enum status pair_folders(const char *const folder[2], struct comparison *c,
                                struct failure *why) {
  struct file_tree tree[2] = {{0}, {0}};
  enum status status = file_tree_list(folder[0], is_audio, &tree[0], why);
  if (!status) status = file_tree_list(folder[1], is_audio, &tree[1], why);
  if (!status && !tree[0].n && !tree[1].n)
    status = fail(why, STATUS_NO_INPUT, "%s, %s: no audio files (accepted: wav, rf64, aif, aiff, "
                  "aifc, flac)", folder[0], folder[1]);
  if (!status) pair_names(folder, tree, c);
  file_tree_free(&tree[0]);
  file_tree_free(&tree[1]);
  return status;
}

static void pair_files(const char *const file[2], struct comparison *c) {
  c->n = 1;
  c->pairs = memory_new(1, sizeof *c->pairs);
  c->pairs->name = memory_print("%s, %s", file[0], file[1]);
  for (int i = 0; i < 2; i++) c->pairs->path[i] = memory_text(file[i], strlen(file[i]));
}

static enum status find_pairs(const char *const path[2], struct comparison *c,
                              struct failure *why) {
  struct stat s[2];
  for (int i = 0; i < 2; i++)
    if (stat(path[i], &s[i]))
      return fail(why, STATUS_NO_INPUT, "%s: no such folder or file", path[i]);
  if (S_ISDIR(s[0].st_mode) != S_ISDIR(s[1].st_mode))
    return fail(why, STATUS_USAGE, "%s is a folder and %s is none (accepted: two folders or two "
                "files)", path[!S_ISDIR(s[0].st_mode)], path[S_ISDIR(s[0].st_mode) != 0]);
  if (S_ISDIR(s[0].st_mode)) return pair_folders(path, c, why);
  pair_files(path, c);
  return STATUS_OK;
}

/* ---- measuring ---- */

/* Pairs that together may take more than COMPARE_MEMORY wait for each other. */
struct comparing {
  struct comparison *c;
  pthread_mutex_t lock;
  pthread_cond_t freed;
  int64_t taken;
};

/* Samples become 4 bytes, and FLAC of 16 bits shrinks music by less than 8 times. */
static int64_t most_bytes(const struct pair *p) {
  int64_t bytes = 0;
  for (int i = 0; i < 2; i++) {
    struct stat s;
    if (!stat(p->path[i], &s)) bytes += s.st_size * (name_ends_in(p->path[i], ".flac") ? 8 : 2);
  }
  return bytes;
}

static void measure_pair(void *context, int item) {
  struct comparing *w = context;
  struct pair *p = &w->c->pairs[item];
  if (!p->path[0] || !p->path[1]) return;
  const int64_t bytes = most_bytes(p);
  pthread_mutex_lock(&w->lock);
  while (w->taken && w->taken + bytes > COMPARE_MEMORY) pthread_cond_wait(&w->freed, &w->lock);
  w->taken += bytes;
  pthread_mutex_unlock(&w->lock);
  pair_measure(p);
  pthread_mutex_lock(&w->lock);
  w->taken -= bytes;
  pthread_cond_broadcast(&w->freed);
  pthread_mutex_unlock(&w->lock);
}

static void measure_all(struct comparison *c, int jobs) {
  struct comparing w = {.c = c};
  pthread_mutex_init(&w.lock, NULL);
  pthread_cond_init(&w.freed, NULL);
  parallel_run(jobs, c->n, measure_pair, &w);
  pthread_cond_destroy(&w.freed);
  pthread_mutex_destroy(&w.lock);
}

/* ---- judging ---- */

static bool over(double figure, double limit) { return !isnan(limit) && !(fabs(figure) <= limit); }

static bool is_beyond(const struct pair *p, const struct compare_limits *l) {
  if (p->state == PAIR_IDENTICAL) return false;
  if (p->state != PAIR_DIFFERENT) return true;
  if (isnan(l->residual_db) && isnan(l->lufs) && isnan(l->true_peak_db) && isnan(l->band_db))
    return true;
  return (!isnan(l->residual_db) && !(p->residual_peak_db <= l->residual_db)) ||
         over(p->lufs_delta, l->lufs) || over(p->true_peak_delta_db, l->true_peak_db) ||
         over(p->band_delta_db[p->worst_band], l->band_db);
}

static int worst_first(const void *x, const void *y) {
  const struct pair *a = x, *b = y;
  if (a->beyond != b->beyond) return b->beyond - a->beyond;
  if (a->state != b->state) return (int)a->state - (int)b->state;
  if (a->state == PAIR_DIFFERENT && a->residual_peak_db != b->residual_peak_db)
    return a->residual_peak_db < b->residual_peak_db ? 1 : -1;
  return strcmp(a->name, b->name);
}

static int exit_status(const struct comparison *c) {
  int status = STATUS_OK;
  for (int i = 0; i < c->n; i++) {
    const struct pair *p = &c->pairs[i];
    if (p->beyond && p->state != PAIR_UNREADABLE) return STATUS_UNIT_FAILED;
    if (p->state == PAIR_UNREADABLE && !status) status = (int)p->error_status;
  }
  return status;
}

int compare_run(const char *a, const char *b, const struct compare_options *options, FILE *out) {
  struct comparison c = {0};
  struct failure why = {0};
  int status = (int)find_pairs((const char *const[]){a, b}, &c, &why);
  if (!status) {
    measure_all(&c, options->jobs);
    for (int i = 0; i < c.n; i++) c.pairs[i].beyond = is_beyond(&c.pairs[i], &options->limits);
    qsort(c.pairs, (size_t)c.n, sizeof *c.pairs, worst_first);
    compare_print(&c, options, out);
    status = exit_status(&c);
    if (options->junit && compare_write_junit(&c, options->junit, &why)) status = (int)why.status;
  }
  if (why.status) fprintf(stderr, "lacquer: %s\n", why.text);
  for (int i = 0; i < c.n; i++) pair_free(&c.pairs[i]);
  free(c.pairs);
  return status;
}
