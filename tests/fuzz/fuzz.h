/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. A target is one function that takes any bytes; libFuzzer
 * feeds it (preset `fuzz`), or fuzz_replay.c with the files of a corpus (every other build). */
#ifndef LACQUER_FUZZ_H
#define LACQUER_FUZZ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define FUZZ_CHECK(condition)                                                         \
  ((condition) ? (void)0                                                              \
               : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

/* The input as a regular file in memory, until fuzz_file_close. */
struct fuzz_file {
  int fd;
  char path[32];
};
struct fuzz_file fuzz_file_open(const uint8_t *data, size_t size);
void fuzz_file_close(struct fuzz_file *file);

/* Well-formed UTF-8 that a terminal can be given: no controls but, with `lines`, "\n". */
bool fuzz_is_clean(const char *text, bool lines);
/* A deliverable's name as manifest_output_name promises it. */
bool fuzz_is_sound_name(const char *name);
#endif
