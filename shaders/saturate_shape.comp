#version 450
/* SPDX-License-Identifier: MIT
 * What is added to a signal, before the low cut; column = signal * tiles + tile. */
#include "saturate.glsl"
saturate_curve curve;
#define SHAPE(u) saturate_added(curve, u)
#include "oversample.glsl"

/* Four frames of a channel's band, the first a multiple of 4. */
vec4 band_frames(StageIo io, int bands, int band, int channel, int frame) {
  if (uint(frame) >= uint(io.n_frames)) return vec4(0.0);
  if (bands == 1) return load_quad(F32x4(uvec2(src_channel(io, channel))), io.n_frames, frame);
  const vec4 x = band_quad(io, Bands(bands, bands - 1, 0, frame >> 11), band, channel, frame & 2047);
  return flush_tiny(mix(vec4(0.0), x, lessThan(frame + ivec4(0, 1, 2, 3), ivec4(io.n_frames))));
}

vec4 signal_frames(StageIo io, int bands, bool mid_side, int band, int signal, int frame) {
  if (!mid_side) return band_frames(io, bands, band, signal, frame);
  const vec4 left = band_frames(io, bands, band, signal & ~1, frame);
  const vec4 right = band_frames(io, bands, band, signal | 1, frame);
  return flush_tiny(0.5 * ((signal & 1) == 1 ? left - right : left + right));
}

/* The sums of the tile's control steps of 64 frames: 16 quads each. */
void store_points(I32 section, int first, vec4 added[GROUP]) {
  const int t = int(gl_LocalInvocationID.x);
  barrier();
  if (t < TILE_GROUPS)
    [[unroll]] for (int q = 0; q < GROUP; q++) quads[GROUP * t + q] = added[q];
  barrier();
  if (t >= TILE_FRAMES / SATURATE_STEP) return;
  float sum = 0.0;
  for (int i = 0; i < SATURATE_STEP / 4; i++) {
    const vec4 x = quads[SATURATE_STEP / 4 * t + i];
    sum = sum + x.x;
    sum = sum + x.y;
    sum = sum + x.z;
    sum = sum + x.w;
  }
  section.v[first + t] = floatBitsToInt(flush_tiny(sum));
}

void main() {
  const StageIo io = lane_io();
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  const uint column = uint(column_index());
  if (block >= io.n_blocks) return;
  const int signal = int(column / uint(TILES)), tile = int(column % uint(TILES));
  const int begin = block * BLOCK_FRAMES + TILE_FRAMES * tile;
  SaturateDesign d = SaturateDesign(io.design);
  const int bands = d.bands, factor = d.factor, reach = d.reach;
  const bool mid_side = d.mid_side[signal] != 0, treated = d.active_[signal] != 0;
  vec4 linear[GROUP], added[GROUP], one[GROUP];
  [[unroll]] for (int q = 0; q < GROUP; q++) linear[q] = added[q] = vec4(0.0);
  load_taps(io.design);
  for (int band = 0; band < bands && treated; band++) {
    curve = d.curve[band];
    if (curve.linear == 0.0 && curve.scale == 0.0) continue;
    barrier();
    for (int i = t; i < FRAME_QUADS; i += WORKERS)
      quads[FRAMES + i] = signal_frames(io, bands, mid_side, band, signal, begin - 128 + 4 * i);
    barrier();
    if (t < TILE_GROUPS)
      [[unroll]] for (int q = 0; q < GROUP; q++)
        linear[q] = linear[q] + curve.linear * quads[FRAMES + 32 + GROUP * t + q];
    if (curve.scale == 0.0) continue;
    oversample_tile(factor);
    if (t < TILE_GROUPS) {
      decimated_frames(t, one);
      [[unroll]] for (int q = 0; q < GROUP; q++) added[q] = added[q] + one[q];
    }
  }
  F32x4 dst = F32x4(uvec2(dst_channel(io, signal)));
  if (t < TILE_GROUPS)
    [[unroll]] for (int q = 0; q < GROUP; q++)
      store_quad(dst, io.n_frames, begin + 16 * t + 4 * q, flush_tiny(linear[q] + added[q]));
  if (reach > 0)
    store_points(signal_section(io, signal),
                 block * SATURATE_POINTS + tile * (TILE_FRAMES / SATURATE_STEP), added);
}
