/* SPDX-License-Identifier: MIT
 * See designs.h. */
#include "designs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "linear.h"
#include "memory.h"
#include "settings.h"

struct entry {
  struct stage_format format;
  char *settings; /* of every stage, with its name */
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

char *designs_label(const struct stage_use *uses, int n) {
  char *label = memory_text("", 0);
  for (int i = 0; i < n; i++) {
    char *longer = memory_print("%s%s%s", label, i ? "+" : "", uses[i].stage->name);
    free(label);
    label = longer;
  }
  return label;
}

enum status design_alone(const struct stage_use *uses, int n, const struct stage_format *format,
                         struct stage_design *out, char sha256[HASH_TEXT_SIZE],
                         struct failure *why) {
  const char *reason = NULL;
  char *label = designs_label(uses, n);
  enum status status = STATUS_OK;
  const int failed = n == 1 ? uses->stage->design(uses->params, format, out, &reason)
                            : linear_design_joint(uses, n, format, out, &reason);
  if (failed) {
    const bool memory = reason && !strcmp(reason, "out of memory");
    status = fail(why, memory ? STATUS_AGAIN : STATUS_BAD_DATA, "%s at %d Hz: %s", label,
                  format->rate_hz, reason ? reason : "cannot be designed");
  } else if (hash_bytes(out->data, out->size, sha256)) {
    stage_design_free(out);
    status = fail(why, STATUS_AGAIN, "%s: out of memory", label);
  }
  free(label);
  return status;
}

/* Under the lock: the one who needs a design waits for the one who makes it. */
static struct entry *find_or_make(struct designs *designs, struct entry *wanted,
                                  const struct stage_use *uses, int n, struct failure *why) {
  for (struct entry *e = designs->first; e; e = e->next)
    if (e->format.rate_hz == wanted->format.rate_hz &&
        e->format.channels == wanted->format.channels &&
        e->format.layout == wanted->format.layout && !strcmp(e->settings, wanted->settings))
      return e;
  struct entry *made = memory_new(1, sizeof *made);
  *made = *wanted;
  made->settings = memory_text(wanted->settings, strlen(wanted->settings));
  if (design_alone(uses, n, &made->format, &made->design, made->sha256, why)) {
    entry_free(made);
    return NULL;
  }
  made->next = designs->first;
  designs->first = made;
  return made;
}

static char *settings_of_uses(const struct stage_use *uses, int n) {
  json_t *list = json_array();
  for (int i = 0; i < n; i++) {
    json_array_append_new(list, json_string(uses[i].stage->name));
    json_array_append_new(list, settings_of(uses[i].stage->rows, uses[i].params));
  }
  char *text = settings_text(list);
  json_decref(list);
  return text;
}

enum status designs_get(struct designs *designs, const struct stage_use *uses, int n,
                        const struct stage_format *format, const struct stage_design **out,
                        char sha256[HASH_TEXT_SIZE], struct failure *why) {
  struct entry wanted = {.format = *format, .settings = settings_of_uses(uses, n)};
  wanted.format.scene = NULL; /* what is kept here depends on no track */
  struct failure failure = {0};
  pthread_mutex_lock(&designs->lock);
  struct entry *e = find_or_make(designs, &wanted, uses, n, &failure);
  pthread_mutex_unlock(&designs->lock);
  free(wanted.settings);
  if (!e) return fail(why, failure.status, "%s", failure.text);
  *out = &e->design;
  memcpy(sha256, e->sha256, HASH_TEXT_SIZE);
  return STATUS_OK;
}
