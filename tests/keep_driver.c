/* SPDX-License-Identifier: MIT
 * For tests that open a Vulkan device under LeakSanitizer: the loader unloads the driver,
 * and what the driver keeps for its lifetime is then reported as a leak in an unknown
 * module. Link with -rdynamic, so that the loader finds this dlclose. */
int dlclose(void *handle);
int dlclose(void *handle) {
  (void)handle;
  return 0;
}
