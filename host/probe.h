/* SPDX-License-Identifier: MIT
 * What a loudness search needs to know of a track at the entrance of its limiter, kept
 * without the audio (true peak and K-weighted energies at control rate: 4 MB for a minute of
 * stereo), and its loudness under any drive. */
#ifndef LACQUER_PROBE_H
#define LACQUER_PROBE_H
#include "engine.h"

struct probe {
  int rate_hz, channels;
  int32_t n_frames;
  const struct stage_design *loudness, *limiter; /* not owned */
  int32_t ceiling;       /* limiter_ceiling() */
  double true_peak_db;   /* -HUGE_VAL: silence */
  int64_t n_levels, n_energies;
  int32_t *levels;       /* control words of the limiter before LIMITER_DEMAND, owned */
  int32_t *energies;     /* of the loudness stage before its hops, owned */
};
void probe_free(struct probe *probe); /* takes an empty one; leaves it empty */

int32_t probe_n_hops(const struct probe *probe);
/* Energies of the hops under the limiter's gain at this drive and pace; NAN: as they are. The
 * reference's work: the same bits wherever the probe comes from. Thread-safe. */
enum engine_status probe_hops(const struct probe *probe, double drive_db, int pace, float *hops);
#endif
