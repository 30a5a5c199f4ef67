/* SPDX-License-Identifier: MIT
 * What a linear section shall do, on a dense grid in double precision, and the taps that
 * do it. */
#ifndef LACQUER_LINEAR_RESPONSE_H
#define LACQUER_LINEAR_RESPONSE_H
#include "linear.h"

struct linear_section {
  const struct linear_part *part;
  int n_parts, rate_hz, channels;
  bool cross;  /* a gain acts on mid or side: channels mix */
  bool sided;  /* a gain acts on left or right: the channels' filters differ */
  bool real;   /* linear phase throughout */
  bool causal; /* nothing rings before the main tap: minimum phase throughout, or flat */
  bool flat;   /* the same at all frequencies */
};
struct linear_section linear_section_of(const struct linear_part *part, int n,
                                        const struct stage_format *format);

/* The filters of a section. Filter (o, i) is taps[2 o + i]; NULL: zero. Filters that are
 * equal share their taps. */
struct linear_taps {
  int n, centre; /* length, and the tap that stands for no delay */
  double *taps[4];
  double *own[4]; /* what to free */
  double error_db;    /* of what left, right, mid and side signals see, 20 Hz to 20 kHz */
  double pre_ring_ms; /* see struct stage_design */
};
/* The shortest sound filters (fir_design.h, 0.01 dB) of at least `least` taps (0, or as many
 * as another call made), or the longest there are. 0, or -1: no memory. */
int linear_taps_make(const struct linear_section *section, int least, struct linear_taps *out);
void linear_taps_free(struct linear_taps *taps);
#endif
