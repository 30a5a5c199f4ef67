/* SPDX-License-Identifier: MIT
 * A stand-in for a GPU: one CPU session per lane behind an engine that calls itself a
 * GPU, sound until a fault is planted in one pass of one slot, or in one call. */
#ifndef LACQUER_FAULTY_ENGINE_H
#define LACQUER_FAULTY_ENGINE_H
#include "engine.h"

enum fault_kind {
  FAULT_NONE,
  FAULT_CONTROL,    /* flips a bit of a control word that the pass wrote */
  FAULT_AUDIO,      /* flips a bit of the slot's dst (BUFFER_PCM: int32 words) */
  FAULT_LOST_BLOCK, /* the pass skips one block */
  /* by number of the call */
  FAULT_STATUS,     /* the call does nothing and returns `status`; lost is lost for good */
  FAULT_COPY,       /* what the call copies arrives with a bit flipped, either way */
};
struct fault {
  enum fault_kind kind;
  int session; /* that was opened when so many others were open */
  int lane, slot, pass;
  int32_t block; /* fires after every run whose range holds this block (or hop) */
  int channel;
  int64_t at; /* control word of the slot, or frame (PCM: word) */
  int bit;
  int after; /* so many chances to strike are let go by first */
  int call;  /* from 0, of the calls that can fail */
  enum engine_status status;
};
struct faulty_engine {
  struct engine engine; /* give &engine to batch_render */
  struct fault fault;
  int hits;  /* how often the fault struck */
  int calls; /* that can fail, so far */
  int opens; /* sessions that are open now */
};
void faulty_engine_init(struct faulty_engine *f); /* no fault */
#endif
