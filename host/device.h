/* SPDX-License-Identifier: MIT
 * Choice and proof of the engine that renders. */
#ifndef LACQUER_DEVICE_H
#define LACQUER_DEVICE_H
#include <stdio.h>

#include "engine.h"
#include "failure.h"

struct device {
  struct engine engine;
  bool is_software; /* a Vulkan device that runs on the CPU */
  char note[256];   /* a fallback to be told to the user; else "" */
};
/* spec: "auto" (the best GPU, else the CPU reference, which is said in `note`), "cpu",
 * "index:N", "uuid:HEX", "pci:ADDRESS". A Vulkan device is used only after its operations
 * and a whole chain equalled the reference (remembered per device, driver and engine).
 * STATUS_NO_DEVICE: not there, or its bits are wrong. STATUS_USAGE: bad spec. */
enum status device_open(const char *spec, struct device *out, struct failure *why);
void device_close(struct device *device);

/* Lists the devices with the result of their self-tests: a table, or JSON Lines. Returns
 * a status: 0 although some device fails its test. */
int device_list(FILE *out, bool json);
#endif
