/* SPDX-License-Identifier: MIT
 * Whether a stereo file runs with an immersive one: its offset against the Lo/Ro render, to the
 * sample, by cross-correlation. */
#ifndef LACQUER_QC_SYNC_H
#define LACQUER_QC_SYNC_H
#include "qc_measure.h"

enum { QC_SYNC_WINDOWS = 12, QC_SYNC_RANGE_MS = 2000 };

/* The programme is cut into up to QC_SYNC_WINDOWS parts. In the loudest 1.4 s of each the render
 * is correlated with the companion at every offset within QC_SYNC_RANGE_MS, both less 0.9 of their
 * previous sample; the best offset of a window is its vote. Votes that lie on one line, over the
 * programme, of at most 1100 ppm (44.1 kHz played at 44.056: 1000 ppm) win together. */
struct qc_sync {
  int n_windows, n_votes;   /* looked at (0: nothing above -70 dBFS); of one mind */
  bool found;               /* more than half of the windows, and a correlation of 0.2 */
  double correlation;       /* median of the votes that won, 0 .. 1, by magnitude */
  double channel[2];        /* of left and right there, -1 .. 1: their signs are the polarity */
  bool swapped;             /* left is right */
  /* In frames of the master; positive: the companion is late. */
  int offset_frames;        /* at the first window that won */
  int drift_frames;         /* from there to the last one */
  double drift_ppm;         /* the same over the time between them */
};
/* `companion`: 1 or 2 channels at any rate; it is converted to the master's. STATUS_AGAIN,
 * STATUS_IO. Takes about 20 MB (at 48 kHz) and a second. */
enum status qc_sync_measure(struct qc_source *master, const struct qc_scene *scene,
                            const struct qc_measured *measured, struct qc_source *companion,
                            struct qc_sync *out, struct failure *why);
#endif
