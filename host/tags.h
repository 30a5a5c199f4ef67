/* SPDX-License-Identifier: MIT
 * Tags as they lie in files: the axml chunk of WAV, the ID3 chunk of AIFF, and a
 * reader for all three formats. */
#ifndef LACQUER_TAGS_H
#define LACQUER_TAGS_H
#include <stddef.h>

#include "encode.h"
#include "failure.h"

/* A block of bytes to be freed by the caller; bytes == NULL: nothing to write. */
struct tag_block {
  unsigned char *bytes;
  size_t size;
};
/* The ISRC as an EBU Core document for the axml chunk (EBU Tech 3352); empty without
 * an ISRC. 0, or -1 without memory. */
int tags_axml(const struct deliverable *deliverable, struct tag_block *out);
/* An ID3v2.4 tag (UTF-8 texts; id3.org, informal standard of 2000) with every text
 * and number of the deliverable; empty without any. 0, or -1 without memory. */
int tags_id3(const struct deliverable *deliverable, struct tag_block *out);

/* What a file says about itself. Texts are UTF-8, owned, NULL when absent. */
struct tags {
  char *title, *artist, *album, *isrc, *genre, *upc;
  int track_number, disc_number, year; /* 0: absent */
};
/* Reads the tags that encode_file writes, by the file's content, not its name. On
 * success *out is to be given to tags_free. STATUS_NO_INPUT or STATUS_BAD_DATA. */
enum status tags_read(const char *path, struct tags *out, struct failure *why);
void tags_free(struct tags *tags); /* leaves it empty */
#endif
