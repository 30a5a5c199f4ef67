/* SPDX-License-Identifier: MIT
 * Sources that stand for several tracks: track lists, and patterns of file names. A list's
 * row becomes the mapping that a track is in YAML, and is read by the same tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_pattern.h"
#include "manifest_parts.h"
#include "memory.h"
#include "track_list.h"

/* The path to open for what a file of `draft->folder` names. Caller frees. */
static char *path_of(const struct draft *draft, const char *text) {
  char *from_manifest = manifest_from_folder(draft->folder, text);
  char *path = manifest_beside(draft->manifest->path, from_manifest);
  free(from_manifest);
  return path;
}

enum source_kind manifest_source_kind(const struct draft *draft, const char *text) {
  if (track_list_is(text)) return SOURCE_LIST;
  if (!file_pattern_is(text)) return SOURCE_FILE;
  char *path = path_of(draft, text); /* such names are allowed */
  const bool is_file = !access(path, F_OK);
  free(path);
  return is_file ? SOURCE_FILE : SOURCE_PATTERN;
}

/* Adds a track with what is said of it, and else with what is said of all. */
static void add_track(struct draft *draft, struct track *track, const struct choice *own,
                      struct choice *shared, bool sound) {
  struct choice used = *own;
  if (!own->has_variants) {
    used.has_variants = shared->has_variants;
    used.n_variants = shared->n_variants;
    used.variants = shared->variants;
  }
  if (!own->has_chain) {
    used.has_chain = shared->has_chain;
    used.chain = shared->chain;
    shared->chain.borrowed = true; /* by the others, of the first */
  }
  manifest_add_track(draft, track, &used, sound);
}

static bool has_room(struct row_reader *reader, int line, const struct draft *draft) {
  if (draft->manifest->n_tracks < MANIFEST_TRACKS) return true;
  problems_add(reader->problems, line, "too many tracks (accepted: %d)", MANIFEST_TRACKS);
  return false;
}

/* ---- patterns ---- */

void manifest_read_pattern(struct row_reader *reader, const yaml_node_t *node,
                           struct draft *draft, const struct track *shared,
                           struct choice *choice) {
  const char *pattern = shared->source_text;
  struct file_matches found;
  struct failure why = {0};
  char *folder = path_of(draft, "");
  const enum status status = file_pattern_find(folder, pattern, &found, &why);
  free(folder);
  if (status) {
    draft->missing |= status == STATUS_NO_INPUT;
    row_reader_problem(reader, node, "%s %s", name_quote(pattern, strlen(pattern)).text,
                       why.text);
  }
  for (int i = 0; i < found.n && has_room(reader, shared->line, draft); i++) {
    struct track track = manifest_copy_track(shared);
    const struct choice none = {0};
    free(track.source_text);
    track.source_text = memory_text(found.paths[i], strlen(found.paths[i]));
    add_track(draft, &track, &none, choice, true);
  }
  file_matches_release(&found);
}

/* ---- track lists ---- */

struct column {
  const char *key; /* NULL: passed over */
  bool is_number;
  bool unnamed;    /* its fields are to be empty */
};
struct list {
  struct draft *draft;
  const char *path; /* one of manifest.files */
  struct problems *problems;
  struct track_list text;
  const struct track *shared;
  struct choice *choice;
  int n_columns;
  struct column columns[TRACK_LIST_COLUMNS];
};

static void list_keys(struct name_list *keys) {
  const struct param_row *const tables[] = {manifest_track_rows, edit_rows};
  for (int t = 0; t < 2; t++)
    for (const struct param_row *row = tables[t]; row->type != PARAM_END; row++)
      name_list_add(keys, row->name);
  for (const struct row_section *s = manifest_choice_sections; s->name; s++)
    name_list_add(keys, s->name);
}

static bool is_number(const char *key) {
  const struct param_row *const tables[] = {manifest_track_rows, edit_rows};
  for (int t = 0; t < 2; t++)
    for (const struct param_row *row = tables[t]; row->type != PARAM_END; row++)
      if (!strcmp(row->name, key)) return row->type == PARAM_NUMBER || row->type == PARAM_INTEGER;
  return false;
}

/* "Gap before" is gap_before. */
static char *key_of(const char *title) {
  char *key = memory_text(title, strlen(title));
  for (char *c = key; *c; c++) {
    if (*c >= 'A' && *c <= 'Z') *c += 32;
    if (*c == ' ' || *c == '-') *c = '_';
  }
  return key;
}

static const char *find_key(const struct name_list *keys, const char *key) {
  for (int i = 0; i < keys->n; i++)
    if (!strcmp(keys->items[i], key)) return keys->items[i];
  return NULL;
}

static void read_title(struct list *list, int line, const char *title,
                       const struct name_list *keys) {
  struct column *column = &list->columns[list->n_columns++];
  char *key = key_of(title);
  *column = (struct column){.unnamed = !*key};
  const char *known = find_key(keys, key), *nearest = name_list_nearest(keys, key);
  const struct name_text quoted = name_quote(title, strlen(title));
  bool twice = false;
  for (int i = 0; known && i + 1 < list->n_columns; i++) twice |= list->columns[i].key == known;
  if (twice)
    problems_add(list->problems, line, "column %s stands twice (accepted: once)", quoted.text);
  else if (known)
    *column = (struct column){known, is_number(known), false};
  else if (!strcmp(key, "stems"))
    problems_add(list->problems, line, "column %s: a row has no stems (accepted: \"source\" in "
                 "rows; tracks with \"stems\" stand in a manifest)", quoted.text);
  else if (*key && *key != '#')
    problems_add(list->problems, line,
                 "unknown column %s%s%s%s (accepted: %s; and to be passed over: any that begins "
                 "with #)", quoted.text, nearest ? ", did you mean \"" : "",
                 nearest ? nearest : "", nearest ? "\"?" : "", name_list_text(keys).text);
  free(key);
}

/* False: the rows cannot be read (told). */
static bool read_header(struct list *list, struct track_record *record) {
  struct name_list keys = {0};
  const int n_before = list->problems->n;
  if (!track_list_next(&list->text, list->problems, record)) {
    if (list->problems->n == n_before)
      problems_add(list->problems, 1, "the list is empty (accepted: a line with the names of the "
                   "columns, and one row or more)");
    return false;
  }
  list_keys(&keys);
  for (int i = 0; i < record->n; i++) read_title(list, record->line, record->field[i], &keys);
  bool has_source = false;
  for (int i = 0; i < list->n_columns; i++)
    has_source |= list->columns[i].key && !strcmp(list->columns[i].key, "source");
  if (!has_source)
    problems_add(list->problems, record->line, "column \"source\" is missing (accepted: a line "
                 "with the names of columns: %s)", name_list_text(&keys).text);
  name_list_release(&keys);
  return has_source;
}

static int add_scalar(yaml_document_t *document, const char *text, yaml_scalar_style_t style) {
  const int node = yaml_document_add_scalar(document, NULL, (const yaml_char_t *)text, -1, style);
  if (!node) abort();
  return node;
}

/* 1,5 as spreadsheets write it where the comma does not separate. */
static void set_point(char *number) {
  char *comma = strchr(number, ',');
  if (comma && !strchr(comma + 1, ',') && !strchr(number, '.')) *comma = '.';
}

/* "cd|streaming" or "cd streaming" */
static int add_names(yaml_document_t *document, char *text) {
  const int list = yaml_document_add_sequence(document, NULL, YAML_FLOW_SEQUENCE_STYLE);
  if (!list) abort();
  for (char *rest = text, *name; (name = strtok_r(rest, " |\t\r\n", &rest));)
    if (!yaml_document_append_sequence_item(
            document, list, add_scalar(document, name, YAML_DOUBLE_QUOTED_SCALAR_STYLE)))
      abort();
  return list;
}

static int add_value(const struct list *list, yaml_document_t *document,
                     const struct column *column, char *text) {
  if (!strcmp(column->key, "variants")) return add_names(document, text);
  if (!column->is_number) return add_scalar(document, text, YAML_DOUBLE_QUOTED_SCALAR_STYLE);
  if (list->text.separator != ',') set_point(text);
  return add_scalar(document, text, YAML_PLAIN_SCALAR_STYLE);
}

/* A row as a mapping from the columns' names; fields that are empty are left out. */
static void build(const struct list *list, const struct track_record *record,
                  yaml_document_t *document) {
  if (!yaml_document_initialize(document, NULL, NULL, NULL, 1, 1)) abort();
  const int mapping = yaml_document_add_mapping(document, NULL, YAML_BLOCK_MAPPING_STYLE);
  if (!mapping) abort();
  for (int i = 0; i < record->n; i++) {
    const struct column *column = i < list->n_columns ? &list->columns[i] : NULL;
    if (!*record->field[i]) continue;
    if (!column || column->unnamed)
      problems_add(list->problems, record->line, "%s stands in a column without a name "
                   "(accepted: %d columns)",
                   name_quote(record->field[i], strlen(record->field[i])).text,
                   list->n_columns);
    if (!column || !column->key) continue;
    const int key = add_scalar(document, column->key, YAML_PLAIN_SCALAR_STYLE);
    if (!yaml_document_append_mapping_pair(document, mapping, key,
                                           add_value(list, document, column, record->field[i])))
      abort();
  }
  for (yaml_node_t *node = document->nodes.start; node < document->nodes.top; node++)
    node->start_mark.line = (size_t)record->line - 1;
}

static void check_source(struct row_reader *reader, const yaml_node_t *row,
                         const struct list *list, const struct track *track) {
  const char *text = track->source_text;
  if (!row_reader_find(reader, row, "source"))
    row_reader_problem(reader, row, "\"source\" is missing (accepted: an audio file)");
  else if (text && manifest_source_kind(list->draft, text) != SOURCE_FILE)
    row_reader_problem(reader, row, "source: %s stands for several tracks (accepted: one audio "
                       "file in every row)", name_quote(text, strlen(text)).text);
}

static void read_row(struct list *list, const struct track_record *record) {
  yaml_document_t document;
  struct row_reader reader = {.document = &document, .problems = list->problems};
  struct track track = manifest_copy_track(list->shared);
  struct choice own = {.draft = list->draft};
  const int n_before = list->problems->n;
  free(track.source_text);
  track.source_text = NULL;
  track.file = list->path;
  track.line = record->line;
  track.item = 0;
  build(list, record, &document);
  yaml_node_t *row = yaml_document_get_root_node(&document);
  manifest_read_track(&reader, row, &track, &own, true);
  check_source(&reader, row, list, &track);
  yaml_document_delete(&document);
  add_track(list->draft, &track, &own, list->choice, list->problems->n == n_before);
  free(own.variants);
}

static void read_rows(struct list *list) {
  struct track_record record;
  struct row_reader reader = {.problems = list->problems};
  const int n_before = list->problems->n;
  int n = 0;
  if (!read_header(list, &record)) return;
  for (; track_list_next(&list->text, list->problems, &record); n++) {
    if (!has_room(&reader, record.line, list->draft)) return;
    read_row(list, &record);
  }
  if (!n && list->problems->n == n_before)
    problems_add(list->problems, 1, "no track (accepted: one row or more below the names of the "
                 "columns)");
}

void manifest_read_list(struct row_reader *reader, const yaml_node_t *node, struct draft *draft,
                        const struct track *shared, struct choice *choice) {
  const char *text = shared->source_text;
  struct list *list = memory_new(1, sizeof *list);
  char *path = path_of(draft, text), *folder = manifest_folder_of(draft->folder, text);
  *list = (struct list){.draft = draft, .problems = reader->problems, .shared = shared,
                        .choice = choice,
                        .path = manifest_add_file(draft->manifest, path)};
  if (access(path, R_OK)) {
    row_reader_problem(reader, node, "%s cannot be opened: %s",
                       name_quote(text, strlen(text)).text, strerror(errno));
    draft->missing = true;
  } else {
    const int before = problems_enter(reader->problems, path);
    const char *outer = draft->folder;
    if (!track_list_open(path, reader->problems, &list->text)) {
      draft->folder = folder;
      read_rows(list);
      draft->folder = outer;
      track_list_close(&list->text);
    }
    problems_leave(reader->problems, before);
  }
  free(path);
  free(folder);
  free(list);
}
