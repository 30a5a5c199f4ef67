/* SPDX-License-Identifier: MIT
 * See stems.h. Places and movements of the objects. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detmath.h"
#include "memory.h"
#include "stems.h"

static int32_t frames_of(double frames_at_48k, int rate_hz) {
  return (int32_t)floor(frames_at_48k * rate_hz / 48000 + 0.5);
}

static const double *place_of(const struct stem_point *point, int object) {
  return point->places.n_both ? point->places.both[object].xyz : point->places.one.xyz;
}

/* In a straight line, never beyond its ends. */
static double between(double a, double b, double share) {
  return fmin(fmax(a + (b - a) * share, fmin(a, b)), fmax(a, b));
}

/* What holds at a time; *next: a point whose time is not over, found from the last call's. */
static struct scene_block block_at(const struct stem *stem, int object, double time_s, int *next) {
  while (*next < stem->n_points && stem->points[*next].time_s <= time_s) ++*next;
  const struct stem_point *b = &stem->points[*next < stem->n_points ? *next : *next - 1];
  const struct stem_point *a = *next ? &stem->points[*next - 1] : b;
  const double share = a == b ? 0 : (time_s - a->time_s) / (b->time_s - a->time_s);
  struct scene_block block = {0};
  for (int i = 0; i < 3; i++)
    block.position[i] = between(place_of(a, object)[i], place_of(b, object)[i], share);
  block.gain = det_db_to_gain(between(a->gain_db, b->gain_db, share));
  return block;
}

static bool is_same(const struct scene_block *a, const struct scene_block *b) {
  return a->gain == b->gain && a->position[0] == b->position[0] &&
         a->position[1] == b->position[1] && a->position[2] == b->position[2];
}

/* Writes the blocks of an object, or, when `out` is NULL, only counts them. */
static int32_t make_blocks(const struct stem *stem, int object, int rate_hz, int32_t n_frames,
                           struct scene_block *out) {
  const int32_t step = frames_of(512, rate_hz), ramp = frames_of(48000 * SCENE_RAMP_S, rate_hz);
  int next = 0;
  int32_t n = 1;
  struct scene_block last = block_at(stem, object, 0, &next);
  if (out) out[0] = last;
  for (int64_t frame = step; frame < n_frames; frame += step) {
    struct scene_block b = block_at(stem, object, (double)(frame + ramp) / rate_hz, &next);
    if (!is_same(&b, &last)) {
      b.frame = (int32_t)frame;
      b.ramp_frames = ramp;
      if (out) out[n] = b;
      last = b;
      n++;
    } else if (next == stem->n_points) {
      break; /* it rests for good */
    }
  }
  return n;
}

struct blocks { /* of all objects */
  int rate_hz;
  int32_t n_frames;
  int64_t n;
};

static enum status make_object(const struct stem *stem, int object, struct blocks *all,
                               struct scene_object *out, struct failure *why) {
  static const char *const sides[] = {"left", "right"};
  out->name = stem->n_objects == 1 ? memory_text(stem->name, strlen(stem->name))
                                   : memory_print("%s %s", stem->name, sides[object]);
  out->role = stem->role;
  const int32_t n = make_blocks(stem, object, all->rate_hz, all->n_frames, NULL);
  if ((all->n += n) > SCENE_MAX_BLOCKS)
    return fail(why, STATUS_BAD_DATA, "its objects move for too long: more than %d places",
                SCENE_MAX_BLOCKS);
  out->blocks = calloc((size_t)n, sizeof *out->blocks);
  if (!out->blocks) return fail(why, STATUS_AGAIN, "out of memory for the places of an object");
  out->n_blocks = make_blocks(stem, object, all->rate_hz, all->n_frames, out->blocks);
  return STATUS_OK;
}

enum status stems_scene(const struct stems *stems, int rate_hz, int32_t n_frames,
                        struct scene **out, struct failure *why) {
  *out = NULL;
  if (!stems->layout->n_objects) return STATUS_OK;
  struct scene *scene = *out = memory_new(1, sizeof *scene);
  struct blocks all = {rate_hz, n_frames, 0};
  enum status status = STATUS_OK;
  scene->objects = memory_new((size_t)stems->layout->n_objects, sizeof *scene->objects);
  for (int k = 0; k < stems->n; k++)
    for (int i = 0; i < stems->items[k].n_objects && !status; i++)
      status = make_object(&stems->items[k], i, &all, &scene->objects[scene->n_objects++], why);
  const char *fault = status ? NULL : scene_fault(scene, n_frames);
  if (fault) status = fail(why, STATUS_BAD_DATA, "the objects of the stems: %s", fault);
  if (status) scene_destroy(out);
  return status;
}

int64_t stems_scene_bytes(const struct stems *stems, int rate_hz, int32_t n_frames) {
  int64_t blocks = 0;
  for (int k = 0; k < stems->n; k++)
    if (stems->items[k].n_points > 1)
      blocks += (int64_t)stems->items[k].n_objects * (n_frames / frames_of(512, rate_hz) + 1);
  return (blocks < SCENE_MAX_BLOCKS ? blocks : SCENE_MAX_BLOCKS) *
         (int64_t)sizeof(struct scene_block);
}
