/* SPDX-License-Identifier: MIT
 * See fuzz.h. */
#define _GNU_SOURCE /* memfd_create */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "output_name.h"
#include "utf8.h"

struct fuzz_file fuzz_file_open(const uint8_t *data, size_t size) {
  struct fuzz_file file = {.fd = memfd_create("input", MFD_CLOEXEC)};
  FUZZ_CHECK(file.fd >= 0 && write(file.fd, data, size) == (ssize_t)size);
  snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
  return file;
}

void fuzz_file_close(struct fuzz_file *file) {
  close(file->fd);
  file->fd = -1;
}

bool fuzz_is_clean(const char *text, bool lines) {
  const size_t size = strlen(text);
  for (size_t i = 0, step; i < size; i += step) {
    uint32_t code = 0;
    step = utf8_decode(text + i, size - i, &code);
    if (!step || code == 0x7F || (code < 0x20 && !(lines && code == '\n'))) return false;
  }
  return true;
}

bool fuzz_is_sound_name(const char *name) {
  if (!fuzz_is_clean(name, false)) return false;
  for (const char *at = name;;) {
    const size_t length = strcspn(at, "/");
    if (!length || length > OUTPUT_NAME_BYTES) return false;
    if (at[0] == '.' || strchr(" .", at[length - 1])) return false;
    at += length;
    if (!*at++) return true;
  }
}
