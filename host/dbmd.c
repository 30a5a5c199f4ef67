/* SPDX-License-Identifier: MIT
 * See dbmd.h. */
#include "dbmd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

enum {
  VERSION = 0x01000006,
  SYNC = (int)0xF8726FBD,
  DDP = 7, ATMOS = 9, TRACKS = 10, /* segments */
  DDP_BYTES = 96, ATMOS_BYTES = 248, TRIM_BYTES = 15,
  TRACKS_BYTES = 7 + DBMD_TRIMS * TRIM_BYTES, /* and two for every track */
};

const char *const dbmd_fps_names[] = {"not indicated", "23.976", "24", "25", "29.97 drop",
                                      "29.97", "30", NULL};
const char *const dbmd_downmix_names[] = {"not indicated", "Lo/Ro", "Lt/Rt (Pro Logic)",
                                          "Lt/Rt (Pro Logic II)", "direct render", NULL};
const char *const dbmd_phase_names[] = {"without", "with", "reserved", "not indicated", NULL};
const char *const dbmd_warp_names[] = {"direct render", "direct render with room balance",
                                       "Pro Logic IIx", "standard (Lo/Ro)", "not indicated", NULL};
const char *const dbmd_binaural_names[] = {"off", "near", "far", "mid", "not indicated", NULL};
const char *const dbmd_trim_names[] = {"2.0", "5.1", "7.1", "2.1.2", "5.1.2",
                                       "7.1.2", "2.1.4", "5.1.4", "7.1.4", NULL};

/* Bytes whose meaning is not public, with the values that masters of Dolby's tools and of
 * Pro Tools have in common. */
static const struct fixed {
  int at;
  uint8_t value;
} ddp_fixed[] = {{1, 0x47}, {5, 0x60}, {8, 0x24}, {9, 0x24}, {14, 2}, {15, 2}, {0, 0}},
  atmos_fixed[] = {{103, 3}, {118, 3}, {134, 0xF0}, {135, 8}, {168, 0xF0}, {170, 8},
                   {184, 0xF0}, {186, 8}, {200, 0xF0}, {202, 8}, {0, 0}};

static uint32_t le16(const unsigned char *b) { return b[0] | (uint32_t)b[1] << 8; }
static uint32_t le32(const unsigned char *b) { return le16(b) | le16(b + 2) << 16; }
static void put32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> 8 * i);
}
static float get_float(const unsigned char *b) {
  const uint32_t bits = le32(b);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
static void put_float(unsigned char *to, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  put32(to, bits);
}

static unsigned char checksum(const unsigned char *payload, uint32_t size) {
  uint32_t sum = size;
  for (uint32_t i = 0; i < size; i++) sum += payload[i];
  return (unsigned char)(0u - sum);
}

void dbmd_init(struct dbmd *d, int n_tracks) {
  *d = (struct dbmd){.has_ddp = true, .has_atmos = true, .has_tracks = true, .fps = DBMD_FPS_24,
                     .first_hours = DBMD_NO_FIRST_ACTION, .phase = 3, .n_tracks = n_tracks};
  for (int i = 0; i < DBMD_TRIMS; i++) d->trims[i].automatic = true;
  d->bypass = memory_new((size_t)n_tracks, 1);
  d->binaural = memory_new((size_t)n_tracks, 1);
  memset(d->binaural, DBMD_BINAURAL_UNSET, (size_t)n_tracks);
}

void dbmd_free(struct dbmd *d) {
  free(d->bypass);
  free(d->binaural);
  *d = (struct dbmd){0};
}

/* ---- reading ---- */

struct source {
  const char *path;
  struct failure *why;
};

static enum status bad(const struct source *s, const char *what, long value, const char *accepted) {
  return fail(s->why, STATUS_BAD_DATA, "%s: its dbmd chunk has %s %ld (accepted: %s)", s->path,
              what, value, accepted);
}

static enum status read_atmos(const struct source *s, const unsigned char *b, uint32_t size,
                              struct dbmd *d) {
  if (d->has_atmos || size != ATMOS_BYTES)
    return bad(s, "a segment 9 too many, or of size", (long)size, "one, of 248 bytes");
  d->has_atmos = true;
  memcpy(d->tool, b + 32, 64);
  for (char *c = d->tool; *c; c++)
    if (*c < 0x20 || *c > 0x7e) *c = '?';
  memcpy(d->version, b + 96, 3);
  d->fps = b[111] & 15;
  d->first_hours = b[112];
  d->first_minutes = b[113];
  d->first_10us = le32(b + 114);
  d->downmix = b[139] >> 4 & 7;
  d->phase = b[139] & 3;
  d->warp = b[152] & 7;
  if (d->fps > 6) return bad(s, "the frame rate", d->fps, "0 to 6");
  if (d->downmix > 4) return bad(s, "the stereo downmix", d->downmix, "0 to 4");
  if (d->warp > 4) return bad(s, "the warp mode", d->warp, "0 to 4");
  return STATUS_OK;
}

static enum status read_trim(const struct source *s, const unsigned char *b,
                             struct dbmd_trim *trim) {
  *trim = (struct dbmd_trim){b[0] & 1, get_float(b + 1), get_float(b + 5), get_float(b + 9),
                             {b[13], b[14]}};
  if (trim->automatic) *trim = (struct dbmd_trim){.automatic = true};
  if (isfinite(trim->centre_db) && isfinite(trim->surround_db) && isfinite(trim->height_db))
    return STATUS_OK;
  return bad(s, "a trim that is no number:", 0, "decibels");
}

static enum status read_tracks(const struct source *s, const unsigned char *b, uint32_t size,
                               struct dbmd *d) {
  if (d->has_tracks || size < TRACKS_BYTES)
    return bad(s, "a segment 10 too many, or of size", (long)size, "one, of 142 bytes and more");
  if (le32(b) != (uint32_t)SYNC) return bad(s, "a segment 10 with the sync word", (long)le32(b),
                                            "4168249277");
  const uint32_t n = le16(b + 4);
  if (size != TRACKS_BYTES + 2 * n)
    return bad(s, "a segment 10 that does not fit its tracks:", (long)n, "142 and 2 for each");
  d->has_tracks = true;
  d->n_tracks = (int)n;
  for (int i = 0; i < DBMD_TRIMS; i++) {
    const enum status status = read_trim(s, b + 7 + TRIM_BYTES * i, &d->trims[i]);
    if (status) return status;
  }
  d->bypass = memory_new(n, 1);
  d->binaural = memory_new(n, 1);
  memcpy(d->bypass, b + TRACKS_BYTES, n);
  memcpy(d->binaural, b + TRACKS_BYTES + n, n);
  for (uint32_t i = 0; i < n; i++)
    if (DBMD_BINAURAL_MODE(d->binaural[i]) > 4)
      return bad(s, "the binaural mode", DBMD_BINAURAL_MODE(d->binaural[i]), "0 to 4");
  return STATUS_OK;
}

/* The segment at *at; *at becomes where the next one is, 0 at the end. */
static enum status read_segment(const struct source *s, const unsigned char *bytes, size_t size,
                                size_t *at, struct dbmd *d) {
  const unsigned char *head = bytes + *at;
  if (*at >= size || !*head) {
    const bool closed = *at < size;
    *at = 0;
    return closed ? STATUS_OK : bad(s, "no closing segment in bytes:", (long)size, "one of kind 0");
  }
  if (size - *at < 4 || size - *at - 4 < le16(head + 1))
    return bad(s, "a segment that goes behind its end, of kind", *head, "whole segments");
  const uint32_t n = le16(head + 1);
  const unsigned char *payload = head + 3;
  if (payload[n] != checksum(payload, n))
    return bad(s, "a wrong checksum in its segment", *head, "minus the sum of size and bytes");
  *at += n + 4;
  if (*head == DDP) d->has_ddp = true;
  return *head == ATMOS    ? read_atmos(s, payload, n, d)
         : *head == TRACKS ? read_tracks(s, payload, n, d)
                           : STATUS_OK;
}

enum status dbmd_read(const unsigned char *bytes, size_t size, const char *path,
                      struct dbmd *d, struct failure *why) {
  const struct source s = {path, why};
  *d = (struct dbmd){0};
  if (size < 5 || size > DBMD_MOST_BYTES)
    return bad(&s, "a size of", (long)size, "5 to 1048576 bytes");
  if (bytes[3] != 1) return bad(&s, "the major version", bytes[3], "1");
  enum status status = STATUS_OK;
  for (size_t at = 4; at && !status;) status = read_segment(&s, bytes, size, &at, d);
  if (status) dbmd_free(d);
  return status;
}

/* ---- writing ---- */

static void set_fixed(unsigned char *payload, const struct fixed *rows) {
  for (; rows->at; rows++) payload[rows->at] = rows->value;
}

static void write_atmos(const struct dbmd *d, unsigned char *b) {
  set_fixed(b, atmos_fixed);
  memcpy(b + 32, d->tool, strnlen(d->tool, 64));
  memcpy(b + 96, d->version, 3);
  b[111] = (unsigned char)d->fps;
  b[112] = (unsigned char)d->first_hours;
  b[113] = (unsigned char)d->first_minutes;
  put32(b + 114, d->first_10us);
  b[139] = (unsigned char)(d->downmix << 4 | d->phase);
  b[152] = (unsigned char)(0x80 | d->warp);
}

static void write_tracks(const struct dbmd *d, unsigned char *b) {
  const size_t n = (size_t)d->n_tracks;
  put32(b, (uint32_t)SYNC);
  b[4] = (unsigned char)n;
  b[5] = (unsigned char)(n >> 8);
  for (int i = 0; i < DBMD_TRIMS; i++) {
    unsigned char *to = b + 7 + TRIM_BYTES * i;
    const struct dbmd_trim *trim = &d->trims[i];
    to[0] = trim->automatic;
    if (trim->automatic) continue;
    put_float(to + 1, trim->centre_db);
    put_float(to + 5, trim->surround_db);
    put_float(to + 9, trim->height_db);
    memcpy(to + 13, trim->balance, 2);
  }
  memcpy(b + TRACKS_BYTES, d->bypass, n);
  memcpy(b + TRACKS_BYTES + n, d->binaural, n);
}

/* Head, checksum; the end of the segment. */
static unsigned char *close_segment(unsigned char *at, int kind, size_t size) {
  at[0] = (unsigned char)kind;
  at[1] = (unsigned char)size;
  at[2] = (unsigned char)(size >> 8);
  at[3 + size] = checksum(at + 3, (uint32_t)size);
  return at + 4 + size;
}

unsigned char *dbmd_write(const struct dbmd *d, size_t *size) {
  const size_t tracks_bytes = TRACKS_BYTES + 2 * (size_t)d->n_tracks;
  size_t n = 4 + (d->has_ddp ? DDP_BYTES + 4 : 0) + (d->has_atmos ? ATMOS_BYTES + 4 : 0) +
             (d->has_tracks ? tracks_bytes + 4 : 0) + 1;
  n += n & 1;
  unsigned char *bytes = memory_new(n, 1), *at = bytes + 4;
  put32(bytes, VERSION);
  if (d->has_ddp) {
    set_fixed(at + 3, ddp_fixed);
    at = close_segment(at, DDP, DDP_BYTES);
  }
  if (d->has_atmos) {
    write_atmos(d, at + 3);
    at = close_segment(at, ATMOS, ATMOS_BYTES);
  }
  if (d->has_tracks) {
    write_tracks(d, at + 3);
    close_segment(at, TRACKS, tracks_bytes);
  }
  *size = n;
  return bytes;
}
