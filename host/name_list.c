/* SPDX-License-Identifier: MIT
 * See name_list.h. */
#include "name_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "utf8.h"

enum { LONGEST_WORD = 40, LONGEST_QUOTE = 60 };

void name_list_add(struct name_list *list, const char *name) {
  list->items = memory_grow(list->items, (size_t)list->n + 1, sizeof *list->items);
  list->items[list->n++] = name;
}

void name_list_release(struct name_list *list) {
  free(list->items);
  *list = (struct name_list){0};
}

bool name_list_has(const struct name_list *list, const char *name) {
  for (int i = 0; i < list->n; i++)
    if (!strcmp(list->items[i], name)) return true;
  return false;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '-' ? '_' : c; }

static int least(int a, int b) { return a < b ? a : b; }

/* Edits (insert, delete, replace, swap of neighbours) from a to b, both at most
 * LONGEST_WORD bytes; case and the kind of dash do not count. */
static int edits(const char *a, const char *b) {
  int cost[LONGEST_WORD + 1][LONGEST_WORD + 1];
  int n = (int)strlen(a), m = (int)strlen(b);
  for (int i = 0; i <= n; i++) cost[i][0] = i;
  for (int j = 0; j <= m; j++) cost[0][j] = j;
  for (int i = 1; i <= n; i++)
    for (int j = 1; j <= m; j++) {
      int same = lower(a[i - 1]) == lower(b[j - 1]);
      int best = least(cost[i - 1][j - 1] + !same, least(cost[i - 1][j], cost[i][j - 1]) + 1);
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1]))
        best = least(best, cost[i - 2][j - 2] + 1);
      cost[i][j] = best;
    }
  return cost[n][m];
}

const char *name_list_nearest(const struct name_list *list, const char *word) {
  const char *nearest = NULL;
  size_t length = strlen(word);
  if (length > LONGEST_WORD) return NULL;
  int best = 1 + (int)length / 3; /* this many edits are no longer "close" */
  for (int i = 0; i < list->n; i++) {
    if (strlen(list->items[i]) > LONGEST_WORD) continue;
    int distance = edits(word, list->items[i]);
    if (distance >= best) continue;
    best = distance;
    nearest = list->items[i];
  }
  for (int i = 0; i < list->n && !nearest && length > 1; i++) {
    size_t other = strlen(list->items[i]); /* "frequency" for "freq" */
    if (other > 1 && !strncmp(list->items[i], word, length < other ? length : other))
      nearest = list->items[i];
  }
  return nearest;
}

struct name_text name_list_text(const struct name_list *list) {
  struct name_text out = {""};
  size_t used = 0;
  for (int i = 0; i < list->n; i++) {
    size_t need = strlen(list->items[i]) + 2;
    if (used + need + sizeof ", and more" > sizeof out.text) {
      snprintf(out.text + used, sizeof out.text - used, ", and more");
      break;
    }
    used += (size_t)snprintf(out.text + used, sizeof out.text - used, "%s%s", i ? ", " : "",
                             list->items[i]);
  }
  return out;
}

struct name_text name_quote(const char *text, size_t length) {
  struct name_text out = {"\""};
  size_t used = 1, shown = utf8_cut(text, length, LONGEST_QUOTE);
  for (size_t i = 0, step; i < shown; i += step) {
    uint32_t code = 0;
    step = utf8_decode(text + i, shown - i, &code);
    bool printable = step && code >= 0x20 && !(code >= 0x7F && code < 0xA0);
    if (!step) step = 1;
    if (printable) memcpy(out.text + used, text + i, step);
    else out.text[used] = '?';
    used += printable ? step : 1;
  }
  snprintf(out.text + used, sizeof out.text - used, shown < length ? "...\"" : "\"");
  return out;
}
