/* SPDX-License-Identifier: MIT
 * What a track is made of, be it one file or stems. */
#ifndef LACQUER_TRACK_SOURCE_H
#define LACQUER_TRACK_SOURCE_H
#include "manifest.h"
#include "source_file.h"

int track_source_files(const struct track *track); /* >= 1 */
const char *track_source_file(const struct track *track, int i); /* path to open */
/* source_file_stat, or stems_stat. */
enum status track_source_stat(const struct track *track, struct source_file *out,
                              struct failure *why);
/* decode_headers, or stems_headers. */
enum status track_source_headers(const struct track *track, struct audio *out,
                                 int64_t *extra_bytes, struct failure *why);
/* Decodes under the layout that the track states, if it does. */
enum status track_source_decode(const struct track *track, struct audio *out,
                                struct failure *why);
#endif
