/* SPDX-License-Identifier: MIT
 * See text_file.h. */
#include "text_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "utf8.h"

int text_file_line(const struct text_file *text, size_t offset) {
  int line = 1;
  for (size_t i = 0; i < offset && i < text->size; i++) line += text->bytes[i] == '\n';
  return line;
}

static enum status read_all(FILE *file, size_t most, struct problems *problems,
                            struct text_file *text) {
  size_t capacity = 0, got = 1;
  while (got && text->size <= most) {
    if (text->size + 1 >= capacity) {
      capacity = capacity ? 2 * capacity : 16384;
      text->bytes = memory_grow(text->bytes, capacity, 1);
    }
    got = fread(text->bytes + text->size, 1, capacity - 1 - text->size, file);
    text->size += got;
  }
  text->bytes[text->size] = 0;
  if (ferror(file)) {
    problems_add(problems, 0, "cannot be read: %s", strerror(errno));
    return STATUS_NO_INPUT;
  }
  if (text->size <= most) return STATUS_OK;
  problems_add(problems, 0, "is too large (accepted: up to %zu MiB)", most >> 20);
  return STATUS_BAD_DATA;
}

static enum status check_utf8(const struct text_file *text, struct problems *problems) {
  uint32_t code = 0;
  for (size_t at = 0, step; at < text->size; at += step) {
    step = utf8_decode(text->bytes + at, text->size - at, &code);
    if (step) continue;
    problems_add(problems, text_file_line(text, at),
                 "byte 0x%02x is not UTF-8 text (accepted: UTF-8)",
                 (unsigned char)text->bytes[at]);
    return STATUS_BAD_DATA;
  }
  return STATUS_OK;
}

enum status text_file_read(const char *path, size_t most, struct problems *problems,
                           struct text_file *out) {
  *out = (struct text_file){0};
  FILE *file = fopen(path, "rb");
  if (!file) {
    problems_add(problems, 0, "cannot be opened: %s", strerror(errno));
    return STATUS_NO_INPUT;
  }
  enum status status = read_all(file, most, problems, out);
  fclose(file);
  if (!status) status = check_utf8(out, problems);
  if (!status) return STATUS_OK;
  free(out->bytes);
  *out = (struct text_file){0};
  return status;
}
