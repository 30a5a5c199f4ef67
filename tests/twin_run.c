/* SPDX-License-Identifier: MIT
 * See twin_run.h. */
#include "twin_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clip.h"
#include "fold.h"
#include "limiter.h"
#include "loudness.h"
#include "multiband.h"
#include "random_params.h"
#include "resample.h"

/* The CPU engine wants aux of an earlier slot. */
enum { AUX_SLOT, SLOT, SLOTS, MAX_PLACES = 2 * MAX_CHANNELS + 1 + SLOTS, BYSTANDER_FRAMES = 2500 };

struct side {
  const struct engine *engine;
  struct session *session;
  int lane;
};
/* Words that both engines hold: of a buffer's channel, or a slot's control data. */
struct place {
  enum lane_buffer buffer; /* BUFFER_NONE: control */
  int channel, slot;
  int64_t words;
};
struct twin {
  const struct twin_case *c;
  const struct twin_flip *flip;
  struct twin_report *report;
  struct side side[2]; /* reference, device */
  struct place places[MAX_PLACES];
  int n_places;
  int32_t n_blocks;
  uint32_t *words[2]; /* room for the largest place */
  uint64_t random;
};

static void need(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "twin_run: %s\n", what);
  abort();
}

static int32_t blocks_of(int32_t frames) { return (frames + BLOCK_FRAMES - 1) / BLOCK_FRAMES; }

/* ---- places ---- */

/* Frames in: where the stage changes the rate, those that n_frames are made of, a few more
 * or less. */
static int32_t source_frames(const struct twin_case *c, int32_t n_frames) {
  if (c->stage != &stage_resample) return n_frames;
  const struct resample_design *d = c->design->data;
  const int64_t n = (int64_t)n_frames * d->down / d->up + (int64_t)(c->seed % 5) - 2;
  return n > 0 ? (int32_t)n : 0;
}

/* Channels lie a multiple of 64 frames apart: so much padding is there to be seen. */
static int32_t padded(int32_t frames) { return (frames + 63) / 64 * 64; }

/* A scene may be rendered to more channels than it has. */
static int room_of(const struct twin_case *c) {
  const int columns = c->design->shape->columns;
  return c->stage == &stage_fold && columns > c->channels ? columns : c->channels;
}

static int list_places(const struct twin_case *c, int32_t n_frames, struct place *places) {
  const struct stage_design *designs[SLOTS] = {c->limiter, c->design};
  const struct lane_plan lane = {.n_frames = n_frames,
                                 .n_source_frames = source_frames(c, n_frames)};
  const int32_t room = padded(lane_buffer_frames(&lane));
  int n = 0;
  for (int b = BUFFER_A; b <= BUFFER_B; b++)
    for (int ch = 0; ch < room_of(c); ch++)
      places[n++] = (struct place){(enum lane_buffer)b, ch, 0, room};
  places[n++] = (struct place){BUFFER_PCM, 0, 0, (int64_t)room_of(c) * room};
  for (int s = 0; s < SLOTS; s++)
    if (designs[s]->control_words)
      places[n++] = (struct place){BUFFER_NONE, 0, s,
                                   (int64_t)designs[s]->control_words * blocks_of(n_frames)};
  return n;
}

static void read_place(const struct side *s, int lane, const struct place *p, uint32_t *words) {
  const enum engine_status status =
      p->buffer == BUFFER_NONE
          ? s->engine->read_control(s->session, lane, p->slot, 0, p->words, (int32_t *)words)
          : s->engine->read(s->session, lane, p->buffer, p->channel, 0, (int32_t)p->words, words);
  need(status == ENGINE_OK, "an engine cannot read");
}

static void write_place(const struct side *s, int lane, const struct place *p, int64_t words,
                        const uint32_t *data) {
  const enum engine_status status =
      p->buffer == BUFFER_NONE
          ? s->engine->write_control(s->session, lane, p->slot, 0, words, (const int32_t *)data)
          : s->engine->write(s->session, lane, p->buffer, p->channel, 0, (int32_t)words, data);
  need(status == ENGINE_OK, "an engine cannot write");
}

static void write_both(struct twin *t, const struct place *p, int64_t words, const uint32_t *data) {
  for (int i = 0; i < 2; i++) write_place(&t->side[i], t->side[i].lane, p, words, data);
}

/* NaNs as floats, large negative numbers as integers, each word different. */
static void poison_words(const struct place *p, int which, uint32_t *words) {
  for (int64_t i = 0; i < p->words; i++)
    words[i] = 0xffc00000u | (((uint32_t)which << 17 ^ (uint32_t)i) & 0x3fffffu);
}

static void poison(struct twin *t) {
  for (int i = 0; i < t->n_places; i++) {
    poison_words(&t->places[i], i, t->words[0]);
    write_both(t, &t->places[i], t->places[i].words, t->words[0]);
  }
}

/* ---- comparing ---- */

static const char *place_name(const struct twin *t, const struct place *p) {
  static const char *const names[] = {"buffer A", "buffer B", "PCM"};
  if (p->buffer != BUFFER_NONE) return names[p->buffer];
  return p->slot == SLOT ? "control" : t->c->stage == &stage_limiter ? "other control" : "aux";
}

static void report(struct twin *t, int pass, int32_t first, int32_t count, const struct place *p,
                   int64_t at) {
  const struct twin_case *c = t->c;
  t->report->differs = true;
  snprintf(t->report->text, sizeof t->report->text,
           "%s %s blocks %d+%d: %s channel %d word %lld of %lld: reference %08x, device %08x "
           "(%d Hz, %d channels, %d frames, segments of %d, %s%s)",
           c->stage->name, c->stage->passes[pass].name, (int)first, (int)count, place_name(t, p),
           p->channel, (long long)at, (long long)p->words, (unsigned)t->words[0][at],
           (unsigned)t->words[1][at], c->rate_hz, c->channels, (int)c->n_frames,
           c->segment_blocks, twin_fill_names[c->fill], c->used ? ", used" : "");
}

static void compare(struct twin *t, int pass, int32_t first, int32_t count) {
  t->report->runs[pass]++;
  for (int i = 0; i < t->n_places && !t->report->differs; i++) {
    const struct place *p = &t->places[i];
    for (int s = 0; s < 2; s++) read_place(&t->side[s], t->side[s].lane, p, t->words[s]);
    t->report->words += p->words;
    if (!memcmp(t->words[0], t->words[1], (size_t)p->words * sizeof **t->words)) continue;
    int64_t at = 0;
    while (t->words[0][at] == t->words[1][at]) at++;
    report(t, pass, first, count, p, at);
  }
}

/* The device's other lane must still be poisoned. */
static void check_bystander(struct twin *t) {
  struct place places[MAX_PLACES];
  const int n = list_places(t->c, BYSTANDER_FRAMES, places);
  for (int i = 0; i < n && t->side[1].lane && !t->report->differs; i++) {
    read_place(&t->side[1], 0, &places[i], t->words[1]);
    poison_words(&places[i], MAX_PLACES + i, t->words[0]);
    for (int64_t at = 0; at < places[i].words && !t->report->differs; at++)
      if (t->words[0][at] != t->words[1][at]) {
        report(t, 0, 0, 0, &places[i], at);
        memcpy(t->report->text, "MASKED LANE ", 12);
      }
  }
}

/* ---- passes ---- */

static void run(struct twin *t, int pass, int32_t first, int32_t count) {
  for (int i = 0; i < 2; i++) {
    const struct side *s = &t->side[i];
    const uint64_t mask[MAX_LANES / 64] = {(uint64_t)1 << s->lane};
    need(s->engine->run(s->session, SLOT, pass, first, count, mask) == ENGINE_OK,
         "an engine cannot run a pass");
  }
}

static void flip_word(struct twin *t) {
  const struct twin_flip *f = t->flip;
  const struct place p = {f->control ? BUFFER_NONE : BUFFER_B, f->channel, SLOT, f->at + 1};
  read_place(&t->side[1], t->side[1].lane, &p, t->words[1]);
  t->words[1][f->at] ^= 1u << f->bit;
  write_place(&t->side[1], t->side[1].lane, &p, p.words, t->words[1]);
  t->flip = NULL;
}

/* As needs_segments of host/chain.c. */
static bool needs_segments(const struct stage_design *design, int first_pass, int end_pass) {
  for (int p = first_pass; p < end_pass; p++)
    if (design->ring_words && (design->shape[p].lead || design->shape[p].extra)) return true;
  return false;
}

/* As run_passes of host/chain.c. Short tracks are compared after every run, long ones
 * after every segment. */
static void run_segments(struct twin *t, int first_pass, int end_pass, bool compared) {
  const struct pass_shape *shape = t->c->design->shape;
  const bool segments = needs_segments(t->c->design, first_pass, end_pass);
  const int32_t segment = segments ? t->c->segment_blocks : t->n_blocks;
  int32_t done[MAX_STAGE_PASSES] = {0};
  for (int32_t end = 0; end < t->n_blocks && !t->report->differs;) {
    end = end + segment < t->n_blocks ? end + segment : t->n_blocks;
    for (int p = first_pass; p < end_pass; p++) {
      const int32_t whole = t->n_blocks + shape[p].extra, from = done[p];
      int32_t to = end == t->n_blocks ? whole : end + shape[p].lead;
      if (to > whole) to = whole;
      if (to <= from) continue;
      run(t, p, from, to - from);
      done[p] = to;
      if (t->flip && compared) flip_word(t);
      if (compared && (t->n_blocks <= 8 || p == end_pass - 1)) compare(t, p, from, to - from);
    }
  }
}

static int32_t hops(const struct twin *t) {
  return loudness_hops(t->c->n_frames, t->c->rate_hz);
}

/* The gain computer needs all peaks, and what follows all gains: host/chain.c runs the
 * limiter in these parts. */
static bool begins_again(const struct stage *stage, int pass) {
  return stage == &stage_limiter && (pass == LIMITER_SET_DEMAND || pass == LIMITER_APPLY ||
                                     pass == LIMITER_CORRECT);
}

static void run_all(struct twin *t, bool compared) {
  const struct stage_pass *passes = t->c->stage->passes;
  for (int p = 0, end; p < MAX_STAGE_PASSES && passes[p].name; p = end) {
    end = p + 1;
    if (passes[p].grid == GRID_HOPS) {
      if (hops(t)) run(t, p, 0, hops(t));
      if (hops(t) && compared) compare(t, p, 0, hops(t));
      continue;
    }
    while (end < MAX_STAGE_PASSES && passes[end].name && passes[end].grid != GRID_HOPS &&
           !begins_again(t->c->stage, end))
      end++;
    run_segments(t, p, end, compared);
  }
}

/* ---- random control words ---- */

/* What may stand in a control section: integers; or floats of these exponents, less
 * `minus`, and zero. */
struct word_range {
  bool is_float;
  int low, high, minus;
};
enum { OCTAVE_20 = 1 << 20, OCTAVE_16 = 1 << 16, OCTAVE_22 = 1 << 22 };
#define LEVELS {false, -126 * OCTAVE_20, 7 * OCTAVE_20, 0}
#define REDUCTIONS {false, 0, 20 * OCTAVE_20, 0}
#define MULTIBAND_REDUCTIONS(octave) {false, -10 * octave, 20 * octave, 0}
static int kinds_of_multiband(const void *design) { return multiband_sections(design); }

static const struct {
  const char *stage;
  int n; /* kinds of sections; each may stand for several, of bands or channels */
  int (*kinds)(const void *design); /* not NULL: it may have fewer */
  struct word_range range[LIMITER_SECTIONS];
} control_ranges[] = {
    {"multiband", MULTIBAND_SECTIONS, kinds_of_multiband,
     {{true, -110, 24, 0}, MULTIBAND_REDUCTIONS(OCTAVE_16), MULTIBAND_REDUCTIONS(OCTAVE_22),
      MULTIBAND_REDUCTIONS(OCTAVE_16), MULTIBAND_REDUCTIONS(OCTAVE_22)}},
    {"loudness", 1, NULL, {{true, -110, 24, 0}}},
    {"saturate", 1, NULL, {{true, -50, 16, 0}}},
    {"limiter", LIMITER_SECTIONS, NULL,
     {LEVELS, REDUCTIONS, REDUCTIONS, REDUCTIONS, REDUCTIONS, REDUCTIONS, REDUCTIONS, REDUCTIONS,
      REDUCTIONS, {true, -20, 11, 1}, LEVELS, LEVELS}},
};

static uint32_t draw_word(const struct word_range *r, uint64_t *state) {
  const uint32_t span = (uint32_t)(r->high - r->low);
  const uint32_t which = random_below(state, 16);
  if (!r->is_float && which == 0) return (uint32_t)r->low;
  if (!r->is_float && which == 1) return (uint32_t)r->high;
  if (!r->is_float) return (uint32_t)r->low + random_below(state, span + 1);
  const int exponent = r->low + (int)random_below(state, span);
  const float x = which ? (float)(ldexp(1 + random_unit(state), exponent) - r->minus) : 0;
  uint32_t word;
  memcpy(&word, &x, sizeof word);
  return word;
}

/* Words come in runs: steps and plateaus as well as noise. */
static void draw_section(const struct word_range *r, uint64_t *state, int64_t n, uint32_t *words) {
  for (int64_t i = 0, left = 0; i < n; i++, left--) {
    if (left <= 0) left = random_below(state, 2) ? 1 : 1 + random_below(state, 300);
    words[i] = i && left > 1 ? words[i - 1] : draw_word(r, state);
  }
}

/* False: nothing is known of this stage's control words. */
static bool draw_control(struct twin *t, int slot) {
  const struct stage_design *d = slot == SLOT ? t->c->design : t->c->limiter;
  const char *name = slot == SLOT ? t->c->stage->name : stage_limiter.name;
  const struct place p = {BUFFER_NONE, 0, slot, (int64_t)d->control_words * t->n_blocks};
  for (size_t k = 0; k < sizeof control_ranges / sizeof *control_ranges; k++) {
    if (strcmp(control_ranges[k].stage, name)) continue;
    if (!p.words) return true;
    const int64_t section = p.words / d->control_sections;
    const int kinds = control_ranges[k].kinds ? control_ranges[k].kinds(d->data)
                                              : control_ranges[k].n;
    for (int s = 0; s < d->control_sections; s++)
      draw_section(&control_ranges[k].range[s * kinds / d->control_sections],
                   &t->random, section, t->words[0] + s * section);
    write_both(t, &p, p.words, t->words[0]);
    return true;
  }
  return false;
}

/* Each pass alone, on a part of the track that its scratch can hold; now and then the
 * range goes beyond the end. */
static void run_parts(struct twin *t) {
  const struct twin_case *c = t->c;
  for (int p = 0; p < MAX_STAGE_PASSES && c->stage->passes[p].name; p++) {
    const bool by_hops = c->stage->passes[p].grid == GRID_HOPS;
    const int32_t all = by_hops ? hops(t) : t->n_blocks;
    if (all == 0 || t->report->differs || !draw_control(t, SLOT)) continue;
    const int32_t first = (int32_t)random_below(&t->random, (uint32_t)all);
    int32_t count = 1 + (int32_t)random_below(&t->random, (uint32_t)(all - first));
    if (!by_hops && random_below(&t->random, 4) == 0) count = all;
    if (c->design->ring_words && !by_hops && count > c->segment_blocks) count = c->segment_blocks;
    run(t, p, first, count);
    compare(t, p, first, count);
  }
}

/* ---- a case ---- */

/* args of each stage, over their whole ranges: limiter drives as far as the loudness
 * search goes (40 dB down to -100 dB, and from the gate up to the highest target). */
static void set_args(struct twin *t) {
  int32_t args[5] = {0};
  if (!strcmp(t->c->stage->name, "loudness"))
    args[0] = (int32_t)random_below(&t->random, (uint32_t)t->c->channels + 1);
  if (!strcmp(t->c->stage->name, "dither")) args[0] = (int32_t)random_below(&t->random, UINT32_MAX);
  if (t->c->stage == &stage_resample) args[0] = source_frames(t->c, t->c->n_frames);
  if (t->c->stage == &stage_limiter) {
    struct limiter_params p = {.true_peak_db = -20 * random_unit(&t->random), .oversampling = 16};
    if (random_below(&t->random, 8) == 0) p.true_peak_db = NAN;
    args[0] = (int32_t)((random_unit(&t->random) * 27 - 16.6) * OCTAVE_20);
    args[1] = limiter_ceiling(&p, 0);
    const struct limiter_design *limiter = t->c->design->data;
    args[2] = (int32_t)random_below(&t->random, (uint32_t)limiter->n_paces + 1);
  }
  if (!strcmp(t->c->stage->name, "clip")) clip_args(-40 + 50 * random_unit(&t->random), args);
  for (int i = 0; i < 2; i++)
    t->side[i].engine->set_args(t->side[i].session, t->side[i].lane, SLOT, args);
}

static void write_audio(struct twin *t, enum twin_fill fill) {
  const int32_t n = source_frames(t->c, t->c->n_frames);
  for (int ch = 0; ch < t->c->channels; ch++) {
    const struct place p = {BUFFER_A, ch, 0, n};
    twin_fill(fill, (float *)t->words[0], n, t->c->seed + (uint64_t)ch);
    write_both(t, &p, p.words, t->words[0]);
  }
}

/* The device holds the case in its second lane. */
static void open_side(struct twin *t, int i, const struct engine *engine) {
  const struct twin_case *c = t->c;
  const bool two = i == 1 && engine->is_gpu;
  const enum lane_buffer dst = strcmp(c->stage->name, "dither") ? BUFFER_B : BUFFER_PCM;
  const struct slot_plan slots[SLOTS] = {{&stage_limiter, BUFFER_A, BUFFER_B, -1},
                                         {c->stage, BUFFER_A, dst, AUX_SLOT}};
  const struct lane_plan lanes[2] = {
      {BYSTANDER_FRAMES, {c->limiter, c->design}, source_frames(c, BYSTANDER_FRAMES)},
      {c->n_frames, {c->limiter, c->design}, source_frames(c, c->n_frames)}};
  const struct session_plan plan = {c->rate_hz, c->channels, SLOTS, two ? 2 : 1,
                                    c->segment_blocks, slots, two ? lanes : lanes + 1, NULL,
                                    room_of(c)};
  t->side[i] = (struct side){engine, NULL, two ? 1 : 0};
  need(engine->open(engine->self, &plan, &t->side[i].session) == ENGINE_OK,
       "an engine cannot open a session");
}

static void poison_bystander(struct twin *t) {
  struct place places[MAX_PLACES];
  const int n = list_places(t->c, BYSTANDER_FRAMES, places);
  for (int i = 0; i < n && t->side[1].lane; i++) {
    poison_words(&places[i], MAX_PLACES + i, t->words[0]);
    write_place(&t->side[1], 0, &places[i], places[i].words, t->words[0]);
  }
}

static void twin_open(struct twin *t, const struct engine *reference, const struct engine *device) {
  struct place other[MAX_PLACES];
  int64_t most = 0;
  t->n_blocks = blocks_of(t->c->n_frames);
  t->n_places = list_places(t->c, t->c->n_frames, t->places);
  list_places(t->c, BYSTANDER_FRAMES, other);
  for (int i = 0; i < t->n_places; i++) {
    if (t->places[i].words > most) most = t->places[i].words;
    if (other[i].words > most) most = other[i].words;
  }
  for (int i = 0; i < 2; i++) need((t->words[i] = malloc((size_t)most * 4)) != NULL, "no memory");
  open_side(t, 0, reference);
  open_side(t, 1, device);
}

void twin_run_flipped(const struct engine *reference, const struct engine *device,
                      const struct twin_case *c, const struct twin_flip *flip,
                      struct twin_report *report_out) {
  struct twin t = {.c = c, .flip = flip, .report = report_out, .random = c->seed ^ 0x7a9e};
  *report_out = (struct twin_report){0};
  twin_open(&t, reference, device);
  poison_bystander(&t);
  if (c->used) {
    write_audio(&t, TWIN_LOUD);
    run_all(&t, false);
  }
  poison(&t);
  draw_control(&t, AUX_SLOT);
  write_audio(&t, c->fill);
  set_args(&t);
  run_all(&t, true);
  run_parts(&t);
  check_bystander(&t);
  for (int i = 0; i < 2; i++) {
    t.side[i].engine->close(t.side[i].session);
    free(t.words[i]);
  }
}

void twin_run(const struct engine *reference, const struct engine *device,
              const struct twin_case *c, struct twin_report *report_out) {
  twin_run_flipped(reference, device, c, NULL, report_out);
}
