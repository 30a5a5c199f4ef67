/* SPDX-License-Identifier: MIT
 * Which layout an audio file has, by its channel mask or by what its track states. */
#ifndef LACQUER_SOURCE_LAYOUT_H
#define LACQUER_SOURCE_LAYOUT_H
#include "failure.h"
#include "layout.h"

struct source_layout {
  const struct layout *layout;
  int order[MAX_CHANNELS]; /* the file's channel i is the layout's channel order[i] */
};
/* To be stated of a file whose channels stay in its order, whatever its mask says: any number. The
 * layout that is found is a static one with so many channels and no speakers. */
extern const struct layout source_as_it_is;
/* Of a file with so many channels; `mask`: its channel mask, 0 when it has none; `stated`: the
 * track's, or NULL. Without a mask, or under one that is of no layout, the channels of a stated
 * layout stand in its own order; otherwise in the order of the mask's bits, those that have
 * none last. STATUS_BAD_DATA: no layout, more than one, or another than the stated one. */
enum status source_layout_find(const char *path, int64_t channels, uint32_t mask,
                               const struct layout *stated, struct source_layout *out,
                               struct failure *why);
#endif
