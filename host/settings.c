/* SPDX-License-Identifier: MIT
 * See settings.h. */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "utf8.h"

static json_t *value_of(const struct param_row *row, const void *params);

static bool is_default(const struct param_row *row, const void *params) {
  const char *at = (const char *)params + row->offset;
  switch (row->type) {
  case PARAM_NUMBER: {
    const double number = *(const double *)(const void *)at;
    return number == row->initial || (isnan(number) && isnan(row->initial));
  }
  case PARAM_INTEGER:
  case PARAM_CHOICE: return *(const int *)(const void *)at == (int)row->initial;
  case PARAM_TEXT: return !*(char *const *)(const void *)at;
  case PARAM_LIST: return !*(const int *)((const char *)params + row->count_offset);
  case PARAM_END: break;
  }
  return true;
}

json_t *settings_of(const struct param_row *rows, const void *params) {
  json_t *object = json_object();
  for (const struct param_row *row = rows; row->type != PARAM_END; row++)
    if (!row->later || !is_default(row, params))
      json_object_set_new(object, row->name, value_of(row, params));
  return object;
}

static json_t *list_of(const struct param_row *row, const void *params) {
  json_t *list = json_array();
  const int n = *(const int *)((const char *)params + row->count_offset);
  for (int i = 0; i < n; i++) {
    const char *item = (const char *)params + row->offset + (size_t)i * row->item_size;
    const bool bare = row->items[0].name == NULL;
    json_array_append_new(list, bare ? value_of(&row->items[0], item)
                                     : settings_of(row->items, item));
  }
  return list;
}

static json_t *value_of(const struct param_row *row, const void *params) {
  const char *at = (const char *)params + row->offset;
  switch (row->type) {
  case PARAM_NUMBER: {
    const double number = *(const double *)(const void *)at;
    return isnan(number) ? json_null() : json_real(number);
  }
  case PARAM_INTEGER: return json_integer(*(const int *)(const void *)at);
  case PARAM_CHOICE: {
    const int choice = *(const int *)(const void *)at;
    return params_is_switch(row) ? json_boolean(choice) : json_string(row->choices[choice]);
  }
  case PARAM_TEXT: {
    const char *text = *(char *const *)(const void *)at;
    return text ? json_string(text) : json_null();
  }
  case PARAM_LIST: return list_of(row, params);
  case PARAM_END: break;
  }
  return json_null();
}

json_t *settings_of_chain(const struct chain *chain) {
  json_t *list = json_array();
  for (int i = 0; i < chain->n_stages; i++) {
    const struct chain_stage *s = &chain->stages[i];
    json_t *stage = json_object();
    json_object_set_new(stage, s->stage->name, settings_of(s->stage->rows, s->params));
    json_array_append_new(list, stage);
  }
  return list;
}

json_t *settings_of_variant(const struct variant *variant) {
  json_t *object = json_object();
  struct limiter_params limiter = limiter_resolved(&variant->limiter);
  limiter.clip_db = variant->limiter.clip_db; /* younger than the first receipts */
  for (const struct stage *const *s = stage_registry; *s; s++) {
    if ((*s)->role != STAGE_TAIL) continue;
    const void *params = manifest_tail_params(variant, *s);
    json_t *rows = settings_of((*s)->rows, *s == &stage_limiter ? &limiter : params);
    json_object_update(object, rows);
    json_decref(rows);
  }
  return object;
}

json_t *settings_json_text(const char *text) {
  const size_t size = strlen(text);
  char *clean = memory_text(text, size);
  for (size_t i = 0, step; i < size; i += step) {
    uint32_t code;
    step = utf8_decode(clean + i, size - i, &code);
    if (step) continue;
    clean[i] = '?';
    step = 1;
  }
  json_t *json = json_string(clean);
  free(clean);
  return json;
}

char *settings_text(const json_t *settings) {
  char *text = json_dumps(settings, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
  return text ? text : memory_text("", 0);
}
