/* SPDX-License-Identifier: MIT
 * All lanes of a device in lockstep. The runs that its sessions ask for wait here, and are
 * submitted together: a step takes the next run of every session that has one, those of one
 * pass as one dispatch, wherever in their tracks they are. One barrier ends a step. A
 * session whose track is over leaves, and the next one joins while the others go on.
 * Private to host/gpu. */
#ifndef LACQUER_GPU_LOCKSTEP_H
#define LACQUER_GPU_LOCKSTEP_H
#include "gpu_device.h"

/* One pass over a range of units of a session's lanes. */
struct gpu_run {
  struct gpu_run *next;
  VkPipeline pipeline;
  bool sequential;
  int32_t first, count; /* what is left of it */
  int32_t columns;
  int n_lanes;
  struct stage_io lanes[]; /* pointers are device addresses */
};

/* A session's place, used by one thread at a time. After the first failure every call fails
 * with the same status. */
struct gpu_member {
  struct gpu_lockstep *lockstep; /* NULL: not joined */
  struct gpu_member *next;
  struct gpu_run *runs, **end; /* not yet submitted */
  int n_runs;
  uint64_t value; /* of the last batch that has runs of it */
  int64_t step;   /* the last that it took part in */
  bool flushing;
  enum engine_status failed;
};

enum engine_status lockstep_create(struct gpu_device *device); /* device->lockstep */
void lockstep_destroy(struct gpu_device *device); /* nobody is in it; takes none */

void lockstep_join(struct gpu_device *device, struct gpu_member *out);
/* Waits until the device has done with the session's runs; those not submitted are dropped.
 * Takes a zeroed member. */
void lockstep_leave(struct gpu_member *member);
/* Appends a run, which is then the lockstep's: free()s it. May wait for the device. */
enum engine_status lockstep_add(struct gpu_member *member, struct gpu_run *run);
/* Returns when all runs of the session are submitted: what is submitted later sees what
 * they wrote. */
enum engine_status lockstep_flush(struct gpu_member *member);
enum engine_status lockstep_wait(struct gpu_member *member); /* and when they are done */
void lockstep_stats(struct gpu_device *device, struct gpu_stats *out);
#endif
