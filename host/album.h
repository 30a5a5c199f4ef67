/* SPDX-License-Identifier: MIT
 * Album loudness: one gain into the limiter for all tracks, such that they have the wanted
 * loudness together and keep their distances. */
#ifndef LACQUER_ALBUM_H
#define LACQUER_ALBUM_H
#include "probe.h"
#include "solve.h"

struct album_goal {
  double target_lufs, max_reduction_db; /* NAN: any reduction */
  int slowest_pace;                     /* of the limiter, 1 to limiter_design.n_paces */
  int threads;                          /* no effect on the result */
};
struct album_result {
  double start_lufs;    /* of all tracks, neither driven nor limited */
  double drive_db;      /* for all tracks */
  int pace;             /* of all limiters: the slowest that reaches the target */
  double loudness_lufs; /* of all tracks under it; -HUGE_VAL: silence */
  bool reached;
  enum solve_limit limit;
};
/* Loudness of all tracks is that of the blocks of all of them through one pair of gates
 * (BS.1770-4; libebur128's ebur128_loudness_global_multiple); no block spans two tracks.
 * The same bits for the same probes in the same order. */
enum engine_status album_solve(const struct probe *const *tracks, int n_tracks,
                               const struct album_goal *goal, struct album_result *out);
#endif
