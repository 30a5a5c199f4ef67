/* SPDX-License-Identifier: MIT
 * Settings as JSON, from the same parameter rows that read them: for keys, receipts and
 * the printed plan. */
#ifndef LACQUER_SETTINGS_H
#define LACQUER_SETTINGS_H
#include <jansson.h>

#include "manifest.h"

/* One settings struct; numbers that are not set are null. Never NULL. */
json_t *settings_of(const struct param_row *rows, const void *params);
json_t *settings_of_chain(const struct chain *chain);     /* [{"eq": {...}}, ...] */
json_t *settings_of_variant(const struct variant *variant); /* the tail stages' rows */

/* Any text, such as a path: what is not UTF-8 in it becomes "?". */
json_t *settings_json_text(const char *text);

/* Compact text, keys sorted: equal settings give equal text. Caller frees. */
char *settings_text(const json_t *settings);
#endif
