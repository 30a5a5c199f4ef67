/* SPDX-License-Identifier: MIT
 * Gains at audio rate, four frames at a time. */

/* A control step has a multiple of 8 frames: four that begin at a multiple of 4 use the
 * same control points, those from `first` on of the block's, which begin 2 early. */
int first_point(int frame, int step) {
  const int k = int(uint(frame) / uint(step));
  return k + (2 * (frame - k * step) >= step ? 1 : 0);
}

/* Gains of four frames with weights a, b, c and d from the control points p. */
vec4 spline_quad(vec4 a, vec4 b, vec4 c, vec4 d, vec4 p) {
  return vec4(spline(a.x, a.y, a.z, a.w, p.x, p.y, p.z, p.w),
              spline(b.x, b.y, b.z, b.w, p.x, p.y, p.z, p.w),
              spline(c.x, c.y, c.z, c.w, p.x, p.y, p.z, p.w),
              spline(d.x, d.y, d.z, d.w, p.x, p.y, p.z, p.w));
}
