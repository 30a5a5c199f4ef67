// SPDX-License-Identifier: MIT
// The ceiling of memory: a workgroup copies 64 KB from the first half of a buffer to the second.
#version 450
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

layout(local_size_x = 256) in;
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Quads { vec4 v[]; };
layout(push_constant, std430) uniform Push {
  Quads at;
  int half_quads;
  int pad;
} push;

const int QUADS = 16; // of an invocation

void main() {
  const int first = int(gl_WorkGroupID.x) * 256 * QUADS + int(gl_LocalInvocationID.x);
  for (int i = 0; i < QUADS; i++)
    push.at.v[push.half_quads + first + 256 * i] = push.at.v[first + 256 * i];
}
