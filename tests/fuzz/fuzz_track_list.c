/* SPDX-License-Identifier: MIT
 * Any bytes as a track list: its records are read, or what is wrong is told; then as the list
 * of a manifest. */
#define _GNU_SOURCE /* mkdtemp */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failure.h"
#include "fuzz.h"
#include "manifest.h"
#include "track_list.h"

static void check_problems(struct problems *problems, bool some) {
  FUZZ_CHECK(!some || problems->n > 0);
  for (int i = 0; i < problems->n; i++) FUZZ_CHECK(fuzz_is_clean(problems->items[i].text, false));
  problems_release(problems);
}

static void check_list(const char *path) {
  struct problems problems = {0};
  struct track_list list;
  struct track_record *record = malloc(sizeof *record);
  int line = 0;
  FUZZ_CHECK(record);
  const enum status status = track_list_open(path, &problems, &list);
  FUZZ_CHECK(status == STATUS_OK || status == STATUS_BAD_DATA);
  while (!status && track_list_next(&list, &problems, record)) {
    FUZZ_CHECK(record->n >= 1 && record->n <= TRACK_LIST_COLUMNS && record->line > line);
    line = record->line;
    for (int i = 0; i < record->n; i++) FUZZ_CHECK(strlen(record->field[i]) <= list.text.size);
  }
  if (!status) track_list_close(&list);
  check_problems(&problems, status != STATUS_OK);
  free(record);
}

static void check_names(const struct manifest *manifest) {
  for (int i = 0; i < manifest->n_tracks; i++)
    for (int v = 0; v < manifest->tracks[i].n_variants; v++) {
      const struct track *track = &manifest->tracks[i];
      char *name = manifest_output_name(manifest, track, &manifest->variants[track->variants[v]]);
      FUZZ_CHECK(fuzz_is_sound_name(name));
      free(name);
    }
}

/* A folder with a manifest beside links to the list, which is open as LIST_FD. */
enum { LIST_FD = 200 };
static struct {
  char folder[40], manifest[64], csv[64], tsv[64];
} made = {.folder = "/tmp/lacquer-fuzz-XXXXXX"};

static void remove_folder(void) {
  unlink(made.tsv), unlink(made.csv), unlink(made.manifest), rmdir(made.folder);
}

static void make_folder(void) {
  static const char text[] = "lacquer: 1\nchains: {a: [], b: [stereo: {width: 1.1}]}\n"
                             "variants: {x: {}, y: {format: flac}}\ndefaults: {chain: a}\n"
                             "tracks:\n  - {source: list.csv, variants: [x]}\n"
                             "  - {source: list.tsv, artist: A}\n";
  char list[32];
  FUZZ_CHECK(mkdtemp(made.folder) && !atexit(remove_folder));
  snprintf(list, sizeof list, "/proc/self/fd/%d", LIST_FD);
  snprintf(made.manifest, sizeof made.manifest, "%s/m.yaml", made.folder);
  snprintf(made.csv, sizeof made.csv, "%s/list.csv", made.folder);
  snprintf(made.tsv, sizeof made.tsv, "%s/list.tsv", made.folder);
  FILE *out = fopen(made.manifest, "w");
  FUZZ_CHECK(out && fputs(text, out) >= 0 && !fclose(out));
  FUZZ_CHECK(!symlink(list, made.csv) && !symlink(list, made.tsv));
}

static void check_manifest(int list_fd) {
  char *text = NULL;
  size_t length = 0;
  struct manifest *manifest;
  FILE *errors = open_memstream(&text, &length);
  if (!*made.manifest) make_folder();
  FUZZ_CHECK(errors && dup2(list_fd, LIST_FD) == LIST_FD);
  const int status = manifest_read(made.manifest, errors, &manifest);
  close(LIST_FD);
  fclose(errors);
  FUZZ_CHECK(status == STATUS_OK || status == STATUS_BAD_DATA);
  FUZZ_CHECK((length == 0) == (manifest != NULL) && fuzz_is_clean(text, true));
  if (manifest) check_names(manifest);
  manifest_destroy(&manifest);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file file = fuzz_file_open(data, size);
  check_list(file.path);
  check_manifest(file.fd);
  fuzz_file_close(&file);
  return 0;
}
