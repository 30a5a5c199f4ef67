/* SPDX-License-Identifier: MIT
 * See scene.h. */
#include "scene.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const scene_roles[] = {"unstated",    "music",      "effects", "dialogue", "voiceover",
                                   "description", "commentary", "mixed",   NULL};

void scene_destroy(struct scene **scene) {
  struct scene *s = *scene;
  for (int i = 0; s && i < s->n_objects; i++) free(s->objects[i].name), free(s->objects[i].blocks);
  if (s) free(s->objects);
  free(s);
  *scene = NULL;
}

static const char *block_fault(const struct scene_block *b) {
  for (int i = 0; i < 3; i++)
    if (!(fabs(b->position[i]) <= 1)) return "a place outside -1 .. 1";
  return b->gain >= 0 && b->gain <= 64 && b->ramp_frames >= 0 ? NULL : "a gain outside 0 .. 64";
}

const char *scene_fault(const struct scene *s, int32_t n_frames) {
  int64_t blocks = 0;
  if (s->n_objects < 1 || s->n_objects > SCENE_MAX_OBJECTS) return "not 1 to 118 objects";
  for (int i = 0; i < s->n_objects; i++) {
    const struct scene_object *o = &s->objects[i];
    blocks += o->n_blocks;
    if (o->n_blocks < 1 || o->blocks[0].frame || o->blocks[0].ramp_frames)
      return "an object without a place at its start";
    for (int32_t k = 0; k < o->n_blocks; k++) {
      const struct scene_block *b = &o->blocks[k];
      const char *fault = block_fault(b);
      if (fault) return fault;
      if (k && b->frame < (int64_t)b[-1].frame + (b[-1].ramp_frames ? b[-1].ramp_frames : 1))
        return "a place before the one before it is reached";
      if (b->frame >= n_frames) return "a place behind the end";
    }
  }
  return blocks <= SCENE_MAX_BLOCKS ? NULL : "more than 8000000 places";
}

/* Where the object is at `frame`, on the way that leads to `to`. */
static struct scene_block on_the_way(const struct scene_block *to, int32_t frame) {
  const struct scene_block *from = to - 1;
  const double share = (double)(frame - to->frame) / to->ramp_frames;
  struct scene_block b = *from;
  for (int i = 0; i < 3; i++) b.position[i] += share * (to->position[i] - from->position[i]);
  b.gain += share * (to->gain - from->gain);
  return b;
}

static void cut_object(struct scene_object *o, int32_t first, int32_t n_frames) {
  int32_t k = 0, n = 0;
  while (k + 1 < o->n_blocks && o->blocks[k + 1].frame <= first) k++; /* in force */
  const struct scene_block at = o->blocks[k];
  const int64_t arrival = (int64_t)at.frame + at.ramp_frames;
  if (k && first + 1 < arrival) {
    o->blocks[n++] = on_the_way(&o->blocks[k], first);
    if (n_frames > 1) {
      o->blocks[n] = at;
      o->blocks[n].frame = first + 1;
      o->blocks[n++].ramp_frames = (int32_t)(arrival - first - 1);
    }
  } else {
    o->blocks[n++] = at;
  }
  o->blocks[0].frame = first;
  o->blocks[0].ramp_frames = 0;
  for (k++; k < o->n_blocks && o->blocks[k].frame - first < n_frames; k++)
    o->blocks[n++] = o->blocks[k];
  o->n_blocks = n;
  for (k = 0; k < n; k++) o->blocks[k].frame -= first;
}

void scene_cut(struct scene *s, int32_t first, int32_t n_frames) {
  for (int i = 0; i < s->n_objects; i++) cut_object(&s->objects[i], first, n_frames);
}

static void put_u64(unsigned char *to, uint64_t x) {
  for (int i = 0; i < 8; i++) to[i] = (unsigned char)(x >> 8 * i);
}

void scene_bytes(const struct scene *s, void (*take)(void *context, const void *bytes, size_t n),
                 void *context) {
  unsigned char room[48];
  put_u64(room, (uint64_t)s->n_objects);
  take(context, room, 8);
  for (int i = 0; i < s->n_objects; i++) {
    put_u64(room, (uint64_t)s->objects[i].n_blocks);
    take(context, room, 8);
    for (int32_t k = 0; k < s->objects[i].n_blocks; k++) {
      const struct scene_block *b = &s->objects[i].blocks[k];
      const double x[4] = {b->position[0], b->position[1], b->position[2], b->gain};
      put_u64(room, (uint64_t)b->frame);
      put_u64(room + 8, (uint64_t)b->ramp_frames);
      for (int c = 0; c < 4; c++) {
        uint64_t bits;
        memcpy(&bits, &x[c], 8);
        put_u64(room + 16 + 8 * c, bits);
      }
      take(context, room, sizeof room);
    }
  }
}
