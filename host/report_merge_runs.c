/* SPDX-License-Identifier: MIT
 * See report_merge.h: report.json, read unit by unit. */
#define _POSIX_C_SOURCE 200809L /* getline */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "report_merge.h"

/* The text before the list of units, closed; the file then stands at the first of them. */
static json_t *read_head(FILE *file) {
  enum { MOST_BYTES = 1 << 20 };
  size_t room = 0, size = 0, capacity = 4096;
  char *line = NULL, *head = memory_new(capacity, 1);
  bool found = false;
  for (ssize_t n; !found && size < MOST_BYTES && (n = getline(&line, &room, file)) > 0;) {
    found = !strcmp(line, REPORT_UNITS "\n");
    while (size + (size_t)n + sizeof REPORT_UNITS + 3 > capacity)
      head = memory_grow(head, capacity *= 2, 1);
    memcpy(head + size, line, (size_t)n + 1);
    size += (size_t)n;
  }
  if (found) strcpy(head + size - 1, "]}"); /* no unit: they follow line by line */
  json_t *json = found ? json_loads(head, JSON_REJECT_DUPLICATES, NULL) : NULL;
  free(line);
  free(head);
  return json;
}

static char *text_of(const json_t *json, const char *name) {
  const char *text = json_string_value(json_object_get(json, name));
  return memory_text(text ? text : "", text ? strlen(text) : 0);
}

static int count_of(const json_t *json, const char *name) {
  return (int)json_integer_value(json_object_get(json, name));
}

static bool next_unit(FILE *file) { /* skips what stands between two units */
  int c = getc(file);
  while (c == ' ' || c == '\n' || c == ',') c = getc(file);
  ungetc(c, file);
  return c == '{';
}

bool report_merge_run(const char *path, struct merged_run *run,
                      void (*failed)(void *context, const char *file, const char *error),
                      void *context) {
  FILE *file = fopen(path, "r");
  json_t *head = file ? read_head(file) : NULL;
  const bool is_report = json_is_integer(json_object_get(head, "lacquer_report"));
  while (is_report && next_unit(file)) {
    json_t *unit = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL);
    const char *state = json_string_value(json_object_get(unit, "state"));
    const char *name = json_string_value(json_object_get(unit, "file"));
    const char *error = json_string_value(json_object_get(unit, "error"));
    if (state && name && !strcmp(state, "failed")) failed(context, name, error ? error : "");
    if (!unit) break;
    json_decref(unit);
  }
  if (is_report)
    *run = (struct merged_run){
        memory_text(path, strlen(path)), text_of(head, "device"), text_of(head, "manifest"),
        count_of(head, "delivered"), count_of(head, "up_to_date"), count_of(head, "failed"),
        json_number_value(json_object_get(head, "audio_seconds")),
        json_number_value(json_object_get(head, "wall_seconds"))};
  json_decref(head);
  if (file) fclose(file);
  return is_report;
}
