/* SPDX-License-Identifier: MIT
 * An independent reading of loudness and peak, by libebur128: what the receipt
 * reports and what lacquer's own measurement is held against. */
#ifndef LACQUER_LOUDNESS_CHECK_H
#define LACQUER_LOUDNESS_CHECK_H
#include <stdbool.h>
#include <stdint.h>

#include "failure.h"
#include "layout.h"
#include "loudness.h"

struct pcm_shape {
  int rate_hz, channels;
  int32_t n_frames;
  const struct layout *layout; /* NULL: one or two channels */
};
/* Integrated loudness and loudness range by libebur128; the maxima from its K-weighted
 * energy of every 10 ms; and, unless `true_peak_dbtp` is NULL, the true peak in dBTP
 * (-HUGE_VAL: silence). libebur128 oversamples 4x below 96 kHz, 2x below 192 kHz, not
 * above, and may read up to 0.44 dB low; as none of its meters has more than 64 channels, the
 * energies of more are added up and gated here (loudness.h). Thread-safe. STATUS_AGAIN when memory runs out. */
enum status loudness_measure_planar(const struct pcm_shape *shape, const float *const *pcm,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why);
/* The same of interleaved integers, left-justified in 32 bits; is_float: of the bits of
 * floats. */
enum status loudness_measure_pcm(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                 struct loudness_figures *figures, double *true_peak_dbtp,
                                 struct failure *why);
/* The same of the integers of a bed, or of a bed and objects and their scene at its rate,
 * folded to another layout (fold.h; there is a way): what its render there would measure, before
 * any limiter of that render. `scene`: NULL of a bed alone. */
enum status loudness_measure_folded(const struct pcm_shape *shape, const struct scene *scene,
                                    const int32_t *pcm, const struct layout *to,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why);
/* As loudness_measure_pcm and, in `hops`, its K-weighted energy of every 100 ms: loudness_hops()
 * of them. */
enum status loudness_measure_hops(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                  struct loudness_figures *figures, float *hops,
                                  struct failure *why);
#endif
