/* SPDX-License-Identifier: MIT
 * See gpu_fixture.h. */
#include "gpu_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "gpu.h"

bool gpu_fixture_open(struct engine *engine) {
  const char *spec = getenv("LACQUER_TEST_DEVICE");
  struct failure why = {.text = ""};
  if (gpu_engine_create(&(struct gpu_choice){spec ? spec : "index:0"}, engine, &why)) {
    printf("SKIP: %s\n", why.text);
    return false;
  }
  printf("device: %s, %s\n", engine->name, engine->driver);
  return true;
}

unsigned long long gpu_fixture_seed(unsigned long long usual) {
  const char *text = getenv("LACQUER_TEST_SEED");
  const unsigned long long seed = text ? strtoull(text, NULL, 0) : usual;
  printf("seed: %llu (LACQUER_TEST_SEED)\n", seed);
  return seed;
}
