/* SPDX-License-Identifier: MIT
 * See manifest.h. Reading as a whole, the catalogue, the variants, and what must hold
 * between tracks. */
#include "manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "manifest_parts.h"
#include "memory.h"
#include "output_name.h"
#include "param_values.h"

/* The last digit of a UPC or EAN makes the weighted sum a multiple of ten (GS1). */
static void check_upc(struct row_reader *reader, const yaml_node_t *node, const char *upc) {
  size_t n = strlen(upc);
  const struct name_text quoted = name_quote(upc, n);
  if (strspn(upc, "0123456789") != n) {
    row_reader_problem(reader, node, "%s is no UPC or EAN (accepted: 12 or 13 digits)",
                       quoted.text);
    return;
  }
  int sum = 0;
  for (size_t i = 0; i + 1 < n; i++) sum += (upc[n - 2 - i] - '0') * (i % 2 ? 1 : 3);
  int digit = (10 - sum % 10) % 10;
  if (upc[n - 1] - '0' != digit)
    row_reader_problem(reader, node, "%s has the wrong check digit (accepted: %d as the last "
                       "digit)", quoted.text, digit);
}

void manifest_read_catalogue(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  struct catalogue *catalogue = &draft->manifest->catalogue;
  const struct row_table tables[] = {{manifest_catalogue_rows, catalogue}, {0}};
  row_reader_mapping(reader, node, &(struct row_mapping){.tables = tables});
  if (!catalogue->upc) return;
  size_t length = row_reader_enter(reader, "upc");
  check_upc(reader, row_reader_find(reader, node, "upc"), catalogue->upc);
  row_reader_leave(reader, length);
}

static void tell(struct row_reader *reader, yaml_node_t *node, const char *key,
                 const char *problem) {
  size_t length = row_reader_enter(reader, key);
  row_reader_problem(reader, row_reader_locate(reader, node, key), "%s", problem);
  row_reader_leave(reader, length);
}

/* What the parts of a variant ask of each other. */
static void check_tail(struct row_reader *reader, yaml_node_t *node,
                       const struct variant *variant) {
  if (!isnan(variant->loudness.max_reduction_db) && isnan(variant->limiter.true_peak_db))
    tell(reader, node, "max_reduction",
         "has no ceiling to reduce for (accepted: beside true_peak)");
  if (variant->format == FILE_FLAC && variant->dither.bits == 32)
    tell(reader, node, "bits",
         "FLAC holds no 32-bit float (accepted: 16, 20, 24 in flac; 32 in wav, aiff)");
}

static void read_variant(struct row_reader *reader, const char *name, yaml_node_t *value,
                         void *context) {
  struct manifest *manifest = context;
  manifest->variants = memory_grow(manifest->variants, (size_t)manifest->n_variants + 1,
                                   sizeof *manifest->variants);
  struct variant *variant = &manifest->variants[manifest->n_variants++];
  memset(variant, 0, sizeof *variant);
  variant->name = memory_text(name, strlen(name));
  const struct variant_tables all = manifest_variant_tables(variant);
  for (const struct row_table *table = all.tables; table->rows; table++)
    params_init(table->rows, table->params);
  int n_before = reader->problems->n;
  row_reader_mapping(reader, value, &(struct row_mapping){.tables = all.tables});
  if (reader->problems->n > n_before) return;
  for (const struct stage *const *stage = stage_registry; *stage; stage++) {
    const void *params = manifest_tail_params(variant, *stage);
    if (params) manifest_check_stage(reader, value, *stage, params);
  }
  if (reader->problems->n == n_before) check_tail(reader, value, variant);
}

void manifest_read_variants(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  row_reader_named(reader, node, draft->manifest, read_variant);
  if (node->type == YAML_MAPPING_NODE &&
      node->data.mapping.pairs.top == node->data.mapping.pairs.start)
    row_reader_problem(reader, node, "no variant (accepted: one or more)");
}

struct deliverable {
  char *name, *folded;
  int track, variant;
};

static int by_name(const void *a, const void *b) {
  const struct deliverable *x = a, *y = b;
  int order = strcmp(x->folded, y->folded);
  if (order) return order;
  if (x->track != y->track) return x->track < y->track ? -1 : 1;
  return (x->variant > y->variant) - (x->variant < y->variant);
}

static void tell_same_name(const struct manifest *manifest, const struct deliverable *first,
                           const struct deliverable *second, struct problems *problems) {
  const struct track *track = &manifest->tracks[second->track];
  const char *variant = manifest->variants[track->variants[second->variant]].name;
  const struct track *other = &manifest->tracks[first->track];
  struct name_text name = name_quote(second->name, strlen(second->name));
  if (track == other)
    problems_add(problems, track->line, "tracks[%d]: variants \"%s\" and \"%s\" would both be %s "
                 "(accepted: one name each, use {variant} in \"output\")", second->track + 1,
                 manifest->variants[track->variants[first->variant]].name, variant, name.text);
  else
    problems_add(problems, track->line, "tracks[%d]: variant \"%s\" would be %s, as would tracks"
                 "[%d] in line %d (accepted: one name each, see \"output\")", second->track + 1,
                 variant, name.text, first->track + 1, other->line);
}

/* Tells the deliverables whose names are one where case does not count. */
static void check_output_names(const struct draft *draft, struct problems *problems) {
  const struct manifest *manifest = draft->manifest;
  size_t n = 0, room = 0;
  for (int i = 0; i < manifest->n_tracks; i++) room += (size_t)manifest->tracks[i].n_variants;
  struct deliverable *all = memory_new(room, sizeof *all);
  for (int i = 0; i < manifest->n_tracks; i++) {
    const struct track *track = &manifest->tracks[i];
    for (int v = 0; draft->sound[i] && v < track->n_variants; v++) {
      const struct variant *variant = &manifest->variants[track->variants[v]];
      char *name = manifest_output_name(manifest, track, variant);
      all[n++] = (struct deliverable){name, output_name_fold(name), i, v};
    }
  }
  qsort(all, n, sizeof *all, by_name);
  size_t first = 0;
  for (size_t i = 1; i < n; i++) {
    if (strcmp(all[first].folded, all[i].folded)) first = i;
    else tell_same_name(manifest, &all[first], &all[i], problems);
  }
  for (size_t i = 0; i < n; i++) free(all[i].name), free(all[i].folded);
  free(all);
}

static void read_top(struct row_reader *reader, yaml_node_t *root, struct draft *draft) {
  struct manifest *manifest = draft->manifest;
  const struct row_table tables[] = {{manifest_top_rows, manifest}, {0}};
  params_init(manifest_top_rows, manifest);
  row_reader_mapping(reader, root,
                     &(struct row_mapping){.tables = tables, .sections = manifest_top_sections,
                                           .context = draft});
  int n_before = reader->problems->n;
  if (manifest->output)
    output_template_check(manifest->output, "output: ",
                          yaml_file_line(row_reader_find(reader, root, "output")),
                          reader->problems);
  else
    manifest->output = memory_text(OUTPUT_NAME_DEFAULT, strlen(OUTPUT_NAME_DEFAULT));
  if (reader->problems->n == n_before && draft->sound)
    check_output_names(draft, reader->problems);
}

int manifest_read(const char *path, FILE *errors, struct manifest **out) {
  struct problems problems = {0};
  yaml_document_t document;
  *out = NULL;
  enum status status = yaml_file_load(path, &problems, &document);
  if (!status) {
    struct draft draft = {.manifest = memory_new(1, sizeof(struct manifest))};
    struct row_reader reader = {.document = &document, .problems = &problems};
    draft.defaults.manifest = draft.manifest;
    draft.manifest->path = memory_text(path, strlen(path));
    read_top(&reader, yaml_document_get_root_node(&document), &draft);
    yaml_document_delete(&document);
    chain_release(&draft.defaults.chain);
    free(draft.defaults.variants);
    free(draft.sound);
    if (problems.n) {
      status = STATUS_BAD_DATA;
      manifest_destroy(&draft.manifest);
    }
    *out = draft.manifest;
  }
  problems_print(&problems, path, errors);
  problems_release(&problems);
  return status;
}

static void release_variant(struct variant *variant) {
  const struct variant_tables all = manifest_variant_tables(variant);
  for (const struct row_table *table = all.tables; table->rows; table++)
    params_release(table->rows, table->params);
  free(variant->name);
}

static void release_track(struct track *track) {
  params_release(manifest_track_rows, track);
  free(track->source);
  chain_release(&track->chain);
  free(track->variants);
}

void manifest_destroy(struct manifest **manifest) {
  struct manifest *m = *manifest;
  if (!m) return;
  for (int i = 0; i < m->n_chains; i++) chain_release(&m->chains[i]);
  for (int i = 0; i < m->n_variants; i++) release_variant(&m->variants[i]);
  for (int i = 0; i < m->n_tracks; i++) release_track(&m->tracks[i]);
  params_release(manifest_catalogue_rows, &m->catalogue);
  params_release(manifest_top_rows, m);
  free(m->chains);
  free(m->variants);
  free(m->tracks);
  free(m->path);
  free(m);
  *manifest = NULL;
}
