/* SPDX-License-Identifier: MIT
 * Any bytes as a report.json: read unit by unit, or it is none. */
#include <string.h>

#include "fuzz.h"
#include "report_merge.h"

static void take_failed(void *context, const char *file, const char *error) {
  *(size_t *)context += strlen(file) + strlen(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file file = fuzz_file_open(data, size);
  struct merged_run run = {0};
  size_t bytes = 0;
  if (report_merge_run(file.path, &run, take_failed, &bytes))
    FUZZ_CHECK(run.path && run.device && run.manifest);
  FUZZ_CHECK(bytes <= size * 4); /* escapes never lengthen; a bound all the same */
  free(run.path);
  free(run.device);
  free(run.manifest);
  fuzz_file_close(&file);
  return 0;
}
