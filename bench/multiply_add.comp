// SPDX-License-Identifier: MIT
// The ceiling of arithmetic: 32 chains of x * a + b, not fused, in every invocation.
#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

layout(local_size_x = 256) in;
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Quads { vec4 v[]; };
layout(push_constant, std430) uniform Push {
  Quads at;
  int steps;
  int pad;
} push;

void main() {
  const int me = int(gl_GlobalInvocationID.x);
  const vec4 b = vec4(float(me & 255)), a = vec4(0.5, 0.25, 0.125, 0.75);
  vec4 x0 = b, x1 = b + 1.0, x2 = b + 2.0, x3 = b + 3.0;
  vec4 x4 = b + 4.0, x5 = b + 5.0, x6 = b + 6.0, x7 = b + 7.0;
  for (int i = 0; i < push.steps; i++) {
    x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b;
    x4 = x4 * a + b, x5 = x5 * a + b, x6 = x6 * a + b, x7 = x7 * a + b;
  }
  push.at.v[me] = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7));
}
