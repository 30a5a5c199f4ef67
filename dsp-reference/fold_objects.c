/* SPDX-License-Identifier: MIT
 * See fold.h: the objects of a scene. */
#include "clones.h"
#include "fold.h"

/* So many frames are exact in floats; a longer ramp is cut: its pieces meet on the line. */
enum { LONGEST_RAMP = 1 << 20 };

/* ---- the design ---- */

static int32_t pieces_of(const struct scene_block *b) {
  return b->ramp_frames <= LONGEST_RAMP ? 1 : (b->ramp_frames - 1) / LONGEST_RAMP + 1;
}

/* Pieces that begin at no frame there is are left out. */
static int64_t piece_frame(const struct scene_block *b, int32_t piece) {
  return b->frame + (int64_t)piece * LONGEST_RAMP;
}

static int64_t count_segments(const struct scene *scene, int32_t *last_frame) {
  int64_t n = 0;
  *last_frame = 0;
  for (int i = 0; i < scene->n_objects; i++)
    for (int32_t k = 0; k < scene->objects[i].n_blocks; k++) {
      const struct scene_block *b = &scene->objects[i].blocks[k];
      for (int32_t piece = 0; piece < pieces_of(b); piece++) {
        if (piece_frame(b, piece) > INT32_MAX) break;
        *last_frame = max_int(*last_frame, (int32_t)piece_frame(b, piece));
        n++;
      }
    }
  return n;
}

/* The table of blocks ends behind the last segment's beginning. */
static int32_t table_blocks(int32_t last_frame) { return last_frame / BLOCK_FRAMES + 1; }

int64_t fold_objects_words(const struct scene *scene, int n_outputs) {
  int32_t last_frame;
  const int64_t segments = count_segments(scene, &last_frame);
  return (int64_t)scene->n_objects * (table_blocks(last_frame) + 1) + segments * (3 + n_outputs);
}

static float *floats(struct fold_design *d, int32_t at) { return (float *)(void *)(d->words + at); }

/* Writes a segment whose gains are `gain`. */
static void put_segment(struct fold_design *d, int32_t segment, int32_t frame, int32_t ramp,
                        const double *gain) {
  d->words[d->at_frame + segment] = frame;
  d->words[d->at_ramp + segment] = ramp;
  floats(d, d->at_inverse)[segment] = ramp ? (float)(1.0 / ramp) : 0;
  for (int o = 0; o < d->n_outputs; o++)
    floats(d, d->at_gain)[segment * d->n_outputs + o] = flush_tiny((float)gain[o]);
}

/* A block's segments; `gain` is what the object had, and becomes what it then has. */
static int32_t put_block(struct fold_design *d, const struct scene_block *b, const double *to,
                         int32_t segment, double *gain) {
  const int32_t pieces = pieces_of(b);
  double from[LAYOUT_MOST_SPEAKERS];
  for (int o = 0; o < d->n_outputs; o++) from[o] = gain[o];
  for (int32_t i = 0; i < pieces && piece_frame(b, i) <= INT32_MAX; i++) {
    const int32_t begin = i * LONGEST_RAMP, end = min_int(b->ramp_frames - begin, LONGEST_RAMP);
    const double way = (begin + (double)end) / b->ramp_frames;
    for (int o = 0; o < d->n_outputs; o++)
      gain[o] = i + 1 == pieces ? to[o] : from[o] + way * (to[o] - from[o]);
    put_segment(d, segment++, (int32_t)piece_frame(b, i), end, gain);
  }
  return segment;
}

/* For every block the last of the object's segments [first, end) that begins at or before its
 * first frame. */
static void put_table(struct fold_design *d, int object, int32_t first, int32_t end) {
  int32_t *table = d->words + object * (d->n_blocks + 1);
  for (int32_t b = 0, at = first; b <= d->n_blocks; b++) {
    while (at + 1 < end && d->words[d->at_frame + at + 1] <= (int64_t)b * BLOCK_FRAMES) at++;
    table[b] = at;
  }
}

void fold_objects_design(const struct scene *scene, const struct layout *to, int mode,
                         struct fold_design *d) {
  int32_t last_frame, segment = 0;
  d->n_segments = (int32_t)count_segments(scene, &last_frame);
  d->n_objects = scene->n_objects;
  d->n_outputs = to->channels;
  d->n_blocks = table_blocks(last_frame);
  d->at_frame = d->n_objects * (d->n_blocks + 1);
  d->at_ramp = d->at_frame + d->n_segments;
  d->at_inverse = d->at_ramp + d->n_segments;
  d->at_gain = d->at_inverse + d->n_segments;
  for (int i = 0; i < scene->n_objects; i++) {
    const struct scene_object *object = &scene->objects[i];
    const int32_t first = segment;
    double gain[LAYOUT_MOST_SPEAKERS] = {0}, wanted[LAYOUT_MOST_SPEAKERS];
    for (int32_t k = 0; k < object->n_blocks; k++) {
      const struct scene_block *b = &object->blocks[k];
      fold_place_gains(to, mode, b->position, wanted);
      for (int o = 0; o < to->channels; o++) wanted[o] *= b->gain;
      segment = put_block(d, b, wanted, segment, gain);
    }
    put_table(d, i, first, segment);
  }
}

/* ---- the sum ---- */

LACQUER_CLONES
static void fold_add_ramp(const float *x, const float gain[2], int32_t since, float inverse,
                          int n, float *sum) {
  const float from = gain[0], to = gain[1];
  for (int i = 0; i < n; i++)
    sum[i] = fold_add(sum[i], fold_ramp(from, to, since + i, inverse), x[i]);
}

/* Adds frames [begin, end), counted from `frame`, which are all of one segment. */
static void add_segment(const struct fold_design *d, int32_t segment, int out, const float *x,
                        int32_t frame, int32_t begin, int32_t end, float *sum) {
  const float *gain = (const float *)(const void *)(d->words + d->at_gain) + out;
  const int32_t since = frame + begin - d->words[d->at_frame + segment];
  const int32_t moving = min_int(max_int(d->words[d->at_ramp + segment] - since, 0), end - begin);
  const float to = gain[segment * d->n_outputs];
  if (moving) {
    const float way[2] = {gain[(segment - 1) * d->n_outputs], to};
    float inverse;
    memcpy(&inverse, d->words + d->at_inverse + segment, sizeof inverse);
    if (way[0] != 0 || way[1] != 0)
      fold_add_ramp(x + begin, way, since, inverse, moving, sum + begin);
  }
  begin += moving;
  if (to != 0) fold_add_channel(x + begin, to, end - begin, sum + begin);
}

void fold_objects_add(const struct fold_design *d, const float *src, size_t stride, int32_t frame,
                      int32_t n, int out, float *sum) {
  const int32_t *frames = d->words + d->at_frame;
  const int32_t first = min_int(frame / BLOCK_FRAMES, d->n_blocks);
  const int32_t next = min_int((frame + n - 1) / BLOCK_FRAMES + 1, d->n_blocks);
  for (int i = 0; i < d->n_objects; i++) {
    const int32_t *table = d->words + i * (d->n_blocks + 1);
    const float *x = src + (size_t)(d->first_object + i) * stride;
    for (int32_t s = table[first]; s <= table[next]; s++) {
      const int32_t begin = max_int(frames[s] - frame, 0);
      const int32_t end = s < table[next] ? min_int(frames[s + 1] - frame, n) : n;
      if (begin < end) add_segment(d, s, out, x, frame, begin, end, sum);
    }
  }
}
