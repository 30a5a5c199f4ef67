/* SPDX-License-Identifier: MIT
 * The true-peak detector: 2048 intervals of a block, 8 per invocation. */
#include "limiter.glsl"
layout(local_size_x = 256) in;

#define MID (BLOCK_FRAMES + 16)
shared float window[BLOCK_FRAMES + 2 * DETECT_HALO];
shared float mid[MID];
shared uint linked[256];

float frame_at(int n) { return window[DETECT_HALO + n]; }
float mid_at(int n) { return mid[8 + n]; }

float half_way(LimiterDesign d, int n) {
  float sum = 0.0;
  for (int j = HALF_TAPS - 1; j >= 0; j--)
    sum = sum + d.half_taps[j] * (frame_at(n - j) + frame_at(n + 1 + j));
  return sum;
}

/* The larger magnitude of the points between two neighbours of the 2x signal. */
float between(LimiterDesign d, float left[8], float right[8]) {
  float peak = 0.0;
  for (int p = 0; p < 4; p++) {
    float e = 0.0, o = 0.0;
    for (int i = 0; i < 8; i++) {
      e = e + d.even[8 * p + i] * (left[i] + right[i]);
      o = o + d.odd[8 * p + i] * (left[i] - right[i]);
    }
    peak = max_float(peak, abs_bits(e) + abs_bits(o));
  }
  return peak;
}

float between_ebu(LimiterDesign d, int n) {
  float q = 0.0, o = 0.0, h = 0.0;
  for (int i = 0; i < d.ebu_taps; i++) {
    const float left = frame_at(n - d.ebu_taps + 1 + i), right = frame_at(n + d.ebu_taps - i);
    const float sum = left + right, difference = left - right;
    q = q + d.ebu_even[i] * sum;
    o = o + d.ebu_odd[i] * difference;
    h = h + d.ebu_even[EBU_MAX_TAPS + i] * sum;
  }
  const float quarter = d.ebu_phases == 3 ? abs_bits(q) + abs_bits(o) : 0.0;
  return max_float(quarter, abs_bits(h));
}

/* Largest magnitude in [n, n + 1). */
float interval_peak(LimiterDesign d, int n) {
  float peak = max_float(abs_bits(frame_at(n)), abs_bits(mid_at(n)));
  float left[8], right[8];
  for (int i = 0; i < 8; i++) {
    const bool odd = (i & 1) == 1;
    left[i] = odd ? frame_at(n - (7 - i) / 2) : mid_at(n - 1 - (6 - i) / 2);
    right[i] = odd ? mid_at(n + (7 - i) / 2) : frame_at(n + 1 + (6 - i) / 2);
  }
  peak = max_float(peak, between(d, left, right));
  for (int i = 0; i < 8; i++) {
    const bool odd = (i & 1) == 1;
    left[i] = odd ? mid_at(n - (7 - i) / 2) : frame_at(n - (6 - i) / 2);
    right[i] = odd ? frame_at(n + 1 + (7 - i) / 2) : mid_at(n + 1 + (6 - i) / 2);
  }
  peak = max_float(peak, between(d, left, right));
  if (d.ebu_phases != 0) peak = max_float(peak, between_ebu(d, n));
  return peak;
}

/* Levels of a block's control points, all channels linked, into `level`. */
void detect(StageIo io, LimiterDesign d, uvec2 audio, I32 level) {
  const int block = block_index(), t = int(gl_LocalInvocationID.x);
  if (block >= io.n_blocks) return;
  linked[t] = 0u;
  for (int c = 0; c < io.channels; c++) {
    F32 x = F32(address_of(audio, uint(c), uint(io.stride)));
    barrier();
    for (int i = t; i < BLOCK_FRAMES + 2 * DETECT_HALO; i += 256)
      window[i] = load_frame(x, io.n_frames, block * BLOCK_FRAMES - DETECT_HALO + i);
    barrier();
    for (int i = t; i < MID; i += 256) mid[i] = half_way(d, i - 8);
    barrier();
    for (int n = t; n < BLOCK_FRAMES; n += 256)
      atomicMax(linked[uint(n) / uint(d.step_)], floatBitsToUint(interval_peak(d, n)));
  }
  barrier();
  if (t < d.points) level.v[block * d.points + t] = peak_level(uintBitsToFloat(linked[t]));
}
