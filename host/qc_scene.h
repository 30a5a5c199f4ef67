/* SPDX-License-Identifier: MIT
 * What of a file's tracks sounds where, and their render to a layout: an estimate of what
 * services measure, in float and outside the exact chain.
 *
 * Every track is a point in the room, a bed's channel at its loudspeaker, and goes through the
 * panner of cartesian objects (panner.h). For beds that is the matrix of BS.2127. Size,
 * diffuseness, zones and locks are not rendered. */
#ifndef LACQUER_QC_SCENE_H
#define LACQUER_QC_SCENE_H
#include "qc_source.h"

struct qc_voice { /* a track, as an object or channel uses it */
  int track;                 /* of the file, from 0 */
  const char *label, *name;  /* of the channel; of the object or ""; both of the model */
  const char *object;        /* ID; "" in a file without a scene */
  int i_object;              /* row of the model; -1: none */
  bool is_bed, is_lfe, moves;
  double position[3];        /* room: right, front, up; is_bed */
  double gain;               /* of the object; linear */
  double begin, end;         /* frames in which it sounds */
  const struct adm_channel *channel; /* of an object: its blocks */
};
enum { QC_MOST_VOICES = 4096 };
struct qc_scene {
  int n, n_beds, n_objects, n_moving;
  struct qc_voice *voices;     /* owned; by track */
  const struct layout *native; /* what it is for; NULL: not known */
  const char *refusal;         /* why there is no render; NULL: there is one; static storage */
};
/* Of an open source, which must outlive the scene. */
void qc_scene_open(const struct qc_source *source, struct qc_scene *scene);
void qc_scene_close(struct qc_scene *scene);

struct qc_render; /* of a scene without a refusal to one layout */
struct qc_render *qc_render_create(const struct qc_scene *scene, const struct layout *to,
                                   int rate_hz);
void qc_render_destroy(struct qc_render **render); /* takes NULL; writes NULL */
/* Frames [at, at + n) of the file in `planar` as qc_source_read has them; the layout's to
 * out[c * QC_BLOCK + i]. Any order of blocks. */
void qc_render_block(struct qc_render *render, int64_t at, int32_t n, const float *planar,
                     float *out);
#endif
