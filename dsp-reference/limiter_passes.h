/* SPDX-License-Identifier: MIT
 * Inside limiter*.c: the passes, in order. */
#ifndef LACQUER_LIMITER_PASSES_H
#define LACQUER_LIMITER_PASSES_H
#include "limiter.h"

/* A section of a channel or group, for the whole track. */
static inline int32_t *limiter_section(const struct stage_io *io, int section, int group) {
  const struct limiter_design *d = io->design;
  return io->control + ((size_t)section * io->channels + group) * io->n_blocks * d->points;
}

void limiter_half_way(const struct stage_io *io, int32_t first, int32_t count);
void limiter_detect(const struct stage_io *io, int32_t first, int32_t count);
void limiter_half_way_again(const struct stage_io *io, int32_t first, int32_t count);
void limiter_detect_again(const struct stage_io *io, int32_t first, int32_t count);

void limiter_set_demand(const struct stage_io *io, int32_t first, int32_t count);
void limiter_hold(const struct stage_io *io, int32_t first, int32_t count);
void limiter_dilate(const struct stage_io *io, int32_t first, int32_t count);
void limiter_erode(const struct stage_io *io, int32_t first, int32_t count);
void limiter_dilate_spikes(const struct stage_io *io, int32_t first, int32_t count);
void limiter_erode_spikes(const struct stage_io *io, int32_t first, int32_t count);
void limiter_follow(const struct stage_io *io, int32_t first, int32_t count);
void limiter_smooth(const struct stage_io *io, int32_t first, int32_t count);
void limiter_apply(const struct stage_io *io, int32_t first, int32_t count);
void limiter_correct(const struct stage_io *io, int32_t first, int32_t count);
#endif
