/* SPDX-License-Identifier: MIT
 * See probe.h. */
#include "probe.h"

#include <math.h>
#include <stdlib.h>

#include "engine_cpu.h"
#include "limiter.h"
#include "loudness.h"
#include "solve.h"

void probe_free(struct probe *p) {
  free(p->levels);
  free(p->energies);
  *p = (struct probe){0};
}

int32_t probe_n_hops(const struct probe *p) { return loudness_hops(p->n_frames, p->rate_hz); }

enum engine_status probe_hops(const struct probe *p, double drive_db, int pace,
                              float *hops) {
  enum { LIMITER, LOUDNESS, SLOTS };
  const struct slot_plan slots[SLOTS] = {
      {&stage_limiter, BUFFER_A, BUFFER_B, -1}, {&stage_loudness, BUFFER_A, BUFFER_NONE, LIMITER}};
  const struct lane_plan lane = {.n_frames = p->n_frames, .design = {p->limiter, p->loudness}};
  const int32_t blocks = (p->n_frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES, n = probe_n_hops(p);
  const struct session_plan plan = {p->rate_hz, p->channels, SLOTS, 1, blocks, slots, &lane,
                                    NULL, 0};
  const struct engine *e = &engine_cpu;
  const struct limiter_design *limiter = p->limiter->data;
  struct session *s = NULL;
  const enum engine_status status = e->open(NULL, &plan, &s);
  if (status) return status;
  e->write_control(s, 0, LOUDNESS, 0, p->n_energies, p->energies);
  if (!isnan(drive_db)) {
    e->write_control(s, 0, LIMITER, 0, p->n_levels, p->levels);
    e->set_args(s, 0, LIMITER, (const int32_t[5]){solve_drive_q20(drive_db), p->ceiling, pace});
    e->set_args(s, 0, LOUDNESS, (const int32_t[5]){limiter->groups});
    for (int pass = LIMITER_SET_DEMAND; pass < LIMITER_APPLY; pass++)
      e->run(s, LIMITER, pass, 0, blocks + p->limiter->shape[pass].extra, NULL);
  }
  e->run(s, LOUDNESS, LOUDNESS_HOPS, 0, n, NULL);
  e->read_control(s, 0, LOUDNESS, loudness_hops_offset(p->loudness, blocks, p->channels), n,
                  (int32_t *)(void *)hops);
  e->close(s);
  return ENGINE_OK;
}
