/* SPDX-License-Identifier: MIT
 * What quality control measures of a file in one pass: every track, the loudness of its renders,
 * and where it is loud. */
#ifndef LACQUER_QC_MEASURE_H
#define LACQUER_QC_MEASURE_H
#include "loudness.h"
#include "qc_scene.h"

struct qc_settings { /* of the measurement */
  double silence_dbfs;  /* what is not above it is silence */
  double lfe_corner_hz; /* of the low pass that an LFE should have been through */
};
enum { QC_LFE_CORNERS = 3 };   /* lfe_corner_hz, 1.25 and 4 times that */
extern const double qc_lfe_corners[QC_LFE_CORNERS];
enum { QC_CLIP_RUN = 3 };      /* samples at full scale in a row that count as clipped */

struct qc_track { /* levels: dB re full scale; -HUGE_VAL: digital silence */
  double peak_dbfs, rms_dbfs, dc_dbfs;
  int64_t n_clipped;           /* samples of runs of QC_CLIP_RUN and more at full scale */
  int32_t first_clipped;       /* frame; -1: none */
  int32_t first_sound, end_sound; /* frames above silence_dbfs lie within [first, end); equal:
                                     none */
  bool is_lfe;
  double above_db[QC_LFE_CORNERS];   /* energy above the corners, re that of the track */
  double above_dbfs[QC_LFE_CORNERS]; /* the same as a level: RMS over the file */
};
struct qc_loudness {
  const struct layout *layout; /* that was measured; NULL: none was */
  struct loudness_figures figures;
  double true_peak_dbtp; /* libebur128 */
};
struct qc_measured {
  struct qc_track *tracks;     /* owned; by channel of the file */
  struct qc_loudness native;   /* of the scene's own layout */
  struct qc_loudness surround; /* of 5.1; by BS.2127, what is not 5.1 */
  int32_t first_sound, end_sound; /* of all tracks */
  float *slots;  /* owned; energy of the Lo/Ro render in every slot of slot_frames */
  int32_t n_slots, slot_frames;
};
/* STATUS_AGAIN, STATUS_IO; *out is to be freed either way. Memory: a block of every track, and
 * 2 KB for every second of the file. */
enum status qc_measure(struct qc_source *source, const struct qc_scene *scene,
                       const struct qc_settings *settings, struct qc_measured *out,
                       struct failure *why);
void qc_measured_free(struct qc_measured *measured);

/* Lo/Ro of a 5.1 block, or the two channels (one: both of them) of a stereo file;
 * out[c * QC_BLOCK + i]. */
void qc_lo_ro(const struct layout *layout, const float *planar, int32_t n, float *out);
/* What stereo is compared with: 5.1, or the layout of a mono or stereo file. */
const struct layout *qc_sync_layout(const struct qc_scene *scene);
#endif
