/* SPDX-License-Identifier: MIT
 * See memory.h. */
#include "memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory) {
  if (memory) return memory;
  fputs("lacquer: out of memory\n", stderr);
  abort();
}

void *memory_new(size_t count, size_t size) {
  return checked(calloc(count ? count : 1, size ? size : 1));
}

void *memory_grow(void *items, size_t count, size_t size) {
  if (size && count > SIZE_MAX / size) return checked(NULL);
  return checked(realloc(items, count && size ? count * size : 1));
}

char *memory_text(const char *text, size_t length) {
  char *copy = memory_new(length + 1, 1);
  memcpy(copy, text, length);
  return copy;
}

char *memory_print(const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length < 0) checked(NULL);
  char *text = memory_new((size_t)length + 1, 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  return text;
}
