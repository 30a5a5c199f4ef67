/* SPDX-License-Identifier: MIT
 * A device as an engine: opened, proved, described. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu_cache.h"
#include "gpu_device.h"
#include "gpu_lockstep.h"
#include "gpu_selftest.h"
#include "gpu_session.h"
#include "shaders.h"

enum { PROOF_BYTES = 1024 };

const struct gpu_device_info *gpu_engine_info(const struct engine *engine) {
  return &((const struct gpu_device *)engine->self)->info;
}

void gpu_engine_fault(const struct engine *engine, char *text, size_t size) {
  struct gpu_device *device = engine->self;
  pthread_mutex_lock(&device->fault_lock);
  snprintf(text, size, "%s", device->fault);
  pthread_mutex_unlock(&device->fault_lock);
}

void gpu_engine_stats(const struct engine *engine, struct gpu_stats *out) {
  lockstep_stats(engine->self, out);
}

/* A proof is a file whose first line says what was proved: another driver or engine
 * writes another line. `note` is a second line for people. */
static int proof_line(const struct engine *engine, const char *test, char line[PROOF_BYTES]) {
  return snprintf(line, PROOF_BYTES, "%s passed: %s, %s, engine %s, SPIR-V %s\n", test,
                  engine->name, engine->driver, lacquer_engine_hash, lacquer_spirv_hash);
}
static void proof_name(const struct engine *engine, const char *test, char name[96]) {
  snprintf(name, 96, "%s-%.32s.proof", gpu_engine_info(engine)->uuid, test);
}

static bool read_proof(const struct engine *engine, const char *test, char *note, size_t size) {
  char line[PROOF_BYTES], name[96];
  size_t bytes = 0;
  const size_t length = (size_t)proof_line(engine, test, line);
  proof_name(engine, test, name);
  char *file = cache_read(name, &bytes);
  const bool known = file && bytes >= length && !memcmp(file, line, length);
  if (known && note) {
    snprintf(note, size, "%.*s", (int)(bytes - length), file + length);
    note[strcspn(note, "\n")] = 0;
  }
  free(file);
  return known;
}

static void write_proof(const struct engine *engine, const char *test, const char *note) {
  char text[PROOF_BYTES + 256], name[96];
  const int n = proof_line(engine, test, text);
  proof_name(engine, test, name);
  snprintf(text + n, sizeof text - (size_t)n, "%s\n", note);
  cache_publish(name, text, strlen(text));
}

bool gpu_proof_known(const struct engine *engine, const char *test) {
  return read_proof(engine, test, NULL, 0);
}
void gpu_proof_record(const struct engine *engine, const char *test) {
  write_proof(engine, test, "");
}

enum status gpu_engine_create(const struct gpu_choice *choice, struct engine *out,
                              struct failure *why) {
  struct gpu_device *device;
  memset(out, 0, sizeof *out);
  enum status status = gpu_device_create(choice->device, &device, why);
  if (status) return status;
  gpu_session_bind(device, out);
  char *text = device->info.selftest;
  if (read_proof(out, "ops", text, sizeof device->info.selftest)) return STATUS_OK;
  if (gpu_selftest(out, text, sizeof device->info.selftest)) {
    write_proof(out, "ops", text);
    return STATUS_OK;
  }
  status = fail(why, STATUS_NO_DEVICE, "%s (%s): self-test %s%s%s", out->name, out->driver, text,
                device->fault[0] ? "; " : "", device->fault);
  gpu_engine_destroy(out);
  return status;
}

void gpu_engine_destroy(struct engine *engine) {
  struct gpu_device *device = engine->self;
  gpu_device_destroy(&device);
  memset(engine, 0, sizeof *engine);
}
