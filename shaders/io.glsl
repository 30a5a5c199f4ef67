/* SPDX-License-Identifier: MIT
 * What every shader sees of the device engine: GLSL's view of struct stage_io
 * (dsp-reference/stage.h, same bytes), the push constants and the grids.
 *
 * A shader starts with
 *   #version 450
 *   #include "io.glsl"      (a GRID_SEQUENTIAL pass: `#define SEQUENTIAL` before it)
 * and begins main() with `StageIo io = lane_io();`. Grids (enum pass_grid):
 *   GRID_BLOCKS, GRID_HOPS: any `layout(local_size_x = ...) in;`, one workgroup per
 *     unit block_index(), column column_index() and lane. Lanes differ in length, in what
 *     they are at and in columns: return when block_index() >= io.n_blocks (plus the pass's
 *     extra), as it is where a lane has no unit or no such column.
 *   GRID_SEQUENTIAL: one invocation per column and lane (local size set here). Return
 *     unless lane_active(), then walk blocks first_block() <= b < end_block(io). A lane
 *     has at most 64 blocks in a dispatch, for lavapipe runs
 *     65,535 loop iterations per invocation and is silently wrong after that: at most
 *     1,000 iterations per block, all loops counted.
 *     No barrier or shared memory there. */
#ifndef LACQUER_IO_GLSL
#define LACQUER_IO_GLSL
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference_uvec2 : require

/* Equal to the values in dsp-reference/stage.h and host/gpu/gpu_lockstep.c. */
const int BLOCK_FRAMES = 2048;
#define SEQUENTIAL_LANES 8

layout(buffer_reference, std430, buffer_reference_align = 4) buffer F32 { float v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer I32 { int v[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer U32 { uint v[]; };
/* For addresses that are multiples of 8 and 16: channels start so (stride is a multiple
 * of 64), so do ring blocks and control sections, whose words are multiples of 4. */
layout(buffer_reference, std430, buffer_reference_align = 8) buffer F32x2 { vec2 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer F32x4 { vec4 v[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer I32x4 { ivec4 v[]; };

struct StageIo {
  int n_frames, n_blocks, channels, ring_blocks, stride;
  int args[5];
  uvec2 design; /* cast it to the stage's own buffer_reference type, or to F32 */
  uvec2 src, dst, ring, control, aux; /* cast to F32, I32 ... or use the helpers below */
};
struct Lane {
  StageIo io;
  int first;   /* its first unit (block or hop) in this dispatch */
  int count;   /* its units */
  int columns; /* its columns */
  int pad;
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Lanes {
  Lane at[];
};
layout(push_constant, std430) uniform Push {
  Lanes lanes; /* those of this dispatch; the grid is as large as the largest needs */
  int n_lanes;
  int pad;
} push;

int column_index() { return int(gl_WorkGroupID.y); }

#ifdef SEQUENTIAL /* define it before the include in a GRID_SEQUENTIAL shader */
layout(local_size_x = SEQUENTIAL_LANES) in;
#define LANE push.lanes.at[gl_GlobalInvocationID.x]
bool lane_active() {
  return int(gl_GlobalInvocationID.x) < push.n_lanes && column_index() < LANE.columns;
}
int first_block() { return LANE.first; }
int end_block(StageIo io) { return min(LANE.first + LANE.count, io.n_blocks); }
#else
#define LANE push.lanes.at[gl_WorkGroupID.z]
/* Unit (block or hop) of this workgroup. */
int block_index() {
  const int unit = int(gl_WorkGroupID.x);
  return unit < LANE.count && column_index() < LANE.columns ? LANE.first + unit : 0x7fffffff;
}
#endif
StageIo lane_io() { return LANE.io; }

/* base + 4 * count * words bytes, computed in 64 bits. */
uvec2 address_of(uvec2 base, uint count, uint words) {
  uint hi, lo, carry;
  umulExtended(count, words, hi, lo);
  hi = hi << 2 | lo >> 30;
  uint low = uaddCarry(base.x, lo << 2, carry);
  return uvec2(low, base.y + hi + carry);
}

/* Planar audio of one channel. */
F32 src_channel(StageIo io, int channel) {
  return F32(address_of(io.src, uint(channel), uint(io.stride)));
}
F32 dst_channel(StageIo io, int channel) {
  return F32(address_of(io.dst, uint(channel), uint(io.stride)));
}
/* Sample `frame` of one channel; 0 outside [0, n_frames). */
float load_src(StageIo io, int channel, int frame) {
  if (uint(frame) >= uint(io.n_frames)) return 0.0;
  return src_channel(io, channel).v[frame];
}
/* The same from a channel's address: cheaper in a loop. */
float load_frame(F32 channel, int n_frames, int frame) {
  if (uint(frame) >= uint(n_frames)) return 0.0;
  return channel.v[frame];
}
/* Two or four frames from `first` on, a multiple of that number; 0 outside [0, n_frames). */
vec2 load_pair(F32x2 channel, int n_frames, int first) {
  vec2 x = vec2(0.0);
  if (uint(first) < uint(n_frames)) x = channel.v[first >> 1];
  return vec2(x.x, first + 1 < n_frames ? x.y : 0.0);
}
vec4 load_quad(F32x4 channel, int n_frames, int first) {
  vec4 x = vec4(0.0);
  if (uint(first) < uint(n_frames)) x = channel.v[first >> 2];
  return mix(vec4(0.0), x, lessThan(first + ivec4(0, 1, 2, 3), ivec4(n_frames)));
}
/* The same frames back, those before n_frames. */
void store_pair(F32x2 channel, int n_frames, int first, vec2 x) {
  if (first + 1 < n_frames) channel.v[first >> 1] = x;
  else if (first < n_frames) channel.v[first >> 1].x = x.x;
}
void store_quad(F32x4 channel, int n_frames, int first, vec4 x) {
  const int left = n_frames - first;
  if (left > 3) channel.v[first >> 2] = x;
  else if (left > 2) channel.v[first >> 2].xyz = x.xyz;
  else if (left > 1) channel.v[first >> 2].xy = x.xy;
  else if (left > 0) channel.v[first >> 2].x = x.x;
}
/* Scratch of one block >= 0; `words` is the design's ring_words. (% of ints is banned.) */
F32 ring_block(StageIo io, int block, int words) {
  return F32(address_of(io.ring, uint(block) % uint(io.ring_blocks), uint(words)));
}
I32 ring_block_int(StageIo io, int block, int words) {
  return I32(address_of(io.ring, uint(block) % uint(io.ring_blocks), uint(words)));
}
#endif
