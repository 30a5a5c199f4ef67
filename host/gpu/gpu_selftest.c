/* SPDX-License-Identifier: MIT
 * See gpu_selftest.h. The shaders' side: shaders/selftest_*.comp. */
#include "gpu_selftest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin.h"

enum {
  GROUP = 256,         /* vectors per block */
  OPS_BLOCKS = 16,
  N_VECTORS = GROUP * OPS_BLOCKS,
  FLOAT_RESULTS = 20,
  INT_RESULTS = 16,
  RESULTS = FLOAT_RESULTS + INT_RESULTS,
  WALK_LANES = 3,
  WALK_BLOCKS = 70,    /* more than one dispatch */
  WALK_STEP = 8,
};

struct vector {
  float a, b, c, pad;
  int32_t i, j, k, shift;
};

static const char *const result_names[RESULTS] = {
    "a+b", "a-b", "a*b", "-a", "abs", "floor", "ceil", "trunc", "roundEven", "a*b+c",
    "a*b-c", "(a+M)-M", "(a+b)-a", "TwoSum", "a*c+b*c", "(a+b)*c+(a-b)", "compares", "select",
    "flush_tiny", "float to int", "i+j", "i*j", "imulExtended high", "imulExtended low",
    "umulExtended high", "umulExtended low", "i>>n", "u>>n", "i<<n", "carry and borrow",
    "division and remainder", "bits", "first and last bit", "min, max, clamp, abs",
    "int to float", "uint to float"};

static const struct stage_pass selftest_passes[] = {
    {"ops", GRID_BLOCKS, NULL}, {"walk", GRID_SEQUENTIAL, NULL}, {0}};
static const struct stage selftest_stage = {.name = "selftest", .passes = selftest_passes};

static uint32_t random_word(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)(z >> 32);
}

/* Normal numbers of 2^-30 .. 2^29: no operation here can reach a denormal (those may be
 * flushed, and lacquer never makes one) or infinity. */
static float random_float(uint64_t *state) {
  const uint32_t u = random_word(state);
  return uintBitsToFloat((u & 0x807fffffu) | (97 + (u >> 23) % 60) << 23);
}

static const float edge_floats[] = {
    0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 1.5f, -1.5f, 2.5f, -2.5f, 3.5f, 0x1.fffffep-2f,
    0x1.000002p0f, 0x1.fffffep-1f, -0x1.fffffcp-1f, 0x1p-24f, 0x1.000002p-24f, 0x1p-23f,
    8388607.5f, -8388607.5f, 8388608.0f, 16777215.0f, 16777216.0f, -16777217.0f, 0x1p30f,
    0x1.fffffep30f, -0x1p31f, 0x1p-50f, 0x1.fffffep-51f, 0x1.8p22f, 0.1f, 1.0f / 3};
enum { EDGES = sizeof edge_floats / sizeof *edge_floats };
static const int32_t edge_ints[] = {0, 1, -1, 2, -2, 255, 256, 32767, 65536, -65536, 16777215,
                                    16777217, INT32_MAX, INT32_MAX - 1, INT32_MIN, INT32_MIN + 1};

static void make_vectors(struct vector *v) {
  enum { EDGE_INTS = sizeof edge_ints / sizeof *edge_ints };
  uint64_t seed = 20;
  for (int n = 0; n < N_VECTORS; n++) {
    v[n] = (struct vector){.a = random_float(&seed), .b = random_float(&seed),
                           .c = random_float(&seed), .i = (int32_t)random_word(&seed),
                           .j = (int32_t)random_word(&seed), .k = (int32_t)random_word(&seed),
                           .shift = (int32_t)(random_word(&seed) % 32)};
    if (n % 4 == 1) /* nearly -a*b: what a fused multiply-add would get wrong */
      v[n].c = -(v[n].a * v[n].b);
    if (n % 4 == 2) v[n].b = -v[n].a * (1 + (float)(n % 7) * 0x1p-23f);
    if (n >= EDGES * EDGES) continue;
    v[n].a = edge_floats[n % EDGES];
    v[n].b = edge_floats[n / EDGES];
    v[n].i = edge_ints[n % EDGE_INTS];
    v[n].j = edge_ints[n / EDGE_INTS % EDGE_INTS];
  }
  v[N_VECTORS - 2] = (struct vector){.a = 1 + 0x1p-23f, .b = 1 - 0x1p-23f, .c = -1};
  v[N_VECTORS - 1] = (struct vector){.a = 0x1p-127f, .b = 1}; /* denormal: only recorded */
}

static void float_results(const struct vector *v, int32_t *out) {
  const float a = v->a, b = v->b, c = v->c;
  const float sum = a + b, part = sum - a;
  const float r[16] = {a + b, a - b, a * b, -a, fabsf(a), floorf(a), ceilf(a), truncf(a),
                       nearbyintf(a), a * b + c, a * b - c, (a + 12582912.0f) - 12582912.0f,
                       (a + b) - a, (a - (sum - part)) + (b - part), a * c + b * c,
                       (a + b) * c + (a - b)};
  memcpy(out, r, sizeof r);
  out[16] = (a < b) | (a <= b) << 1 | (a == b) << 2 | (a != b) << 3 | (a >= b) << 4 | (a > b) << 5;
  const float select = a < b ? a : b, flushed = flush_tiny(a * b);
  memcpy(&out[17], &select, 4);
  memcpy(&out[18], &flushed, 4);
  out[19] = fabsf(a) < 2147483520.0f ? (int32_t)a : 0;
}

static int32_t highest_bit(uint32_t u) {
  int32_t n = -1;
  for (; u; u >>= 1) n++;
  return n;
}
static int32_t lowest_bit(uint32_t u) { return u ? highest_bit(u & (0 - u)) : -1; }
static int32_t count_bits(uint32_t u) {
  int32_t n = 0;
  for (; u; u &= u - 1) n++;
  return n;
}
static int32_t clamp_int(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : x;
}

static void int_results(const struct vector *v, int32_t *out) {
  const int32_t i = v->i, j = v->j, k = v->k;
  const uint32_t ui = (uint32_t)i, uj = (uint32_t)j, divisor = k ? (uint32_t)k : 1;
  const uint64_t product = (uint64_t)ui * uj, signed_product = (uint64_t)((int64_t)i * j);
  const uint32_t bits = (ui ^ uj) & ~(uint32_t)k;
  const int32_t half = k >> 1;
  const uint32_t r[14] = {
      ui + uj, ui * uj, (uint32_t)(signed_product >> 32), (uint32_t)signed_product,
      (uint32_t)(product >> 32), (uint32_t)product, (uint32_t)(i >> v->shift), ui >> v->shift,
      ui << v->shift,
      (ui + uj) + (ui - uj) * 3 + (ui + uj < ui ? 5u : 0u) + (ui < uj ? 7u : 0u),
      ui / divisor + 3 * (ui % divisor), bits | (uint32_t)count_bits(ui),
      (uint32_t)(highest_bit(ui) + 64 * highest_bit(i < 0 ? ~ui : ui) + 4096 * lowest_bit(uj)),
      (uint32_t)min_int(i, j) + 3 * (uint32_t)max_int(i, k) +
          5 * (uint32_t)clamp_int(j, -100, 1000) + 7 * (uint32_t)(half < 0 ? -half : half)};
  const float from_int = (float)(i >> 7), from_uint = (float)(ui >> 8);
  memcpy(out, r, sizeof r);
  memcpy(&out[14], &from_int, 4);
  memcpy(&out[15], &from_uint, 4);
}

/* Compares all vectors but the last; that one only tells the policy on denormals. */
static bool compare_ops(const struct vector *v, const int32_t *got, char *text, size_t size) {
  for (int n = 0; n < N_VECTORS - 1; n++) {
    int32_t want[RESULTS];
    float_results(&v[n], want);
    int_results(&v[n], want + FLOAT_RESULTS);
    for (int r = 0; r < RESULTS; r++) {
      const int32_t x = got[n * RESULTS + r];
      if (x == want[r]) continue;
      snprintf(text, size, "failed: %s of vector %d gave %08x, not %08x", result_names[r], n,
               (unsigned)x, (unsigned)want[r]);
      return false;
    }
  }
  return true;
}

static enum engine_status run_ops(const struct engine *engine, struct vector *vectors,
                                  int32_t *results) {
  struct stage_design design = {.data = vectors,
                                .size = N_VECTORS * sizeof *vectors,
                                .control_words = GROUP * RESULTS,
                                .control_sections = 1,
                                .shape = {{.columns = 1}}};
  const struct slot_plan slot = {&selftest_stage, BUFFER_NONE, BUFFER_NONE, -1};
  const struct lane_plan lane = {.n_frames = OPS_BLOCKS * BLOCK_FRAMES, .design = {&design}};
  const struct session_plan plan = {.channels = 1, .n_slots = 1, .n_lanes = 1,
                                    .segment_blocks = 1, .slots = &slot, .lanes = &lane};
  struct session *session;
  enum engine_status status = engine->open(engine->self, &plan, &session);
  if (status) return status;
  status = engine->run(session, 0, 0, 0, OPS_BLOCKS, NULL);
  if (!status)
    status = engine->read_control(session, 0, 0, 0, (int64_t)N_VECTORS * RESULTS, results);
  engine->close(session);
  return status;
}

/* Lane lengths around the borders: whole blocks, one frame more, less than a segment. */
static int32_t walk_frames(int lane) {
  static const int32_t frames[WALK_LANES] = {WALK_BLOCKS * BLOCK_FRAMES, BLOCK_FRAMES + 1, 4095};
  return frames[lane];
}
static float walk_source(int lane, int channel, int frame) {
  return (float)((frame * 7 + channel * 3 + lane) % 1001) * 0x1p-9f;
}

static float *make_source(int lane, int channel) {
  const int32_t frames = walk_frames(lane);
  float *x = malloc((size_t)frames * sizeof *x);
  for (int32_t f = 0; x && f < frames; f++) x[f] = walk_source(lane, channel, f);
  return x;
}

/* The first frame of a channel that differs from the recurrence, or -1. */
static int32_t compare_walk(int lane, int channel, const float *got) {
  const int32_t frames = walk_frames(lane);
  uint32_t state = (uint32_t)(1000 * lane + channel);
  for (int32_t f = 0; f < frames; f += WALK_STEP) {
    state = state * 1664525u + 1013904223u;
    const float x = walk_source(lane, channel, f) + (float)(int32_t)(state >> 8);
    state ^= floatBitsToUint(x);
    if (memcmp(&x, &got[f], sizeof x)) return f;
  }
  return -1;
}

static enum engine_status open_walk(const struct engine *engine, const struct stage_design *design,
                                    struct session **session) {
  const struct slot_plan slot = {&selftest_stage, BUFFER_A, BUFFER_B, -1};
  struct lane_plan lanes[WALK_LANES];
  const struct session_plan plan = {.channels = 2, .n_slots = 1, .n_lanes = WALK_LANES,
                                    .segment_blocks = WALK_BLOCKS, .slots = &slot, .lanes = lanes};
  for (int l = 0; l < WALK_LANES; l++) 
    lanes[l] = (struct lane_plan){.n_frames = walk_frames(l), .design = {design}};
  enum engine_status status = engine->open(engine->self, &plan, session);
  for (int l = 0; l < WALK_LANES && !status; l++) {
    const int32_t args[5] = {1000 * l};
    engine->set_args(*session, l, 0, args);
    for (int c = 0; c < 2 && !status; c++) {
      float *x = make_source(l, c);
      status = x ? engine->write(*session, l, BUFFER_A, c, 0, walk_frames(l), x)
                 : ENGINE_NO_MEMORY;
      free(x);
    }
  }
  return status;
}

static bool run_walk(const struct engine *engine, char *text, size_t size) {
  static const uint32_t nothing[4];
  struct stage_design design = {.data = (void *)(uintptr_t)nothing,
                                .size = sizeof nothing,
                                .ring_words = 2,
                                .ring_history = 1,
                                .shape = {{0}, {.columns = 2}}};
  struct session *session = NULL;
  float *got = malloc(WALK_BLOCKS * BLOCK_FRAMES * sizeof *got);
  bool same = got && !open_walk(engine, &design, &session) &&
              !engine->run(session, 0, 1, 0, 1, NULL) &&
              !engine->run(session, 0, 1, 1, WALK_BLOCKS - 1, NULL);
  for (int l = 0; l < WALK_LANES && same; l++)
    for (int c = 0; c < 2 && same; c++) {
      same = !engine->read(session, l, BUFFER_B, c, 0, walk_frames(l), got);
      const int32_t frame = same ? compare_walk(l, c, got) : 0;
      if (!same || frame < 0) continue;
      snprintf(text, size, "failed: lane %d channel %d differs at frame %d", l, c, (int)frame);
      same = false;
    }
  engine->close(session);
  free(got);
  return same;
}

bool gpu_selftest(const struct engine *engine, char *text, size_t size) {
  struct vector *vectors = calloc(N_VECTORS, sizeof *vectors);
  int32_t *results = calloc((size_t)N_VECTORS * RESULTS, sizeof *results);
  bool passed = false;
  snprintf(text, size, "failed: the device does not run it");
  if (vectors && results) {
    make_vectors(vectors);
    passed = !run_ops(engine, vectors, results) && compare_ops(vectors, results, text, size) &&
             run_walk(engine, text, size);
  }
  if (passed)
    snprintf(text, size, "passed: %d operations on %d vectors, bit for bit; denormals are %s",
             (int)RESULTS, (int)N_VECTORS - 1,
             results[(N_VECTORS - 1) * RESULTS + 2] ? "kept" : "flushed");
  free(vectors);
  free(results);
  return passed;
}
