/* SPDX-License-Identifier: MIT
 * What the files of the manifest module share: its tables of keys, and reading. */
#ifndef LACQUER_MANIFEST_PARTS_H
#define LACQUER_MANIFEST_PARTS_H
#include "manifest.h"
#include "row_reader.h"

enum { MANIFEST_TAIL_STAGES = 8 }; /* room for the tail stages of the registry */

/* Tables of keys (manifest_keys.c), read here and written out by the schema. */
extern const struct param_row manifest_top_rows[];       /* struct manifest */
extern const struct param_row manifest_catalogue_rows[]; /* struct catalogue */
extern const struct param_row manifest_variant_rows[];   /* struct variant, without tails */
extern const struct param_row manifest_track_rows[];     /* struct track */
extern const struct row_section manifest_top_sections[];    /* context: struct draft */
extern const struct row_section manifest_choice_sections[]; /* context: struct choice */

/* Tables over all keys of a variant; `variant` may be NULL where only rows are wanted. */
struct variant_tables {
  struct row_table tables[1 + MANIFEST_TAIL_STAGES + 1];
};
struct variant_tables manifest_variant_tables(struct variant *variant);

/* Which chain and variants: a track's choice, or the defaults'. */
struct choice {
  struct manifest *manifest;
  bool has_chain, has_variants;
  struct chain chain;
  int n_variants, *variants;
};
/* A manifest while it is read. */
struct draft {
  struct manifest *manifest;
  struct choice defaults;
  bool *sound; /* by track: nothing was wrong with it */
};

/* manifest_chain.c */
void manifest_read_chains(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_chain(struct row_reader *reader, yaml_node_t *node, void *choice);
/* Runs the stage's cross-field check on settings read from the mapping `node`. */
void manifest_check_stage(struct row_reader *reader, yaml_node_t *node,
                          const struct stage *stage, const void *params);

/* manifest_tracks.c */
void manifest_read_defaults(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_tracks(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_variant_names(struct row_reader *reader, yaml_node_t *node, void *choice);

/* manifest.c */
void manifest_read_catalogue(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_variants(struct row_reader *reader, yaml_node_t *node, void *draft);

/* manifest_schema.c */
struct json_t *schema_catalogue(const struct row_section *section);
struct json_t *schema_chains(const struct row_section *section);
struct json_t *schema_variants(const struct row_section *section);
struct json_t *schema_defaults(const struct row_section *section);
struct json_t *schema_tracks(const struct row_section *section);
struct json_t *schema_chain(const struct row_section *section);
struct json_t *schema_variant_names(const struct row_section *section);
#endif
