/* SPDX-License-Identifier: MIT
 * See problems.h. */
#include "problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { MOST_PROBLEMS = 100000, TEXT_BYTES = 2048 };

int problems_enter(struct problems *problems, const char *path) {
  const int before = problems->file;
  for (int i = 0; i < problems->n_files; i++)
    if (!strcmp(problems->files[i], path)) {
      problems->file = i;
      return before;
    }
  problems->files =
      memory_grow(problems->files, (size_t)problems->n_files + 1, sizeof *problems->files);
  problems->files[problems->n_files] = memory_text(path, strlen(path));
  problems->file = problems->n_files++;
  return before;
}

void problems_leave(struct problems *problems, int file) { problems->file = file; }

void problems_add(struct problems *problems, int line, const char *format, ...) {
  if (problems->n == MOST_PROBLEMS) {
    problems->n_dropped++;
    return;
  }
  char text[TEXT_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  int n = problems->n;
  if (!(n & (n - 1))) /* capacity: the next power of two */
    problems->items = memory_grow(problems->items, n ? 2 * (size_t)n : 1, sizeof *problems->items);
  problems->items[problems->n++] =
      (struct problem){problems->file, line, n, memory_text(text, strlen(text))};
}

static int by_place(const void *a, const void *b) {
  const struct problem *x = a, *y = b;
  if (x->file != y->file) return x->file < y->file ? -1 : 1;
  if (x->line != y->line) return x->line < y->line ? -1 : 1;
  return (x->order > y->order) - (x->order < y->order);
}

void problems_print(struct problems *problems, FILE *out) {
  if (problems->n) qsort(problems->items, (size_t)problems->n, sizeof *problems->items, by_place);
  for (int i = 0; i < problems->n; i++) {
    const struct problem *problem = &problems->items[i];
    const char *path = problems->files[problem->file];
    if (problem->line) fprintf(out, "%s:%d: %s\n", path, problem->line, problem->text);
    else fprintf(out, "%s: %s\n", path, problem->text);
  }
  if (problems->n_dropped)
    fprintf(out, "%s: and %d more\n", problems->files[0], problems->n_dropped);
}

void problems_release(struct problems *problems) {
  for (int i = 0; i < problems->n; i++) free(problems->items[i].text);
  for (int i = 0; i < problems->n_files; i++) free(problems->files[i]);
  free(problems->items);
  free(problems->files);
  *problems = (struct problems){0};
}
