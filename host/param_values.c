/* SPDX-License-Identifier: MIT
 * See param_values.h. */
#include "param_values.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

typedef void text_visitor(char **text);

static void visit_texts(const struct param_row *rows, char *params, text_visitor *visit) {
  for (const struct param_row *row = rows; row->type != PARAM_END; row++) {
    if (row->type == PARAM_TEXT) visit((char **)(void *)(params + row->offset));
    if (row->type != PARAM_LIST) continue;
    int n = *(int *)(void *)(params + row->count_offset);
    for (int i = 0; i < n; i++)
      visit_texts(row->items, params + row->offset + (size_t)i * row->item_size, visit);
  }
}

static void free_text(char **text) {
  free(*text);
  *text = NULL;
}

static void own_text(char **text) {
  if (*text) *text = memory_text(*text, strlen(*text));
}

void params_own(const struct param_row *rows, void *params) {
  visit_texts(rows, params, own_text);
}

void params_release(const struct param_row *rows, void *params) {
  visit_texts(rows, params, free_text);
}

void *stage_params_new(const struct stage *stage) {
  void *params = memory_new(1, stage->params_size);
  params_init(stage->rows, params);
  return params;
}

void *stage_params_copy(const struct stage *stage, const void *params) {
  void *copy = memory_new(1, stage->params_size);
  memcpy(copy, params, stage->params_size);
  visit_texts(stage->rows, copy, own_text);
  return copy;
}

void stage_params_destroy(const struct stage *stage, void **params) {
  if (*params) params_release(stage->rows, *params);
  free(*params);
  *params = NULL;
}
