/* SPDX-License-Identifier: MIT
 * See source_set.h. */
#include "source_set.h"

#include <pthread.h>
#include <stdlib.h>

#include "hrtf.h"
#include "matching.h"
#include "memory.h"
#include "track_source.h"

struct identity {
  dev_t device;
  ino_t inode;
};
struct source_set {
  const struct manifest *manifest;
  pthread_mutex_t lock;
  bool complete;
  size_t n, room;
  struct identity *files;
};

struct source_set *source_set_create(const struct manifest *manifest) {
  struct source_set *set = memory_new(1, sizeof *set);
  set->manifest = manifest;
  pthread_mutex_init(&set->lock, NULL);
  return set;
}

void source_set_destroy(struct source_set **set) {
  if (!*set) return;
  pthread_mutex_destroy(&(*set)->lock);
  free((*set)->files);
  free(*set);
  *set = NULL;
}

static int by_identity(const void *a, const void *b) {
  const struct identity *x = a, *y = b;
  if (x->device != y->device) return x->device < y->device ? -1 : 1;
  return (x->inode > y->inode) - (x->inode < y->inode);
}

static void add(struct source_set *set, const char *path) {
  struct stat s;
  if (stat(path, &s)) return;
  if (set->n == set->room) {
    set->room = set->room ? 2 * set->room : 256;
    set->files = memory_grow(set->files, set->room, sizeof *set->files);
  }
  set->files[set->n++] = (struct identity){s.st_dev, s.st_ino};
}

static void fill(struct source_set *set) {
  const struct manifest *m = set->manifest;
  const struct match_params *before = NULL; /* neighbours share their chain's */
  for (int t = 0; t < m->n_tracks; t++) {
    const struct match_params *match = chain_match(&m->tracks[t].chain);
    for (int i = 0; i < track_source_files(&m->tracks[t]); i++)
      add(set, track_source_file(&m->tracks[t], i));
    for (int i = 0; match && match != before && i < match->n_references; i++) {
      char *path = match_path(m, &match->references[i]);
      add(set, path);
      free(path);
    }
    before = match;
  }
  for (int v = 0; v < m->n_variants; v++) {
    char *path = hrtf_path(m, &m->variants[v]);
    if (path) add(set, path);
    free(path);
  }
  if (set->n) qsort(set->files, set->n, sizeof *set->files, by_identity);
  set->complete = true;
}

bool source_set_has(struct source_set *set, const struct stat *file) {
  const struct identity wanted = {file->st_dev, file->st_ino};
  pthread_mutex_lock(&set->lock);
  if (!set->complete) fill(set);
  pthread_mutex_unlock(&set->lock);
  return set->n && bsearch(&wanted, set->files, set->n, sizeof *set->files, by_identity);
}
