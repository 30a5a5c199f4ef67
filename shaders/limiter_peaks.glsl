/* SPDX-License-Identifier: MIT
 * The true-peak detector: 2048 intervals of a block. An invocation computes 24 half-way
 * points at a time, then the peaks of 12 intervals, with all their neighbours in
 * registers. */
#extension GL_EXT_control_flow_attributes : require
#include "limiter.glsl"
layout(local_size_x = 86) in;

/* Everything in fours: quad q of `window` holds frames 4 q - DETECT_HALO .., quad q of
 * `mid` the half-way points after frames 4 q - 8 .. */
#define WINDOW_QUADS ((BLOCK_FRAMES + 2 * DETECT_HALO) / 4)
#define MID_QUADS 516
#define POINTS 6    /* quads of half-way points per invocation: 86 x 6 = 516 */
#define INTERVALS 3 /* quads of intervals */
shared vec4 window[WINDOW_QUADS], mid[MID_QUADS];
shared vec4 half_taps[HALF_TAPS / 4], even[8], odd[8], ebu_even[6], ebu_odd[6];
shared uint linked[256];

/* Quads 6 t .. 6 t + 5 of mid, summed from the farthest taps to the nearest. */
void half_way(int t) {
  const int at = DETECT_HALO / 4 - 2 + POINTS * t; /* the frames before the points */
  vec4 sum[POINTS], left[POINTS + 1], right[POINTS + 1];
  [[unroll]] for (int q = 0; q < POINTS; q++) {
    sum[q] = vec4(0.0);
    left[q + 1] = window[at - HALF_TAPS / 4 + q];
    right[q] = window[at + HALF_TAPS / 4 + q];
  }
  for (int j = HALF_TAPS / 4 - 1; j >= 0; j--) { /* taps 4 j + 3 down to 4 j */
    [[unroll]] for (int q = 0; q < POINTS; q++) left[q] = left[q + 1];
    [[unroll]] for (int q = POINTS; q > 0; q--) right[q] = right[q - 1];
    left[POINTS] = window[at - j + POINTS - 1];
    right[0] = window[at + j];
    const vec4 h = half_taps[j];
    [[unroll]] for (int q = 0; q < POINTS; q++) {
      const vec4 a = left[q], b = left[q + 1], c = right[q], d = right[q + 1];
      sum[q] = sum[q] + h.w * (FROM_1(vec4, a, b) + d);
      sum[q] = sum[q] + h.z * (FROM_2(vec4, a, b) + FROM_3(vec4, c, d));
      sum[q] = sum[q] + h.y * (FROM_3(vec4, a, b) + FROM_2(vec4, c, d));
      sum[q] = sum[q] + h.x * (b + FROM_1(vec4, c, d));
    }
  }
  [[unroll]] for (int q = 0; q < POINTS; q++) mid[POINTS * t + q] = sum[q];
}

/* One term of the sums for a phase and its mirror image. */
#define TERM(e, o, h_even, h_odd, left, right) \
  {                                            \
    const vec4 l = left, r = right;            \
    e = e + (h_even) * (l + r);                \
    o = o + (h_odd) * (l - r);                 \
  }

/* The eight terms, from far to near; z[i] and z[15 - i] are neighbours of the 2x signal. */
vec4 phase_peak(vec4 e0, vec4 e1, vec4 o0, vec4 o1, vec4 z[16]) {
  vec4 e = vec4(0.0), o = vec4(0.0);
  TERM(e, o, e0.x, o0.x, z[0], z[15])
  TERM(e, o, e0.y, o0.y, z[1], z[14])
  TERM(e, o, e0.z, o0.z, z[2], z[13])
  TERM(e, o, e0.w, o0.w, z[3], z[12])
  TERM(e, o, e1.x, o1.x, z[4], z[11])
  TERM(e, o, e1.y, o1.y, z[5], z[10])
  TERM(e, o, e1.z, o1.z, z[6], z[9])
  TERM(e, o, e1.w, o1.w, z[7], z[8])
  return abs_bits(e) + abs_bits(o);
}

/* Raises the peaks of intervals 12 g .. 12 g + 11 to those of the 16x points. */
void between(int g, inout vec4 peak[INTERVALS]) {
  vec4 x[INTERVALS + 2], m[INTERVALS + 2];
  [[unroll]] for (int q = 0; q < INTERVALS + 2; q++) {
    x[q] = window[DETECT_HALO / 4 - 1 + INTERVALS * g + q];
    m[q] = mid[1 + INTERVALS * g + q];
  }
  for (int p = 0; p < 4; p++) {
    const vec4 e0 = even[2 * p], e1 = even[2 * p + 1], o0 = odd[2 * p], o1 = odd[2 * p + 1];
    [[unroll]] for (int q = 0; q < INTERVALS; q++) {
      const vec4 a = x[q], b = x[q + 1], c = x[q + 2];
      const vec4 i = m[q], j = m[q + 1], k = m[q + 2];
      const vec4 z[16] = vec4[](
          i, FROM_1(vec4, a, b), FROM_1(vec4, i, j), FROM_2(vec4, a, b), FROM_2(vec4, i, j),
          FROM_3(vec4, a, b), FROM_3(vec4, i, j), b, j, FROM_1(vec4, b, c), FROM_1(vec4, j, k),
          FROM_2(vec4, b, c), FROM_2(vec4, j, k), FROM_3(vec4, b, c), FROM_3(vec4, j, k), c);
      const vec4 y[16] = vec4[](z[1], z[2], z[3], z[4], z[5], z[6], z[7], z[8], z[9], z[10],
                                z[11], z[12], z[13], z[14], z[15], k);
      peak[q] = max_float(peak[q], phase_peak(e0, e1, o0, o1, z));
      peak[q] = max_float(peak[q], phase_peak(e0, e1, o0, o1, y));
    }
  }
}

/* Tap `i` of quad `taps`: the quarter points and the one half way. */
#define TERM_3(i, taps, left, right)            \
  TERM(e, o, e##taps.i, o##taps.i, left, right) \
  h = h + h##taps.i * (left + right);

/* libebur128's points at 4x: 6 taps a side. */
void between_ebu_6(int g, inout vec4 peak[INTERVALS]) {
  vec4 x[INTERVALS + 4];
  [[unroll]] for (int q = 0; q < INTERVALS + 4; q++)
    x[q] = window[DETECT_HALO / 4 - 2 + INTERVALS * g + q];
  const vec4 e0 = ebu_even[0], e1 = ebu_even[1], o0 = ebu_odd[0], o1 = ebu_odd[1];
  const vec4 h0 = ebu_even[3], h1 = ebu_even[4];
  [[unroll]] for (int q = 0; q < INTERVALS; q++) {
    const vec4 a = x[q], b = x[q + 1], c = x[q + 2], d = x[q + 3], f = x[q + 4];
    vec4 e = vec4(0.0), o = vec4(0.0), h = vec4(0.0);
    TERM_3(x, 0, FROM_3(vec4, a, b), FROM_2(vec4, d, f))
    TERM_3(y, 0, b, FROM_1(vec4, d, f))
    TERM_3(z, 0, FROM_1(vec4, b, c), d)
    TERM_3(w, 0, FROM_2(vec4, b, c), FROM_3(vec4, c, d))
    TERM_3(x, 1, FROM_3(vec4, b, c), FROM_2(vec4, c, d))
    TERM_3(y, 1, c, FROM_1(vec4, c, d))
    peak[q] = max_float(peak[q], max_float(abs_bits(e) + abs_bits(o), abs_bits(h)));
  }
}

/* The same at 2x: 12 taps a side. */
void between_ebu_12(int g, inout vec4 peak[INTERVALS]) {
  vec4 x[INTERVALS + 6];
  [[unroll]] for (int q = 0; q < INTERVALS + 6; q++)
    x[q] = window[DETECT_HALO / 4 - 3 + INTERVALS * g + q];
  [[unroll]] for (int q = 0; q < INTERVALS; q++) {
    vec4 h = vec4(0.0);
    [[unroll]] for (int i = 0; i < 3; i++) {
      const vec4 a = x[q + i], b = x[q + i + 1], c = x[q - i + 5], d = x[q - i + 6];
      h = h + ebu_even[3 + i].x * (FROM_1(vec4, a, b) + d);
      h = h + ebu_even[3 + i].y * (FROM_2(vec4, a, b) + FROM_3(vec4, c, d));
      h = h + ebu_even[3 + i].z * (FROM_3(vec4, a, b) + FROM_2(vec4, c, d));
      h = h + ebu_even[3 + i].w * (b + FROM_1(vec4, c, d));
    }
    peak[q] = max_float(peak[q], abs_bits(h));
  }
}

/* Raises `linked` to the peaks of intervals 12 g .. 12 g + 11. */
void link_peaks(uint step, int ebu_phases, int g) {
  vec4 peak[INTERVALS];
  [[unroll]] for (int q = 0; q < INTERVALS; q++)
    peak[q] = max_float(abs_bits(window[DETECT_HALO / 4 + INTERVALS * g + q]),
                        abs_bits(mid[2 + INTERVALS * g + q]));
  between(g, peak);
  if (ebu_phases == 3) between_ebu_6(g, peak);
  if (ebu_phases == 1) between_ebu_12(g, peak);
  [[unroll]] for (int q = 0; q < INTERVALS; q++) {
    const int n = 4 * (INTERVALS * g + q);
    const float most = max_float(max_float(peak[q].x, peak[q].y), max_float(peak[q].z, peak[q].w));
    if (n < BLOCK_FRAMES) atomicMax(linked[uint(n) / step], floatBitsToUint(most));
  }
}

/* Levels of a block's control points, all channels linked, into `level`. */
void detect(StageIo io, LimiterDesign d, uvec2 audio, I32 level) {
  const int block = block_index(), t = int(gl_LocalInvocationID.x), size = 86;
  if (block >= io.n_blocks) return;
  const int ebu_phases = d.ebu_phases, points = d.points;
  const uint step = uint(d.step_);
  if (t < HALF_TAPS / 4) half_taps[t] = d.half_taps[t];
  if (t < 8) even[t] = d.even[t], odd[t] = d.odd[t];
  if (t < 6) ebu_even[t] = d.ebu_even[t], ebu_odd[t] = d.ebu_odd[t];
  for (int k = t; k < points; k += size) linked[k] = 0u;
  for (int c = 0; c < io.channels; c++) {
    F32x4 x = F32x4(address_of(audio, uint(c), uint(io.stride)));
    barrier();
    for (int q = t; q < WINDOW_QUADS; q += size)
      window[q] = load_quad(x, io.n_frames, block * BLOCK_FRAMES - DETECT_HALO + 4 * q);
    barrier();
    half_way(t);
    barrier();
    for (int g = t; INTERVALS * g < BLOCK_FRAMES / 4; g += size) link_peaks(step, ebu_phases, g);
  }
  barrier();
  for (int k = t; k < points; k += size)
    level.v[block * points + k] = peak_level(uintBitsToFloat(linked[k]));
}
