/* SPDX-License-Identifier: MIT
 * See scene_fixture.h. */
#include "scene_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "oracle.h"
#include "random_params.h"

struct scene *scene_fixture(int n_objects) {
  struct scene *s = oracle_alloc(sizeof *s);
  s->n_objects = n_objects;
  s->objects = oracle_alloc((size_t)n_objects * sizeof *s->objects);
  for (int i = 0; i < n_objects; i++) {
    s->objects[i].name = oracle_alloc(8);
    memcpy(s->objects[i].name, "object", 7);
  }
  return s;
}

void scene_fixture_add(struct scene *scene, int object, int32_t frame, int32_t ramp_frames,
                       const double position[3], double gain) {
  struct scene_object *o = &scene->objects[object];
  o->blocks = realloc(o->blocks, (size_t)(o->n_blocks + 1) * sizeof *o->blocks);
  oracle_require(o->blocks != NULL, "out of memory");
  o->blocks[o->n_blocks++] = (struct scene_block){
      frame, ramp_frames, {position[0], position[1], position[2]}, gain};
}

/* A coordinate: anywhere, or where a loudspeaker may be. */
static double draw_place(uint64_t *seed) {
  return random_below(seed, 2) ? oracle_uniform(seed) : (double)random_below(seed, 3) - 1;
}

static int32_t draw_ramp(int habit, int32_t n_frames, uint64_t *seed) {
  if (habit == 1) return 250;
  if (habit == 2) return 0;
  return (int32_t)random_below(seed, habit == 3 ? 4 : (uint32_t)n_frames + 1);
}

static int32_t draw_pause(int habit, uint64_t *seed) {
  if (habit == 2) return (int32_t)random_below(seed, 3);
  if (habit == 3) return 0;
  return (int32_t)random_below(seed, 3000);
}

struct scene *scene_fixture_random(int n_objects, int32_t n_frames, uint64_t seed) {
  enum { HABITS = 5, MOST = 4000 };
  struct scene *s = scene_fixture(n_objects);
  for (int i = 0; i < n_objects; i++) {
    const int habit = (int)random_below(&seed, HABITS); /* 0: it stands still */
    int64_t frame = 0;
    int32_t ramp = 0;
    for (int k = 0; frame < n_frames && k < (habit ? MOST : 1); k++) {
      const double place[3] = {draw_place(&seed), draw_place(&seed), draw_place(&seed)};
      const double gain = random_below(&seed, 6) ? random_unit(&seed) * 1.5 : 0;
      scene_fixture_add(s, i, (int32_t)frame, ramp, place, gain);
      frame += (ramp ? ramp : 1) + draw_pause(habit, &seed);
      ramp = draw_ramp(habit, n_frames, &seed);
    }
  }
  oracle_require(!scene_fault(s, n_frames), "a scene of a test is none");
  return s;
}

void scene_fixture_gains(const struct scene_object *object, int32_t n_frames, const double *of,
                         double *gain) {
  for (int32_t i = 0, k = 0; i < n_frames; i++) {
    while (k + 1 < object->n_blocks && object->blocks[k + 1].frame <= i) k++;
    const struct scene_block *b = &object->blocks[k];
    const double to = of[k] * b->gain, from = k ? of[k - 1] * b[-1].gain : 0;
    const double way = b->ramp_frames ? (double)(i - b->frame) / b->ramp_frames : 1;
    gain[i] = way < 1 ? from + (to - from) * way : to;
  }
}
