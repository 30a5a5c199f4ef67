/* SPDX-License-Identifier: MIT
 * Channel layouts: which loudspeaker each channel is for. One table says all that depends on
 * it: order, labels, positions, masks of WAVE files, loudness weights, groups. */
#ifndef LACQUER_LAYOUT_H
#define LACQUER_LAYOUT_H
#include "stage.h"

enum speaker_group { GROUP_FRONT, GROUP_SURROUND, GROUP_HEIGHT, GROUP_LFE, GROUP_OBJECT };
enum { LAYOUT_MOST_SPEAKERS = 12 };
struct speaker {
  const char *label; /* "L", "Lss", ... */
  int azimuth_deg;   /* positive: left; ITU-R BS.2051-3 */
  int elevation_deg;
  int group;         /* enum speaker_group */
  /* Bit in the channel mask of WAVEFORMATEXTENSIBLE; 0: it has none. `other_bit`: the one
   * that some programs write instead. */
  uint32_t mask_bit, other_bit;
};

/* Channels stand in the order of ITU-R BS.2051 and of Dolby's masters: L R C LFE, the side
 * pair, the rear pair, the tops. A left channel is even and its right one follows, but for
 * C and LFE. */
struct layout {
  const char *name; /* "5.1" */
  int channels;
  const struct speaker *speaker[MAX_CHANNELS];
  /* The last channels are so many objects, whose places a struct scene says. "7.1.2+5" */
  int n_objects;
};
extern const struct layout layouts[]; /* closed by name NULL */
/* Their names after "auto", closed by NULL: the choices of a manifest. */
extern const char *const layout_choices[];
/* The same for what is delivered, with one that is no layout: two channels for headphones. */
extern const char *const layout_deliveries[];
#define LAYOUT_BINAURAL "binaural"

const struct layout *layout_find(const char *name); /* NULL when unknown */
/* The layout of a bed and n objects behind it: one of static storage; NULL: more than
 * MAX_CHANNELS, or `bed` has objects. Thread-safe. */
const struct layout *layout_with_objects(const struct layout *bed, int n_objects);
const struct layout *layout_bed(const struct layout *layout); /* without its objects */
/* The layout of a file with so many channels and this channel mask; NULL: none, or more than
 * one. One and two channels are 1.0 and 2.0 whatever the mask is. */
const struct layout *layout_of_mask(int channels, uint32_t mask);
/* The mask that a file of this layout gets; 0: a speaker has none. */
uint32_t layout_mask(const struct layout *layout);
uint32_t layout_other_mask(const struct layout *layout); /* with other_bit where there is one */
/* Channels in the order of a WAVE or FLAC file, that of the mask's bits: the file's channel i
 * is order[i]. An exchange of pairs, so that it is its own inverse. */
void layout_file_order(const struct layout *layout, int order[MAX_CHANNELS]);
/* Interleaved words from the layout's order to the file's, or back; `from` is not `to`. */
void layout_reorder(const struct layout *layout, const int32_t *from, int64_t n_frames,
                    int32_t *to);

/* ---- what stages ask; `layout` NULL: channels without places ---- */

int layout_lfe(const struct layout *layout); /* the LFE's channel; -1: none */
bool layout_is_group(const struct layout *layout, int channel, int group);
/* Whether a channel and its neighbour, channel ^ 1, are a left and a right one. */
bool layout_is_pair(const struct layout *layout, int channels, int channel);
/* Weight of a channel's energy, ITU-R BS.1770-4 annex 3: 1.41 to the sides of the listener,
 * 0 of the LFE, else 1. */
double layout_weight(const struct layout *layout, int channel);
/* Which gain each channel gets: `linked`, one for all but the LFE, which has its own; else
 * each its own. Returns how many there are. */
int layout_gains(const struct layout *layout, int channels, bool linked,
                 int32_t gain_of[MAX_CHANNELS]);
#endif
