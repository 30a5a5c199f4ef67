/* SPDX-License-Identifier: MIT
 * Everything wrong with one file, collected so that it can be told in one go. */
#ifndef LACQUER_PROBLEMS_H
#define LACQUER_PROBLEMS_H
#include <stdio.h>

struct problem {
  int line, order; /* line 0: the file as a whole */
  char *text;
};
struct problems {
  int n, n_dropped;
  struct problem *items;
};
/* Keeps the first 100,000; the rest is only counted. */
__attribute__((format(printf, 3, 4)))
void problems_add(struct problems *problems, int line, const char *format, ...);
/* "file:line: text", by line. */
void problems_print(struct problems *problems, const char *path, FILE *out);
void problems_release(struct problems *problems);
#endif
