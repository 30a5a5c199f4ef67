/* SPDX-License-Identifier: MIT
 * See adm_profile.h: chunks, chna's framing and dbmd. */
#include "adm_profile.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

void profile_tell(struct profile_report *report, bool sound, const char *rule,
                  const char *format, ...) {
  va_list args;
  if (sound) return;
  if (report->n < PROFILE_MOST) {
    struct profile_finding *f = &report->findings[report->n];
    f->rule = rule;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
  }
  report->n++;
}

bool profile_broke(const struct profile_report *report, const char *rule) {
  for (int i = 0; i < report->n && i < PROFILE_MOST; i++)
    if (!strcmp(report->findings[i].rule, rule)) return true;
  return false;
}

static uint64_t little(const unsigned char *b, int n) {
  uint64_t value = 0;
  while (n--) value = value << 8 | b[n];
  return value;
}

struct body {
  const unsigned char *at;
  uint64_t size;
};
enum { AXML, CHNA, DBMD, FORMAT, DATA, SIZES, JUNK, N_BODIES };
static const char *const ids[N_BODIES] = {"axml", "chna", "dbmd", "fmt ", "data", "ds64", "JUNK"};

/* Walks the chunks; `order` receives a letter each: J 6 f d a c m, ? for others. */
static void walk(const unsigned char *b, size_t size, bool large, struct body bodies[N_BODIES],
                 char order[32], struct profile_report *r) {
  static const char letters[] = "acmfd6J";
  int n = 0;
  size_t at = 12;
  while (at + 8 <= size && n < 30) {
    int kind = 0;
    while (kind < N_BODIES && memcmp(b + at, ids[kind], 4)) kind++;
    uint64_t length = little(b + at + 4, 4);
    order[n++] = kind < N_BODIES ? letters[kind] : '?';
    if (large && kind == DATA) {
      profile_tell(r, length == 0xFFFFFFFF, "rf64-sizes", "data states %llu",
                   (unsigned long long)length);
      if (bodies[SIZES].at) length = little(bodies[SIZES].at + 8, 8);
    }
    if (length > size - at - 8) {
      profile_tell(r, false, "chunk-size", "chunk at %zu", at);
      return;
    }
    if (kind < N_BODIES) bodies[kind] = (struct body){b + at + 8, length};
    at += 8 + (size_t)length;
    if (length & 1) {
      profile_tell(r, at < size && !b[at], "chunk-pad", "chunk before %zu", at);
      at++;
    }
  }
  profile_tell(r, at == size, "chunk-size", "the last chunk ends at %zu of %zu", at, size);
}

static void check_format(const struct body *f, struct profile_facts *facts,
                         struct profile_report *r) {
  const unsigned char *b = f->at;
  profile_tell(r, f->size == 16, "fmt-16", "%llu bytes", (unsigned long long)f->size);
  if (f->size < 16) return;
  facts->n_tracks = (int)little(b + 2, 2);
  facts->rate_hz = (int)little(b + 4, 4);
  profile_tell(r, little(b, 2) == 1, "fmt-pcm", "tag %u", (unsigned)little(b, 2));
  profile_tell(r, facts->n_tracks >= 1 && facts->n_tracks <= 128, "fmt-tracks", "%d",
               facts->n_tracks);
  profile_tell(r, facts->rate_hz == 48000 || facts->rate_hz == 96000, "fmt-rate", "%d",
               facts->rate_hz);
  profile_tell(r, little(b + 14, 2) == 24, "fmt-bits", "%u", (unsigned)little(b + 14, 2));
  profile_tell(r, (int)little(b + 12, 2) == facts->n_tracks * 3 &&
                  (int)little(b + 8, 4) == facts->rate_hz * facts->n_tracks * 3,
               "fmt-frame", "frame or byte rate");
}

static void check_head(const unsigned char *b, size_t size, bool large,
                       const struct body bodies[N_BODIES], const char *order,
                       struct profile_report *r) {
  if (large) {
    const struct body *s = &bodies[SIZES];
    profile_tell(r, little(b + 4, 4) == 0xFFFFFFFF, "rf64-sizes", "the header's");
    profile_tell(r, !strcmp(order, "6fdacm"), "chunk-order", "%s", order);
    if (!s->at) return;
    profile_tell(r, s->size == 28, "ds64-28", "%llu", (unsigned long long)s->size);
    profile_tell(r, little(s->at, 8) == size - 8, "riff-size", "in ds64");
    profile_tell(r, little(s->at + 24, 4) == 0, "ds64-28", "a table");
    return;
  }
  profile_tell(r, little(b + 4, 4) == size - 8, "riff-size", "%llu of %zu",
               (unsigned long long)little(b + 4, 4), size);
  profile_tell(r, !strcmp(order, "Jfdacm"), "chunk-order", "%s", order);
  bool zeros = bodies[JUNK].size == 64;
  for (int i = 0; bodies[JUNK].at && zeros && i < 64; i++) zeros = !bodies[JUNK].at[i];
  profile_tell(r, zeros, "junk-64", "64 zeros");
}

/* ---- dbmd ---- */

struct fixed {
  int at, value;
};

static void check_fixed(const unsigned char *b, const struct fixed *fixed, int n,
                        const char *rule, struct profile_report *r) {
  for (int i = 0; i < n; i++)
    profile_tell(r, b[fixed[i].at] == fixed[i].value, rule, "byte %d is %02x", fixed[i].at,
                 b[fixed[i].at]);
}

static void check_ddp(const unsigned char *b, unsigned size, struct profile_report *r) {
  static const struct fixed fixed[] = {{0, 0}, {1, 0x47}, {5, 0x60}, {8, 0x24}, {9, 0x24},
                                       {14, 2}, {15, 2}, {16, 0}, {95, 0}};
  profile_tell(r, size == 96, "dbmd-ddp", "%u bytes", size);
  if (size == 96) check_fixed(b, fixed, 9, "dbmd-ddp", r);
}

static void check_atmos(const unsigned char *b, unsigned size, struct profile_report *r) {
  static const struct fixed fixed[] = {{103, 3}, {118, 3}, {134, 0xF0}, {135, 8}, {168, 0xF0},
                                       {170, 8}, {184, 0xF0}, {186, 8}, {200, 0xF0}, {202, 8}};
  profile_tell(r, size == 248, "dbmd-atmos", "%u bytes", size);
  if (size != 248) return;
  check_fixed(b, fixed, 10, "dbmd-fixed", r);
  bool is_free = true;
  for (int i = 0; i < 32; i++) is_free = is_free && !b[i];
  profile_tell(r, is_free, "dbmd-no-origin", "text in the free field");
  for (int i = 32; i + 5 <= 96; i++)
    profile_tell(r, memcmp(b + i, "Dolby", 5), "dbmd-no-origin", "the tool's name");
  profile_tell(r, (b[111] & 15) <= 6, "dbmd-fps", "%d", b[111] & 15);
  profile_tell(r, b[112] == 0xFF || (b[112] < 24 && b[113] < 60 && little(b + 114, 4) < 6000000),
               "dbmd-first-action", "%d:%d", b[112], b[113]);
  profile_tell(r, (b[139] >> 4 & 7) <= 4 && !(b[139] & 0x8C) && (b[139] & 3) != 2,
               "dbmd-downmix", "%02x", b[139]);
  profile_tell(r, (b[152] & 0xF8) == 0x80 && (b[152] & 7) <= 4, "dbmd-warp", "%02x", b[152]);
}

static void check_modes(const unsigned char *b, unsigned size, int n_tracks,
                        struct profile_report *r) {
  const unsigned n = size < 6 ? 0 : (unsigned)little(b + 4, 2);
  profile_tell(r, size == 142 + 2 * n && (int)n == n_tracks, "dbmd-tracks", "%u bytes, %u tracks",
               size, n);
  if (size != 142 + 2 * n) return;
  profile_tell(r, little(b, 4) == 0xF8726FBD, "dbmd-sync", "%llx",
               (unsigned long long)little(b, 4));
  profile_tell(r, b[6] == 0, "dbmd-sync", "byte 6");
  for (int i = 0; i < 9; i++) {
    const unsigned char *trim = b + 7 + 15 * i;
    bool silent = true;
    for (int k = 1; k < 15; k++) silent = silent && !trim[k];
    profile_tell(r, trim[0] <= 1 && (!trim[0] || silent), "dbmd-trim", "configuration %d", i);
  }
  for (unsigned i = 0; i < n; i++) {
    profile_tell(r, b[142 + i] <= 3, "dbmd-bypass", "track %u", i + 1);
    profile_tell(r, (b[142 + n + i] & 7) <= 4 && !(b[142 + n + i] & 0x38), "dbmd-binaural",
                 "track %u", i + 1);
  }
}

static void check_dbmd(const struct body *d, int n_tracks, struct profile_report *r) {
  char order[8] = "";
  size_t at = 4;
  if (!d->at || d->size < 5) return;
  profile_tell(r, little(d->at, 4) == 0x01000006, "dbmd-version", "%llx",
               (unsigned long long)little(d->at, 4));
  profile_tell(r, d->size % 2 == 0, "dbmd-even", "%llu", (unsigned long long)d->size);
  while (at + 4 <= d->size && d->at[at] && strlen(order) < 7) {
    const unsigned kind = d->at[at], size = (unsigned)little(d->at + at + 1, 2);
    const unsigned char *payload = d->at + at + 3;
    unsigned sum = size & 255;
    if (at + 4 + size > d->size) break;
    for (unsigned i = 0; i < size; i++) sum = (sum + payload[i]) & 255;
    profile_tell(r, payload[size] == ((256 - sum) & 255), "dbmd-checksum", "segment %u", kind);
    order[strlen(order)] = kind < 9 ? (char)('0' + kind) : kind == 9 ? '9' : 'A';
    if (kind == 7) check_ddp(payload, size, r);
    if (kind == 9) check_atmos(payload, size, r);
    if (kind == 10) check_modes(payload, size, n_tracks, r);
    at += 4 + size;
  }
  profile_tell(r, !strcmp(order, "79A"), "dbmd-segments", "%s", order);
  bool zeros = at < d->size && d->size - at <= 2;
  for (; zeros && at < d->size; at++) zeros = !d->at[at];
  profile_tell(r, zeros, "dbmd-end", "at %zu of %llu", at, (unsigned long long)d->size);
}

void profile_check(const unsigned char *b, size_t size, struct profile_report *r) {
  struct body bodies[N_BODIES] = {0};
  struct profile_facts facts = {0};
  char order[32] = "";
  *r = (struct profile_report){0};
  const bool large = size > 12 && !memcmp(b, "RF64", 4);
  profile_tell(r, size > 12 && (large || !memcmp(b, "RIFF", 4)) && !memcmp(b + 8, "WAVE", 4),
               "riff-id", "the first bytes");
  if (r->n) return;
  walk(b, size, large, bodies, order, r);
  check_head(b, size, large, bodies, order, r);
  if (!bodies[FORMAT].at || !bodies[DATA].at || !bodies[AXML].at) return;
  check_format(&bodies[FORMAT], &facts, r);
  if (!facts.n_tracks) return;
  profile_tell(r, bodies[DATA].size % ((unsigned)facts.n_tracks * 3) == 0, "data-frames", "%llu",
               (unsigned long long)bodies[DATA].size);
  facts.n_frames = (long long)(bodies[DATA].size / ((unsigned)facts.n_tracks * 3));
  if (large && bodies[SIZES].at)
    profile_tell(r, (long long)little(bodies[SIZES].at + 16, 8) == facts.n_frames, "ds64-28",
                 "its frames");
  facts.chna = bodies[CHNA].at;
  facts.chna_bytes = (size_t)bodies[CHNA].size;
  check_dbmd(&bodies[DBMD], facts.n_tracks, r);
  profile_check_axml((const char *)bodies[AXML].at, (size_t)bodies[AXML].size, &facts, r);
}
