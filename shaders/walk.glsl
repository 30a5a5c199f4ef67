/* SPDX-License-Identifier: MIT
 * Sixteen control points at a time for a pass that walks them in order: it loads the next
 * ones before it works on these, or every point would wait for memory. */
#extension GL_EXT_control_flow_attributes : require

#define WALK 16 /* divides the points of a block */
struct Points {
  ivec4 v[WALK / 4];
};

/* Points from `at` on; any when they lie behind the end. */
Points load_points(I32x4 from, int at, int end) {
  Points x;
  at = min_int(at, end - WALK);
  [[unroll]] for (int i = 0; i < WALK / 4; i++) x.v[i] = from.v[(at >> 2) + i];
  return x;
}

void store_points(I32x4 to, int at, Points x) {
  [[unroll]] for (int i = 0; i < WALK / 4; i++) to.v[(at >> 2) + i] = x.v[i];
}
