/* SPDX-License-Identifier: MIT
 * detmath against MPFR (error in ulp), exact and special values, and golden
 * hashes of the result bits, which no compiler, CPU or FTZ mode may change. */
#include "detmath.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <mpfr.h>
#include <stdio.h>
#include <string.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#define ARGUMENTS 200000
#define GOLDEN_ARGUMENTS 100000
#define SEED UINT64_C(20240611)
#define COUNT(a) (sizeof(a) / sizeof *(a))

/* The claim of detmath.h. The final rounding is 0.5; the most that is added is in
 * cos near pi/4, where ulp(cos) = 2^-53: the tail z^2/24 <= 0.016 runs in double
 * with six roundings of 2^-53 of itself, 6 * 0.016 < 0.1. */
#define MAX_ULP 0.6

/* An oracle makes at most 2^9 roundings of 2^-80, or one of an exponent below
 * 2^10: within 2^-70 of the value, 2^-17 ulp of a double. */
#define ORACLE_BITS 80
/* sin(pi x) beside an integer cancels up to 53 bits of pi x. */
#define ORACLE_ANGLE_BITS (ORACLE_BITS + 64)

/* ---- oracles: out = f(x, y) ---- */

struct oracle {
    mpfr_t out, x, y, angle;
    mpfr_t ln10; /* constant: mpfr_log10 computes it in every call */
};

#define MPFR_ORACLE(name)                                                                \
    static void oracle_##name(struct oracle *o)                                          \
    {                                                                                    \
        mpfr_##name(o->out, o->x, MPFR_RNDN);                                            \
    }
MPFR_ORACLE(sin)
MPFR_ORACLE(cos)
MPFR_ORACLE(exp)
MPFR_ORACLE(exp2)
MPFR_ORACLE(log)
MPFR_ORACLE(log2)

static void oracle_pow(struct oracle *o)
{
    mpfr_pow(o->out, o->x, o->y, MPFR_RNDN);
}

static void oracle_log10(struct oracle *o)
{
    mpfr_log(o->out, o->x, MPFR_RNDN);
    mpfr_div(o->out, o->out, o->ln10, MPFR_RNDN);
}

static void oracle_gain_to_db(struct oracle *o)
{
    oracle_log10(o);
    mpfr_mul_ui(o->out, o->out, 20, MPFR_RNDN);
}

static void oracle_db_to_gain(struct oracle *o)
{
    mpfr_div_ui(o->x, o->x, 20, MPFR_RNDN);
    mpfr_mul(o->x, o->x, o->ln10, MPFR_RNDN);
    mpfr_exp(o->out, o->x, MPFR_RNDN);
}

/* mpfr_sinpi would need MPFR 4.2. */
static void oracle_sinpi(struct oracle *o)
{
    if (mpfr_integer_p(o->x)) {
        mpfr_set_zero(o->out, 1);
        return;
    }
    mpfr_set_ui(o->out, 2, MPFR_RNDN);
    mpfr_remainder(o->x, o->x, o->out, MPFR_RNDN); /* exact */
    mpfr_const_pi(o->angle, MPFR_RNDN);
    mpfr_mul(o->angle, o->angle, o->x, MPFR_RNDN);
    mpfr_sin(o->out, o->angle, MPFR_RNDN);
}

/* x + 1/2 is exact or, for tiny x, beside the maximum of the sine. */
static void oracle_cospi(struct oracle *o)
{
    mpfr_add_d(o->x, o->x, 0.5, MPFR_RNDN);
    oracle_sinpi(o);
}

/* sum of (x^2/4)^k / k!^2 */
static void oracle_i0_series(struct oracle *o)
{
    mpfr_sqr(o->x, o->x, MPFR_RNDN);
    mpfr_div_2ui(o->x, o->x, 2, MPFR_RNDN);
    mpfr_set_ui(o->y, 1, MPFR_RNDN);
    mpfr_set_ui(o->out, 1, MPFR_RNDN);
    unsigned long k = 0;
    do {
        k++;
        mpfr_mul(o->y, o->y, o->x, MPFR_RNDN);
        mpfr_div_ui(o->y, o->y, k * k, MPFR_RNDN);
        mpfr_add(o->out, o->out, o->y, MPFR_RNDN);
    } while (mpfr_get_exp(o->y) + ORACLE_BITS > mpfr_get_exp(o->out));
}

/* Hankel: exp(x) / sqrt(2 pi x) * sum of (2k-1)!!^2 / (k! (8x)^k). From x = 60 on
 * the terms fall below 2^-80 long before they grow; what the sum leaves out
 * beyond them is of relative size exp(-2x) < 2^-170. */
static void oracle_i0_hankel(struct oracle *o)
{
    mpfr_set_ui(o->y, 1, MPFR_RNDN);
    mpfr_set_ui(o->out, 1, MPFR_RNDN);
    for (unsigned long k = 1; mpfr_get_exp(o->y) > -ORACLE_BITS; k++) {
        mpfr_mul_ui(o->y, o->y, (2 * k - 1) * (2 * k - 1), MPFR_RNDN);
        mpfr_div_ui(o->y, o->y, 8 * k, MPFR_RNDN);
        mpfr_div(o->y, o->y, o->x, MPFR_RNDN);
        mpfr_add(o->out, o->out, o->y, MPFR_RNDN);
    }
    mpfr_exp(o->y, o->x, MPFR_RNDN);
    mpfr_mul(o->out, o->out, o->y, MPFR_RNDN);
    mpfr_const_pi(o->y, MPFR_RNDN);
    mpfr_mul(o->y, o->y, o->x, MPFR_RNDN);
    mpfr_mul_ui(o->y, o->y, 2, MPFR_RNDN);
    mpfr_sqrt(o->y, o->y, MPFR_RNDN);
    mpfr_div(o->out, o->out, o->y, MPFR_RNDN);
}

static void oracle_i0(struct oracle *o)
{
    mpfr_abs(o->x, o->x, MPFR_RNDN);
    if (mpfr_cmp_ui(o->x, 60) < 0)
        oracle_i0_series(o);
    else
        oracle_i0_hankel(o);
}

/* ---- the functions and their arguments ---- */

enum spread {
    UNUSED,
    LINEAR,
    OCTAVES /* 0 < lo: uniform over the bit patterns */
};

struct span {
    enum spread spread;
    double lo, hi;
};

/* The double below 2^30 that comes closest to a multiple of pi/2: 2^-60.5. */
#define NEAR_HALF_PI (6411027962775774.0 * 0x1p-47)
#define ABOVE_ONE (1.0 + 0x1p-52)
#define BELOW_ONE (1.0 - 0x1p-53)

#define TRIG_SPANS                                                                       \
    {{LINEAR, -10.0, 10.0}, {LINEAR, -0x1p30, 0x1p30}, {OCTAVES, 0x1p-40, 0x1p30}}
#define TRIG_EDGES {NEAR_HALF_PI, DET_PI, 0.5 * DET_PI, 0x1p30, -0x1p30, 0x1p-27}
#define HALF_TURN_SPANS                                                                  \
    {{LINEAR, -2.0, 2.0}, {LINEAR, -0x1p20, 0x1p20}, {OCTAVES, 0x1p-40, 0x1p40}}
#define HALF_TURN_EDGES                                                                  \
    {0x1p-600, BELOW_ONE, ABOVE_ONE, 0.25, 0x1p50 + 0.25, 0x1p51 + 0.5}
#define LOG_SPANS                                                                        \
    {{OCTAVES, DBL_MIN, DBL_MAX}, {LINEAR, 0.98, 1.02}, {LINEAR, 0x1p-30, 4.0}}
#define LOG_EDGES {0x1p-1074, DBL_MIN, DBL_MAX, ABOVE_ONE, BELOW_ONE, 1.4140625}

#define UNARY {{UNUSED, 0.0, 0.0}} /* no second argument */

static const struct function {
    const char *name;
    double (*unary)(double);
    double (*binary)(double, double);
    void (*oracle)(struct oracle *);
    struct span x[4];
    struct span y[4]; /* of binary functions: y[i] goes with x[i] */
    double edges[6];  /* arguments of unary functions */
    uint64_t golden;
} functions[] = {
    {"sin", det_sin, NULL, oracle_sin, TRIG_SPANS, UNARY, TRIG_EDGES,
     UINT64_C(0x37d3d526775749b7)},
    {"cos", det_cos, NULL, oracle_cos, TRIG_SPANS, UNARY, TRIG_EDGES,
     UINT64_C(0x6970f4cbdd90c647)},
    {"sinpi", det_sinpi, NULL, oracle_sinpi, HALF_TURN_SPANS, UNARY,
     HALF_TURN_EDGES, UINT64_C(0x12667f107138e5b7)},
    {"cospi", det_cospi, NULL, oracle_cospi, HALF_TURN_SPANS, UNARY,
     HALF_TURN_EDGES, UINT64_C(0xbb0af2aba251fcab)},
    {"exp", det_exp, NULL, oracle_exp,
     {{LINEAR, -708.0, 709.0}, {LINEAR, -1.0, 1.0}, {OCTAVES, 0x1p-60, 1.0}},
     UNARY, {709.78, -708.39, 0x1p-53, -0x1p-53, 0x1p-300, 1.0},
     UINT64_C(0xa0f248d5cbf10068)},
    {"exp2", det_exp2, NULL, oracle_exp2,
     {{LINEAR, -1022.0, 1023.0}, {LINEAR, -1.0, 1.0}, {OCTAVES, 0x1p-60, 1.0}},
     UNARY, {1023.999, -1022.0, 0x1p-53, -0x1p-53, 0.5, 1.0 / 64.0},
     UINT64_C(0x24a70a66951aa349)},
    {"log", det_log, NULL, oracle_log, LOG_SPANS, UNARY, LOG_EDGES,
     UINT64_C(0xcf0488c445d5049b)},
    {"log2", det_log2, NULL, oracle_log2, LOG_SPANS, UNARY, LOG_EDGES,
     UINT64_C(0xfc801fef74b0cdcc)},
    {"log10", det_log10, NULL, oracle_log10, LOG_SPANS, UNARY, LOG_EDGES,
     UINT64_C(0xd9c05d8c3204716f)},
    {"pow", NULL, det_pow, oracle_pow,
     {{OCTAVES, 0x1p-20, 0x1p20}, {LINEAR, 0.9, 1.1}, {LINEAR, 0.0, 2.0}},
     {{LINEAR, -40.0, 40.0}, {LINEAR, -4000.0, 4000.0}, {LINEAR, 0.0, 16.0}}, {0},
     UINT64_C(0x0e4580abab3f5aa7)},
    {"i0", det_i0, NULL, oracle_i0,
     {{LINEAR, -20.0, 20.0}, {LINEAR, 8.0, 12.0}, {OCTAVES, 0x1p-30, 60.0},
      {LINEAR, -700.0, 700.0}},
     UNARY, {10.0, 10.0 + 0x1p-48, 59.999, 700.0, 713.9, 0x1p-600},
     UINT64_C(0x7324bd31dc495d75)},
    {"db_to_gain", det_db_to_gain, NULL, oracle_db_to_gain,
     {{LINEAR, -300.0, 100.0}, {LINEAR, -1.0, 1.0}, {LINEAR, -6000.0, 6000.0}},
     UNARY, {0x1p-52, -0x1p-52, 6.0, -0.1, -120.0, 20.0}, UINT64_C(0x892c085df0a31f4d)},
    {"gain_to_db", det_gain_to_db, NULL, oracle_gain_to_db, LOG_SPANS,
     UNARY, LOG_EDGES, UINT64_C(0xac3e00b3bccd0d08)},
};

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* splitmix64 (Steele, Lea & Flood 2014) */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double draw(uint64_t *state, const struct span *span)
{
    const uint64_t random = next_random(state);
    if (span->spread == LINEAR)
        return span->lo + (span->hi - span->lo) * ((double)(random >> 11) * 0x1p-53);
    if (span->spread == UNUSED)
        return 0.0;
    const uint64_t lo = bits_of(span->lo), hi = bits_of(span->hi);
    const uint64_t u = lo + random % (hi - lo);
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static unsigned span_count(const struct function *f)
{
    unsigned n = 0;
    while (n < COUNT(f->x) && f->x[n].spread != UNUSED)
        n++;
    return n;
}

static double call(const struct function *f, double x, double y)
{
    return f->unary ? f->unary(x) : f->binary(x, y);
}

/* ---- accuracy ---- */

/* Distance of got to o->out in ulp of o->out, which is a normal number or 0. */
static double ulp_error(struct oracle *o, double got)
{
    if (mpfr_zero_p(o->out))
        return got == 0.0 ? 0.0 : HUGE_VAL;
    const mpfr_exp_t e = mpfr_get_exp(o->out); /* 0.5 <= out / 2^e < 1 */
    mpfr_sub_d(o->x, o->out, got, MPFR_RNDN);
    mpfr_mul_2si(o->x, o->x, DBL_MANT_DIG - e, MPFR_RNDN);
    return fabs(mpfr_get_d(o->x, MPFR_RNDU));
}

struct worst {
    double ulp, x, y;
};

static void check_argument(const struct function *f, struct oracle *o, double x,
                           double y, struct worst *worst)
{
    mpfr_set_d(o->x, x, MPFR_RNDN);
    mpfr_set_d(o->y, y, MPFR_RNDN);
    f->oracle(o);
    const double error = ulp_error(o, call(f, x, y));
    if (!(error <= worst->ulp))
        *worst = (struct worst){error, x, y};
}

static struct worst measure(const struct function *f, struct oracle *o)
{
    struct worst worst = {0.0, 0.0, 0.0};
    uint64_t state = SEED;
    const unsigned spans = span_count(f);
    for (unsigned i = 0; i < ARGUMENTS; i++) {
        const double x = draw(&state, &f->x[i % spans]);
        const double y = draw(&state, &f->y[i % spans]);
        check_argument(f, o, x, y, &worst);
    }
    for (size_t i = 0; f->unary && i < COUNT(f->edges); i++)
        check_argument(f, o, f->edges[i], 0.0, &worst);
    return worst;
}

static void test_accuracy(void **unused)
{
    (void)unused;
    struct oracle o;
    mpfr_inits2(ORACLE_BITS, o.out, o.x, o.y, o.ln10, (mpfr_ptr)NULL);
    mpfr_init2(o.angle, ORACLE_ANGLE_BITS);
    mpfr_set_ui(o.x, 10, MPFR_RNDN);
    mpfr_log(o.ln10, o.x, MPFR_RNDN);
    printf("seed %llu, %d arguments each\n", (unsigned long long)SEED, ARGUMENTS);
    int failures = 0;
    for (size_t i = 0; i < COUNT(functions); i++) {
        const struct worst w = measure(&functions[i], &o);
        printf("%-11s max %.4f ulp at %a, %a\n", functions[i].name, w.ulp, w.x, w.y);
        failures += !(w.ulp <= MAX_ULP);
    }
    mpfr_clears(o.out, o.x, o.y, o.angle, o.ln10, (mpfr_ptr)NULL);
    mpfr_free_cache();
    assert_int_equal(failures, 0);
}

/* ---- exact and special values ---- */

static void assert_bits(double got, double wanted)
{
    if (bits_of(got) != bits_of(wanted))
        fail_msg("got %a, wanted %a", got, wanted);
}

static void test_exact_values(void **unused)
{
    (void)unused;
    assert_bits(det_sin(0.0), 0.0);
    assert_bits(det_sin(-0.0), -0.0);
    assert_bits(det_cos(0.0), 1.0);
    assert_bits(det_sinpi(0.5), 1.0);
    assert_bits(det_sinpi(1.0 / 6.0), 0.5);
    assert_bits(det_cospi(0.0), 1.0);
    assert_bits(det_cospi(0.25), sqrt(0.5));
    assert_bits(det_sinpi(0.25), sqrt(0.5));
    assert_bits(det_exp(0.0), 1.0);
    assert_bits(det_log(1.0), 0.0);
    assert_bits(det_pow(2.0, 10.0), 1024.0);
    assert_bits(det_pow(0.1, 0.0), 1.0);
    assert_bits(det_pow(10.0, -0.0), 1.0);
    assert_bits(det_pow(7.0, 1.0), 7.0);
    assert_bits(det_pow(9.0, 0.5), 3.0);
    assert_bits(det_pow(3.0, 33.0), 5559060566555523.0);
    assert_bits(det_i0(0.0), 1.0);
    assert_bits(det_db_to_gain(0.0), 1.0);
    assert_bits(det_db_to_gain(20.0), 10.0);
    assert_bits(det_db_to_gain(-20.0), 0.1);
    assert_bits(det_gain_to_db(1.0), 0.0);
    assert_bits(det_gain_to_db(0.1), -20.0);
    for (int k = -1022; k <= 1023; k++) {
        assert_bits(det_exp2(k), ldexp(1.0, k));
        assert_bits(det_log2(ldexp(1.0, k)), k);
        assert_bits(det_pow(2.0, k), ldexp(1.0, k));
    }
    double power = 1.0;
    for (int k = 0; k <= 22; k++, power *= 10.0) { /* 10^22 is the last exact one */
        assert_bits(det_log10(power), k);
        assert_bits(det_pow(10.0, k), power);
        assert_bits(det_gain_to_db(power), 20.0 * k);
        assert_bits(det_db_to_gain(20.0 * k), power);
    }
}

/* Multiples of 1/2, up to the doubles that are all even integers. */
static void test_half_turns(void **unused)
{
    (void)unused;
    static const double sine[] = {0.0, 1.0, 0.0, -1.0};
    static const double base[] = {0.0, 2.0, 100.0, 0x1p31, 0x1p50};
    for (size_t i = 0; i < COUNT(base); i++) {
        for (unsigned n = 0; n < 4; n++) {
            const double x = base[i] + 0.5 * n;
            assert_bits(det_sinpi(x), sine[n]);
            assert_bits(det_sinpi(-x), -sine[n]);
            assert_true(det_cospi(x) == sine[(n + 1) % 4]);
            assert_bits(det_cospi(-x), det_cospi(x));
        }
    }
    assert_bits(det_cospi(0.5), 0.0);
    assert_bits(det_cospi(1.5), 0.0);
    assert_bits(det_cospi(0x1p52 + 1.0), -1.0);
    assert_bits(det_cospi(0x1p53), 1.0);
    assert_bits(det_sinpi(DBL_MAX), 0.0);
}

static void test_symmetry(void **unused)
{
    (void)unused;
    uint64_t state = SEED;
    for (int i = 0; i < 10000; i++) {
        const double x = draw(&state, &(struct span){OCTAVES, 0x1p-60, 0x1p9});
        assert_bits(det_sin(-x), -det_sin(x));
        assert_bits(det_cos(-x), det_cos(x));
        assert_bits(det_sinpi(-x), -det_sinpi(x));
        assert_bits(det_cospi(-x), det_cospi(x));
        assert_bits(det_i0(-x), det_i0(x));
    }
}

static void test_domain(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(functions); i++)
        assert_bits(call(&functions[i], -NAN, 2.0), NAN);
    assert_bits(det_sin(0x1.0000000000001p30), NAN);
    assert_bits(det_cos(-HUGE_VAL), NAN);
    assert_bits(det_sinpi(HUGE_VAL), NAN);
    assert_bits(det_cospi(HUGE_VAL), NAN);
    assert_bits(det_log(0.0), -HUGE_VAL);
    assert_bits(det_log2(-0.0), -HUGE_VAL);
    assert_bits(det_log10(-1.0), NAN);
    assert_bits(det_gain_to_db(0.0), -HUGE_VAL);
    assert_bits(det_log(HUGE_VAL), HUGE_VAL);
    assert_bits(det_pow(-2.0, 2.0), NAN);
    assert_bits(det_pow(2.0, NAN), NAN);
    assert_bits(det_pow(1.0, NAN), 1.0);
    assert_bits(det_pow(1.0, HUGE_VAL), 1.0);
    assert_bits(det_pow(NAN, 0.0), 1.0);
    assert_bits(det_pow(0.0, 0.5), 0.0);
    assert_bits(det_pow(-0.0, -0.5), HUGE_VAL);
    assert_bits(det_pow(0.5, HUGE_VAL), 0.0);
    assert_bits(det_pow(0.5, -HUGE_VAL), HUGE_VAL);
    assert_bits(det_pow(HUGE_VAL, 1.0), HUGE_VAL);
    assert_bits(det_pow(HUGE_VAL, -1.0), 0.0);
}

/* Above DBL_MAX: infinity. Below DBL_MIN: zero, no subnormal result. */
static void test_overflow_and_underflow(void **unused)
{
    (void)unused;
    assert_bits(det_exp(709.79), HUGE_VAL);
    assert_bits(det_exp(-708.4), 0.0);
    assert_bits(det_exp(-HUGE_VAL), 0.0);
    assert_bits(det_exp2(1024.0), HUGE_VAL);
    assert_bits(det_exp2(-1022.5), 0.0);
    assert_bits(det_exp2(DBL_MAX), HUGE_VAL);
    assert_bits(det_pow(DBL_MAX, DBL_MAX), HUGE_VAL);
    assert_bits(det_pow(BELOW_ONE, DBL_MAX), 0.0);
    assert_bits(det_pow(10.0, -308.0), 0.0);
    assert_bits(det_pow(0x1p-1074, -0.5), 0x1p537);
    assert_bits(det_db_to_gain(-HUGE_VAL), 0.0);
    assert_bits(det_db_to_gain(7000.0), HUGE_VAL);
    assert_bits(det_i0(714.0), HUGE_VAL);
    assert_bits(det_i0(-HUGE_VAL), HUGE_VAL);
    assert_bits(det_sinpi(-0x1p-1023), -0.0);
    assert_bits(det_sin(0x1p-1074), 0x1p-1074);
}

/* ---- golden bits ---- */

/* FNV-1a over 64-bit words */
static uint64_t hash_add(uint64_t hash, double x)
{
    return (hash ^ bits_of(x)) * UINT64_C(0x100000001b3);
}

static uint64_t golden_hash(const struct function *f)
{
    static const double extremes[] = {
        0.0,     -0.0,    0x1p-1074, -0x1p-1074, DBL_MIN,   -DBL_MIN, 1.0,
        -1.0,    DBL_MAX, -DBL_MAX,  HUGE_VAL,   -HUGE_VAL, NAN,      0x1.8p-1023};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < COUNT(extremes) * COUNT(extremes); i++)
        hash = hash_add(hash, call(f, extremes[i / COUNT(extremes)],
                                   extremes[i % COUNT(extremes)]));
    uint64_t state = 1;
    const unsigned spans = span_count(f);
    for (unsigned i = 0; i < GOLDEN_ARGUMENTS; i++) {
        const double x = draw(&state, &f->x[i % spans]);
        const double y = draw(&state, &f->y[i % spans]);
        hash = hash_add(hash, call(f, x, y));
    }
    return hash;
}

static void assert_golden(void)
{
    int failures = 0;
    for (size_t i = 0; i < COUNT(functions); i++) {
        const uint64_t hash = golden_hash(&functions[i]);
        if (hash == functions[i].golden)
            continue;
        printf("%s: hash 0x%016llx\n", functions[i].name, (unsigned long long)hash);
        failures++;
    }
    assert_int_equal(failures, 0);
}

static void test_golden_bits(void **unused)
{
    (void)unused;
    assert_golden();
}

/* An audio host may have set flush-to-zero and denormals-are-zero. */
static void test_golden_bits_without_subnormals(void **unused)
{
    (void)unused;
#if defined(__SSE2__)
    const unsigned saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040);
    assert_golden();
    _mm_setcsr(saved);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_exact_values),
        cmocka_unit_test(test_half_turns),
        cmocka_unit_test(test_symmetry),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_overflow_and_underflow),
        cmocka_unit_test(test_golden_bits),
        cmocka_unit_test(test_golden_bits_without_subnormals),
    };
    return cmocka_run_group_tests_name("detmath", tests, NULL, NULL);
}
