/* SPDX-License-Identifier: MIT
 * See chna.h. */
#include "chna.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

static int le16(const unsigned char *b) { return b[0] | b[1] << 8; }

static bool is_empty(const unsigned char *row) {
  for (int i = 0; i < CHNA_ROW_BYTES; i++)
    if (row[i]) return false;
  return true;
}

/* A field of n bytes, filled up with zeros or blanks. False: it holds something else. */
static bool take_text(const unsigned char *from, size_t n, char *to) {
  size_t length = 0;
  while (length < n && from[length]) length++;
  for (size_t i = 0; i < length; i++)
    if (from[i] < 0x20 || from[i] > 0x7e) return false;
  while (length && from[length - 1] == ' ') length--;
  memcpy(to, from, length);
  to[length] = 0;
  return true;
}

static enum status read_row(const unsigned char *b, const char *path, int number, int n_channels,
                            struct chna_row *row, struct failure *why) {
  *row = (struct chna_row){.track = le16(b)};
  if (!take_text(b + 2, 12, row->uid) || !take_text(b + 14, 14, row->track_ref) ||
      !take_text(b + 28, 11, row->pack_ref) || !*row->uid)
    return fail(why, STATUS_BAD_DATA, "%s: damaged: row %d of its chna chunk holds no ID "
                "(accepted: printable ASCII)", path, number);
  if (row->track < 1 || row->track > n_channels)
    return fail(why, STATUS_BAD_DATA, "%s: row %d of its chna chunk (%s) names track %d (accepted: "
                "1 to %d)", path, number, row->uid, row->track, n_channels);
  return STATUS_OK;
}

enum status chna_read(const unsigned char *bytes, size_t size, const char *path, int n_channels,
                      struct chna *chna, struct failure *why) {
  *chna = (struct chna){0};
  if (size < 4 || (size - 4) % CHNA_ROW_BYTES || size > CHNA_MOST_BYTES)
    return fail(why, STATUS_BAD_DATA, "%s: damaged: a chna chunk of %zu bytes (accepted: 4, and 40 "
                "for every row, up to 65535 rows)", path, size);
  const int n = (int)((size - 4) / CHNA_ROW_BYTES), stated = le16(bytes + 2);
  if (stated > n)
    return fail(why, STATUS_BAD_DATA, "%s: damaged: its chna chunk states %d rows and holds %d",
                path, stated, n);
  chna->n_tracks = le16(bytes);
  chna->rows = memory_new((size_t)n, sizeof *chna->rows);
  for (int i = 0; i < n; i++) {
    const unsigned char *row = bytes + 4 + CHNA_ROW_BYTES * i;
    if (is_empty(row)) continue;
    const enum status status =
        read_row(row, path, i + 1, n_channels, &chna->rows[chna->n_rows++], why);
    if (!status) continue;
    chna_free(chna);
    return status;
  }
  return STATUS_OK;
}

unsigned char *chna_write(const struct chna *chna, size_t *size) {
  *size = 4 + CHNA_ROW_BYTES * (size_t)chna->n_rows;
  unsigned char *bytes = memory_new(*size, 1);
  const int counts[] = {chna->n_tracks, chna->n_rows};
  for (int i = 0; i < 2; i++) {
    bytes[2 * i] = (unsigned char)counts[i];
    bytes[2 * i + 1] = (unsigned char)(counts[i] >> 8);
  }
  for (int i = 0; i < chna->n_rows; i++) {
    unsigned char *to = bytes + 4 + CHNA_ROW_BYTES * i;
    const struct chna_row *row = &chna->rows[i];
    to[0] = (unsigned char)row->track;
    to[1] = (unsigned char)(row->track >> 8);
    memcpy(to + 2, row->uid, strnlen(row->uid, 12));
    memcpy(to + 14, row->track_ref, strnlen(row->track_ref, 14));
    memcpy(to + 28, row->pack_ref, strnlen(row->pack_ref, 11));
  }
  return bytes;
}

void chna_free(struct chna *chna) {
  free(chna->rows);
  *chna = (struct chna){0};
}
