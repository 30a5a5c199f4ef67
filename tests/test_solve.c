/* SPDX-License-Identifier: MIT
 * The loudness search on synthetic limiters: linear, saturating, kinked, flat. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "solve.h"

#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

/* Loudness over drive of a track of `start` LUFS; `top`: where limiting begins. */
typedef double curve(double drive_db, double start, double top);

static double linear(double drive_db, double start, double top) {
  (void)top;
  return start + drive_db;
}

/* Never quite reaches top: the slope falls smoothly from 1 to 0. */
static double saturating(double drive_db, double start, double top) {
  const double wanted = start + drive_db;
  return wanted - log1p(exp(wanted - top));
}

/* Slope 1, then 1/4. */
static double kinked(double drive_db, double start, double top) {
  const double wanted = start + drive_db;
  return wanted < top ? wanted : top + (wanted - top) / 4;
}

/* Slope 1, then none. */
static double flat(double drive_db, double start, double top) {
  return fmin(start + drive_db, top);
}

/* As kinked, but a gate opens on the way: a step of 0.3 LU. */
static double stepped(double drive_db, double start, double top) {
  return kinked(drive_db, start, top) + (drive_db > 3 ? 0.3 : 0);
}

/* Limiting in two stages, slopes 1, 0.6 and 0.25. */
static double bent_twice(double drive_db, double start, double top) {
  const double wanted = start + drive_db;
  if (wanted < top - 3) return wanted;
  if (wanted < top + 2) return top - 3 + 0.6 * (wanted - top + 3);
  return top + 0.25 * (wanted - top - 2);
}

struct outcome {
  struct solve solve;
  double best_error, highest_drive, lowest_drive;
  int calls;
};

static struct outcome search_below(curve *f, double target, double start, double top,
                                   double max_drive) {
  struct outcome o = {.best_error = HUGE_VAL, .highest_drive = -HUGE_VAL,
                      .lowest_drive = HUGE_VAL};
  bool again = true;
  solve_begin(&o.solve, &(struct solve_goal){target, max_drive}, start);
  while (again) {
    const double drive = o.solve.drive_db, lufs = f(drive, start, top);
    assert_true(isfinite(drive));
    o.best_error = fmin(o.best_error, fabs(target - lufs));
    o.highest_drive = fmax(o.highest_drive, drive);
    o.lowest_drive = fmin(o.lowest_drive, drive);
    o.calls++;
    assert_true(o.calls <= SOLVE_MAX_STEPS);
    again = solve_next(&o.solve, lufs);
  }
  assert_int_equal(o.calls, o.solve.steps);
  /* What it ends with is the best that it has seen, and it says so. */
  assert_true(fabs(f(o.solve.drive_db, start, top) - o.solve.loudness_lufs) < 1e-12);
  assert_true(fabs(fabs(target - o.solve.loudness_lufs) - o.best_error) < 1e-12);
  assert_int_equal(o.solve.reached, o.best_error <= SOLVE_TOLERANCE);
  assert_int_equal(o.solve.reached, o.solve.limit == SOLVE_MET);
  assert_true(o.highest_drive <= max_drive);
  return o;
}

static struct outcome search(curve *f, double target, double start, double top) {
  return search_below(f, target, start, top, SOLVE_MAX_DRIVE_DB);
}

static void linear_in_one_step(void **state) {
  (void)state;
  for (double start = -60; start <= -6; start += 1.7)
    for (double target = -40; target <= -5; target += 2.3) {
      const struct outcome o = search(linear, target, start, 0);
      assert_true(o.solve.reached);
      assert_int_equal(o.calls, 1);
      assert_true(fabs(o.solve.drive_db - (target - start)) < 1e-9);
    }
}

/* Every target that a curve can reach with at most 24 dB of drive is reached. */
static void reachable(void **state) {
  (void)state;
  static curve *const curves[] = {saturating, kinked, bent_twice};
  int worst[COUNT(curves)] = {0};
  for (int c = 0; c < COUNT(curves); c++)
    for (double start = -30; start <= -12; start += 1.5)
      for (double top = -16; top <= -6; top += 0.7)
        for (double target = -20; target <= -6; target += 0.5) {
          const bool possible = curves[c](24, start, top) >= target;
          /* Where less than 0.1 LU comes of a decibel the search may give up. */
          const bool dead =
              possible && curves[c](24, start, top) - curves[c](23, start, top) < 0.1 &&
              target > curves[c](12, start, top);
          if (!possible || dead) continue;
          const struct outcome o = search(curves[c], target, start, top);
          if (!o.solve.reached)
            fail_msg("curve %d, start %g, top %g, target %g: error %g after %d steps", c, start,
                     top, target, o.best_error, o.calls);
          if (o.calls > worst[c]) worst[c] = o.calls;
        }
  print_message("  most steps: saturating %d, kinked %d, bent twice %d\n", worst[0], worst[1],
                worst[2]);
}

static void unreachable(void **state) {
  (void)state;
  for (double start = -30; start <= -12; start += 2)
    for (double over = 0.2; over <= 6; over += 0.4) {
      const double top = -11, target = top + over;
      const struct outcome o = search(flat, target, start, top);
      assert_false(o.solve.reached);
      /* It stops soon, with what there is. */
      assert_true(o.calls <= 4);
      assert_true(fabs(o.solve.loudness_lufs - top) < 1e-9);
      assert_int_equal(o.solve.limit, SOLVE_CEILING);
    }
}

/* A bound on the drive changes nothing where the target lies below it, and is what the
 * search ends with, and names, where the target lies above. */
static void bounded(void **state) {
  (void)state;
  static curve *const curves[] = {linear, saturating, kinked, bent_twice};
  int met = 0, stopped = 0;
  for (int c = 0; c < COUNT(curves); c++)
    for (double start = -30; start <= -12; start += 2.3)
      for (double target = -20; target <= -6; target += 0.9)
        for (double bound = -12.05; bound <= 20; bound += 1.7) {
          const double there = curves[c](bound, start, -12);
          if (fabs(there - target) <= SOLVE_TOLERANCE) continue;
          const struct outcome o = search_below(curves[c], target, start, -12, bound);
          if (there < target && o.solve.limit == SOLVE_CEILING) {
            assert_true(there - o.solve.loudness_lufs < 0.3); /* the curve is flat by then */
          } else if (there < target) {
            assert_true(o.solve.drive_db == bound);
            assert_int_equal(o.solve.limit, SOLVE_REDUCTION);
            stopped++;
          } else {
            if (!o.solve.reached) fail_msg("curve %d, start %g, target %g, bound %g", c, start,
                                           target, bound);
            met++;
          }
        }
  print_message("  met %d, stopped by the bound %d\n", met, stopped);
  assert_true(met > 100 && stopped > 100);
}

static void greatest_drive(void **state) {
  (void)state;
  assert_true(fabs(solve_max_drive(3, -1, -4) - 5.99) < 1e-12);
  assert_true(fabs(solve_max_drive(0, -1, 2) + 3.01) < 1e-12); /* no limiting at all */
  assert_true(solve_max_drive(NAN, -1, -4) == SOLVE_MAX_DRIVE_DB);
  assert_true(solve_max_drive(3, -1, -HUGE_VAL) == SOLVE_MAX_DRIVE_DB);
  assert_true(solve_max_drive(3, -1, -70) == SOLVE_MAX_DRIVE_DB);
  assert_true(solve_max_drive(0, -1, 90) == -SOLVE_MAX_DRIVE_DB);
}

static void names(void **state) {
  (void)state;
  for (int i = SOLVE_MET; i <= SOLVE_JUMP; i++)
    for (int k = SOLVE_MET; k < i; k++)
      assert_string_not_equal(solve_limit_name((enum solve_limit)i),
                              solve_limit_name((enum solve_limit)k));
}

/* A target inside a step does not exist: the nearer side is taken. */
static void step(void **state) {
  (void)state;
  const struct outcome o = search(stepped, -16.85, -20, -10);
  assert_false(o.solve.reached);
  assert_int_equal(o.solve.limit, SOLVE_JUMP);
  assert_true(o.best_error <= 0.15 + SOLVE_TOLERANCE);
  const struct outcome beside = search(stepped, -15, -20, -10);
  assert_true(beside.solve.reached);
}

static void drive_bounds(void **state) {
  (void)state;
  static curve *const curves[] = {linear, saturating, kinked, flat, bent_twice};
  for (int c = 0; c < COUNT(curves); c++)
    for (double start = -70; start <= 5; start += 5)
      for (double target = -40; target <= -5; target += 5) {
        const struct outcome o = search(curves[c], target, start, -9);
        /* The first try is the difference itself, at most 65 dB; every other one is
         * clamped to -60 .. 60. */
        assert_true(o.highest_drive <= fmax(60, target - start));
        assert_true(o.lowest_drive >= -100);
      }
}

/* A quiet track that needs more than the greatest drive, and comes out too loud at the
 * first try: it is turned down to the target, or to the greatest drive. */
static void quiet_track_too_loud(void **state) {
  (void)state;
  const struct outcome o = search(stepped, -14, -60, -5);
  print_message("  drive %.2f dB, error %.2f LU, reached %d\n", o.solve.drive_db, o.best_error,
                o.solve.reached);
  assert_true(o.solve.reached || o.solve.drive_db <= 60);
}

static void octaves(void **state) {
  (void)state;
  assert_int_equal(solve_drive_q20(0), 0);
  for (double db = -100; db <= 65; db += 0.37) {
    const double exact = db / (20 * log10(2)) * 1048576;
    assert_true(fabs(solve_drive_q20(db) - exact) <= 0.5 + 1e-6); /* rounded to nearest */
  }
}

/* What paces 1 to n need: from slow to fast less, and the slow ones do not reach the target. */
static double needed_drive(int pace, int n, double extra_db) {
  return 6 + extra_db * (n - pace) / 30.0;
}

/* Whatever the slowest pace is that reaches the target without too much drive, it is the one that
 * is taken, and few are tried for it. */
static void pace_is_the_slowest(void **state) {
  (void)state;
  static const double extras_db[] = {0, 3.9, 6, 20, 100}; /* 100: more than 4 dB for one pace */
  for (int n = 0; n <= 31; n++)
    for (int e = 0; e < COUNT(extras_db); e++)
      for (int reaches = 1; reaches <= n + 1; reaches++) { /* n + 1: none of them */
        struct pace_choice c;
        int searches = 0, wanted = reaches;
        bool more = true;
        while (wanted < n && needed_drive(wanted, n, extras_db[e]) >
                                 needed_drive(n, n, extras_db[e]) + PACE_MAX_EXTRA_DB)
          wanted++;
        for (pace_begin(&c, 1, n); more; searches++) {
          const struct solve s = {.reached = c.pace >= reaches,
                                  .drive_db = needed_drive(c.pace, n, extras_db[e]),
                                  .linear_db = 5};
          more = pace_next(&c, &s);
          if (more && !isnan(c.fastest_drive_db))
            assert_float_equal(c.fastest_drive_db, needed_drive(c.fastest, n, extras_db[e]), 1e-9);
        }
        assert_int_equal(c.pace, reaches <= n ? wanted : n);
        /* The slowest, at most six halves, the fastest, and once more at the end. */
        assert_true(searches <= 10);
      }
}

/* An ended search says what a whole one would: far from the target, or met. */
static void pace_decided_early(void **state) {
  (void)state;
  struct solve s = {.goal = {-9, 60}, .best_error = 0.04, .best_db = 3, .last_lufs = -9.04,
                    .steps = 2, .slope = 0.5};
  struct pace_choice c;
  pace_begin(&c, 1, 31);
  assert_false(pace_decided(&c, &s)); /* no slower one is left: the search goes on */
  c.pace = 8;
  assert_true(pace_decided(&c, &s) && s.reached && s.drive_db == 3);
  s = (struct solve){.goal = {-9, 60}, .best_error = 2, .best_db = 9, .last_lufs = -11,
                     .steps = 2, .slope = 0.09};
  assert_true(pace_decided(&c, &s) && !s.reached && s.drive_db == 9);
  s.slope = 0.11;
  assert_false(pace_decided(&c, &s)); /* it may come there */
  s.slope = 0.11, s.last_db = 9.5, c.most_drive_db = 9;
  assert_true(pace_decided(&c, &s) && !s.reached); /* by more drive than is allowed */
  s.slope = 0.09, c.pace = c.fastest;
  assert_false(pace_decided(&c, &s)); /* there is no faster one: the best is wanted */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(linear_in_one_step),
      cmocka_unit_test(reachable),
      cmocka_unit_test(unreachable),
      cmocka_unit_test(bounded),
      cmocka_unit_test(greatest_drive),
      cmocka_unit_test(names),
      cmocka_unit_test(step),
      cmocka_unit_test(drive_bounds),
      cmocka_unit_test(quiet_track_too_loud),
      cmocka_unit_test(octaves),
      cmocka_unit_test(pace_is_the_slowest),
      cmocka_unit_test(pace_decided_early),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
