/* SPDX-License-Identifier: MIT
 * Reads YAML mappings into structs by their parameter rows, and tells every
 * problem with its line, its place ("chains.house[1].eq.bands[2].freq"; lists
 * count from 1) and what would be accepted. */
#ifndef LACQUER_ROW_READER_H
#define LACQUER_ROW_READER_H
#include <stdbool.h>

#include "name_list.h"
#include "params.h"
#include "problems.h"
#include "yaml_file.h"

struct row_reader {
  yaml_document_t *document;
  struct problems *problems;
  char where[256]; /* the place at hand, "" at the top */
};

/* Enter a key or an item (from 1); both return what row_reader_leave wants. */
size_t row_reader_enter(struct row_reader *reader, const char *key);
size_t row_reader_enter_item(struct row_reader *reader, int item);
void row_reader_leave(struct row_reader *reader, size_t length);

/* Tells a problem at the line of `node`, "where: message". */
__attribute__((format(printf, 3, 4)))
void row_reader_problem(struct row_reader *reader, const yaml_node_t *node,
                        const char *format, ...);
/* Tells `unknown KIND "word"`, the nearest accepted name, and the accepted ones. */
void row_reader_unknown(struct row_reader *reader, const yaml_node_t *node, const char *kind,
                        const struct name_list *accepted);

yaml_node_t *row_reader_node(struct row_reader *reader, int index);
/* A scalar's text; NULL when the node is none, or an unquoted null. */
const char *row_reader_scalar(const yaml_node_t *node);
/* A scalar's text without NUL characters and of min .. max bytes, else NULL and told. */
const char *row_reader_text(struct row_reader *reader, const yaml_node_t *node, size_t min,
                            size_t max);
/* "a list", "a mapping", "no value" or "text" */
const char *row_reader_kind(const yaml_node_t *node);
/* The value of a key, NULL when the mapping has none. */
yaml_node_t *row_reader_find(struct row_reader *reader, const yaml_node_t *mapping,
                             const char *key);
/* The node that `path` ("slope", "bands[2].slope") leads to from a mapping, or as deep
 * as the nodes go. */
yaml_node_t *row_reader_locate(struct row_reader *reader, yaml_node_t *node, const char *path);

/* A table of rows and the struct it describes. Several may share one mapping. */
struct row_table {
  const struct param_row *rows;
  void *params;
};
/* A key whose value is more than a row can describe. */
struct row_section {
  const char *name, *help;
  bool required;
  void (*read)(struct row_reader *reader, yaml_node_t *value, void *context);
  struct json_t *(*schema)(const struct row_section *section); /* a new reference */
};
struct row_mapping {
  const struct row_table *tables;     /* closed by rows NULL */
  const struct row_section *sections; /* read after the rows, in table order; closed by
                                         name NULL; NULL: none */
  void *context;                      /* handed to the sections */
  bool merge; /* the values are there: only change them (lists: item by item) */
};
/* Reads a mapping. Without `merge` the structs hold their rows' defaults before. */
void row_reader_mapping(struct row_reader *reader, yaml_node_t *node,
                        const struct row_mapping *mapping);

/* Reads a mapping from at most 1,000 freely chosen names ([A-Za-z0-9_-]+, 1 .. 64 bytes)
 * to values: calls `each` for every sound and unrepeated name, within its place. */
void row_reader_named(struct row_reader *reader, yaml_node_t *node, void *context,
                      void (*each)(struct row_reader *reader, const char *name,
                                   yaml_node_t *value, void *context));
/* Tells the keys of a mapping that are no text or stand twice. */
void row_reader_check_keys(struct row_reader *reader, const yaml_node_t *mapping);
#endif
