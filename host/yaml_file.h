/* SPDX-License-Identifier: MIT
 * One YAML (or JSON) document from a file, bounded so that no input, however
 * nested or self-referring, can hang or exhaust the program. */
#ifndef LACQUER_YAML_FILE_H
#define LACQUER_YAML_FILE_H
#include <yaml.h>

#include "failure.h"
#include "problems.h"

enum {
  YAML_FILE_BYTES = 64 << 20, /* accepted size of a file */
  YAML_FILE_DEPTH = 32,       /* accepted nesting, aliases expanded */
  YAML_FILE_VALUES = 2000000, /* accepted keys and values, aliases expanded */
  YAML_FILE_ANCHORS = 1000,   /* accepted anchors */
};
/* Loads the only document of `path`. STATUS_OK: the caller ends *document with
 * yaml_document_delete; it has a root, is valid UTF-8 and stays within the bounds
 * above also when aliases are followed. Else the problems are told:
 * STATUS_NO_INPUT when the file cannot be read, STATUS_BAD_DATA otherwise. */
enum status yaml_file_load(const char *path, struct problems *problems,
                           yaml_document_t *document);
/* The line of a node, from 1. */
int yaml_file_line(const yaml_node_t *node);
#endif
