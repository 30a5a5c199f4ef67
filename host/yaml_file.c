/* SPDX-License-Identifier: MIT
 * See yaml_file.h. */
#include "yaml_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text_file.h"

int yaml_file_line(const yaml_node_t *node) { return (int)node->start_mark.line + 1; }

static void tell_syntax(const yaml_parser_t *parser, const struct text_file *text,
                        struct problems *problems) {
  const char *what = parser->problem ? parser->problem : "cannot be parsed";
  if (parser->error == YAML_READER_ERROR) {
    problems_add(problems, text_file_line(text, parser->problem_offset), "not YAML: %s", what);
  } else {
    int line = (int)parser->problem_mark.line + 1, column = (int)parser->problem_mark.column + 1;
    int from = (int)parser->context_mark.line + 1;
    if (parser->context && from != line)
      problems_add(problems, line, "not YAML: %s, column %d (%s that began in line %d)", what,
                   column, parser->context, from);
    else if (parser->context)
      problems_add(problems, line, "not YAML: %s, column %d (%s)", what, column,
                   parser->context);
    else problems_add(problems, line, "not YAML: %s, column %d", what, column);
  }
}

static const char *anchor_of(const yaml_event_t *event) {
  const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT ? event->data.scalar.anchor
                              : event->type == YAML_SEQUENCE_START_EVENT
                                  ? event->data.sequence_start.anchor
                              : event->type == YAML_MAPPING_START_EVENT
                                  ? event->data.mapping_start.anchor
                                  : NULL;
  return (const char *)anchor;
}

struct shape {
  int depth, anchors;
};

/* Follows one event; false and told when a bound is broken. */
static bool follow(struct shape *shape, const yaml_event_t *event, struct problems *problems) {
  int line = (int)event->start_mark.line + 1;
  if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
    shape->depth++;
  if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
    shape->depth--;
  shape->anchors += anchor_of(event) != NULL;
  if (shape->depth > YAML_FILE_DEPTH)
    problems_add(problems, line, "values are nested too deeply (accepted: %d levels)",
                 YAML_FILE_DEPTH);
  else if (shape->anchors > YAML_FILE_ANCHORS)
    problems_add(problems, line, "too many anchors (accepted: %d)", YAML_FILE_ANCHORS);
  else return true;
  return false;
}

static void start_parser(yaml_parser_t *parser, const struct text_file *text) {
  if (!yaml_parser_initialize(parser)) abort();
  yaml_parser_set_input_string(parser, (const unsigned char *)text->bytes, text->size);
}

/* Reads once for the bounds alone: libyaml takes time and memory that grow with the
 * square of the nesting and of the anchors, and would not stop by itself. */
static bool check_shape(const struct text_file *text, struct problems *problems) {
  yaml_parser_t parser;
  struct shape shape = {0};
  bool sound = true, end = false;
  start_parser(&parser, text);
  while (sound && !end) {
    yaml_event_t event;
    sound = yaml_parser_parse(&parser, &event);
    if (!sound) {
      tell_syntax(&parser, text, problems);
      break;
    }
    sound = follow(&shape, &event, problems);
    end = event.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&parser);
  return sound;
}

struct walk {
  yaml_document_t *document;
  struct problems *problems;
  int values;
};

/* Visits a value as a reader would, aliases expanded; false once a bound is broken. */
static bool walk_value(struct walk *walk, int index, int depth) {
  const yaml_node_t *node = yaml_document_get_node(walk->document, index);
  if (depth > YAML_FILE_DEPTH) {
    problems_add(walk->problems, yaml_file_line(node),
                 "values are nested too deeply once every alias is expanded, or an alias stands "
                 "within its own anchor (accepted: %d levels)", YAML_FILE_DEPTH);
    return false;
  }
  if (++walk->values > YAML_FILE_VALUES) {
    problems_add(walk->problems, yaml_file_line(node),
                 "too many values once every alias is expanded (accepted: %d)", YAML_FILE_VALUES);
    return false;
  }
  if (node->type == YAML_SEQUENCE_NODE) {
    for (yaml_node_item_t *item = node->data.sequence.items.start;
         item < node->data.sequence.items.top; item++)
      if (!walk_value(walk, *item, depth + 1)) return false;
  } else if (node->type == YAML_MAPPING_NODE) {
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++)
      if (!walk_value(walk, pair->key, depth + 1) || !walk_value(walk, pair->value, depth + 1))
        return false;
  }
  return true;
}

/* True when nothing but the end of the file follows. */
static bool check_end(yaml_parser_t *parser, const struct text_file *text,
                      struct problems *problems) {
  yaml_document_t rest;
  if (!yaml_parser_load(parser, &rest)) {
    tell_syntax(parser, text, problems);
    return false;
  }
  const yaml_node_t *root = yaml_document_get_root_node(&rest);
  if (root)
    problems_add(problems, yaml_file_line(root),
                 "a second document begins (accepted: one document in a file)");
  yaml_document_delete(&rest);
  return !root;
}

static bool is_empty(const yaml_node_t *root) {
  return !root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length &&
                   root->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

static enum status parse(const struct text_file *text, struct problems *problems,
                         yaml_document_t *document) {
  yaml_parser_t parser;
  start_parser(&parser, text);
  bool sound = yaml_parser_load(&parser, document);
  if (!sound) {
    tell_syntax(&parser, text, problems);
    yaml_parser_delete(&parser);
    return STATUS_BAD_DATA;
  }
  if (is_empty(yaml_document_get_root_node(document))) {
    problems_add(problems, 1, "the file is empty (accepted: a mapping that begins with "
                              "\"lacquer: 1\")");
    sound = false;
  } else {
    struct walk walk = {.document = document, .problems = problems};
    sound = walk_value(&walk, 1, 0);
    sound = check_end(&parser, text, problems) && sound;
  }
  if (!sound) yaml_document_delete(document);
  yaml_parser_delete(&parser);
  return sound ? STATUS_OK : STATUS_BAD_DATA;
}

enum status yaml_file_load(const char *path, struct problems *problems,
                           yaml_document_t *document) {
  struct text_file text;
  enum status status = text_file_read(path, YAML_FILE_BYTES, problems, &text);
  if (status) return status;
  status = check_shape(&text, problems) ? parse(&text, problems, document) : STATUS_BAD_DATA;
  free(text.bytes);
  return status;
}
