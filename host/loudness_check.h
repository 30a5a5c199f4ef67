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
#include "scene.h"

struct pcm_shape {
  int rate_hz, channels;
  int32_t n_frames;
  const struct layout *layout; /* NULL: one or two channels */
};
/* Integrated loudness and loudness range by libebur128; the maxima from its K-weighted
 * energy of every 10 ms; and, unless `true_peak_dbtp` is NULL, the true peak in dBTP
 * (-HUGE_VAL: silence). libebur128 oversamples 4x below 96 kHz, 2x below 192 kHz, not
 * above, and may read up to 0.44 dB low; as none of its meters has more than 64 channels, the
 * energies of more are added up and gated here (loudness.h). Thread-safe. STATUS_AGAIN when
 * memory runs out. */
enum status loudness_measure_planar(const struct pcm_shape *shape, const float *const *pcm,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why);
/* The same in less than half the time: gated by loudness.h, from libebur128's energies. */
enum status loudness_measure_fast(const struct pcm_shape *shape, const float *const *pcm,
                                  struct loudness_figures *figures, struct failure *why);
/* The same of interleaved integers, left-justified in 32 bits; is_float: of the bits of
 * floats. */
enum status loudness_measure_pcm(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                 struct loudness_figures *figures, double *true_peak_dbtp,
                                 struct failure *why);
/* The same of the integers of a bed, or of a bed and the objects of a scene, folded to another
 * layout (fold.h; there is a way): what its render there would measure, before any limiter of
 * that render. `scene` matters to objects alone. */
struct scene_at {
  const struct scene *scene; /* NULL: none */
  int rate_hz;               /* of its frames */
};
enum status loudness_measure_folded(const struct pcm_shape *shape, const struct scene_at *scene,
                                    const int32_t *pcm, const struct layout *to,
                                    struct loudness_figures *figures, double *true_peak_dbtp,
                                    struct failure *why);
/* As loudness_measure_pcm and, in `hops`, its K-weighted energy of every 100 ms: loudness_hops()
 * of them. */
enum status loudness_measure_hops(const struct pcm_shape *shape, const int32_t *pcm, bool is_float,
                                  struct loudness_figures *figures, float *hops,
                                  struct failure *why);

/* The same as loudness_measure_planar, of a programme that is not in memory as a whole. */
struct loudness_meter;
/* `layout`: one of loudspeakers alone; n_frames are to come. STATUS_AGAIN: no memory, *meter is
 * NULL. */
enum status loudness_meter_open(const struct layout *layout, int rate_hz, int32_t n_frames,
                                struct loudness_meter **meter, struct failure *why);
/* The next n frames; channel c begins at planar + c * stride. */
enum status loudness_meter_add(struct loudness_meter *meter, const float *planar, size_t stride,
                               int32_t n, struct failure *why);
enum status loudness_meter_read(struct loudness_meter *meter, struct loudness_figures *figures,
                                double *true_peak_dbtp, struct failure *why);
void loudness_meter_close(struct loudness_meter **meter); /* takes NULL; writes NULL */
#endif
