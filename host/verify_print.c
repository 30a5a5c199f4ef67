/* SPDX-License-Identifier: MIT
 * See verify.h: what the user is told of a verification. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "junit.h"
#include "memory.h"
#include "settings.h"
#include "verify.h"

const char *verify_state_name(enum verify_state state, bool quick) {
  static const char *const names[VERIFY_STATES] = {
      [VERIFY_EQUAL] = "equal",           [VERIFY_BAD_RECEIPT] = "bad receipt",
      [VERIFY_MISSING] = "missing",       [VERIFY_RETAGGED] = "other bytes",
      [VERIFY_DAMAGED] = "damaged",       [VERIFY_NO_MANIFEST] = "no manifest",
      [VERIFY_UNKNOWN] = "not in manifest", [VERIFY_FAILED] = "not rendered",
      [VERIFY_DIFFERS] = "differs"};
  return quick && state == VERIFY_EQUAL ? "intact" : names[state];
}

/* The deliverable's path. */
static char *file_path(const struct verify_unit *u) {
  return memory_text(u->receipt, strlen(u->receipt) - strlen(RECEIPT_ENDING));
}

static void print_json(const struct verify_unit *u, bool quick, FILE *out) {
  char *path = file_path(u);
  json_t *line = json_object();
  json_object_set_new(line, "file", settings_json_text(path));
  json_object_set_new(line, "state", json_string(verify_state_name(u->state, quick)));
  if (u->problem) json_object_set_new(line, "problem", settings_json_text(u->problem));
  if (*u->pcm_sha256) {
    json_object_set_new(line, "pcm_sha256", json_string(u->pcm_sha256));
    json_object_set_new(line, "same_engine", json_boolean(!u->other_engine));
    json_object_set_new(line, "manifest", settings_json_text(u->origin.manifest));
  }
  json_dumpf(line, out, JSON_COMPACT);
  fputc('\n', out);
  json_decref(line);
  free(path);
}

static void print_totals(const struct verify_unit *units, int n, bool quick, FILE *out) {
  int count[VERIFY_STATES] = {0}, others = 0;
  for (int i = 0; i < n; i++) {
    count[units[i].state]++;
    others += units[i].other_engine;
  }
  fprintf(out, "%d receipts: %d %s", n, count[VERIFY_EQUAL],
          quick ? "intact (nothing was rendered)" : "equal");
  for (int s = VERIFY_EQUAL + 1; s < VERIFY_STATES; s++)
    if (count[s]) fprintf(out, ", %d %s", count[s], verify_state_name((enum verify_state)s, quick));
  if (others) fprintf(out, "; %d were rendered by another engine", others);
  fputc('\n', out);
}

void verify_print(const struct verify_unit *units, int n, const struct verify_options *options,
                  FILE *out) {
  for (int i = 0; i < n; i++) {
    const struct verify_unit *u = &units[i];
    if (options->json) {
      print_json(u, options->quick, out);
    } else if (u->state != VERIFY_EQUAL) {
      char *path = file_path(u);
      fprintf(out, "%-15s  %s\n%17s%s\n", verify_state_name(u->state, options->quick), path, "",
              u->problem);
      free(path);
    }
  }
  if (!options->json) print_totals(units, n, options->quick, out);
}

enum status verify_write_junit(const struct verify_unit *units, int n, const char *path,
                               struct failure *why) {
  struct junit *junit = junit_open(path, "lacquer verify");
  for (int i = 0; i < n; i++) {
    char *name = file_path(&units[i]);
    junit_case(junit, name, units[i].problem);
    free(name);
  }
  return junit_close(&junit, why);
}
