/* SPDX-License-Identifier: MIT
 * A track list: CSV (RFC 4180, and what spreadsheets write instead) or TSV, record by record.
 * Fields may be quoted, quotes in them doubled, and hold line breaks; lines end in LF, CRLF
 * or CR; a byte-order mark and a first line "sep=;" are passed over. The separator is a tab
 * in *.tsv, else the one of , ; and tab that the header has most of. */
#ifndef LACQUER_TRACK_LIST_H
#define LACQUER_TRACK_LIST_H
#include <stdbool.h>

#include "text_file.h"

enum {
  TRACK_LIST_BYTES = 256 << 20, /* accepted size of a file */
  TRACK_LIST_COLUMNS = 256,     /* accepted fields of a record */
};
struct track_list {
  struct text_file text; /* records are cut in place */
  size_t at;
  int line;
  char separator;
};
struct track_record {
  int line; /* of the file, where it begins */
  int n;    /* fields */
  char *field[TRACK_LIST_COLUMNS]; /* within the list's text; without blanks around them
                                      unless they were quoted */
};
bool track_list_is(const char *path); /* by its ending */
/* Statuses as text_file_read; on success the list is to be given to track_list_close. */
enum status track_list_open(const char *path, struct problems *problems, struct track_list *out);
/* The next record that is not empty; the first one is the header. False at the end, and
 * after a problem that leaves no sense in what follows (told). */
bool track_list_next(struct track_list *list, struct problems *problems,
                     struct track_record *out);
void track_list_close(struct track_list *list);
#endif
