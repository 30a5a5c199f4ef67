/* SPDX-License-Identifier: MIT
 * A bed for headphones: every loudspeaker through a pair of head-related impulse responses;
 * binaural.md has the figures. */
#ifndef LACQUER_BINAURAL_H
#define LACQUER_BINAURAL_H
#ifndef VULKAN
#include "convolve.h"
#include "hrir.h"
#include "stage.h"

struct binaural_params {
  char *hrtf; /* SOFA file; NULL: the default one */
  const struct hrir_set *set; /* what it holds; not owned */
};
extern const struct stage stage_binaural;

/* Why a track of this layout is not rendered for headphones, static storage; NULL: it is. */
const char *binaural_refusal(const struct layout *from);
/* The loudspeakers that are heard: a bed's own; 7.1.4 for a scene, whose objects are rendered to
 * them. */
const struct layout *binaural_speakers(const struct layout *from);
/* Length of the filters, a multiple of 2048: 42.7 ms at 48 kHz. */
int binaural_taps(int rate_hz);

/* The design both twins read. Channels 0 and 1 of the output are the ears, the others 0. */
struct binaural_design {
  int32_t partitions; /* of 2048 taps; the same for all designs at one rate */
  int32_t n_inputs;
  int32_t unused[2];
  float twiddle[8192];
  float spectra[]; /* [ear][input][partition][4096] */
};
#endif
#endif
