/* SPDX-License-Identifier: MIT
 * Inside hrtf*.c: libmysofa, alone in a process. It parses HDF5 from anywhere, and a damaged
 * file can make it crash, loop or ask for any amount of memory. */
#ifndef LACQUER_HRTF_CHILD_H
#define LACQUER_HRTF_CHILD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HRTF_TEXT = 160 };
/* Then follow, as struct hrir_set has them: directions, delays, taps. */
struct hrtf_reply {
  char fault[HRTF_TEXT]; /* "": none */
  int32_t rate_hz, n_taps, n_directions;
  char title[HRTF_TEXT], license[HRTF_TEXT]; /* any bytes */
};
bool hrtf_reply_is_sound(const struct hrtf_reply *reply); /* its sizes */

/* The child's work: writes a reply. Returns, or ends in a signal. */
void hrtf_child(const char *bytes, size_t size, int to);
#endif
