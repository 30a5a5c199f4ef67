/* SPDX-License-Identifier: MIT
 * An immersive master as a source: which of its tracks are channels of which layout, and where
 * its objects are when (scene.h). Semantics: ITU-R BS.2076, BS.2127. */
#ifndef LACQUER_ADM_SCENE_H
#define LACQUER_ADM_SCENE_H
#include "adm.h"
#include "layout.h"
#include "scene.h"

/* A channel of the layout: what of the file it is. Outside its frames it is silent. */
struct adm_source_channel {
  int index;          /* channel of the file; -1: silence */
  int object, channel; /* rows of the model; -1: none */
  int track;           /* likewise */
  float gain;         /* linear; 1 where the master says none */
  int32_t first, end; /* frames */
};
struct adm_source { /* a master that was read; what a new one keeps of it */
  struct adm *adm;
  const struct layout *layout; /* bed, then objects in the order of the programme */
  struct adm_source_channel channels[MAX_CHANNELS];
  char note[256]; /* what of it is not taken, or not rendered; "" */
};

/* The first programme (without one: all objects), complementary objects left out. Beds that
 * share no loudspeaker are put together in the smallest layout that has all of theirs; a
 * master without a bed gets a silent 7.1.2. Takes `adm` over on success; then *scene is NULL
 * when there are no objects. STATUS_BAD_DATA, told with the path: types other than DirectSpeakers
 * and Objects, loudspeakers that no layout has, two beds with one loudspeaker, places outside the
 * room, blocks that overlap; STATUS_AGAIN. *out is NULL when the file says nothing of its tracks:
 * it is plain audio, and `adm` is destroyed. The file has at most MAX_FRAMES (decode.h). */
enum status adm_source_make(struct adm **adm, const struct riff_file *file,
                            struct adm_source **out, struct scene **scene, struct failure *why);
void adm_source_destroy(struct adm_source **source); /* takes NULL; writes NULL */

/* To the nearest frame. */
int64_t adm_time_frames(struct adm_time time, int rate_hz);
/* Place of a polar position in the room (BS.2127-0, section 10.1); degrees, left and up
 * positive. The same on every machine. */
void adm_polar_to_room(const double polar[3], double position[3]);
#endif
