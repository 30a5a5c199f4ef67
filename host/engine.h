/* SPDX-License-Identifier: MIT
 * What runs passes: the CPU reference or a Vulkan device, behind one interface.
 * A session holds lanes (one track each) with the same slots (stage instances) that run the
 * same passes. A device runs what all its sessions ask for side by side (gpu_lockstep.h):
 * tracks that have nothing in common have a session each. Lanes never influence each other. */
#ifndef LACQUER_ENGINE_H
#define LACQUER_ENGINE_H
#include "stage.h"

enum { MAX_SLOTS = 24, MAX_LANES = 256 };

enum engine_status {
  ENGINE_OK,
  ENGINE_NO_MEMORY,   /* this batch does not fit the device */
  ENGINE_DEVICE_LOST, /* the device failed or timed out: do not use it again */
};

/* Buffers of a lane that a slot can read or write. */
enum lane_buffer {
  BUFFER_A, BUFFER_B, BUFFER_PCM, /* int32 words */
  BUFFER_C, /* there if a slot of the plan has it as dst */
  BUFFER_COUNT, BUFFER_NONE = BUFFER_COUNT
};

struct slot_plan {
  const struct stage *stage;
  enum lane_buffer src, dst;
  int aux_slot; /* an earlier slot: its control words are this slot's aux; -1: none */
};
struct lane_plan {
  int32_t n_frames;
  const struct stage_design *design[MAX_SLOTS]; /* by slot; must outlive the session */
  int32_t n_source_frames; /* at most so many are written to its buffers, when that is more
                              than n_frames: a stage that changes the rate reads them */
};
/* Room of a lane's buffers. */
static inline int32_t lane_buffer_frames(const struct lane_plan *lane) {
  return lane->n_source_frames > lane->n_frames ? lane->n_source_frames : lane->n_frames;
}
struct session_plan {
  int rate_hz, channels, n_slots, n_lanes;
  int segment_blocks; /* >= 1; results do not depend on it */
  const struct slot_plan *slots;
  const struct lane_plan *lanes; /* shapes of one slot are equal in all lanes */
  const char *spill; /* the CPU engine keeps its memory in a file in this folder, which nobody
                        sees, and little of it in RAM; NULL: in RAM */
  int room;          /* channels that its buffers hold, where a stage makes more of them than
                        `channels`; else 0 */
};
static inline int plan_room(const struct session_plan *plan) {
  return plan->room > plan->channels ? plan->room : plan->channels;
}

static inline bool plan_uses(const struct session_plan *plan, enum lane_buffer buffer) {
  for (int i = 0; i < plan->n_slots; i++)
    if (plan->slots[i].dst == buffer) return true;
  return false;
}

/* Blocks in a slot's ring: those of a segment, the passes' spread of lead, the stage's
 * history and one more. */
static inline int engine_ring_blocks(const struct stage *stage, const struct stage_design *design,
                                     int segment_blocks) {
  int least = 0, most = 0;
  for (int p = 0; p < MAX_STAGE_PASSES && stage->passes[p].name; p++) {
    int lead = design->shape[p].lead;
    if (p == 0 || lead < least) least = lead;
    if (p == 0 || lead > most) most = lead;
  }
  return segment_blocks + design->ring_history + (most - least) + 1;
}

struct session; /* opaque, owned by the engine that made it; one thread at a time */

struct engine {
  const char *name;   /* "cpu" or the device's name */
  const char *driver; /* driver and version, for receipts */
  bool is_gpu;
  void *self;
  enum engine_status (*open)(void *self, const struct session_plan *plan, struct session **out);
  void (*close)(struct session *session); /* takes NULL */
  /* Copies planar audio: `frames` frames of channel `channel`, starting at frame
   * `first`, into / out of a lane's buffer. BUFFER_PCM holds int32 words, one row of all
   * channels' frames: there `first` and `frames` count words. */
  enum engine_status (*write)(struct session *, int lane, enum lane_buffer, int channel,
                              int64_t first, int64_t frames, const void *data);
  enum engine_status (*read)(struct session *, int lane, enum lane_buffer, int channel,
                             int64_t first, int64_t frames, void *data);
  /* A lane's buffer itself, valid until the next run; NULL: not in the host's memory, or
   * the engine has no such function. */
  const void *(*view)(struct session *, int lane, enum lane_buffer);
  /* Copies control words [first, first + words) of a slot. */
  enum engine_status (*read_control)(struct session *, int lane, int slot, int64_t first,
                                     int64_t words, int32_t *data);
  enum engine_status (*write_control)(struct session *, int lane, int slot, int64_t first,
                                      int64_t words, const int32_t *data);
  /* Sets io.args of a lane's slot before the next run. */
  void (*set_args)(struct session *, int lane, int slot, const int32_t args[5]);
  /* Gives a lane's slot other buffers for the runs that follow. */
  void (*set_buffers)(struct session *, int lane, int slot, enum lane_buffer src,
                      enum lane_buffer dst);
  /* Gives a lane's slot another design of the same sizes (ring, control, shapes) for the
   * runs that follow; it must outlive the session. */
  enum engine_status (*set_design)(struct session *, int lane, int slot,
                                   const struct stage_design *design);
  /* Runs one pass over [first, first + count) for every lane whose bit in `mask` is
   * set (mask[lane / 64] >> (lane % 64)); NULL: all. Ranges beyond a lane's end do
   * nothing. Ordered after every earlier call; may return before the work is done. */
  enum engine_status (*run)(struct session *, int slot, int pass, int32_t first, int32_t count,
                            const uint64_t *mask);
  enum engine_status (*finish)(struct session *); /* waits for all work */
};
#endif
