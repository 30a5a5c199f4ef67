/* SPDX-License-Identifier: MIT
 * One text, two compilers: what a header needs to be read as C17 and as GLSL.
 * Shared code uses + - * on float, int/uint operations, compares, selects and
 * bit casts only; every rule is in README.md, "Exact arithmetic". */
#ifndef LACQUER_TWIN_H
#define LACQUER_TWIN_H
#ifdef VULKAN /* glslang defines it: this is a shader */
#define TWIN_FN
#define to_int(x) int(x)
#define to_uint(x) uint(x)
#define to_float(x) float(x)
#else
#include <stdint.h>
#include <string.h>
typedef uint32_t uint;
#define TWIN_FN static inline
#define to_int(x) ((int)(x))
#define to_uint(x) ((uint)(x))
#define to_float(x) ((float)(x))
TWIN_FN uint floatBitsToUint(float f) { uint u; memcpy(&u, &f, 4); return u; }
TWIN_FN float uintBitsToFloat(uint u) { float f; memcpy(&f, &u, 4); return f; }
#endif

#define MAX_CHANNELS 128 /* the most that a master holds: bed and objects */

/* Denormals never arise: a stage writes +0 for |x| < 2^-50 (-301 dBFS). */
#define FLUSH_BELOW 0x26800000u /* the bits of 2^-50 */
TWIN_FN float flush_tiny(float x) {
  return (floatBitsToUint(x) & 0x7fffffffu) < FLUSH_BELOW ? 0.0f : x;
}
TWIN_FN float abs_bits(float x) { return uintBitsToFloat(floatBitsToUint(x) & 0x7fffffffu); }
TWIN_FN int max_int(int a, int b) { return a > b ? a : b; }
TWIN_FN int min_int(int a, int b) { return a < b ? a : b; }
TWIN_FN float max_float(float a, float b) { return a > b ? a : b; }
#endif
