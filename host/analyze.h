/* SPDX-License-Identifier: MIT
 * What a source is, by its headers and metadata: nothing is decoded. */
#ifndef LACQUER_ANALYZE_H
#define LACQUER_ANALYZE_H
#include <stdbool.h>
#include <stdio.h>

/* Tells of every file: rate, channels, length; of an immersive master also its beds, objects,
 * binaural modes and where it departs from its profile. `json`: a line each. What cannot be
 * read is told on `errors`. The first status that is not STATUS_OK. */
int analyze_files(char *const *paths, int n, bool json, FILE *out, FILE *errors);
#endif
