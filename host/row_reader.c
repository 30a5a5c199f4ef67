/* SPDX-License-Identifier: MIT
 * See row_reader.h. Here: places, keys and mappings; row_value.c reads values. */
#include "row_reader.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "row_value.h"

enum { LONGEST_NAME = 64, MOST_NAMES = 1000 };

size_t row_reader_enter(struct row_reader *reader, const char *key) {
  size_t length = strlen(reader->where);
  snprintf(reader->where + length, sizeof reader->where - length, "%s%s", length ? "." : "", key);
  return length;
}

size_t row_reader_enter_item(struct row_reader *reader, int item) {
  size_t length = strlen(reader->where);
  snprintf(reader->where + length, sizeof reader->where - length, "[%d]", item);
  return length;
}

void row_reader_leave(struct row_reader *reader, size_t length) { reader->where[length] = 0; }

void row_reader_problem(struct row_reader *reader, const yaml_node_t *node,
                        const char *format, ...) {
  char text[1536];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  problems_add(reader->problems, yaml_file_line(node), "%s%s%s", reader->where,
               reader->where[0] ? ": " : "", text);
}

void row_reader_unknown(struct row_reader *reader, const yaml_node_t *node, const char *kind,
                        const struct name_list *accepted) {
  const char *word = (const char *)node->data.scalar.value;
  const char *nearest = name_list_nearest(accepted, word);
  row_reader_problem(reader, node, "unknown %s %s%s%s%s (accepted: %s)", kind,
                     name_quote(word, node->data.scalar.length).text,
                     nearest ? ", did you mean \"" : "", nearest ? nearest : "",
                     nearest ? "\"?" : "",
                     accepted->n ? name_list_text(accepted).text : "none, as none is declared");
}

yaml_node_t *row_reader_node(struct row_reader *reader, int index) {
  return yaml_document_get_node(reader->document, index);
}

const char *row_reader_scalar(const yaml_node_t *node) {
  static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
  if (node->type != YAML_SCALAR_NODE) return NULL;
  const char *text = (const char *)node->data.scalar.value;
  if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
      if (!strcmp(text, nulls[i])) return NULL;
  return text;
}

const char *row_reader_text(struct row_reader *reader, const yaml_node_t *node, size_t min,
                            size_t max) {
  const char *text = row_reader_scalar(node);
  if (!text) {
    row_reader_problem(reader, node, "%s where text is wanted (accepted: %zu .. %zu bytes)",
                       row_reader_kind(node), min, max);
    return NULL;
  }
  size_t length = node->data.scalar.length;
  if (memchr(text, 0, length)) {
    row_reader_problem(reader, node, "%s holds a NUL character (accepted: text without)",
                       name_quote(text, length).text);
    return NULL;
  }
  if (length >= min && length <= max) return text;
  row_reader_problem(reader, node, "%s has %zu bytes (accepted: %zu .. %zu bytes)",
                     name_quote(text, length).text, length, min, max);
  return NULL;
}

const char *row_reader_kind(const yaml_node_t *node) {
  return node->type == YAML_SEQUENCE_NODE  ? "a list"
         : node->type == YAML_MAPPING_NODE ? "a mapping"
         : row_reader_scalar(node)         ? "text"
                                           : "no value";
}

static const char *key_text(const yaml_node_t *key) {
  if (key->type != YAML_SCALAR_NODE) return NULL;
  const char *text = (const char *)key->data.scalar.value;
  return strlen(text) == key->data.scalar.length ? text : NULL;
}

static yaml_node_pair_t *pairs_of(const yaml_node_t *mapping, size_t *n) {
  *n = (size_t)(mapping->data.mapping.pairs.top - mapping->data.mapping.pairs.start);
  return mapping->data.mapping.pairs.start;
}

static yaml_node_pair_t *find_pair(struct row_reader *reader, const yaml_node_t *mapping,
                                   const char *key) {
  size_t n;
  yaml_node_pair_t *pairs = pairs_of(mapping, &n);
  for (size_t i = 0; i < n; i++) {
    const char *text = key_text(row_reader_node(reader, pairs[i].key));
    if (text && !strcmp(text, key)) return &pairs[i];
  }
  return NULL;
}

yaml_node_t *row_reader_find(struct row_reader *reader, const yaml_node_t *mapping,
                             const char *key) {
  const yaml_node_pair_t *pair = find_pair(reader, mapping, key);
  return pair ? row_reader_node(reader, pair->value) : NULL;
}

yaml_node_t *row_reader_locate(struct row_reader *reader, yaml_node_t *node, const char *path) {
  while (*path) {
    yaml_node_t *next = NULL;
    size_t length = strcspn(path, ".[");
    if (length && node->type == YAML_MAPPING_NODE) {
      char *key = memory_text(path, length);
      next = row_reader_find(reader, node, key);
      free(key);
    } else if (*path == '[' && node->type == YAML_SEQUENCE_NODE) {
      const yaml_node_item_t *items = node->data.sequence.items.start;
      long item = strtol(path + 1, NULL, 10), n = node->data.sequence.items.top - items;
      if (item >= 1 && item <= n) next = row_reader_node(reader, items[item - 1]);
      length = strcspn(path, "]") + (strchr(path, ']') != NULL);
    }
    if (!next) break;
    node = next;
    path += length;
    path += *path == '.';
  }
  return node;
}

static int by_text(const void *a, const void *b) {
  const yaml_node_t *x = *(yaml_node_t *const *)a, *y = *(yaml_node_t *const *)b;
  int order = strcmp(key_text(x), key_text(y));
  return order ? order : (x->start_mark.index > y->start_mark.index) -
                             (x->start_mark.index < y->start_mark.index);
}

void row_reader_check_keys(struct row_reader *reader, const yaml_node_t *mapping) {
  size_t n, n_texts = 0;
  yaml_node_pair_t *pairs = pairs_of(mapping, &n);
  yaml_node_t **keys = memory_new(n, sizeof *keys);
  for (size_t i = 0; i < n; i++) {
    yaml_node_t *key = row_reader_node(reader, pairs[i].key);
    if (key_text(key)) keys[n_texts++] = key;
    else row_reader_problem(reader, key, "%s as a key (accepted: a name)", row_reader_kind(key));
  }
  qsort(keys, n_texts, sizeof *keys, by_text);
  size_t first = 0;
  for (size_t i = 1; i < n_texts; i++) {
    if (strcmp(key_text(keys[first]), key_text(keys[i]))) first = i;
    else
      row_reader_problem(reader, keys[i], "%s stands twice, first in line %d (accepted: once)",
                         name_quote(key_text(keys[i]), keys[i]->data.scalar.length).text,
                         yaml_file_line(keys[first]));
  }
  free(keys);
}

static void list_keys(const struct row_mapping *mapping, struct name_list *keys) {
  for (const struct row_table *table = mapping->tables; table->rows; table++)
    for (const struct param_row *row = table->rows; row->type != PARAM_END; row++)
      name_list_add(keys, row->name);
  for (const struct row_section *s = mapping->sections; s && s->name; s++)
    name_list_add(keys, s->name);
}

static void check_known(struct row_reader *reader, const yaml_node_t *node,
                        const struct name_list *keys) {
  size_t n;
  yaml_node_pair_t *pairs = pairs_of(node, &n);
  for (size_t i = 0; i < n; i++) {
    const yaml_node_t *key = row_reader_node(reader, pairs[i].key);
    if (key_text(key) && !name_list_has(keys, key_text(key)))
      row_reader_unknown(reader, key, "key", keys);
  }
}

static void read_row(struct row_reader *reader, yaml_node_t *node, const struct param_row *row,
                     void *params, bool merge) {
  yaml_node_t *value = row_reader_find(reader, node, row->name);
  if (value) {
    size_t length = row_reader_enter(reader, row->name);
    row_value_read(reader, value, row, params, merge);
    row_reader_leave(reader, length);
  } else if (row->required && !merge) {
    row_reader_problem(reader, node, "\"%s\" is missing (accepted: %s)", row->name,
                       row_value_accepted(row).text);
  }
}

static void read_section(struct row_reader *reader, yaml_node_t *node,
                         const struct row_section *section, const struct row_mapping *mapping) {
  yaml_node_t *value = row_reader_find(reader, node, section->name);
  if (value) {
    size_t length = row_reader_enter(reader, section->name);
    section->read(reader, value, mapping->context);
    row_reader_leave(reader, length);
  } else if (section->required) {
    row_reader_problem(reader, node, "\"%s\" is missing (accepted: %s)", section->name,
                       section->help);
  }
}

void row_reader_mapping(struct row_reader *reader, yaml_node_t *node,
                        const struct row_mapping *mapping) {
  struct name_list keys = {0};
  list_keys(mapping, &keys);
  if (node->type != YAML_MAPPING_NODE) {
    row_reader_problem(reader, node, "%s where a mapping is wanted (accepted keys: %s)",
                       row_reader_kind(node), name_list_text(&keys).text);
    name_list_release(&keys);
    return;
  }
  row_reader_check_keys(reader, node);
  check_known(reader, node, &keys);
  name_list_release(&keys);
  for (const struct row_table *table = mapping->tables; table->rows; table++)
    for (const struct param_row *row = table->rows; row->type != PARAM_END; row++)
      read_row(reader, node, row, table->params, mapping->merge);
  for (const struct row_section *s = mapping->sections; s && s->name; s++)
    read_section(reader, node, s, mapping);
}

static bool name_sound(const char *name, size_t length) {
  static const char accepted[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return length && length <= LONGEST_NAME && strspn(name, accepted) == length;
}

void row_reader_named(struct row_reader *reader, yaml_node_t *node, void *context,
                      void (*each)(struct row_reader *reader, const char *name,
                                   yaml_node_t *value, void *context)) {
  if (node->type != YAML_MAPPING_NODE) {
    row_reader_problem(reader, node, "%s where a mapping is wanted (accepted: names and what "
                       "they stand for)", row_reader_kind(node));
    return;
  }
  size_t n;
  yaml_node_pair_t *pairs = pairs_of(node, &n);
  if (n > MOST_NAMES) {
    row_reader_problem(reader, node, "%zu names (accepted: up to %d)", n, MOST_NAMES);
    return;
  }
  row_reader_check_keys(reader, node);
  for (size_t i = 0; i < n; i++) {
    const yaml_node_t *key = row_reader_node(reader, pairs[i].key);
    yaml_node_t *value = row_reader_node(reader, pairs[i].value);
    const char *name = key_text(key);
    if (!name) continue;
    if (!name_sound(name, key->data.scalar.length)) {
      row_reader_problem(reader, key, "%s is no name (accepted: 1 .. %d of A-Z a-z 0-9 _ -)",
                         name_quote(name, key->data.scalar.length).text, LONGEST_NAME);
    } else if (find_pair(reader, node, name) == &pairs[i]) { /* the first of its name */
      size_t length = row_reader_enter(reader, name);
      each(reader, name, value, context);
      row_reader_leave(reader, length);
    }
  }
}
