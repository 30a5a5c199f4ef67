/* SPDX-License-Identifier: MIT
 * The judge: what a device wrote, held against the reference. In the full tier every
 * lane has a reference session that runs everything too. In the sample tier a window of
 * blocks, chosen from the track's identity, is recomputed from what the device read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binaural.h"
#include "chain_run.h"
#include "engine_cpu.h"
#include "fold.h"
#include "limiter.h"
#include "loudness.h"
#include "resample.h"

enum { CHUNK = 1 << 18, CONTROL_HALO = 24 };

static uint64_t mix(uint64_t z) { /* splitmix64, Steele et al. 2014 */
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* ---- comparing device and reference ---- */

struct span { /* words of one thing that both hold */
  int lane, slot, channel;
  enum lane_buffer buffer; /* BUFFER_NONE: control words of the slot */
  int64_t first, words;
};

static enum engine_status read_span(const struct engine *e, struct session *s, int lane,
                                    const struct span *p, int64_t at, int64_t n, void *data) {
  if (p->buffer == BUFFER_NONE) return e->read_control(s, lane, p->slot, at, n, data);
  return e->read(s, lane, p->buffer, p->channel, at, n, data);
}

static void report(struct run *r, const struct span *p, int64_t at, uint32_t device,
                   uint32_t reference) {
  const struct stage_design *d = r->design[p->lane][p->slot];
  struct mismatch *m = &r->batch->lanes[p->lane].mismatch;
  *m = (struct mismatch){.found = true, .channel = p->channel, .frame = (int32_t)at,
                         .device_word = device, .reference_word = reference};
  snprintf(m->stage, sizeof m->stage, "%s", r->slots[p->slot].stage->name);
  snprintf(m->data, sizeof m->data, "%s", p->buffer == BUFFER_NONE  ? "control"
                                          : p->buffer == BUFFER_PCM ? "pcm"
                                                                    : "audio");
  if (p->buffer == BUFFER_PCM) {
    m->channel = (int)(at % r->batch->channels);
    m->frame = (int32_t)(at / r->batch->channels);
  } else if (p->buffer == BUFFER_NONE) {
    const int points = d->control_words / d->control_sections;
    const int64_t section = (int64_t)lane_blocks(r, p->lane) * points;
    const int64_t hops = section * r->batch->channels; /* of the loudness stage */
    m->channel = -1;
    m->frame = (int32_t)(at % section * (BLOCK_FRAMES / points));
    if (r->slots[p->slot].stage == &stage_loudness && at >= hops)
      m->frame = (int32_t)((at - hops) * (r->rate_hz / 10));
  }
}

/* Compares; false when they differ (the lane's mismatch is set). */
static bool equal(struct run *r, const struct span *p) {
  uint32_t *device = malloc(2 * CHUNK * sizeof *device), *reference = device + CHUNK;
  bool same = true;
  if (!device && !r->status) r->status = ENGINE_NO_MEMORY;
  for (int64_t at = p->first; same && at < p->first + p->words && !r->status; at += CHUNK) {
    int64_t n = p->first + p->words - at;
    if (n > CHUNK) n = CHUNK;
    r->status = read_span(r->engine, r->session, p->lane, p, at, n, device);
    if (r->status) break;
    read_span(&engine_cpu, r->lane[p->lane].shadow, 0, p, at, n, reference);
    if (!memcmp(device, reference, (size_t)n * sizeof *device)) continue;
    int64_t i = 0;
    while (device[i] == reference[i]) i++;
    report(r, p, at + i, device[i], reference[i]);
    same = false;
  }
  free(device);
  r->batch->lanes[p->lane].verified_words += p->words;
  return same;
}

/* Copies what the device holds into the lane's reference session. */
static void copy(struct run *r, const struct span *p) {
  struct session *shadow = r->lane[p->lane].shadow;
  uint32_t *data = malloc(CHUNK * sizeof *data);
  if (!data && !r->status) r->status = ENGINE_NO_MEMORY;
  for (int64_t at = p->first; at < p->first + p->words && !r->status; at += CHUNK) {
    int64_t n = p->first + p->words - at;
    if (n > CHUNK) n = CHUNK;
    r->status = read_span(r->engine, r->session, p->lane, p, at, n, data);
    if (r->status) break;
    if (p->buffer == BUFFER_NONE)
      engine_cpu.write_control(shadow, 0, p->slot, at, n, (int32_t *)data);
    else
      engine_cpu.write(shadow, 0, p->buffer, p->channel, at, n, data);
  }
  free(data);
}

/* ---- what a pass reads and writes, by blocks ---- */

struct window {
  int32_t first, end; /* blocks */
};

static struct window widen(struct window w, int32_t blocks, int32_t n_blocks) {
  w.first = w.first > blocks ? w.first - blocks : 0;
  w.end = w.end < n_blocks - blocks ? w.end + blocks : n_blocks;
  return w;
}

/* Channels of audio that a slot reads, or writes. */
static int audio_channels(const struct run *r, int lane, int slot, bool written) {
  const struct stage *stage = r->slots[slot].stage;
  const bool mixes = stage == &stage_binaural || (written && stage == &stage_fold);
  return mixes ? r->design[lane][slot]->shape->columns : r->batch->channels;
}

/* Compares or copies frames [first, end) of a buffer. */
static bool over_frames(struct run *r, int lane, int slot, enum lane_buffer buffer, int64_t first,
                        int64_t end, bool compare) {
  bool same = true;
  const int channels = buffer == BUFFER_PCM ? 1 : audio_channels(r, lane, slot, compare);
  const int scale = buffer == BUFFER_PCM ? r->batch->channels : 1;
  for (int c = 0; c < channels && same; c++) {
    const struct span p = {lane, slot, c, buffer, first * scale, (end - first) * scale};
    if (compare) same = equal(r, &p);
    else copy(r, &p);
  }
  return same;
}

/* The same for the blocks of a window. */
static bool over_audio(struct run *r, int lane, int slot, enum lane_buffer buffer,
                       struct window w, bool compare) {
  const int64_t end = (int64_t)w.end * BLOCK_FRAMES, n_frames = r->lane[lane].n_frames;
  return over_frames(r, lane, slot, buffer, (int64_t)w.first * BLOCK_FRAMES,
                     end < n_frames ? end : n_frames, compare);
}

/* Copies the input frames that a conversion makes the window of. */
static void copy_source(struct run *r, int lane, int slot, struct window w) {
  const int64_t end = (int64_t)w.end * BLOCK_FRAMES, n_frames = r->lane[lane].n_frames;
  const int64_t n_source = r->batch->lanes[lane].n_frames;
  int64_t from, to;
  resample_reach(r->design[lane][slot]->data, (int64_t)w.first * BLOCK_FRAMES,
                 end < n_frames ? end : n_frames, &from, &to);
  over_frames(r, lane, slot, r->src[lane][slot], from > 0 ? from : 0,
              to < n_source ? to : n_source, false);
}

/* Sections of control data that are laid out by blocks. */
static int block_sections(const struct run *r, int lane, int slot) {
  const int sections = r->design[lane][slot]->control_sections;
  return r->slots[slot].stage == &stage_loudness ? sections - 1 : sections;
}

static bool over_sections(struct run *r, int lane, int slot, int first, int end, struct window w,
                          bool compare) {
  const struct stage_design *d = r->design[lane][slot];
  bool same = true;
  for (int s = first; s < end && same; s++) {
    const int64_t points = d->control_words / d->control_sections;
    const int64_t base = s * points * lane_blocks(r, lane);
    const struct span p = {lane, slot, -1, BUFFER_NONE, base + w.first * points,
                           (w.end - w.first) * points};
    if (compare) same = equal(r, &p);
    else copy(r, &p);
  }
  return same;
}

static void copy_control(struct run *r, int lane, int slot, struct window w) {
  over_sections(r, lane, slot, 0, block_sections(r, lane, slot), w, false);
}

/* Whether the passes before end_pass have written the slot's audio. */
static bool writes_audio(const struct run *r, int slot, int end_pass) {
  return r->slots[slot].dst != BUFFER_NONE &&
         (r->slots[slot].stage != &stage_limiter ||
          (end_pass > LIMITER_APPLY && end_pass <= LIMITER_CORRECT));
}

/* In the order of writing: the limiter measures its audio afterwards. */
static bool compare_window(struct run *r, int lane, int slot, int end_pass, struct window w) {
  const int sections = block_sections(r, lane, slot);
  const bool again = r->slots[slot].stage == &stage_limiter;
  const int before = again ? LIMITER_AGAIN * r->batch->channels : sections;
  return over_sections(r, lane, slot, 0, before, w, true) &&
         (!writes_audio(r, slot, end_pass) ||
          over_audio(r, lane, slot, r->dst[lane][slot], w, true)) &&
         over_sections(r, lane, slot, before, sections, w, true);
}

/* ---- the sample tier ---- */

static struct window choose_window(const struct run *r, int lane, int slot) {
  const int32_t n = lane_blocks(r, lane), scale = (r->rate_hz + 47999) / 48000;
  int32_t length = 8 * scale;
  if (n / 64 > length) length = n / 64;
  if (length >= n) return (struct window){0, n};
  const uint64_t h = mix(r->batch->lanes[lane].seed + (uint64_t)slot * 0x10001);
  const int32_t first = (int32_t)(h % (uint64_t)(n - length + 1));
  return (struct window){first, first + length};
}

static int32_t audio_halo(const struct stage_design *d, int first_pass, int end_pass) {
  int32_t most = 0;
  for (int p = first_pass; p < end_pass; p++) {
    const int32_t reach = d->shape[p].history + d->shape[p].lead + 1;
    if (reach > most) most = reach;
  }
  return most + 1;
}

/* Recomputes the window of a lane from the device's inputs and compares. */
static bool check_window(struct run *r, int lane, int slot, int first_pass, int end_pass) {
  const struct slot_plan *plan = &r->slots[slot];
  const struct stage_design *d = r->design[lane][slot];
  const int32_t n = lane_blocks(r, lane);
  const struct window w = choose_window(r, lane, slot);
  if (plan->stage == &stage_resample)
    copy_source(r, lane, slot, w);
  else
    over_audio(r, lane, slot, r->src[lane][slot],
               widen(w, audio_halo(d, first_pass, end_pass), n), false);
  copy_control(r, lane, slot,
               widen(w, d->control_halo > CONTROL_HALO ? d->control_halo : CONTROL_HALO, n));
  if (plan->stage == &stage_limiter && writes_audio(r, slot, end_pass)) /* it is read again */
    over_audio(r, lane, slot, r->dst[lane][slot], widen(w, 1, n), false);
  for (int p = first_pass; p < end_pass && !r->status; p++) {
    const struct pass_shape *shape = &d->shape[p];
    const int32_t lead = shape->lead > 0 ? shape->lead : 0;
    int32_t first = w.first + lead - shape->history, end = w.end + lead;
    if (first < 0) first = 0;
    if (end > n + shape->extra) end = n + shape->extra;
    engine_cpu.run(r->lane[lane].shadow, slot, p, first, end - first, NULL);
  }
  return r->status || compare_window(r, lane, slot, end_pass, w);
}

/* ---- entry points ---- */

static void drop(uint64_t *mask, int lane) { mask[lane / 64] &= ~((uint64_t)1 << (lane % 64)); }

/* LACQUER_TEST_FLIP=stage:channel:frame:bit */
static void flip_for_test(struct run *r, int slot, int end_pass, const uint64_t *mask) {
  const char *spec = getenv(TEST_FLIP_VARIABLE);
  const struct slot_plan *plan = &r->slots[slot];
  char name[24];
  int channel, bit;
  int32_t frame;
  uint32_t word;
  if (!spec || !r->engine->is_gpu || !writes_audio(r, slot, end_pass)) return;
  if (sscanf(spec, "%23[^:]:%d:%d:%d", name, &channel, &frame, &bit) != 4) return;
  if (strcmp(name, plan->stage->name)) return;
  for (int i = 0; i < r->batch->n_lanes; i++) {
    if (!in_mask(mask, i) || frame >= r->lane[i].n_frames) continue;
    const enum lane_buffer dst = r->dst[i][slot];
    const bool pcm = dst == BUFFER_PCM;
    const int64_t at = pcm ? (int64_t)frame * r->batch->channels + channel : frame;
    const int c = pcm ? 0 : channel;
    if (r->engine->read(r->session, i, dst, c, at, 1, &word)) continue;
    word ^= 1u << bit;
    (void)r->engine->write(r->session, i, dst, c, at, 1, &word);
  }
}

static bool checks(const struct run *r) {
  return r->batch->tier == VERIFY_FULL || r->batch->tier == VERIFY_SAMPLE;
}

/* What the full tier compares. */
static int64_t words_written(const struct run *r, int lane, int slot, int end_pass) {
  const struct stage_design *d = r->design[lane][slot];
  const bool loudness = r->slots[slot].stage == &stage_loudness;
  int64_t sections = d->control_sections - (loudness ? 1 : 0), words = 0;
  if (sections) words = sections * lane_blocks(r, lane) * (d->control_words / d->control_sections);
  if (writes_audio(r, slot, end_pass))
    words += (int64_t)r->lane[lane].n_frames * audio_channels(r, lane, slot, true);
  return words;
}

void check_passes(struct run *r, int slot, int first_pass, int end_pass, uint64_t *mask) {
  if (r->status) return;
  flip_for_test(r, slot, end_pass, mask);
  for (int i = 0; i < r->batch->n_lanes && checks(r) && !r->status; i++) {
    if (!in_mask(mask, i)) continue;
    const struct window all = {0, lane_blocks(r, i)};
    r->batch->lanes[i].total_words += words_written(r, i, slot, end_pass);
    const bool same = r->batch->tier == VERIFY_FULL
                          ? compare_window(r, i, slot, end_pass, all)
                          : check_window(r, i, slot, first_pass, end_pass);
    if (!same) drop(mask, i);
  }
}

/* In the sample tier, the hops inside the slot's window. */
static struct span sampled_hops(const struct run *r, int lane, int slot) {
  const struct loudness_design *d = r->design[lane][slot]->data;
  const struct window w = choose_window(r, lane, slot);
  const int32_t n = loudness_hops(r->lane[lane].n_frames, r->rate_hz);
  int32_t first = 0, end;
  while (first < n && hop_begin(first, d->quarters) < w.first * d->points) first++;
  for (end = first; end < n && hop_begin(end + 1, d->quarters) <= w.end * d->points;) end++;
  return (struct span){lane, slot, -1, BUFFER_NONE, first, end - first};
}

void check_hops(struct run *r, int slot, uint64_t *mask) {
  if (r->status || !checks(r)) return;
  for (int i = 0; i < r->batch->n_lanes && !r->status; i++) {
    if (!in_mask(mask, i)) continue;
    const int64_t base =
        loudness_hops_offset(r->design[i][slot], lane_blocks(r, i), r->batch->channels);
    const int32_t hops = loudness_hops(r->lane[i].n_frames, r->rate_hz);
    struct span p = {i, slot, -1, BUFFER_NONE, 0, hops};
    if (r->batch->tier == VERIFY_SAMPLE) {
      const struct window w = widen(choose_window(r, i, slot), 0, lane_blocks(r, i));
      p = sampled_hops(r, i, slot);
      copy_control(r, i, slot, w);
      if (slot == r->tail.loudness) copy_control(r, i, r->tail.limiter, w);
      engine_cpu.run(r->lane[i].shadow, slot, LOUDNESS_HOPS, (int32_t)p.first, (int32_t)p.words,
                     NULL);
    }
    p.first += base;
    r->batch->lanes[i].total_words += hops;
    if (p.words > 0 && !equal(r, &p)) drop(mask, i);
  }
}

bool check_pcm(struct run *r, int lane, const int32_t *pcm) {
  const int64_t words = (int64_t)r->lane[lane].n_frames * r->batch->channels;
  const struct span p = {lane, r->tail.dither, 0, BUFFER_PCM, 0, words};
  if (r->batch->tier != VERIFY_FULL) return true;
  uint32_t *reference = malloc(CHUNK * sizeof *reference);
  bool same = reference != NULL;
  if (!reference) run_note(r, ENGINE_NO_MEMORY);
  for (int64_t at = 0; same && at < words; at += CHUNK) {
    const int64_t n = words - at < CHUNK ? words - at : CHUNK;
    read_span(&engine_cpu, r->lane[lane].shadow, 0, &p, at, n, reference);
    for (int64_t i = 0; same && i < n; i++) {
      same = (uint32_t)pcm[at + i] == reference[i];
      if (!same) report(r, &p, at + i, (uint32_t)pcm[at + i], reference[i]);
    }
  }
  free(reference);
  return same;
}

enum engine_status check_open(struct run *r, const struct session_plan *plan) {
  if (!checks(r)) return ENGINE_OK;
  struct session_plan one = *plan;
  one.n_lanes = 1;
  if (r->batch->tier == VERIFY_SAMPLE) one.spill = NULL; /* it holds the windows alone */
  for (int i = 0; i < r->batch->n_lanes; i++) {
    one.lanes = &plan->lanes[i];
    /* the ring must hold a window of the sample tier, or a segment of the full tier */
    const int window = lane_blocks(r, i) / 64 + 8 * 5;
    if (r->batch->tier == VERIFY_SAMPLE && one.segment_blocks < window)
      one.segment_blocks = window;
    if (engine_cpu.open(NULL, &one, &r->lane[i].shadow)) return ENGINE_NO_MEMORY;
  }
  return ENGINE_OK;
}

void check_close(struct run *r) {
  for (int i = 0; i < r->batch->n_lanes; i++) engine_cpu.close(r->lane[i].shadow);
}
