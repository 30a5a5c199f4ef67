/* SPDX-License-Identifier: MIT
 * See designs.h. */
#include "designs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "settings.h"

struct entry {
  const struct stage *stage;
  struct stage_format format;
  char *settings;
  struct stage_design design;
  char sha256[HASH_TEXT_SIZE];
  struct entry *next;
};
struct designs {
  pthread_mutex_t lock;
  struct entry *first;
};

struct designs *designs_create(void) {
  struct designs *designs = memory_new(1, sizeof *designs);
  pthread_mutex_init(&designs->lock, NULL);
  return designs;
}

static void entry_free(struct entry *e) {
  stage_design_free(&e->design);
  free(e->settings);
  free(e);
}

void designs_destroy(struct designs **designs) {
  if (!*designs) return;
  for (struct entry *e = (*designs)->first, *next; e; e = next) {
    next = e->next;
    entry_free(e);
  }
  pthread_mutex_destroy(&(*designs)->lock);
  free(*designs);
  *designs = NULL;
}

enum status design_alone(const struct stage *stage, const void *params,
                         const struct stage_format *format, struct stage_design *out,
                         char sha256[HASH_TEXT_SIZE], struct failure *why) {
  const char *reason = NULL;
  if (stage->design(params, format, out, &reason)) {
    const bool memory = reason && !strcmp(reason, "out of memory");
    return fail(why, memory ? STATUS_AGAIN : STATUS_BAD_DATA, "%s at %d Hz: %s", stage->name,
                format->rate_hz, reason ? reason : "cannot be designed");
  }
  if (!hash_bytes(out->data, out->size, sha256)) return STATUS_OK;
  stage_design_free(out);
  return fail(why, STATUS_AGAIN, "%s: out of memory", stage->name);
}

/* Under the lock: the one who needs a design waits for the one who makes it. */
static struct entry *find_or_make(struct designs *designs, struct entry *wanted,
                                  const void *params, struct failure *why) {
  for (struct entry *e = designs->first; e; e = e->next)
    if (e->stage == wanted->stage && e->format.rate_hz == wanted->format.rate_hz &&
        e->format.channels == wanted->format.channels && !strcmp(e->settings, wanted->settings))
      return e;
  struct entry *made = memory_new(1, sizeof *made);
  *made = *wanted;
  made->settings = memory_text(wanted->settings, strlen(wanted->settings));
  if (design_alone(made->stage, params, &made->format, &made->design, made->sha256, why)) {
    entry_free(made);
    return NULL;
  }
  made->next = designs->first;
  designs->first = made;
  return made;
}

enum status designs_get(struct designs *designs, const struct stage *stage, const void *params,
                        const struct stage_format *format, const struct stage_design **out,
                        char sha256[HASH_TEXT_SIZE], struct failure *why) {
  json_t *json = settings_of(stage->rows, params);
  struct entry wanted = {.stage = stage, .format = *format, .settings = settings_text(json)};
  struct failure failure = {0};
  json_decref(json);
  pthread_mutex_lock(&designs->lock);
  struct entry *e = find_or_make(designs, &wanted, params, &failure);
  pthread_mutex_unlock(&designs->lock);
  free(wanted.settings);
  if (!e) return fail(why, failure.status, "%s", failure.text);
  *out = &e->design;
  memcpy(sha256, e->sha256, HASH_TEXT_SIZE);
  return STATUS_OK;
}
