/* SPDX-License-Identifier: MIT
 * Chains: ordered lists of stages, by name or in place, and a track's changes to one. */
#include <stdlib.h>
#include <string.h>

#include "manifest_parts.h"
#include "match.h"
#include "memory.h"
#include "param_values.h"

void chain_release(struct chain *chain) {
  for (int i = 0; i < chain->n_stages && !chain->borrowed; i++)
    stage_params_destroy(chain->stages[i].stage, &chain->stages[i].params);
  if (!chain->borrowed) free(chain->stages);
  free(chain->name);
  *chain = (struct chain){0};
}

struct chain chain_copy(const struct chain *chain) {
  struct chain copy = {.n_stages = chain->n_stages};
  copy.stages = memory_new((size_t)chain->n_stages, sizeof *copy.stages);
  for (int i = 0; i < chain->n_stages; i++) {
    const struct chain_stage *from = &chain->stages[i];
    void *params = stage_params_copy(from->stage, from->params);
    copy.stages[i] = (struct chain_stage){from->stage, params};
  }
  return copy;
}

struct chain chain_borrow(const struct chain *chain) {
  return (struct chain){.n_stages = chain->n_stages, .stages = chain->stages, .borrowed = true};
}

const struct stage *manifest_stage(int i) {
  for (int k = 0; stage_registry[k]; k++)
    if (!i--) return stage_registry[k];
  return i ? NULL : &stage_match;
}

const struct stage *manifest_stage_find(const char *name) {
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++)
    if (!strcmp(stage->name, name)) return stage;
  return NULL;
}

static void list_chain_stages(struct name_list *names) {
  const struct stage *stage;
  for (int i = 0; (stage = manifest_stage(i)); i++)
    if (stage->role == STAGE_CHAIN) name_list_add(names, stage->name);
}

static const struct param_row *find_row(const struct param_row *rows, const char *name) {
  for (; rows->type != PARAM_END; rows++)
    if (rows->name && !strcmp(rows->name, name)) return rows;
  return NULL;
}

/* The place of a key that a check found at fault. Of a list's items a check says only
 * the key: it is the first item that, as the last of its list, makes the check fail. */
static void place_fault(const struct stage *stage, const void *params, const char *key,
                        const char *why, struct name_text *place) {
  snprintf(place->text, sizeof place->text, "%s", key);
  if (find_row(stage->rows, key)) return;
  for (const struct param_row *row = stage->rows; row->type != PARAM_END; row++) {
    if (row->type != PARAM_LIST || !find_row(row->items, key)) continue;
    char *copy = memory_new(1, stage->params_size); /* shares the texts */
    memcpy(copy, params, stage->params_size);
    int n = *(int *)(void *)(copy + row->count_offset);
    for (int item = 1; item <= n; item++) {
      const char *same = NULL;
      *(int *)(void *)(copy + row->count_offset) = item;
      if (stage->check(copy, &same) != why) continue;
      snprintf(place->text, sizeof place->text, "%s[%d].%s", row->name, item, key);
      break;
    }
    free(copy);
    return;
  }
}

void manifest_check_stage(struct row_reader *reader, yaml_node_t *node,
                          const struct stage *stage, const void *params) {
  const char *key = NULL;
  const char *why = stage->check ? stage->check(params, &key) : NULL;
  if (!why) return;
  struct name_text place = {""};
  size_t length = strlen(reader->where);
  if (key) {
    place_fault(stage, params, key, why, &place);
    row_reader_enter(reader, place.text);
  }
  row_reader_problem(reader, row_reader_locate(reader, node, place.text), "%s", why);
  row_reader_leave(reader, length);
}

/* Paths of references are relative to the file that names them: those that this mapping
 * does become relative to the manifest. */
static void place_references(struct row_reader *reader, const yaml_node_t *node,
                             const struct draft *draft, struct match_params *match) {
  const yaml_node_t *list = row_reader_find(reader, node, "references");
  for (int i = 0; list && i < match->n_references; i++) {
    const yaml_node_item_t *items = list->data.sequence.items.start;
    if (i >= list->data.sequence.items.top - items) return;
    const yaml_node_t *item = row_reader_node(reader, items[i]);
    if (item->type != YAML_MAPPING_NODE || !row_reader_find(reader, item, "path")) continue;
    char **path = &match->references[i].path, *text = *path;
    *path = manifest_from_folder(draft->folder, text);
    free(text);
  }
}

/* Reads a stage's mapping into its settings, which are defaults or, to merge, values. */
static void read_stage(struct row_reader *reader, yaml_node_t *node, const struct draft *draft,
                       const struct chain_stage *s, bool merge) {
  const struct row_table tables[] = {{s->stage->rows, s->params}, {0}};
  int n_before = reader->problems->n;
  row_reader_mapping(reader, node, &(struct row_mapping){.tables = tables, .merge = merge});
  if (reader->problems->n > n_before) return;
  if (s->stage == &stage_match) place_references(reader, node, draft, s->params);
  manifest_check_stage(reader, node, s->stage, s->params);
}

/* One item of a list of stages: {name: {settings}}. False: told. */
static bool read_chain_item(struct row_reader *reader, yaml_node_t *node,
                            const struct draft *draft, struct chain_stage *out) {
  yaml_node_pair_t *pairs = node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
  if (!pairs || node->data.mapping.pairs.top - pairs != 1) {
    row_reader_problem(reader, node, "%s where one stage is wanted (accepted: a mapping with one "
                       "key, the stage's name)",
                       pairs ? "a mapping with none or several keys" : row_reader_kind(node));
    return false;
  }
  yaml_node_t *key = row_reader_node(reader, pairs->key);
  const char *name = row_reader_text(reader, key, 1, 1000);
  if (!name) return false;
  const struct stage *stage = manifest_stage_find(name);
  if (!stage) {
    struct name_list names = {0};
    list_chain_stages(&names);
    row_reader_unknown(reader, key, "stage", &names);
    name_list_release(&names);
    return false;
  }
  if (stage->role != STAGE_CHAIN) {
    row_reader_problem(reader, key, "\"%s\" is no stage of a chain (accepted: its settings among "
                       "the keys of a variant)", name);
    return false;
  }
  *out = (struct chain_stage){stage, stage_params_new(stage)};
  size_t length = row_reader_enter(reader, name);
  read_stage(reader, row_reader_node(reader, pairs->value), draft, out, false);
  row_reader_leave(reader, length);
  return true;
}

static bool has_match(const struct chain *chain) {
  for (int i = 0; i < chain->n_stages; i++)
    if (chain->stages[i].stage == &stage_match) return true;
  return false;
}

static void read_stage_list(struct row_reader *reader, yaml_node_t *node,
                            const struct draft *draft, struct chain *chain) {
  if (node->type != YAML_SEQUENCE_NODE) {
    row_reader_problem(reader, node, "%s where a list of stages is wanted (accepted: 0 .. %d "
                       "stages)", row_reader_kind(node), MANIFEST_CHAIN_STAGES);
    return;
  }
  const yaml_node_item_t *items = node->data.sequence.items.start;
  long n = node->data.sequence.items.top - items;
  if (n > MANIFEST_CHAIN_STAGES) {
    row_reader_problem(reader, node, "%ld stages are too many (accepted: 0 .. %d stages)", n,
                       MANIFEST_CHAIN_STAGES);
    n = MANIFEST_CHAIN_STAGES;
  }
  chain->stages = memory_new((size_t)n, sizeof *chain->stages);
  for (int i = 0; i < n; i++) {
    size_t length = row_reader_enter_item(reader, i + 1);
    yaml_node_t *item = row_reader_node(reader, items[i]);
    if (read_chain_item(reader, item, draft, &chain->stages[chain->n_stages])) {
      if (has_match(chain) && chain->stages[chain->n_stages].stage == &stage_match)
        row_reader_problem(reader, item, "a second match stage (accepted: one in a chain, as each "
                           "would make up for the whole difference)");
      chain->n_stages++;
    }
    row_reader_leave(reader, length);
  }
}

static void read_named_chain(struct row_reader *reader, const char *name, yaml_node_t *value,
                             void *context) {
  struct draft *draft = context;
  struct manifest *manifest = draft->manifest;
  if (manifest_told_twice(reader, value, draft, "chains", name)) return;
  manifest->chains =
      memory_grow(manifest->chains, (size_t)manifest->n_chains + 1, sizeof *manifest->chains);
  struct chain *chain = &manifest->chains[manifest->n_chains++];
  *chain = (struct chain){.name = memory_text(name, strlen(name))};
  read_stage_list(reader, value, draft, chain);
}

void manifest_read_chains(struct row_reader *reader, yaml_node_t *node, void *context) {
  row_reader_named(reader, node, context, read_named_chain);
}

/* The chain that a scalar names; NULL: told. */
static const struct chain *find_chain(struct row_reader *reader, const struct manifest *manifest,
                                      yaml_node_t *node) {
  const char *name = row_reader_text(reader, node, 1, 1000);
  if (!name) return NULL;
  for (int i = 0; i < manifest->n_chains; i++)
    if (!strcmp(manifest->chains[i].name, name)) return &manifest->chains[i];
  struct name_list names = {0};
  for (int i = 0; i < manifest->n_chains; i++) name_list_add(&names, manifest->chains[i].name);
  row_reader_unknown(reader, node, "chain", &names);
  name_list_release(&names);
  return NULL;
}

static struct chain_stage *find_stage(struct chain *chain, const char *name) {
  for (int i = 0; i < chain->n_stages; i++)
    if (!strcmp(chain->stages[i].stage->name, name)) return &chain->stages[i];
  return NULL;
}

static void read_override(struct row_reader *reader, yaml_node_t *key, yaml_node_t *value,
                          struct choice *choice) {
  struct chain *chain = &choice->chain;
  const char *name = row_reader_text(reader, key, 1, 1000);
  if (!name || !strcmp(name, "use")) return;
  struct chain_stage *stage = find_stage(chain, name);
  if (stage) {
    size_t length = row_reader_enter(reader, name);
    read_stage(reader, value, choice->draft, stage, true);
    row_reader_leave(reader, length);
  } else {
    struct name_list names = {0};
    name_list_add(&names, "use");
    for (int i = 0; i < chain->n_stages; i++)
      if (!name_list_has(&names, chain->stages[i].stage->name))
        name_list_add(&names, chain->stages[i].stage->name);
    row_reader_unknown(reader, key,
                       manifest_stage_find(name) ? "stage of this chain" : "key", &names);
    name_list_release(&names);
  }
}

/* {use: name, stage: {changes}, ...} */
static void read_changed_chain(struct row_reader *reader, yaml_node_t *node,
                               struct choice *choice) {
  yaml_node_t *use = row_reader_find(reader, node, "use");
  row_reader_check_keys(reader, node);
  if (!use) {
    row_reader_problem(reader, node, "\"use\" is missing (accepted: the name of the chain to "
                       "change)");
    return;
  }
  size_t length = row_reader_enter(reader, "use");
  const struct chain *base = find_chain(reader, choice->draft->manifest, use);
  row_reader_leave(reader, length);
  if (!base) return;
  choice->chain = chain_copy(base);
  for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
       pair < node->data.mapping.pairs.top; pair++)
    read_override(reader, row_reader_node(reader, pair->key),
                  row_reader_node(reader, pair->value), choice);
}

void manifest_read_chain(struct row_reader *reader, yaml_node_t *node, void *context) {
  struct choice *choice = context;
  choice->has_chain = true;
  if (node->type == YAML_SEQUENCE_NODE) {
    read_stage_list(reader, node, choice->draft, &choice->chain);
  } else if (node->type == YAML_MAPPING_NODE) {
    read_changed_chain(reader, node, choice);
  } else {
    const struct chain *named = find_chain(reader, choice->draft->manifest, node);
    if (named) choice->chain = chain_borrow(named);
  }
}
