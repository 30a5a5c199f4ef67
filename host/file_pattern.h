/* SPDX-License-Identifier: MIT
 * Audio files by a pattern of their path. In a pattern * stands for any text and ? for one
 * character within a name, ** for any number of folders. */
#ifndef LACQUER_FILE_PATTERN_H
#define LACQUER_FILE_PATTERN_H
#include <stdbool.h>

#include "failure.h"

enum { FILE_PATTERN_MOST = 1000000 }; /* accepted matches */

struct file_matches {
  int n;
  char **paths; /* owned, as is the array */
};
bool file_pattern_is(const char *text);
/* The audio files (by their ending: wav, wave, bwf, rf64, aif, aiff, aifc, flac) that match,
 * each once, as paths that begin as `pattern` does; `folder` ("" or ending in "/") stands
 * before it. Numbers in names count as such: 2 comes before 10. Left out are names that
 * begin with a dot, deliverables (a receipt lies beside them), and what ** would reach by a
 * symbolic link. None is STATUS_NO_INPUT, a folder that cannot be listed STATUS_NO_INPUT,
 * a pattern or name that is not accepted STATUS_BAD_DATA; then *out is empty and the sentence
 * begins with a verb. */
enum status file_pattern_find(const char *folder, const char *pattern, struct file_matches *out,
                              struct failure *why);
void file_matches_release(struct file_matches *matches);

/* The order of the matches. */
int file_name_order(const char *a, const char *b);
#endif
