/* SPDX-License-Identifier: MIT
 * Integer levels against libm, the spline's weights and the block energies. */
#include "level.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "oracle.h"
#include "stage.h"

#define SEED UINT64_C(7002)
#define Q24 16777216

/* The claims of level.h. log2: minimax error of the polynomial and ten floors of 2^-30,
 * each damped by the Horner steps after it, then half a unit of 2^-24 (3.0e-8). */
static const double LOG2_ERROR = 4.2e-8;
/* exp2: half a unit of the mantissa at most, 2^-24 = 5.96e-8 where the mantissa is 1; the
 * polynomial and its floors (2^-30) add 0.04e-8 there. */
static const double EXP2_ERROR = 6.0e-8;

static double log2_error(uint bits) {
  return fabs(level_log2(bits) / (double)Q24 - log2((double)uintBitsToFloat(bits)));
}

static void test_log2(void **unused) {
  (void)unused;
  uint64_t seed = SEED;
  double worst = 0;
  for (int i = 0; i < 4000000; i++) { /* any normal float */
    const uint bits = 0x00800000u + (uint)(oracle_next(&seed) % (0x7f800000u - 0x00800000u));
    worst = fmax(worst, log2_error(bits));
  }
  for (uint bits = 0x3f800000u; bits < 0x40000000u; bits++) /* a whole octave */
    worst = fmax(worst, log2_error(bits));
  print_message("log2: worst error %.3g\n", worst);
  assert_true(worst <= LOG2_ERROR);
}

static void test_log2_exact(void **unused) {
  (void)unused;
  for (int e = -126; e < 128; e++)
    assert_int_equal(level_log2(floatBitsToUint(ldexpf(1, e))), e * Q24);
  const float small[] = {0, FLT_MIN, FLT_MIN / 2, 1e-45f};
  for (int i = 0; i < 4; i++) assert_int_equal(level_log2(floatBitsToUint(small[i])), -126 * Q24);
}

static void test_log2_monotone(void **unused) {
  (void)unused;
  for (uint bits = 0x3f000000u, n = 0; n < 2 * 0x800000u; n++, bits++) /* two octaves */
    assert_true(level_log2(bits + 1) >= level_log2(bits));
  for (int e = 1; e < 254; e++) /* the border between octaves, all exponents */
    for (uint bits = ((uint)e << 23) + 0x7fff00u; bits < ((uint)(e + 1) << 23) + 0x100u; bits++)
      assert_true(level_log2(bits + 1) >= level_log2(bits));
}

static void test_exp2(void **unused) {
  (void)unused;
  uint64_t seed = SEED;
  double worst = 0;
  for (int i = 0; i < 4000000; i++) {
    const int q = (int)((int64_t)(oracle_next(&seed) % (UINT64_C(253) * Q24)) - 126 * Q24);
    const double want = exp2(q / (double)Q24);
    worst = fmax(worst, fabs(level_exp2(q) - want) / want);
  }
  for (int q = -Q24; q < 0; q++) { /* a whole octave */
    const double want = exp2(q / (double)Q24);
    worst = fmax(worst, fabs(level_exp2(q) - want) / want);
  }
  print_message("exp2: worst relative error %.3g\n", worst);
  assert_true(worst <= EXP2_ERROR);
}

static void test_exp2_exact(void **unused) {
  (void)unused;
  for (int e = -126; e < 127; e++) assert_true(level_exp2(e * Q24) == ldexpf(1, e));
  for (int q = -2 * Q24; q < 0; q++) assert_true(level_exp2(q + 1) >= level_exp2(q));
  for (int e = -126; e < 126; e++)
    for (int q = (e + 1) * Q24 - 300; q < (e + 1) * Q24 + 300; q++)
      assert_true(level_exp2(q + 1) >= level_exp2(q));
}

/* There and back: the two errors in octaves, LOG2_ERROR + EXP2_ERROR / ln 2. */
static void test_inverse(void **unused) {
  (void)unused;
  for (int q = -20 * Q24; q < 4 * Q24; q += 997) {
    const double back = level_log2(floatBitsToUint(level_exp2(q))) / (double)Q24;
    assert_true(fabs(back - q / (double)Q24) <= LOG2_ERROR + EXP2_ERROR / log(2));
  }
}

static void test_multiplications(void **unused) {
  (void)unused;
  uint64_t seed = SEED;
  for (int i = 0; i < 1000000; i++) { /* products within 62 bits, floor by remainder */
    const int32_t a = (int32_t)oracle_next(&seed), b = (int32_t)(oracle_next(&seed) >> 34);
    const int64_t product = (int64_t)a * b, low30 = product & 0x3fffffff;
    assert_int_equal(mul_q30(a, b), (product - low30) / (1 << 30));
    const int64_t small = (int64_t)a * (b >> 6), low24 = small & 0xffffff;
    assert_int_equal(mul_q24(a, b >> 6), (small - low24) / (1 << 24));
  }
  assert_int_equal(mul_q30(-1, 1), -1);
  assert_int_equal(mul_q24(-1, 1), -1);
  assert_int_equal(mul_q24(1 << 24, 12345), 12345);
}

/* The follower never passes its goal and always arrives. */
static void test_follower(void **unused) {
  (void)unused;
  const int rates[] = {1, 1118, 27962, 1 << 20, 1 << 24};
  for (int i = 0; i < 5; i++) {
    int r = 0;
    for (int k = 0; k < 100000 && r != 20000; k++) {
      const int next = follow_step(r, 20000, rates[i], 1);
      assert_true(next > r && next <= 20000);
      r = next;
    }
    assert_int_equal(r, 20000);
    for (int k = 0; k < 100000 && r != 0; k++) {
      const int next = follow_step(r, 0, 1, rates[i]);
      assert_true(next < r && next >= 0);
      r = next;
    }
    assert_int_equal(r, 0);
  }
}

/* Cubic B-spline basis, by its definition as a convolution: pieces of |t|. */
static double basis(double t) {
  t = fabs(t);
  if (t >= 2) return 0;
  return t >= 1 ? pow(2 - t, 3) / 6 : 2.0 / 3 - t * t + t * t * t / 2;
}

static void test_spline(void **unused) {
  (void)unused;
  for (int step = 8; step <= 64; step *= 2) {
    float w[4 * 64];
    spline_weights(step, w);
    for (int i = 0; i < step; i++) {
      const double at = (i + 0.5) / step - 0.5; /* from the centre of its own step */
      const int first = 2 * i >= step ? -1 : -2;
      double sum = 0;
      for (int j = 0; j < 4; j++) {
        const double want = basis(at - (first + j));
        assert_true(w[4 * i + j] >= 0);
        /* rounded once to float, half a unit of at most 2^-1 */
        assert_float_equal(w[4 * i + j], want, 0x1.01p-25);
        assert_float_equal(w[4 * i + j], w[4 * (step - 1 - i) + 3 - j], 0);
        sum += w[4 * i + j];
      }
      /* four roundings of at most 2^-25, 2^-25, 2^-27, 2^-27: within one ulp of 1, 2^-23 */
      assert_float_equal(sum, 1, 0x1p-23);
      const float *v = w + 4 * i;
      /* and the float sum of ones: three more roundings of 2^-24 or less */
      assert_float_equal(spline(v[0], v[1], v[2], v[3], 1, 1, 1, 1), 1, 2 * 0x1p-23);
    }
  }
}

static void test_block_energies(void **unused) {
  (void)unused;
  static float x[BLOCK_FRAMES], copy[BLOCK_FRAMES], energy[BLOCK_FRAMES];
  double worst = 0;
  for (int step = 8; step <= 64; step *= 2) {
    for (int trial = 0; trial < 20; trial++) {
      oracle_noise(x, BLOCK_FRAMES, oracle_gain(-6.0 * trial), SEED + (uint64_t)trial);
      for (int i = 0; i < BLOCK_FRAMES; i++) copy[i] = x[i];
      block_energies(x, step, energy);
      for (int k = 0; k < BLOCK_FRAMES / step; k++) {
        const double want = oracle_energy(copy + (size_t)k * step, step);
        worst = fmax(worst, fabs(energy[k] - want) / want);
        /* positive terms: a rounding of the square and one per level of the tree, 2^-24 each */
        assert_true(fabs(energy[k] - want) <= want * (1 + log2(step)) * 0x1.001p-24);
      }
    }
  }
  print_message("block energies: worst relative error %.3g\n", worst);
}

static void test_control_step(void **unused) {
  (void)unused;
  const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  for (int i = 0; i < 6; i++) assert_int_equal(control_step(16, rates[i]), 16 << (i / 2));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_log2),           cmocka_unit_test(test_log2_exact),
      cmocka_unit_test(test_log2_monotone),  cmocka_unit_test(test_exp2),
      cmocka_unit_test(test_exp2_exact),     cmocka_unit_test(test_inverse),
      cmocka_unit_test(test_multiplications), cmocka_unit_test(test_follower),
      cmocka_unit_test(test_spline),         cmocka_unit_test(test_block_energies),
      cmocka_unit_test(test_control_step),
  };
  return cmocka_run_group_tests_name("level", tests, NULL, NULL);
}
