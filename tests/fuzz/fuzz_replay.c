/* SPDX-License-Identifier: MIT
 * Runs a target over all files of the folders that are named, without libFuzzer. An empty
 * corpus is an error: nothing would be tested. */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

enum { MOST_BYTES = 1 << 20 };

static void replay(const char *path, uint8_t *bytes) {
  FILE *file = fopen(path, "rb");
  FUZZ_CHECK(file);
  const size_t size = fread(bytes, 1, MOST_BYTES, file);
  FUZZ_CHECK(!ferror(file) && feof(file));
  fclose(file);
  uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees its end */
  FUZZ_CHECK(exact);
  memcpy(exact, bytes, size);
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
}

static int replay_folder(const char *folder, uint8_t *bytes) {
  DIR *entries = opendir(folder);
  int n = 0;
  if (!entries) return 0;
  for (struct dirent *entry; (entry = readdir(entries));) {
    char path[4096];
    if (entry->d_name[0] == '.') continue;
    FUZZ_CHECK(snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < (int)sizeof path);
    const int below = replay_folder(path, bytes);
    n += below;
    if (below) continue;
    fprintf(stderr, "%s\n", entry->d_name); /* the last one is what a crash is about */
    replay(path, bytes);
    n++;
  }
  closedir(entries);
  return n;
}

int main(int argc, char **argv) {
  uint8_t *bytes = malloc(MOST_BYTES);
  int n = 0;
  FUZZ_CHECK(bytes);
  for (int i = 1; i < argc; i++) n += replay_folder(argv[i], bytes);
  free(bytes);
  printf("%d inputs\n", n);
  return n ? 0 : 1;
}
