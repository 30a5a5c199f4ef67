/* SPDX-License-Identifier: MIT
 * The objects of a scene: channels without a loudspeaker, and where each of them is when. They
 * stand behind the channels of the bed (layout.h, n_objects). */
#ifndef LACQUER_SCENE_H
#define LACQUER_SCENE_H
#include <stddef.h>
#include <stdint.h>

/* From `frame` on an object is at a place; until frame + ramp_frames its gains in the
 * loudspeakers go there in a line from what they were (ITU-R BS.2127, section 7). Blocks of
 * an object ascend, the first one is at frame 0 and has no ramp, and none begins before the
 * one before it has arrived. */
struct scene_block {
  int32_t frame, ramp_frames;
  double position[3]; /* X right, Y front, Z up, -1 .. 1: of the room, as in ITU-R BS.2076 */
  double gain;        /* linear, >= 0 */
};
/* What it sounds like it is: the kinds of content of ITU-R BS.2076. */
enum scene_role {
  ROLE_UNSTATED, ROLE_MUSIC, ROLE_EFFECTS, ROLE_DIALOGUE, ROLE_VOICEOVER, ROLE_DESCRIPTION,
  ROLE_COMMENTARY, ROLE_MIXED
};
extern const char *const scene_roles[]; /* their names, closed by NULL */
struct scene_object {
  char *name; /* owned; never NULL */
  int32_t n_blocks;
  struct scene_block *blocks; /* owned */
  int role;                   /* enum scene_role */
};
enum { SCENE_MAX_OBJECTS = 118, SCENE_MAX_BLOCKS = 8000000 /* of all objects */ };
struct scene {
  int n_objects; /* >= 1 */
  struct scene_object *objects;
};
/* In the masters of mixing programs an object goes from place to place in this time. */
#define SCENE_RAMP_S 0.005208

void scene_destroy(struct scene **scene); /* takes NULL; writes NULL */
/* Why it is no scene, static storage; NULL: it is one. */
const char *scene_fault(const struct scene *scene, int32_t n_frames);
/* Leaves the frames [first, first + n_frames), n_frames >= 1: blocks are counted from there. The
 * one in force there becomes the first; where its place is still to be reached, the first is the
 * place on the way, and the rest of the way follows from frame 1. */
void scene_cut(struct scene *scene, int32_t first, int32_t n_frames);
/* Bytes that say all of it but names and roles, to be hashed: little-endian, the same everywhere.
 * One object at a time; `take` gets them piece by piece. */
void scene_bytes(const struct scene *scene,
                 void (*take)(void *context, const void *bytes, size_t n), void *context);
#endif
