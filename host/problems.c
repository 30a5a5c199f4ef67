/* SPDX-License-Identifier: MIT
 * See problems.h. */
#include "problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum { MOST_PROBLEMS = 100000, TEXT_BYTES = 2048 };

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
      (struct problem){.line = line, .order = n, .text = memory_text(text, strlen(text))};
}

static int by_line(const void *a, const void *b) {
  const struct problem *x = a, *y = b;
  if (x->line != y->line) return x->line < y->line ? -1 : 1;
  return (x->order > y->order) - (x->order < y->order);
}

void problems_print(struct problems *problems, const char *path, FILE *out) {
  if (problems->n) qsort(problems->items, (size_t)problems->n, sizeof *problems->items, by_line);
  for (int i = 0; i < problems->n; i++) {
    const struct problem *problem = &problems->items[i];
    if (problem->line) fprintf(out, "%s:%d: %s\n", path, problem->line, problem->text);
    else fprintf(out, "%s: %s\n", path, problem->text);
  }
  if (problems->n_dropped) fprintf(out, "%s: and %d more\n", path, problems->n_dropped);
}

void problems_release(struct problems *problems) {
  for (int i = 0; i < problems->n; i++) free(problems->items[i].text);
  free(problems->items);
  *problems = (struct problems){0};
}
