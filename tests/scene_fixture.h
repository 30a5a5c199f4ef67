/* SPDX-License-Identifier: MIT
 * Scenes of objects for tests. Memory that runs out aborts the test program. */
#ifndef LACQUER_SCENE_FIXTURE_H
#define LACQUER_SCENE_FIXTURE_H
#include "scene.h"

/* n objects without a place. */
struct scene *scene_fixture(int n_objects);
/* From `frame` on, after all that the object has so far. */
void scene_fixture_add(struct scene *scene, int object, int32_t frame, int32_t ramp_frames,
                       const double position[3], double gain);
/* Drawn: objects that stand still, that move now and then, from frame to frame, by ramps of
 * 250 frames, of every length or right after each other, that are silent for a while. Sound for
 * n_frames frames. */
struct scene *scene_fixture_random(int n_objects, int32_t n_frames, uint64_t seed);
/* An object's gain at every frame in a loudspeaker where panning gives of[k] for the place of
 * block k. */
void scene_fixture_gains(const struct scene_object *object, int32_t n_frames, const double *of,
                         double *gain);
#endif
