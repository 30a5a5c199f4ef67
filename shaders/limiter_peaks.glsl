/* SPDX-License-Identifier: MIT
 * The true-peak detector: a block's intervals and EDGE on either side. An invocation
 * computes the peaks of 12 intervals, with all their neighbours in registers. */
#extension GL_EXT_control_flow_attributes : require
#include "limiter.glsl"
layout(local_size_x = 87) in;

/* Everything in fours: quad q of `window` holds frames 4 q - DETECT_HALO .., quad q of
 * `mid` the half-way points after frames 4 q - MID_HALO .., quad q of the intervals those
 * after frames 4 q - EDGE .. The last group of intervals reaches past the end. */
#define WINDOW_QUADS ((BLOCK_FRAMES + 2 * DETECT_HALO) / 4)
#define MID_QUADS ((BLOCK_FRAMES + 2 * MID_HALO) / 4)
#define INTERVAL_QUADS ((BLOCK_FRAMES + 2 * EDGE) / 4)
#define INTERVALS 3 /* quads of intervals per invocation: 2 rounds x 87 x 3 >= 520 */
#define FIRST_X ((DETECT_HALO - EDGE) / 4)
#define FIRST_MID ((MID_HALO - EDGE) / 4)
shared vec4 window[WINDOW_QUADS + 2], mid[MID_QUADS + 2];
shared vec4 even[16], odd[16], ebu_even[6], ebu_odd[6];
shared uint linked[2 * 256];

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

/* Raises the peaks of intervals 12 g .. 12 g + 11 to those of the points between. */
void between(int g, int phases, inout vec4 peak[INTERVALS]) {
  vec4 x[INTERVALS + 2], m[INTERVALS + 2];
  [[unroll]] for (int q = 0; q < INTERVALS + 2; q++) {
    x[q] = window[FIRST_X - 1 + INTERVALS * g + q];
    m[q] = mid[FIRST_MID - 1 + INTERVALS * g + q];
  }
  for (int p = 0; p < phases; p++) {
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
    x[q] = window[FIRST_X - 2 + INTERVALS * g + q];
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
    x[q] = window[FIRST_X - 3 + INTERVALS * g + q];
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

/* Point of the block that the intervals after frames n .. n + 3 count for; -1: none. */
int point_of(StageIo io, int points, uint step, int block, int n) {
  if (n < 0) return block == 0 && n >= -EDGE ? 0 : -1;
  if (n < BLOCK_FRAMES) return int(uint(n) / step);
  return block == io.n_blocks - 1 && n < BLOCK_FRAMES + EDGE ? points - 1 : -1;
}

/* Raises a part of `linked` to the peaks of intervals 12 g .. 12 g + 11. */
void link_peaks(StageIo io, LimiterDesign d, int again, int block, int part, int g) {
  const int points = d.points, ebu_phases = d.ebu_phases;
  const uint step = uint(d.step_);
  vec4 peak[INTERVALS];
  [[unroll]] for (int q = 0; q < INTERVALS; q++)
    peak[q] = max_float(abs_bits(window[FIRST_X + INTERVALS * g + q]),
                        abs_bits(mid[FIRST_MID + INTERVALS * g + q]));
  between(g, d.phases[again], peak);
  if (ebu_phases == 3) between_ebu_6(g, peak);
  if (ebu_phases == 1) between_ebu_12(g, peak);
  [[unroll]] for (int q = 0; q < INTERVALS; q++) {
    const int k = point_of(io, points, step, block, 4 * (INTERVALS * g + q) - EDGE);
    const float most = max_float(max_float(peak[q].x, peak[q].y), max_float(peak[q].z, peak[q].w));
    if (k >= 0) atomicMax(linked[256 * part + k], floatBitsToUint(most));
  }
}

/* The half-way points around a block, from two blocks of the ring. */
void load_mids(StageIo io, int block, int channel) {
  const int shift = (MID_SHIFT - MID_HALO) / 4, in_block = BLOCK_FRAMES / 4;
  F32x4 own = F32x4(limiter_mids(io, block, channel));
  F32x4 next = F32x4(limiter_mids(io, block + 1, channel));
  for (int q = int(gl_LocalInvocationID.x); q < MID_QUADS; q += 87) {
    if (q + shift < in_block) mid[q] = own.v[q + shift];
    else mid[q] = next.v[q + shift - in_block];
  }
}

/* The levels of a group from its part of `linked`, which is cleared: every invocation has points
 * of its own. */
void store_levels(StageIo io, LimiterDesign d, uint section, int group, int part) {
  const int points = d.points, at = block_index() * points;
  I32 level = limiter_section(io, d, section, group);
  for (int k = int(gl_LocalInvocationID.x); k < points; k += 87) {
    level.v[at + k] = peak_level(uintBitsToFloat(linked[256 * part + k]));
    linked[256 * part + k] = 0u;
  }
}

/* Levels of a block's control points into `section`; `again`: of the output. */
void detect(StageIo io, LimiterDesign d, uvec2 audio, int again, uint section) {
  const int block = block_index(), t = int(gl_LocalInvocationID.x), size = 87;
  if (block >= io.n_blocks) return;
  const int groups = d.groups;
  if (t < 16) even[t] = d.even[16 * again + t], odd[t] = d.odd[16 * again + t];
  if (t < 6) ebu_even[t] = d.ebu_even[t], ebu_odd[t] = d.ebu_odd[t];
  for (int k = t; k < 2 * 256; k += size) linked[k] = 0u;
  for (int c = 0; c < io.channels; c++) {
    F32x4 x = F32x4(address_of(audio, uint(c), uint(io.stride)));
    const int part = groups > 2 ? 0 : d.group_of[c];
    barrier();
    for (int q = t; q < WINDOW_QUADS; q += size)
      window[q] = load_quad(x, io.n_frames, block * BLOCK_FRAMES - DETECT_HALO + 4 * q);
    load_mids(io, block, c);
    barrier();
    for (int g = t; INTERVALS * g < INTERVAL_QUADS; g += size)
      link_peaks(io, d, again, block, part, g);
    if (groups > 2) { /* every channel is a group: one after the other in the same place */
      barrier();
      store_levels(io, d, section, c, 0);
    }
  }
  barrier();
  for (int group = 0; group < groups && groups <= 2; group++)
    store_levels(io, d, section, group, group);
}
