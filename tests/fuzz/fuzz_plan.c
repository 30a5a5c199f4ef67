/* SPDX-License-Identifier: MIT
 * Any bytes as a frozen plan: it is read whole, or what is wrong is told. "@engine@" and
 * "@spirv@" stand for what this engine wants to read. */
#include <string.h>

#include "fuzz.h"
#include "plan_file.h"
#include "shaders.h"

/* The input with the hashes in their places; *size is what it comes to. */
static uint8_t *with_hashes(const uint8_t *data, size_t *size) {
  const struct {
    const char *word, *hash;
  } marks[] = {{"@engine@", lacquer_engine_hash}, {"@spirv@", lacquer_spirv_hash}};
  uint8_t *out = malloc(*size * 16 + 1); /* a hash has 64 digits, a word 7 or 8 */
  size_t n = 0;
  FUZZ_CHECK(out);
  for (size_t i = 0; i < *size;) {
    size_t taken = 0;
    for (int m = 0; m < 2 && !taken; m++) {
      const size_t length = strlen(marks[m].word);
      if (*size - i < length || memcmp(data + i, marks[m].word, length)) continue;
      memcpy(out + n, marks[m].hash, strlen(marks[m].hash));
      n += strlen(marks[m].hash);
      taken = length;
    }
    if (!taken) out[n++] = data[i], taken = 1;
    i += taken;
  }
  *size = n;
  return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *text = with_hashes(data, &size);
  struct fuzz_file file = fuzz_file_open(text, size);
  struct plan_file *plan = NULL;
  char *told = NULL;
  size_t bytes = 0;
  FILE *errors = open_memstream(&told, &bytes);
  FUZZ_CHECK(errors);
  plan_file_is(file.path);
  const enum status status = plan_file_read(file.path, errors, &plan);
  fclose(errors);
  FUZZ_CHECK(status == STATUS_OK || status == STATUS_BAD_DATA);
  FUZZ_CHECK((status == STATUS_OK) == (plan != NULL) && (plan != NULL) == !*told);
  FUZZ_CHECK(fuzz_is_clean(told, true));
  if (plan) FUZZ_CHECK(plan->n_tracks >= 0 && plan->n_shards >= 0 && plan->manifest);
  plan_file_destroy(&plan);
  free(told);
  fuzz_file_close(&file);
  free(text);
  return 0;
}
