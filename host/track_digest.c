/* SPDX-License-Identifier: MIT
 * See track_digest.h. */
#include "track_digest.h"

#include <stdlib.h>
#include <string.h>

#include "hrtf.h"
#include "matching.h"
#include "memory.h"
#include "receipt.h"
#include "settings.h"

enum { KEPT = 64 };

/* Tracks share the stages of named chains: few are told apart, and kept. */
struct kept {
  const struct chain_stage *stages; /* NULL: none */
  char digest[HASH_TEXT_SIZE];
};
struct track_digests {
  const struct manifest *manifest;
  char (*variants)[HASH_TEXT_SIZE];
  struct kept kept[KEPT];
  int next;
};

static void add_text(struct hash *hash, const char *text) {
  hash_update(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void add_number(struct hash *hash, long long number) {
  char text[32];
  snprintf(text, sizeof text, "%lld", number);
  add_text(hash, text);
}

static void add_json(struct hash *hash, json_t *json) {
  char *text = settings_text(json);
  add_text(hash, text);
  free(text);
  json_decref(json);
}

static void add_file(struct hash *hash, const char *path) {
  struct source_file file = {0};
  source_file_stat(path, "", &file, NULL);
  add_number(hash, file.bytes);
  add_number(hash, file.modified_ns);
}

static void add_hrtf(struct hash *hash, const struct manifest *m, const struct variant *variant) {
  char *path = hrtf_path(m, variant);
  if (path) add_file(hash, path);
  free(path);
}

struct track_digests *track_digests_create(const struct manifest *m) {
  struct track_digests *d = memory_new(1, sizeof *d);
  d->manifest = m;
  d->variants = memory_new((size_t)m->n_variants, sizeof *d->variants);
  for (int v = 0; v < m->n_variants; v++) {
    struct hash hash;
    hash_init(&hash);
    add_text(&hash, m->variants[v].name);
    add_text(&hash, variant_form(&m->variants[v]));
    add_json(&hash, settings_of_variant(&m->variants[v]));
    add_hrtf(&hash, m, &m->variants[v]);
    hash_final(&hash, d->variants[v]);
  }
  return d;
}

void track_digests_destroy(struct track_digests **digests) {
  if (!*digests) return;
  free((*digests)->variants);
  free(*digests);
  *digests = NULL;
}

static void add_references(struct hash *hash, const struct manifest *m,
                           const struct match_params *match) {
  for (int i = 0; match && i < match->n_references; i++) {
    char *path = match_path(m, &match->references[i]);
    add_file(hash, path);
    free(path);
  }
}

static const char *digest_of_chain(struct track_digests *d, const struct chain *chain) {
  for (int i = 0; i < KEPT; i++)
    if (chain->stages && d->kept[i].stages == chain->stages) return d->kept[i].digest;
  struct kept *kept = &d->kept[d->next++ % KEPT];
  struct hash hash;
  hash_init(&hash);
  add_json(&hash, settings_of_chain(chain));
  add_references(&hash, d->manifest, chain_match(chain));
  kept->stages = chain->stages;
  hash_final(&hash, kept->digest);
  return kept->digest;
}

int track_digest(struct track_digests *d, const struct track *t, char text[HASH_TEXT_SIZE]) {
  const struct manifest *m = d->manifest;
  const struct catalogue *c = &m->catalogue;
  const char *const texts[] = {"lacquer planned track 1", t->source_text, t->title, t->artist,
                               t->isrc, c->title, c->genre, c->upc,
                               digest_of_chain(d, &t->chain)};
  struct hash hash;
  hash_init(&hash);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) add_text(&hash, texts[i]);
  add_number(&hash, t->number);
  add_number(&hash, t->disc);
  add_number(&hash, c->year);
  add_json(&hash, settings_of(edit_rows, &t->edit));
  if (t->stems) add_text(&hash, t->stems->layout->name);
  if (t->stems) add_json(&hash, stems_json(t->stems, NULL));
  for (int i = 0; i < t->n_variants; i++) {
    char *name = manifest_output_name(m, t, &m->variants[t->variants[i]]);
    add_text(&hash, d->variants[t->variants[i]]);
    add_text(&hash, name);
    free(name);
  }
  return hash_final(&hash, text);
}
