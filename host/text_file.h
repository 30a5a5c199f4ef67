/* SPDX-License-Identifier: MIT
 * A whole UTF-8 text file in memory. */
#ifndef LACQUER_TEXT_FILE_H
#define LACQUER_TEXT_FILE_H
#include <stddef.h>

#include "failure.h"
#include "problems.h"

struct text_file {
  char *bytes; /* owned; closed by NUL */
  size_t size;
};
/* Reads at most `most` bytes (whole MiB). On success out->bytes is to be freed. Else told:
 * STATUS_NO_INPUT when the file cannot be read, STATUS_BAD_DATA when it is larger or no
 * UTF-8 text. */
enum status text_file_read(const char *path, size_t most, struct problems *problems,
                           struct text_file *out);
/* The line of a byte, from 1. */
int text_file_line(const struct text_file *text, size_t offset);
#endif
