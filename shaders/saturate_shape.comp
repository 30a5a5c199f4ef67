#version 450
/* SPDX-License-Identifier: MIT
 * What is added to a signal, before the low cut; column = signal * tiles + tile. */
#include "saturate.glsl"
saturate_curve curve;
#define SHAPE(u) saturate_added(curve, u)
#include "oversample.glsl"

#define MINE (TILE_FRAMES / WORKERS) /* frames of an invocation */

/* A frame of a channel's band. */
float band_frame(StageIo io, int bands, int band, int channel, int frame) {
  if (uint(frame) >= uint(io.n_frames)) return 0.0;
  const int block = frame >> 11, i = frame & 2047;
  float x = 0.0;
  if (band == bands - 1) x = src_channel(io, channel).v[frame];
  else x = F32(filter_block(io, bands - 1, block, band, channel)).v[i];
  if (band > 0) x = x - F32(filter_block(io, bands - 1, block, band - 1, channel)).v[i];
  return bands > 1 ? flush_tiny(x) : x;
}

float signal_frame(StageIo io, int bands, bool mid_side, int band, int signal, int frame) {
  if (!mid_side) return band_frame(io, bands, band, signal, frame);
  const float left = band_frame(io, bands, band, 0, frame);
  const float right = band_frame(io, bands, band, 1, frame);
  return flush_tiny(0.5 * (signal == 1 ? left - right : left + right));
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
  const bool mid_side = d.mid_side != 0, treated = d.active_[signal] != 0;
  float linear[MINE], added[MINE];
  for (int i = 0; i < MINE; i++) linear[i] = added[i] = 0.0;
  load_taps(io.design);
  for (int band = 0; band < bands && treated; band++) {
    curve = d.curve[band];
    if (curve.linear == 0.0 && curve.scale == 0.0) continue;
    barrier();
    FOR_SAMPLES(n, -128, TILE_FRAMES + 127)
      B(n) = signal_frame(io, bands, mid_side, band, signal, begin + n);
    barrier();
    for (int i = 0; i < MINE; i++) linear[i] = linear[i] + curve.linear * B(t + WORKERS * i);
    if (curve.scale == 0.0) continue;
    oversample_tile(factor);
    for (int i = 0; i < MINE; i++) added[i] = added[i] + decimated_frame(t + WORKERS * i);
  }
  F32 dst = dst_channel(io, signal);
  for (int i = 0; i < MINE; i++) {
    const int n = t + WORKERS * i;
    if (begin + n < io.n_frames) dst.v[begin + n] = flush_tiny(linear[i] + added[i]);
  }
  if (reach == 0) return;
  barrier();
  for (int i = 0; i < MINE; i++) B(t + WORKERS * i) = added[i];
  barrier();
  if (t >= TILE_FRAMES / SATURATE_STEP) return;
  float sum = 0.0;
  for (int i = 0; i < SATURATE_STEP; i++) sum = sum + B(t * SATURATE_STEP + i);
  const int at = block * SATURATE_POINTS + tile * (TILE_FRAMES / SATURATE_STEP) + t;
  signal_section(io, signal).v[at] = floatBitsToInt(flush_tiny(sum));
}
