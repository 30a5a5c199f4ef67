/* SPDX-License-Identifier: MIT
 * Every operation that lacquer's arithmetic may use, on one vector per invocation.
 * The C side, the vectors and the order of the results: host/gpu/gpu_selftest.c. */
#version 450
#include "io.glsl"
#include "twin.h"
layout(local_size_x = 256) in;

const int RESULTS = 36; /* words per vector */
struct Vector { float a, b, c, pad; int i, j, k, shift; };
layout(buffer_reference, std430, buffer_reference_align = 16) readonly buffer Vectors {
  Vector at[];
};

uint word = 0u;
I32 result;
void put(int x) { result.v[word++] = x; }
void put(uint x) { put(int(x)); }
void put(float x) { put(int(floatBitsToUint(x))); }

void float_results(float a, float b, float c) {
  put(a + b);
  put(a - b);
  put(a * b);
  put(-a);
  put(abs(a));
  put(floor(a));
  put(ceil(a));
  put(trunc(a));
  put(roundEven(a));
  put(a * b + c);
  put(a * b - c);
  put((a + 12582912.0) - 12582912.0);
  put((a + b) - a);
  float sum = a + b, part = sum - a;
  put((a - (sum - part)) + (b - part));
  put(a * c + b * c);
  put((a + b) * c + (a - b));
  put(int(a < b) | int(a <= b) << 1 | int(a == b) << 2 | int(a != b) << 3 | int(a >= b) << 4 |
      int(a > b) << 5);
  put(a < b ? a : b);
  put(flush_tiny(a * b));
  put(abs(a) < 2147483520.0 ? int(a) : 0);
}

void int_results(int i, int j, int k, int shift) {
  int hi, lo;
  uint u = uint(i), v = uint(j), uhi, ulo, carry, borrow;
  put(i + j);
  put(i * j);
  imulExtended(i, j, hi, lo);
  put(hi);
  put(lo);
  umulExtended(u, v, uhi, ulo);
  put(uhi);
  put(ulo);
  put(i >> shift);
  put(u >> shift);
  put(i << shift);
  put(uaddCarry(u, v, carry) + usubBorrow(u, v, borrow) * 3u + carry * 5u + borrow * 7u);
  put(u / max(uint(k), 1u) + 3u * (u % max(uint(k), 1u)));
  put((i ^ j) & ~k | bitCount(u));
  put(findMSB(u) + 64 * findMSB(i) + 4096 * findLSB(v));
  put(min(i, j) + 3 * max(i, k) + 5 * clamp(j, -100, 1000) + 7 * abs(k >> 1));
  put(float(i >> 7)); /* |int| <= 2^24: exact in float */
  put(float(u >> 8));
}

void main() {
  StageIo io = lane_io();
  if (block_index() >= io.n_blocks) return;
  uint index = uint(block_index()) * 256u + gl_LocalInvocationID.x;
  Vector x = Vectors(io.design).at[index];
  result = I32(io.control);
  word = index * uint(RESULTS);
  float_results(x.a, x.b, x.c);
  int_results(x.i, x.j, x.k, x.shift);
}
