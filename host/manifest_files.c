/* SPDX-License-Identifier: MIT
 * The files of a manifest: itself, and what it includes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "manifest_parts.h"
#include "memory.h"

enum { LONGEST_PATH = 4000 };

const char *manifest_add_file(struct manifest *m, const char *path) {
  for (int i = m->n_files; i-- > 0;)
    if (!strcmp(m->files[i], path)) return m->files[i];
  m->files = memory_grow(m->files, (size_t)m->n_files + 1, sizeof *m->files);
  return m->files[m->n_files++] = memory_text(path, strlen(path));
}

char *manifest_from_folder(const char *folder, const char *text) {
  return memory_print("%s%s", *text == '/' ? "" : folder, text);
}

char *manifest_folder_of(const char *folder, const char *text) {
  char *path = manifest_from_folder(folder, text), *slash = strrchr(path, '/');
  *(slash ? slash + 1 : path) = 0;
  return path;
}

static void release_file(struct draft_file *file) {
  free(file->folder);
  free(file);
}

void manifest_release_files(struct draft *draft) {
  for (int i = 0; i < draft->n_files; i++) {
    yaml_document_delete(&draft->files[i]->document);
    release_file(draft->files[i]);
  }
  free(draft->files);
}

/* Reads a file's rows and sections with it as the one at hand. */
static void read_sections(struct draft *draft, struct draft_file *file,
                          struct problems *problems) {
  struct row_reader reader = {.document = &file->document, .problems = problems};
  const bool is_part = file->parent;
  const struct row_table tables[] = {
      {is_part ? manifest_part_rows : manifest_top_rows, draft->manifest}, {0}};
  draft->file = file;
  draft->folder = file->folder;
  row_reader_mapping(
      &reader, yaml_document_get_root_node(&file->document),
      &(struct row_mapping){.tables = tables, .context = draft,
                            .sections = is_part ? manifest_part_sections
                                                : manifest_top_sections});
  draft->file = file->parent;
  if (draft->file) draft->folder = draft->file->folder;
  draft->files =
      memory_grow(draft->files, (size_t)draft->n_files + 1, sizeof(struct draft_file *));
  draft->files[draft->n_files++] = file;
}

/* Takes over `file`. */
static enum status read_file(struct draft *draft, struct draft_file *file,
                             struct problems *problems) {
  const int before = problems_enter(problems, file->path);
  const enum status status = yaml_file_load(file->path, problems, &file->document);
  if (!status) read_sections(draft, file, problems);
  else release_file(file);
  problems_leave(problems, before);
  return status;
}

static struct draft_file *new_file(struct draft *draft, const char *path,
                                   const struct stat *info) {
  struct draft_file *file = memory_new(1, sizeof *file);
  file->path = manifest_add_file(draft->manifest, path);
  file->parent = draft->file;
  file->device = (long long)info->st_dev;
  file->inode = (long long)info->st_ino;
  return file;
}

enum status manifest_read_files(struct draft *draft, struct problems *problems) {
  struct stat info = {0};
  stat(draft->manifest->path, &info);
  struct draft_file *file = new_file(draft, draft->manifest->path, &info);
  file->folder = memory_text("", 0);
  problems_enter(problems, file->path);
  return read_file(draft, file, problems);
}

static bool is_file(const struct draft_file *file, const struct stat *info) {
  return file->device == (long long)info->st_dev && file->inode == (long long)info->st_ino;
}

/* Whether the file is to be read; what stands against it is told. */
static bool may_include(struct row_reader *reader, const yaml_node_t *node, struct draft *draft,
                        const char *path, struct stat *info) {
  const struct name_text quoted = name_quote(path, strlen(path));
  int depth = 0;
  if (stat(path, info)) {
    row_reader_problem(reader, node, "%s cannot be opened: %s", quoted.text, strerror(errno));
    draft->missing = true;
    return false;
  }
  for (const struct draft_file *file = draft->file; file; file = file->parent, depth++)
    if (is_file(file, info)) {
      row_reader_problem(reader, node, "%s is this file or includes it (accepted: no circles)",
                         quoted.text);
      return false;
    }
  for (int i = 0; i < draft->n_files; i++)
    if (is_file(draft->files[i], info)) return false;
  if (depth > MANIFEST_INCLUDE_DEPTH)
    row_reader_problem(reader, node, "included too deeply (accepted: %d levels)",
                       MANIFEST_INCLUDE_DEPTH);
  else if (draft->n_files + depth >= MANIFEST_FILES)
    row_reader_problem(reader, node, "too many files (accepted: %d)", MANIFEST_FILES);
  else return true;
  return false;
}

static void include(struct row_reader *reader, const yaml_node_t *node, struct draft *draft) {
  const char *text = row_reader_text(reader, node, 1, LONGEST_PATH);
  struct stat info;
  if (!text) return;
  char *from_manifest = manifest_from_folder(draft->folder, text);
  char *path = manifest_beside(draft->manifest->path, from_manifest);
  if (may_include(reader, node, draft, path, &info)) {
    struct draft_file *file = new_file(draft, path, &info);
    file->folder = manifest_folder_of(draft->folder, text);
    if (read_file(draft, file, reader->problems) == STATUS_NO_INPUT) draft->missing = true;
  }
  free(path);
  free(from_manifest);
}

void manifest_read_include(struct row_reader *reader, yaml_node_t *node, void *draft) {
  if (node->type == YAML_SCALAR_NODE) {
    include(reader, node, draft);
    return;
  }
  if (node->type != YAML_SEQUENCE_NODE) {
    row_reader_problem(reader, node, "%s where files are wanted (accepted: a path or a list of "
                       "paths)", row_reader_kind(node));
    return;
  }
  const yaml_node_item_t *items = node->data.sequence.items.start;
  const long n = node->data.sequence.items.top - items;
  for (int i = 0; i < n; i++) {
    const size_t length = row_reader_enter_item(reader, i + 1);
    include(reader, row_reader_node(reader, items[i]), draft);
    row_reader_leave(reader, length);
  }
}

bool manifest_told_twice(struct row_reader *reader, const yaml_node_t *node,
                         const struct draft *draft, const char *section, const char *name) {
  for (int i = 0; i < draft->n_files; i++) {
    struct draft_file *file = draft->files[i];
    struct row_reader other = {.document = &file->document};
    const yaml_node_t *root = yaml_document_get_root_node(&file->document);
    const yaml_node_t *names =
        root->type == YAML_MAPPING_NODE ? row_reader_find(&other, root, section) : NULL;
    const yaml_node_t *first = names && names->type == YAML_MAPPING_NODE
                                   ? row_reader_find(&other, names, name)
                                   : NULL;
    if (!first) continue;
    row_reader_problem(reader, node, "stands twice, first in %s, line %d (accepted: once)",
                       file->path, yaml_file_line(first));
    return true;
  }
  return false;
}

static void read_noted(struct draft *draft, struct draft_file *file, struct problems *problems,
                       yaml_node_t *node, const char *key,
                       void (*read)(struct row_reader *, yaml_node_t *, void *)) {
  struct row_reader reader = {.document = &file->document, .problems = problems};
  if (!node) return;
  const int before = problems_enter(problems, file->path);
  draft->file = file;
  draft->folder = file->folder;
  row_reader_enter(&reader, key);
  read(&reader, node, draft);
  problems_leave(problems, before);
}

void manifest_read_rest(struct draft *draft, struct problems *problems) {
  struct draft_file *top = draft->files[draft->n_files - 1];
  read_noted(draft, top, problems, top->defaults, "defaults", manifest_read_defaults);
  for (int i = 0; i < draft->n_files; i++)
    read_noted(draft, draft->files[i], problems, draft->files[i]->tracks, "tracks",
               manifest_read_tracks);
}
