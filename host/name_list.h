/* SPDX-License-Identifier: MIT
 * A list of accepted names, for messages about a name that is not among them. */
#ifndef LACQUER_NAME_LIST_H
#define LACQUER_NAME_LIST_H
#include <stdbool.h>
#include <stddef.h>

struct name_list {
  int n;
  const char **items; /* the texts are not owned */
};
void name_list_add(struct name_list *list, const char *name);
void name_list_release(struct name_list *list); /* frees the array and empties the list */
bool name_list_has(const struct name_list *list, const char *name);
/* The one name that `word` probably stands for, or NULL. */
const char *name_list_nearest(const struct name_list *list, const char *word);

struct name_text {
  char text[640];
};
struct name_text name_list_text(const struct name_list *list); /* "a, b, c" */

/* Text in double quotes, fit to be printed: shortened, control characters as "?". */
struct name_text name_quote(const char *text, size_t length);
#endif
