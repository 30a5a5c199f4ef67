/* SPDX-License-Identifier: MIT
 * Any bytes as a manifest, YAML or JSON: it is read, or refused with messages that can be
 * printed; the names of its deliverables are sound. */
#include <string.h>

#include "failure.h"
#include "fuzz.h"
#include "manifest.h"

static void check_names(const struct manifest *manifest) {
  for (int i = 0; i < manifest->n_tracks; i++) {
    const struct track *track = &manifest->tracks[i];
    for (int v = 0; v < track->n_variants; v++) {
      char *name = manifest_output_name(manifest, track, &manifest->variants[track->variants[v]]);
      FUZZ_CHECK(fuzz_is_sound_name(name));
      free(name);
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file file = fuzz_file_open(data, size);
  struct manifest *manifest;
  char *text = NULL;
  size_t length = 0;
  FILE *errors = open_memstream(&text, &length);
  FUZZ_CHECK(errors);
  const int status = manifest_read(file.path, errors, &manifest);
  fclose(errors);
  FUZZ_CHECK(status == STATUS_OK || status == STATUS_BAD_DATA || status == STATUS_NO_INPUT);
  FUZZ_CHECK((status == STATUS_OK) == (manifest != NULL) && (length == 0) == (manifest != NULL));
  FUZZ_CHECK(strlen(text) == length && fuzz_is_clean(text, true));
  if (manifest) check_names(manifest);
  manifest_destroy(&manifest);
  free(text);
  fuzz_file_close(&file);
  return 0;
}
