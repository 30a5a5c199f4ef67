/* SPDX-License-Identifier: MIT
 * Vulkan devices and the engine that runs passes on one of them (see engine.h). */
#ifndef LACQUER_GPU_H
#define LACQUER_GPU_H
#include "engine.h"
#include "failure.h"

enum {
  GPU_MAX_DEVICES = 32,
  GPU_SESSION_BYTES = 12 << 20, /* of the host's memory, for a session's copies */
};

struct gpu_device_info {
  int index;
  char name[256];
  char driver[560];        /* driver, version, Vulkan version: for receipts */
  const char *type;        /* "discrete", "integrated", "virtual", "software" or "other" */
  char uuid[33];           /* device UUID, hex */
  char pci[16];            /* "0000:3b:00.0", or "" where the driver does not say */
  bool is_software;        /* runs on the CPU: never chosen by "auto" */
  bool usable;             /* else `reason` names what it lacks */
  char reason[96];
  bool rounds_to_nearest;  /* RoundingModeRTE is declared for 32-bit floats */
  bool keeps_signed_zero;  /* SignedZeroInfNanPreserve is declared for 32-bit floats */
  uint64_t memory_bytes;   /* size of its largest device-local heap */
  uint64_t max_allocation; /* bytes: no buffer of a lane may be larger */
  char selftest[160];      /* one sentence; empty until an engine was created on it */
};

/* Lists what the Vulkan loader shows, usable or not. STATUS_NO_DEVICE when there is no
 * loader, no driver, or LACQUER_VALIDATION=1 and no validation layer. */
enum status gpu_list_devices(struct gpu_device_info list[GPU_MAX_DEVICES], int *n,
                             struct failure *why);

struct gpu_choice {
  /* "auto": the best usable GPU, never a software one; "index:N", "uuid:HEX" (dashes and
   * case do not matter), "pci:DOMAIN:BUS:DEVICE.FUNCTION": that device, software too. */
  const char *device;
};
/* Opens a device and proves its arithmetic (gpu_selftest.h) unless this driver did so
 * before. STATUS_NO_DEVICE with a sentence that names what there is; STATUS_USAGE when
 * `device` cannot be read. The engine may be used by several threads, each with its own
 * sessions, until gpu_engine_destroy, which takes a zeroed engine too. */
enum status gpu_engine_create(const struct gpu_choice *choice, struct engine *out,
                              struct failure *why);
void gpu_engine_destroy(struct engine *engine);

/* What is known of the engine's device; lives as long as the engine. */
const struct gpu_device_info *gpu_engine_info(const struct engine *engine);
/* The last Vulkan call that failed and how, or "". Copies into text[size]. */
void gpu_engine_fault(const struct engine *engine, char *text, size_t size);

/* What an engine has done since it was created. */
struct gpu_stats {
  int64_t batches, steps, dispatches;
  int64_t lanes;  /* of all dispatches */
  int64_t shared; /* dispatches with several lanes */
  int64_t spread; /* of these, whose lanes were at different blocks */
};
void gpu_engine_stats(const struct engine *engine, struct gpu_stats *out);

/* Remembers that this device, driver and engine (both hashes) passed a test, for host
 * tests beside the built-in one; kept under XDG_CACHE_HOME/lacquer. `test`: [a-z]+. */
bool gpu_proof_known(const struct engine *engine, const char *test);
void gpu_proof_record(const struct engine *engine, const char *test);

/* Messages of the validation layer in this process (LACQUER_VALIDATION=1). */
int gpu_validation_messages(void);
#endif
