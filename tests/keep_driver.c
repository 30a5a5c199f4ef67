/* SPDX-License-Identifier: MIT
 * For programs that open a Vulkan device under LeakSanitizer: the loader unloads the driver,
 * and what the driver keeps for its lifetime is then reported as a leak in an unknown
 * module. Part of the program itself, which exports its symbols: the loader finds this one. */
int dlclose(void *handle);
int dlclose(void *handle) {
  (void)handle;
  return 0;
}
