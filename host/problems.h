/* SPDX-License-Identifier: MIT
 * Everything wrong with a file and those that it names, collected so that it can be told
 * in one go. */
#ifndef LACQUER_PROBLEMS_H
#define LACQUER_PROBLEMS_H
#include <stdio.h>

struct problem {
  int file, line, order; /* line 0: the file as a whole */
  char *text;
};
struct problems {
  int n, n_dropped;
  struct problem *items;
  int file, n_files; /* the one at hand */
  char **files;
};
/* Further problems are of this file, which comes behind those that were entered before it.
 * Returns what problems_leave wants. */
int problems_enter(struct problems *problems, const char *path);
void problems_leave(struct problems *problems, int file);
/* Keeps the first 100,000; the rest is only counted. */
__attribute__((format(printf, 3, 4)))
void problems_add(struct problems *problems, int line, const char *format, ...);
/* "file:line: text", by file and line. */
void problems_print(struct problems *problems, FILE *out);
void problems_release(struct problems *problems);
#endif
