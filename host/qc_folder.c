/* SPDX-License-Identifier: MIT
 * See qc.h: the deliverables of a folder, by their receipts. */
#include <stdlib.h>
#include <string.h>

#include "file_tree.h"
#include "memory.h"
#include "qc.h"
#include "receipt.h"

struct delivered { /* a receipt's file */
  char *path;
  struct receipt_origin origin;
  int channels;
  bool is_master, is_binaural;
  char source_sha256[HASH_TEXT_SIZE];
};

static bool is_receipt(const char *name) { return name_ends_in(name, RECEIPT_ENDING); }

static bool is_immersive(const struct delivered *d) { return d->is_master || d->channels > 2; }

static int by_track(const void *x, const void *y) {
  const struct delivered *a = x, *b = y;
  const int manifest = strcmp(a->origin.manifest, b->origin.manifest);
  if (manifest) return manifest;
  if (a->origin.disc != b->origin.disc) return a->origin.disc - b->origin.disc;
  if (a->origin.track != b->origin.track) return a->origin.track - b->origin.track;
  return strcmp(a->path, b->path);
}

static bool same_track(const struct delivered *a, const struct delivered *b) {
  return !strcmp(a->origin.manifest, b->origin.manifest) && a->origin.disc == b->origin.disc &&
         a->origin.track == b->origin.track;
}

/* What cannot be read, or was not finished, is verify's to tell. */
static int read_receipts(const char *folder, const struct file_tree *tree,
                         struct delivered *all) {
  int n = 0;
  for (int i = 0; i < tree->n; i++) {
    struct delivered *d = &all[n];
    struct receipt r;
    char *path = memory_print("%s/%s", folder, tree->names[i]);
    if (receipt_read_all(path, &r, &d->origin)) {
      d->path = memory_text(path, strlen(path) - strlen(RECEIPT_ENDING));
      d->channels = receipt_channels(&r);
      d->is_master = *r.form;
      d->is_binaural = *r.hrtf_sha256;
      memcpy(d->source_sha256, r.source.audio_sha256, sizeof d->source_sha256);
      if (receipt_is_finished(&r)) n++;
      else free(d->path), receipt_origin_free(&d->origin);
    }
    free(path);
  }
  return n;
}

static void add_immersive(const struct delivered *all, int n, int at, struct qc_list *list) {
  struct qc_file *f = qc_list_add(list, all[at].path);
  int first = at;
  while (first > 0 && same_track(&all[first - 1], &all[at])) first--;
  for (int i = first; i < n && same_track(&all[i], &all[at]); i++)
    if (!is_immersive(&all[i])) {
      struct qc_companion *c = qc_add_companion(f, all[i].path);
      c->same_source = !strcmp(all[i].source_sha256, all[at].source_sha256);
      c->is_binaural = all[i].is_binaural;
    }
}

enum status qc_list_folder(const char *folder, struct qc_list *list, struct failure *why) {
  struct file_tree tree = {0};
  const enum status status = file_tree_list(folder, is_receipt, &tree, why);
  if (status) return status;
  struct delivered *all = memory_new((size_t)tree.n + 1, sizeof *all);
  const int n = read_receipts(folder, &tree, all), before = list->n;
  qsort(all, (size_t)n, sizeof *all, by_track);
  for (int i = 0; i < n; i++)
    if (is_immersive(&all[i])) add_immersive(all, n, i, list);
  for (int i = 0; i < n; i++) {
    free(all[i].path);
    receipt_origin_free(&all[i].origin);
  }
  free(all);
  file_tree_free(&tree);
  if (list->n > before) return STATUS_OK;
  return fail(why, STATUS_NO_INPUT, "%s: no receipts of immersive deliverables (accepted: a folder "
              "that lacquer rendered masters or beds to)", folder);
}
