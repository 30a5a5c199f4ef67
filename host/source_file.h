/* SPDX-License-Identifier: MIT
 * What a file looks like from outside, to recognise it without reading it. */
#ifndef LACQUER_SOURCE_FILE_H
#define LACQUER_SOURCE_FILE_H
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "hash.h"

struct source_file {
  int64_t bytes, modified_ns;
  char path_sha256[HASH_TEXT_SIZE]; /* of its path as written */
};
/* Looks at the file at `path`, which is written as `text`. STATUS_NO_INPUT: not there. */
enum status source_file_stat(const char *path, const char *text, struct source_file *out,
                             struct failure *why);
bool source_file_same(const struct source_file *a, const struct source_file *b);
#endif
