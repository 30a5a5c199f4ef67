/* SPDX-License-Identifier: MIT
 * Functions of twin.h on several numbers at once. */
#ifndef LACQUER_VECTORS_GLSL
#define LACQUER_VECTORS_GLSL
#include "twin.h"

vec2 flush_tiny(vec2 x) { return vec2(flush_tiny(x.x), flush_tiny(x.y)); }
vec4 flush_tiny(vec4 x) { return vec4(flush_tiny(x.xy), flush_tiny(x.zw)); }
vec4 abs_bits(vec4 x) { return uintBitsToFloat(floatBitsToUint(x) & 0x7fffffffu); }
vec4 max_float(vec4 a, vec4 b) { return mix(b, a, greaterThan(a, b)); }

/* Four numbers from number k on of the eight in a and b, of type T. */
#define FROM_1(T, a, b) T((a).yzw, (b).x)
#define FROM_2(T, a, b) T((a).zw, (b).xy)
#define FROM_3(T, a, b) T((a).w, (b).xyz)
#endif
