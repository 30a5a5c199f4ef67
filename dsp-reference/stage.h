/* SPDX-License-Identifier: MIT
 * The stage contract. A stage is a const descriptor; its passes are pure
 * functions over ranges of blocks, written twice: in C here, in GLSL under
 * shaders/. Both read the same design and write the same bits. */
#ifndef LACQUER_STAGE_H
#define LACQUER_STAGE_H
#include <stdbool.h>
#include <stdint.h>

#include "params.h"
#include "twin.h"

enum {
  BLOCK_FRAMES = 2048, /* the unit of every range; divides every control step */
  MAX_STAGE_PASSES = 16,
};

/* What one pass works on: one track's buffers for one stage. The layout is
 * shared with shaders/io.glsl, where the pointers are buffer references. */
struct stage_io {
  int32_t n_frames, n_blocks; /* n_blocks = ceil(n_frames / BLOCK_FRAMES) */
  int32_t channels;
  int32_t ring_blocks;  /* a block's scratch lies at ring + (block % ring_blocks) * ring_words */
  int32_t stride;       /* frames from one channel to the next in src and dst */
  int32_t args[5];      /* per-run settings of a tail stage, see the stage */
  const void *design;   /* the stage's tables, see struct stage_design */
  const float *src;     /* planar audio in; outside [0, n_frames) it counts as 0 */
  float *dst;           /* planar audio out */
  float *ring;          /* segment scratch */
  int32_t *control;     /* control_words * n_blocks resident words */
  const int32_t *aux;   /* another stage's control words, see the stage */
};

/* How a pass fills a Vulkan grid: workgroups = units x columns x lanes. */
enum pass_grid {
  GRID_BLOCKS,     /* a workgroup per block and column; count = blocks */
  GRID_SEQUENTIAL, /* an invocation per column walks all blocks of the range in order */
  GRID_HOPS,       /* a workgroup per loudness hop; count = hops */
};

struct stage_pass {
  const char *name; /* shader: shaders/<stage>_<name>.comp */
  enum pass_grid grid;
  void (*reference)(const struct stage_io *io, int32_t first, int32_t count);
};

/* The result of design(): tables as one block of memory that the reference
 * reads, that is uploaded byte for byte, and that is hashed into the unit key. */
struct stage_design {
  void *data;
  uint32_t size;          /* bytes, a multiple of 16 */
  int32_t ring_words;     /* floats of ring scratch per block */
  int32_t ring_history;   /* blocks the ring keeps besides those of a segment */
  int32_t control_words;  /* int32 words of resident control data per block, over all of */
  int32_t control_sections; /* sections of n_blocks * control_words / control_sections */
  int32_t control_halo;     /* blocks on either side whose control words its passes read, if
                               more than 24 */
  double pre_ring_ms; /* of a linear stage: time from the first tap within 60 dB of the
                         largest one up to that one */
  double response_error_db; /* largest deviation of the realised filters from the wanted
                               ones, 20 Hz to 20 kHz; above 0.01 only at the longest filter */
  struct pass_shape {
    int32_t columns; /* workgroup columns: channels, bands, ... */
    int32_t lead;    /* the pass runs this many blocks ahead of the segment */
    int32_t history; /* blocks before the window that later passes read */
    int32_t extra;   /* blocks after the last one that it also covers */
  } shape[MAX_STAGE_PASSES];
};

struct layout;
struct scene;
struct stage_format {
  int rate_hz;  /* 44100 .. 192000 */
  int channels; /* 1 .. MAX_CHANNELS */
  const struct layout *layout; /* layout.h; NULL: channels without places */
  const struct scene *scene;   /* scene.h: of the layout's objects; NULL: it has none */
};

enum stage_role {
  STAGE_CHAIN, /* may stand in a manifest's chain */
  STAGE_TAIL,  /* run for every variant after the chain */
};

struct linear_part;

struct stage {
  const char *name, *help;
  enum stage_role role;
  const struct param_row *rows;
  size_t params_size;
  const struct stage_pass *passes; /* closed by name NULL */
  const char *shaders; /* the stage whose shaders these passes have; NULL: its own */
  /* Cross-field check. NULL when sound, else a message (static storage) and, in
   * *row, the name of the key at fault. */
  const char *(*check)(const void *params, const char **row);
  /* True when the stage would return its input bit for bit: the plan drops it. */
  bool (*neutral)(const void *params);
  /* Designs tables in double precision. 0, or -1 when memory ran out or the
   * settings cannot be met at this format (then *why says why). The caller frees
   * with stage_design_free. */
  int (*design)(const void *params, const struct stage_format *format,
                struct stage_design *out, const char **why);
  /* A linear stage's gains (linear.h), NULL for others: neighbours in a chain are designed
   * as one. Result as of design(). */
  int (*linear_part)(const void *params, const struct stage_format *format,
                     struct linear_part *out, const char **why);
};

/* A stage with its settings. */
struct stage_use {
  const struct stage *stage;
  const void *params;
};

/* Every stage, in registry order (stages.def), closed by NULL. */
extern const struct stage *const stage_registry[];
const struct stage *stage_find(const char *name); /* NULL when unknown */
void stage_design_free(struct stage_design *design);
#endif
