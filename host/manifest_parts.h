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
extern const struct row_section manifest_track_sections[];  /* the same, and stems */
extern const struct row_section manifest_stem_sections[];   /* context: of manifest_stems.c */
extern const struct param_row manifest_part_rows[];         /* of an included file: */
extern const struct row_section manifest_part_sections[];   /* context: struct draft */

/* Tables over all keys of a variant; `variant` may be NULL where only rows are wanted. */
struct variant_tables {
  struct row_table tables[1 + MANIFEST_TAIL_STAGES + 1];
};
struct variant_tables manifest_variant_tables(struct variant *variant);

/* Which chain and variants: a track's choice, or the defaults'. */
struct choice {
  struct draft *draft;
  struct track *track; /* NULL: the defaults */
  bool has_chain, has_variants;
  struct chain chain;
  int n_variants, *variants;
};
/* A file of the manifest: the manifest itself or an included one. */
struct draft_file {
  const char *path; /* one of manifest.files */
  char *folder;     /* of it, relative to the manifest: "" or ending in "/" */
  long long device, inode;
  yaml_document_t document;
  yaml_node_t *defaults, *tracks; /* read when all files are there; NULL: none */
  struct draft_file *parent;      /* what includes it, while both are read */
};
/* A manifest while it is read. */
struct draft {
  struct manifest *manifest;
  struct choice defaults;
  int n_files;
  struct draft_file **files; /* those that are read: what is included comes first */
  struct draft_file *file;   /* the one at hand */
  const char *folder;        /* of it, or of a track list */
  bool *sound;               /* by track: nothing was wrong with it */
  bool has_variants, has_tracks; /* the keys stand in some file */
  bool missing;                  /* a file that is named is not there */
};

/* manifest_chain.c */
void manifest_read_chains(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_chain(struct row_reader *reader, yaml_node_t *node, void *choice);
/* Runs the stage's cross-field check on settings read from the mapping `node`. */
void manifest_check_stage(struct row_reader *reader, yaml_node_t *node,
                          const struct stage *stage, const void *params);

/* manifest_files.c */
enum { MANIFEST_INCLUDE_DEPTH = 8, MANIFEST_FILES = 1000 };
/* Reads the manifest and what it includes, but neither defaults nor tracks. Not STATUS_OK:
 * not even the manifest could be read (told). */
enum status manifest_read_files(struct draft *draft, struct problems *problems);
void manifest_read_include(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_release_files(struct draft *draft);
/* Tells at `node` that this key of a section stands in a file that was read before, too. */
bool manifest_told_twice(struct row_reader *reader, const yaml_node_t *node,
                         const struct draft *draft, const char *section, const char *name);
/* Reads what was left for the end in every file. */
void manifest_read_rest(struct draft *draft, struct problems *problems);
const char *manifest_add_file(struct manifest *manifest, const char *path);
/* The folder of a file that `text` names from `folder`. Caller frees. */
char *manifest_folder_of(const char *folder, const char *text);
/* A path as `text` in a file of `folder` names it, relative to the manifest. Caller frees. */
char *manifest_from_folder(const char *folder, const char *text);

/* manifest_names.c */
/* Tells the deliverables whose names are one where case does not count. */
void manifest_check_names(const struct draft *draft, struct problems *problems);
/* Gives the tracks without a number one; tells the numbers that an album has twice. */
void manifest_number_tracks(const struct draft *draft, struct problems *problems);

/* manifest_lists.c */
/* What a track's source stands for. */
enum source_kind { SOURCE_FILE, SOURCE_LIST, SOURCE_PATTERN };
enum source_kind manifest_source_kind(const struct draft *draft, const char *text);
/* Adds the tracks of a list or pattern; `track` and `choice`: what holds for all of them.
 * `node`: the source, for messages. */
void manifest_read_list(struct row_reader *reader, const yaml_node_t *node, struct draft *draft,
                        const struct track *track, struct choice *choice);
void manifest_read_pattern(struct row_reader *reader, const yaml_node_t *node,
                           struct draft *draft, const struct track *track,
                           struct choice *choice);

/* manifest_tracks.c */
/* Reads a mapping into a track that holds defaults or, to merge, values. */
void manifest_read_track(struct row_reader *reader, yaml_node_t *node, struct track *track,
                         struct choice *choice, bool merge);
struct track manifest_copy_track(const struct track *track); /* its texts, without the rest */
void manifest_release_track(struct track *track);
/* Takes over `track`; takes what is not said from `choice` (whose chain stays owned by the
 * first track that gets it) and the defaults. */
void manifest_add_track(struct draft *draft, struct track *track, struct choice *choice,
                        bool sound);
void manifest_note_defaults(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_note_tracks(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_defaults(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_tracks(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_variant_names(struct row_reader *reader, yaml_node_t *node, void *choice);

/* manifest_stems.c */
void manifest_read_stems(struct row_reader *reader, yaml_node_t *node, void *choice);
void manifest_read_stem_channels(struct row_reader *reader, yaml_node_t *node, void *context);
void manifest_read_automation(struct row_reader *reader, yaml_node_t *node, void *context);

/* manifest.c */
void manifest_read_catalogue(struct row_reader *reader, yaml_node_t *node, void *draft);
void manifest_read_variants(struct row_reader *reader, yaml_node_t *node, void *draft);

/* manifest_schema.c */
struct json_t *schema_include(const struct row_section *section);
struct json_t *schema_catalogue(const struct row_section *section);
struct json_t *schema_chains(const struct row_section *section);
struct json_t *schema_variants(const struct row_section *section);
struct json_t *schema_defaults(const struct row_section *section);
struct json_t *schema_tracks(const struct row_section *section);
struct json_t *schema_chain(const struct row_section *section);
struct json_t *schema_variant_names(const struct row_section *section);
struct json_t *schema_stems(const struct row_section *section);
struct json_t *schema_stem_channels(const struct row_section *section);
struct json_t *schema_automation(const struct row_section *section);
#endif
