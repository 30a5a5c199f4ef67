/* SPDX-License-Identifier: MIT
 * A reader of Atmos masters that shares nothing with the program: it holds the bytes of a
 * file against every rule that host/adm.md states of the `dolby` flavour. */
#ifndef LACQUER_ADM_PROFILE_H
#define LACQUER_ADM_PROFILE_H
#include <stdbool.h>
#include <stddef.h>

enum { PROFILE_MOST = 64 };
struct profile_report {
  int n; /* broken rules, also those that found no room */
  struct profile_finding {
    const char *rule;
    char text[120];
  } findings[PROFILE_MOST];
};
/* A file of tens of MB at most: everything is held in memory. */
void profile_check(const unsigned char *bytes, size_t size, struct profile_report *report);
bool profile_broke(const struct profile_report *report, const char *rule);

/* Between the two files of the reader. */
struct profile_facts {
  int n_tracks, rate_hz;
  long long n_frames;
  const unsigned char *chna;
  size_t chna_bytes;
};
__attribute__((format(printf, 4, 5)))
void profile_tell(struct profile_report *report, bool sound, const char *rule,
                  const char *format, ...);
void profile_check_axml(const char *text, size_t size, const struct profile_facts *facts,
                        struct profile_report *report);
#endif
