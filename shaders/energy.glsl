/* SPDX-License-Identifier: MIT
 * Twin of block_energies (dsp-reference/level.c) for a workgroup of 128. The squares of
 * a block's frames lie in pairs in the shared array `points`. JOIN may stand for something
 * else than a sum. */
#ifndef JOIN
#define JOIN(a, b) ((a) + (b))
#endif

/* Sums by halves until a control point is left with four pairs; begins and ends with a
 * barrier. step is at least 8. */
void halve_squares(uint step) {
  const uint t = gl_LocalInvocationID.x;
  uint n = 512u; /* sums of this round */
  barrier();
  for (uint half_n = step / 4u; half_n > 2u; half_n /= 2u, n /= 2u) {
    vec2 sum[4];
    [[unroll]] for (uint e = 0u; e < 4u; e++) {
      const uint i = t + 128u * e, at = 2u * i - i % half_n;
      sum[e] = i < n ? JOIN(points[at], points[at + half_n]) : vec2(0.0);
    }
    barrier();
    [[unroll]] for (uint e = 0u; e < 4u; e++) points[t + 128u * e] = sum[e];
    barrier();
  }
}

float energy_of_point(int k) {
  const vec2 sum = JOIN(JOIN(points[4 * k], points[4 * k + 2]),
                        JOIN(points[4 * k + 1], points[4 * k + 3]));
  return JOIN(sum.x, sum.y);
}
