/* SPDX-License-Identifier: MIT
 * See manifest.h. Reading as a whole, the catalogue, the variants, and what must hold
 * between tracks. */
#include "manifest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "adm.h"
#include "adm_file.h"
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

/* What can be said of a master before its sources are known. */
static void check_adm(struct row_reader *reader, yaml_node_t *node,
                      const struct variant *variant) {
  const struct layout *any = layout_find("7.1.4");
  const struct layout *stated = fold_target(&variant->fold, any);
  const int rate_hz = variant->resample.rate_hz ? variant->resample.rate_hz : 48000;
  const int adm = variant->adm, bits = variant->dither.bits;
  const char *refusal;
  if ((refusal = adm_file_refusal(adm, stated, rate_hz, ADM_FILE_BITS)))
    tell(reader, node, stated->channels <= 2 ? "layout" : "rate", refusal);
  if ((refusal = adm_file_refusal(adm, any, 48000, bits))) tell(reader, node, "bits", refusal);
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
  const bool binaural = fold_is_binaural(&variant->fold);
  if (variant->binaural.hrtf && !binaural)
    tell(reader, node, "hrtf", "is for headphones (accepted: beside layout: binaural)");
  if (variant->format == FILE_ADM && binaural)
    tell(reader, node, "format",
         "an ADM master is a bed (accepted of layout binaural: wav, aiff, flac)");
  else if (variant->format == FILE_ADM) check_adm(reader, node, variant);
  else if (variant->adm != ADM_DOLBY)
    tell(reader, node, "adm", "is for masters (accepted: beside format: adm)");
}

/* The path is relative to the file that names it: it becomes relative to the manifest. */
static void place_hrtf(const struct draft *draft, struct variant *variant) {
  char *text = variant->binaural.hrtf;
  if (text) variant->binaural.hrtf = manifest_from_folder(draft->folder, text);
  free(text);
}

static void read_variant(struct row_reader *reader, const char *name, yaml_node_t *value,
                         void *context) {
  struct draft *draft = context;
  struct manifest *manifest = draft->manifest;
  if (manifest_told_twice(reader, value, draft, "variants", name)) return;
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
  place_hrtf(draft, variant);
  for (const struct stage *const *stage = stage_registry; *stage; stage++) {
    const void *params = manifest_tail_params(variant, *stage);
    if (params) manifest_check_stage(reader, value, *stage, params);
  }
  if (reader->problems->n == n_before) check_tail(reader, value, variant);
}

/* Why a variant cannot be made from another one; NULL: it can. */
static const char *from_fault(const struct variant *variant, const struct variant *from) {
  if (from == variant || from->from)
    return "is made from another one itself (accepted: a variant without \"from\")";
  if (fold_is_binaural(&from->fold) || !variant->fold.layout)
    return "leads to no other layout (accepted: from a variant for loudspeakers, beside "
           "\"layout\")";
  return variant->fold.by_way_of ? "is a way of its own (accepted: without \"by_way_of\")" : NULL;
}

/* Names may stand before the variants that they name. */
static void resolve_from(struct row_reader *reader, yaml_node_t *node, struct manifest *m,
                         int first) {
  for (int i = first; i < m->n_variants; i++) {
    struct variant *v = &m->variants[i];
    if (!v->from) continue;
    const size_t length = row_reader_enter(reader, v->name);
    const size_t inner = row_reader_enter(reader, "from");
    yaml_node_t *place = row_reader_find(reader, row_reader_find(reader, node, v->name), "from");
    const int from = manifest_find_variant(reader, place, m, v->from);
    const char *fault = from < 0 ? NULL : from_fault(v, &m->variants[from]);
    if (fault) row_reader_problem(reader, place, "%s", fault);
    else if (from >= 0) v->fold.by_way_of = m->variants[from].fold.layout;
    row_reader_leave(reader, inner);
    row_reader_leave(reader, length);
  }
}

void manifest_read_variants(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct draft *draft = context;
  const int first = draft->manifest->n_variants;
  draft->has_variants = true;
  row_reader_named(reader, node, draft, read_variant);
  resolve_from(reader, node, draft->manifest, first);
  if (node->type == YAML_MAPPING_NODE &&
      node->data.mapping.pairs.top == node->data.mapping.pairs.start)
    row_reader_problem(reader, node, "no variant (accepted: one or more)");
}

/* These may stand in any of the files. */
static void check_present(struct row_reader *reader, const yaml_node_t *root,
                          const struct draft *draft) {
  static const char *const keys[] = {"variants", "tracks"};
  const bool present[] = {draft->has_variants, draft->has_tracks};
  for (int i = 0; i < 2; i++)
    for (const struct row_section *s = manifest_top_sections; s->name && !present[i]; s++)
      if (!strcmp(s->name, keys[i]))
        row_reader_problem(reader, root, "\"%s\" is missing (accepted: %s)", s->name, s->help);
}

/* What the files hold together. */
static void read_rest(struct draft *draft, struct problems *problems) {
  struct manifest *manifest = draft->manifest;
  struct draft_file *top = draft->files[draft->n_files - 1];
  struct row_reader reader = {.document = &top->document, .problems = problems};
  yaml_node_t *root = yaml_document_get_root_node(&top->document);
  if (root->type != YAML_MAPPING_NODE) return; /* told */
  manifest_read_rest(draft, problems);
  if (!draft->missing) check_present(&reader, root, draft);
  const int n_before = problems->n;
  if (manifest->output)
    output_template_check(manifest->output, "output: ",
                          yaml_file_line(row_reader_find(&reader, root, "output")), problems);
  else
    manifest->output = memory_text(OUTPUT_NAME_DEFAULT, strlen(OUTPUT_NAME_DEFAULT));
  manifest_number_tracks(draft, problems);
  if (problems->n == n_before) manifest_check_names(draft, problems);
}

int manifest_read(const char *path, FILE *errors, struct manifest **out) {
  struct problems problems = {0};
  struct draft draft = {.manifest = memory_new(1, sizeof(struct manifest))};
  draft.manifest->path = memory_text(path, strlen(path));
  draft.defaults.draft = &draft;
  params_init(manifest_top_rows, draft.manifest);
  enum status status = manifest_read_files(&draft, &problems);
  if (!status) read_rest(&draft, &problems);
  manifest_release_files(&draft);
  draft.manifest->default_chain = draft.defaults.chain;
  free(draft.defaults.variants);
  free(draft.sound);
  if (problems.n && !status) status = draft.missing ? STATUS_NO_INPUT : STATUS_BAD_DATA;
  if (status) manifest_destroy(&draft.manifest);
  *out = draft.manifest;
  problems_print(&problems, errors);
  problems_release(&problems);
  return status;
}

static void release_variant(struct variant *variant) {
  const struct variant_tables all = manifest_variant_tables(variant);
  for (const struct row_table *table = all.tables; table->rows; table++)
    params_release(table->rows, table->params);
  free(variant->name);
}

void manifest_destroy(struct manifest **manifest) {
  struct manifest *m = *manifest;
  if (!m) return;
  for (int i = 0; i < m->n_chains; i++) chain_release(&m->chains[i]);
  for (int i = 0; i < m->n_variants; i++) release_variant(&m->variants[i]);
  for (int i = 0; i < m->n_tracks; i++) manifest_release_track(&m->tracks[i]);
  for (int i = 0; i < m->n_files; i++) free(m->files[i]);
  chain_release(&m->default_chain);
  params_release(manifest_catalogue_rows, &m->catalogue);
  params_release(manifest_top_rows, m);
  free(m->chains);
  free(m->variants);
  free(m->tracks);
  free(m->files);
  free(m->path);
  free(m);
  *manifest = NULL;
}
