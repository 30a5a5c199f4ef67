/* SPDX-License-Identifier: MIT
 * The points half way between a block's frames: transform, filter and back, all in one
 * workgroup, as the filter has one partition. */
#include "convolve.glsl"
#include "limiter.glsl"

shared vec2 near[HIGH_BINS + 2]; /* bins from Nyquist down */
shared float high[HIGH_BINS];

/* a = X[k], b = X[2048 - k], k > 0: both through the filter. */
vec2 filtered(vec2 x, F32 h, int k) {
  const vec2 b = vec2(h.v[k], h.v[FFT_POINTS + k]);
  return vec2(0.0) + vec2(x.x * b.x - x.y * b.y, x.x * b.y + x.y * b.x);
}

/* Energy of the Hann-windowed bin g + 1 below Nyquist, one per invocation. */
float high_bin(int g) {
  const vec2 a = flush_tiny(0.5 * near[g + 1] - 0.25 * (near[g + 2] + near[g]));
  return a.x * a.x + a.y * a.y;
}

/* Sets z[8 + k] to the points 2 (g + 128 k) and the one after it. */
void half_way(F32 tw, F32 h, F32x2 from, int n_frames, int block, out vec2 z[16]) {
  const int g = int(gl_LocalInvocationID.x), begin = (block - 1) * CONV_BLOCK;
  [[unroll]] for (int k = 0; k < 16; k++)
    z[k] = load_pair(from, n_frames, begin + 2 * (g + 128 * k));
  fft2048(tw, z);
  share_upper(z);
  [[unroll]] for (int j = 0; j < 8; j++) {
    const int k = g + 128 * j, m = FFT_POINTS - k;
    const vec2 a = z[j], b = k == 0 ? a : POINT(m), w = FINE(k);
    vec2 x, y;
    FFT_SPLIT(float, a.x, a.y, b.x, b.y, w.x, w.y, x.x, x.y, y.x, y.y)
    if (k == 0) y.y = 0.0; /* Nyquist */
    if (k < HIGH_BINS + 2) near[k] = y;
    if (k == 0) {
      x = vec2(0.0) + vec2(x.x * h.v[0], 0.0);
      y = vec2(0.0) + vec2(y.x * h.v[FFT_POINTS], 0.0);
    } else {
      x = filtered(x, h, k);
      y = filtered(y, h, m);
    }
    conv_merge(x, y, w);
    z[j] = x;
    POINT(m) = y;
  }
  if (g == 0) {
    const vec2 a = z[8], w = FINE(FFT_POINTS / 2);
    vec2 x, y;
    FFT_SPLIT(float, a.x, a.y, a.x, a.y, w.x, w.y, x.x, x.y, y.x, y.y)
    x = filtered(x, h, FFT_POINTS / 2);
    y = x;
    conv_merge(x, y, w);
    POINT(FFT_POINTS / 2) = x;
  }
  barrier();
  if (g < HIGH_BINS) high[g] = high_bin(g);
  [[unroll]] for (int j = 8; j < 16; j++) z[j] = POINT(g + 128 * j);
  fft2048(tw, z);
  [[unroll]] for (int k = 8; k < 16; k++) z[k] = z[k].yx;
}

/* One block of `audio` to the ring, and its level next to Nyquist if `measure_high`. */
void half_way_block(StageIo io, LimiterDesign d, uvec2 audio, bool measure_high) {
  const int block = block_index(), c = column_index(), g = int(gl_LocalInvocationID.x);
  if (block > io.n_blocks) return;
  const uvec2 design = uvec2(d);
  F32x2 from = F32x2(address_of(audio, uint(c), uint(io.stride)));
  vec2 z[16];
  half_way(F32(word_address(design, LIMITER_TWIDDLE)), F32(word_address(design, LIMITER_HALF_WAY)),
           from, io.n_frames, block, z);
  F32x2 to = F32x2(limiter_mids(io, block, c));
  [[unroll]] for (int k = 0; k < 8; k++) to.v[g + 128 * k] = z[8 + k];
  if (!measure_high || block >= io.n_blocks) return;
  float energy = 0.0;
  for (int k = 0; k < HIGH_BINS; k++) energy = energy + high[k];
  const int points = d.points, level = high_level(energy);
  I32 to_high = limiter_section(io, d, LIMITER_HIGH, c);
  for (int k = g; k < points; k += 128) to_high.v[block * points + k] = level;
}
