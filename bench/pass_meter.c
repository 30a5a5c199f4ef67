/* SPDX-License-Identifier: MIT
 * See pass_meter.h. */
#include "pass_meter.h"

#include <string.h>

#include "clocks.h"
#include "gpu.h"
#include "pass_bytes.h"
#include "pass_work.h"

/* A render at another rate than the source's has a second session: its slots follow those
 * of the first. */
enum {
  SESSIONS = 2, ALL_SLOTS = SESSIONS * MAX_SLOTS,
  BYTES_SECONDS = 60, WORK_SECONDS = 3, /* of audio: counting shaders are slow */
};
enum reading { READ_TIME, READ_BYTES, READ_WORK };

static struct {
  const struct engine *engine;
  enum reading reading;
  struct pass_work *work;
  const struct stage *stage[ALL_SLOTS];
  struct session *session[SESSIONS];
  int first_slot[SESSIONS], n_sessions; /* that are open */
  int n_slots, n_runs; /* repetition in progress */
  double cpu[ALL_SLOTS][MAX_STAGE_PASSES][MAX_REPEATS];
  double wall[ALL_SLOTS][MAX_STAGE_PASSES][MAX_REPEATS];
  struct touched touched[ALL_SLOTS][MAX_STAGE_PASSES];
  struct work done[ALL_SLOTS][MAX_STAGE_PASSES];
} meter;

static enum engine_status measured_run(struct session *s, int slot, int pass, int32_t first,
                                       int32_t count, const uint64_t *mask) {
  const int at = meter.first_slot[s == meter.session[0] ? 0 : 1] + slot;
  if (meter.reading == READ_BYTES) pass_bytes_of(slot, pass, &meter.touched[at][pass]);
  const struct clocks before = clocks_now();
  enum engine_status status = meter.engine->run(s, slot, pass, first, count, mask);
  if (!status) status = meter.engine->finish(s);
  const struct clocks after = clocks_now();
  if (meter.reading == READ_TIME) {
    meter.cpu[at][pass][meter.n_runs] += after.cpu - before.cpu;
    meter.wall[at][pass][meter.n_runs] += after.wall - before.wall;
  }
  if (meter.reading == READ_WORK && !status)
    pass_work_take(meter.work, meter.stage[at], pass, &meter.done[at][pass]);
  return status;
}

static enum engine_status measured_open(void *self, const struct session_plan *plan,
                                        struct session **out) {
  struct session_plan counted = *plan;
  if (meter.reading == READ_BYTES && !meter.n_sessions) counted.slots = pass_bytes_slots(plan);
  const enum engine_status status = meter.engine->open(self, &counted, out);
  if (status) return status;
  if (!meter.n_sessions) meter.n_slots = 0;
  meter.session[meter.n_sessions] = *out;
  meter.first_slot[meter.n_sessions++] = meter.n_slots;
  for (int i = 0; i < plan->n_slots; i++) meter.stage[meter.n_slots++] = plan->slots[i].stage;
  return status;
}

static void measured_close(struct session *s) {
  meter.engine->close(s);
  meter.n_sessions--;
}

/* ---- the account ---- */

static json_t *per_frame(const struct touched *t, const struct work *w, double n_frames) {
  json_t *object = json_object();
  if (t->read + t->written > 0)
    json_object_set_new(object, "touched_bytes",
                        json_pack("{s:f, s:f}", "read", t->read / n_frames, "written",
                                  t->written / n_frames));
  if (w->other_ops > 0)
    json_object_set_new(object, "work",
                        json_pack("{s:f, s:f, s:f, s:f, s:f}", "float_ops",
                                  w->float_ops / n_frames, "other_ops", w->other_ops / n_frames,
                                  "loaded_bytes", w->loaded_bytes / n_frames, "stored_bytes",
                                  w->stored_bytes / n_frames, "shared_bytes",
                                  w->shared_bytes / n_frames));
  return object;
}

static json_t *passes_of(int repeats, double audio_seconds, double n_frames) {
  json_t *list = json_array();
  for (int s = 0; s < meter.n_slots; s++)
    for (int p = 0; meter.stage[s]->passes[p].name; p++) {
      double sum = 0;
      for (int i = 0; i < repeats; i++) sum += meter.wall[s][p][i];
      if (sum <= 0) continue;
      const struct stage_pass *pass = &meter.stage[s]->passes[p];
      json_t *row = json_pack("{s:i, s:s, s:s, s:b}", "slot", s, "stage", meter.stage[s]->name,
                              "pass", pass->name, "sequential", pass->grid == GRID_SEQUENTIAL);
      json_object_set_new(row, "per_core", clocks_rating(meter.cpu[s][p], repeats, audio_seconds));
      json_object_set_new(row, "wall", clocks_rating(meter.wall[s][p], repeats, audio_seconds));
      json_object_set_new(row, "per_frame",
                          per_frame(&meter.touched[s][p], &meter.done[s][p], n_frames));
      json_array_append_new(list, row);
    }
  return list;
}

/* Once more, counting: a part of one lane says what a frame costs. */
static double count(const struct engine *measured, const struct batch *batch) {
  struct lane_job lane = batch->lanes[0];
  struct batch part = *batch;
  part.lanes = &lane;
  part.n_lanes = 1;
  meter.reading = measured->is_gpu ? READ_WORK : READ_BYTES;
  const int most = batch->rate_hz * (measured->is_gpu ? WORK_SECONDS : BYTES_SECONDS);
  if (lane.n_frames > most) lane.n_frames = most;
  if (measured->is_gpu) meter.work = pass_work_create(meter.engine);
  if (measured->is_gpu ? meter.work != NULL : pass_bytes_available())
    batch_render(measured, &part);
  pass_work_destroy(&meter.work);
  return lane.n_frames;
}

json_t *pass_meter(const struct engine *engine, struct batch *batch, int repeats,
                   double audio_seconds) {
  struct engine measured = *engine;
  double cpu[MAX_REPEATS], wall[MAX_REPEATS];
  audio_seconds *= batch->n_lanes;
  memset(&meter, 0, sizeof meter);
  meter.engine = engine;
  measured.run = measured_run;
  measured.open = measured_open;
  measured.close = measured_close;
  const bool by_core = !engine->is_gpu || gpu_engine_info(engine)->is_software;
  const struct ceilings most = engine->is_gpu ? gpu_ceilings(engine) : cpu_ceilings();
  batch_render(engine, batch); /* warm-up */
  for (int i = 0; i < repeats; i++) { /* whole and in passes by turns */
    const struct clocks before = clocks_now();
    if (batch_render(engine, batch)) return json_null();
    const struct clocks after = clocks_now();
    cpu[i] = after.cpu - before.cpu;
    wall[i] = after.wall - before.wall;
    meter.n_runs = i;
    if (batch_render(&measured, batch)) return json_null();
  }
  const double n_counted = count(&measured, batch);
  json_t *object = json_pack("{s:s, s:s, s:s, s:i, s:i}", "engine", engine->name, "driver",
                             engine->driver, "clock", by_core ? "per_core" : "wall", "lanes",
                             batch->n_lanes, "channels", batch->channels);
  json_object_set_new(object, "ceilings",
                      json_pack("{s:f, s:f}", "copy_bytes_per_s", most.copy_bytes_per_s,
                                "float_ops_per_s", most.float_ops_per_s));
  json_object_set_new(object, "chain_and_one_variant_per_core",
                      clocks_rating(cpu, repeats, audio_seconds));
  json_object_set_new(object, "chain_and_one_variant_wall",
                      clocks_rating(wall, repeats, audio_seconds));
  json_object_set_new(object, "passes", passes_of(repeats, audio_seconds, n_counted));
  return object;
}
