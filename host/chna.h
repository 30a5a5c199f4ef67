/* SPDX-License-Identifier: MIT
 * The chna chunk: which track of the file is which of its axml (ITU-R BS.2088, EBU Tech
 * 3285 supplement 7). */
#ifndef LACQUER_CHNA_H
#define LACQUER_CHNA_H
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum { CHNA_ROW_BYTES = 40, CHNA_MOST_BYTES = 4 + 65535 * CHNA_ROW_BYTES };
struct chna_row {
  int track; /* from 1 */
  char uid[13], track_ref[15], pack_ref[12]; /* "ATU_00000001"; the others may be empty */
};
struct chna {
  int n_tracks; /* as it states: tracks in use */
  int n_rows;
  struct chna_row *rows; /* owned; no empty ones */
};
/* Rows of zeros are passed over, also where fewer are stated than stand there. Told with
 * `path`: a chunk that ends within a row, more rows stated than there are, a track that is
 * not 1 .. n_channels, text that is not printable ASCII. STATUS_BAD_DATA; *chna is empty. */
enum status chna_read(const unsigned char *bytes, size_t size, const char *path, int n_channels,
                      struct chna *chna, struct failure *why);
/* The chunk's body; the caller frees it. */
unsigned char *chna_write(const struct chna *chna, size_t *size);
void chna_free(struct chna *chna); /* takes an empty one */
#endif
