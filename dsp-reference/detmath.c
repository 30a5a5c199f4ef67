/* SPDX-License-Identifier: MIT
 * Elementary functions in double-double arithmetic: short tables, exactly
 * reduced arguments, one rounding at the end. See detmath.h. */
#include "detmath.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* The bits are the promise: refuse modes in which + - * / are not IEEE double.
 * Contraction to fma is switched off by -ffp-contract=off on the command line. */
#if (FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16) || defined(__FAST_MATH__) /* 16: _Float16 */
#error "detmath needs plain IEEE double: no x87 registers, no -ffast-math"
#endif

/* ---- bits ---- */

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#define EXPONENT_MAX 2047 /* the biased exponent of infinity */
#define SIGN_BIT (UINT64_C(1) << 63)
#define MANTISSA_MASK ((UINT64_C(1) << MANTISSA_BITS) - 1)

static uint64_t bits_of(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static double double_of(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static double magnitude(double x)
{
    return double_of(bits_of(x) & ~SIGN_BIT);
}

/* By bits: where DAZ is set, a compare would take a subnormal for zero. */
static int is_zero(double x)
{
    return bits_of(x) << 1 == 0;
}

static int is_negative(double x)
{
    return bits_of(x) >> 63 != 0;
}

/* Nearest integer, ties to even, |x| < 2^51: the sum has no bits below one. */
static double nearest_int(double x)
{
    const double shift = 0x1.8p52;
    return (x + shift) - shift;
}

/* x * 2^k for normal x, never rounded: overflow gives infinity and a result
 * below DBL_MIN gives zero, so that flush-to-zero modes change nothing. */
static double scale(double x, int k)
{
    const uint64_t u = bits_of(x);
    const int e = (int)(u >> MANTISSA_BITS & EXPONENT_MAX) + k;
    const uint64_t sign = u & SIGN_BIT;
    if (e >= EXPONENT_MAX)
        return double_of(sign | (uint64_t)EXPONENT_MAX << MANTISSA_BITS);
    if (e <= 0)
        return double_of(sign);
    return double_of(sign | (uint64_t)e << MANTISSA_BITS | (u & MANTISSA_MASK));
}

/* ---- double-double: the value is hi + lo, |lo| <= ulp(hi) / 2 ----
 * Dekker, Numer. Math. 18 (1971), with Knuth's two-sum; products lose less than
 * 2^-101 of their value. Without fma, so that every CPU runs the same steps. */

struct dd {
    double hi, lo;
};

/* Exact a + b, where |a| >= |b| or a == 0. */
static struct dd sum_ordered(double a, double b)
{
    const double s = a + b;
    return (struct dd){s, b - (s - a)};
}

/* Exact a + b. */
static struct dd sum(double a, double b)
{
    const double s = a + b;
    const double t = s - a;
    return (struct dd){s, (a - (s - t)) + (b - t)};
}

/* Exact a * b for |a|, |b| < 2^995 and a product above 2^-960. */
static struct dd product(double a, double b)
{
    const double split = 0x1p27 + 1.0; /* Veltkamp: 26 + 26 bits */
    const double as = a * split, bs = b * split;
    const double ah = as - (as - a), al = a - ah;
    const double bh = bs - (bs - b), bl = b - bh;
    const double p = a * b;
    return (struct dd){p, al * bl - (((p - ah * bh) - al * bh) - ah * bl)};
}

static struct dd dd_add(struct dd a, struct dd b)
{
    const struct dd s = sum(a.hi, b.hi), t = sum(a.lo, b.lo);
    const struct dd u = sum_ordered(s.hi, s.lo + t.hi);
    return sum_ordered(u.hi, u.lo + t.lo);
}

static struct dd dd_scale(struct dd a, double b)
{
    const struct dd p = product(a.hi, b);
    return sum_ordered(p.hi, p.lo + a.lo * b);
}

static struct dd dd_mul(struct dd a, struct dd b)
{
    const struct dd p = product(a.hi, b.hi);
    return sum_ordered(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi));
}

static struct dd dd_div(struct dd a, struct dd b)
{
    const double q = a.hi / b.hi;
    const struct dd p = product(q, b.hi);
    const double rest = ((a.hi - p.hi) - p.lo) + (a.lo - q * b.lo);
    return sum_ordered(q, rest / b.hi);
}

/* c[0] + c[1] x + ... + c[n - 1] x^(n - 1) */
static double horner(const double *c, int n, double x)
{
    double y = c[n - 1];
    for (int i = n - 2; i >= 0; i--)
        y = y * x + c[i];
    return y;
}

/* Every constant and table row below: hi is the value rounded to double, lo what
 * hi misses, rounded to 53 bits here and to 29 in tables (from 400 bits). */
static const struct dd one = {1.0, 0.0};
static const struct dd one_sixth = {0x1.5555555555555p-3, 0x1.5555555555555p-57};
static const struct dd pi = {0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53};
static const struct dd ln_2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const struct dd log2_e = {0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};
static const struct dd log10_2 = {0x1.34413509f79ffp-2, -0x1.9dc1da994fd21p-59};
static const struct dd db_per_octave = /* 20 log10(2) */
    {0x1.8151824c7587fp+2, -0x1.40a64a27f478dp-52};
static const struct dd octaves_per_db = /* log2(10) / 20 */
    {0x1.542a5a12e1c5bp-3, -0x1.33e2bb36cd142p-57};

/* ---- sine and cosine ---- */

/* Taylor, |r| <= pi/4: the first omitted terms are below 2^-67 of the result.
 * The heavy terms are kept in double-double, the others weigh under 2.5 %. */
static double sin_kernel(struct dd r)
{
    static const double c[] = {
        1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362880.0, -1.0 / 39916800.0,
        1.0 / 6227020800.0, -1.0 / 1307674368000.0, 1.0 / 355687428096000.0,
        -1.0 / 121645100408832000.0}; /* 1 / 5! ... 1 / 19! */
    const struct dd z = dd_mul(r, r);
    const struct dd cubic = dd_mul(dd_mul(z, r), one_sixth);
    const struct dd head = dd_add(r, (struct dd){-cubic.hi, -cubic.lo});
    const double tail = r.hi * z.hi * z.hi * horner(c, sizeof c / sizeof *c, z.hi);
    return head.hi + (head.lo + tail);
}

static double cos_kernel(struct dd r)
{
    static const double c[] = {
        1.0 / 24.0, -1.0 / 720.0, 1.0 / 40320.0, -1.0 / 3628800.0,
        1.0 / 479001600.0, -1.0 / 87178291200.0, 1.0 / 20922789888000.0,
        -1.0 / 6402373705728000.0}; /* 1 / 4! ... 1 / 18! */
    const struct dd z = dd_mul(r, r);
    const struct dd head = dd_add(one, (struct dd){-0.5 * z.hi, -0.5 * z.lo});
    const double tail = z.hi * z.hi * horner(c, sizeof c / sizeof *c, z.hi);
    return head.hi + (head.lo + tail);
}

/* sin(r + quadrant pi/2) */
static double sin_quadrant(struct dd r, unsigned quadrant)
{
    const double s = quadrant & 1 ? cos_kernel(r) : sin_kernel(r);
    return quadrant & 2 ? -s : s;
}

/* x - n pi/2 for the nearest n; returns n modulo 4. |x| <= 2^30.
 * Cody & Waite, "Software Manual for the Elementary Functions" (1980): pi/2 is
 * cut into parts of 23 bits, n has at most 30, so every n * part is exact. The
 * parts end 2^-163 from pi/2, and no double in the range comes closer than 2^-61
 * to a multiple of pi/2 (by continued fractions): r is good to 2^-72. */
static unsigned reduce_half_pi(double x, struct dd *r)
{
    static const double part[] = {
        0x1.921fb4p+0, 0x1.4442dp-24,  0x1.84698p-48, 0x1.3198ap-69,
        0x1.701b8p-92, 0x1.cd129p-115, 0x1.27044p-142};
    const double two_over_pi = 0x1.45f306dc9c883p-1;
    const double n = nearest_int(x * two_over_pi);
    struct dd acc = {x, 0.0};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        const struct dd s = sum(acc.hi, -n * part[i]);
        acc = sum(s.hi, s.lo + acc.lo);
    }
    *r = acc;
    return (unsigned)(int)n & 3;
}

#define TRIG_LIMIT 0x1p30
#define TRIG_TINY 0x1p-27 /* below: x^3/6 < 2^-56 x, x^2/2 < 2^-54 */

double det_sin(double x)
{
    if (!(magnitude(x) <= TRIG_LIMIT))
        return NAN;
    if (magnitude(x) < TRIG_TINY)
        return x;
    struct dd r;
    const unsigned quadrant = reduce_half_pi(x, &r);
    return sin_quadrant(r, quadrant);
}

double det_cos(double x)
{
    if (!(magnitude(x) <= TRIG_LIMIT))
        return NAN;
    struct dd r;
    const unsigned quadrant = reduce_half_pi(x, &r);
    return sin_quadrant(r, quadrant + 1);
}

/* x = r + n/2 modulo 2 for the nearest n, exactly; returns n modulo 4. */
static unsigned reduce_half(double x, double *r)
{
    double y = 0.0; /* doubles from 2^53 on are even integers */
    if (magnitude(x) < 0x1p53) {
        const int64_t whole = (int64_t)x;
        y = x - (double)(whole - whole % 2);
    }
    const double n = nearest_int(2.0 * y);
    *r = y - 0.5 * n;
    return (unsigned)(int)n & 3;
}

double det_sinpi(double x)
{
    if (!(magnitude(x) < HUGE_VAL))
        return NAN;
    if (magnitude(x) < DBL_MIN) /* subnormal arguments count as zero */
        return 0.0 * x;
    if (magnitude(x) < 0x1p-500) /* pi x, away from subnormal low parts */
        return scale(dd_scale(pi, x * 0x1p600).hi, -600);
    double r;
    const unsigned quadrant = reduce_half(x, &r);
    const double s = sin_quadrant(dd_scale(pi, r), quadrant);
    return s == 0.0 ? 0.0 * x : s; /* integers: zero with the sign of x */
}

double det_cospi(double x)
{
    if (!(magnitude(x) < HUGE_VAL))
        return NAN;
    double r;
    const unsigned quadrant = reduce_half(x, &r);
    return sin_quadrant(dd_scale(pi, r), quadrant + 1) + 0.0; /* no -0 */
}

/* ---- powers of two ---- */

#define EXP2_STEPS 32

/* 2^(i/32) */
static const struct dd exp2_table[EXP2_STEPS] = {
    {0x1p+0, 0.0}, {0x1.059b0d3158574p+0, 0x1.d73e2a4p-55},
    {0x1.0b5586cf9890fp+0, 0x1.8a62e4bp-54}, {0x1.11301d0125b51p+0, -0x1.6c51039p-54},
    {0x1.172b83c7d517bp+0, -0x1.19041bap-55}, {0x1.1d4873168b9aap+0, 0x1.e016e01p-54},
    {0x1.2387a6e756238p+0, 0x1.9b07eb7p-54}, {0x1.29e9df51fdee1p+0, 0x1.612e8bp-55},
    {0x1.306fe0a31b715p+0, 0x1.6f46ad2p-55}, {0x1.371a7373aa9cbp+0, -0x1.63aeabfp-54},
    {0x1.3dea64c123422p+0, 0x1.ada0912p-55}, {0x1.44e086061892dp+0, 0x1.89b7a05p-59},
    {0x1.4bfdad5362a27p+0, 0x1.d4397bp-56}, {0x1.5342b569d4f82p+0, -0x1.07abe1ep-55},
    {0x1.5ab07dd485429p+0, 0x1.6324c05p-54}, {0x1.6247eb03a5585p+0, -0x1.383c17ep-54},
    {0x1.6a09e667f3bcdp+0, -0x1.bdd3414p-54}, {0x1.71f75e8ec5f74p+0, -0x1.16e4787p-55},
    {0x1.7a11473eb0187p+0, -0x1.41577eep-55}, {0x1.82589994cce13p+0, -0x1.d4c1dd4p-54},
    {0x1.8ace5422aa0dbp+0, 0x1.6e9f157p-54}, {0x1.93737b0cdc5e5p+0, -0x1.75fc782p-57},
    {0x1.9c49182a3f090p+0, 0x1.c7c46bp-56}, {0x1.a5503b23e255dp+0, -0x1.d2f6edcp-54},
    {0x1.ae89f995ad3adp+0, 0x1.7a1cd34p-54}, {0x1.b7f76f2fb5e47p+0, -0x1.5584f7ep-56},
    {0x1.c199bdd85529cp+0, 0x1.1106589p-55}, {0x1.cb720dcef9069p+0, 0x1.503cbd2p-56},
    {0x1.d5818dcfba487p+0, 0x1.2ed02d7p-55}, {0x1.dfc97337b9b5fp+0, -0x1.1a5cd4fp-54},
    {0x1.ea4afa2a490dap+0, -0x1.e9c2318p-54}, {0x1.f50765b6e4540p+0, 0x1.9d3e12ep-54},
};

#define EXP2_LIMIT 1100.0 /* beyond: certain overflow or underflow */

/* 2^t = m 2^k with m in [0.98, 2]; |t| <= 2 * EXP2_LIMIT. Table-driven after
 * Tang, ACM TOMS 15 (1989): t = k + j/32 + r, |r| <= 1/64; m is good to about
 * 2^-66, the rounding of the quadratic and the term w^8/8! together. */
static struct dd exp2_dd(struct dd t, int *k)
{
    static const double c[] = {1.0 / 2.0,   1.0 / 6.0,   1.0 / 24.0,
                               1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0};
    const int steps = (int)nearest_int(t.hi * EXP2_STEPS);
    const int j = (int)((unsigned)steps % EXP2_STEPS);
    *k = (steps - j) / EXP2_STEPS;

    const struct dd r = sum(t.hi - (double)steps / EXP2_STEPS, t.lo);
    const struct dd w = dd_mul(r, ln_2);
    const double curve = w.hi * w.hi * horner(c, sizeof c / sizeof *c, w.hi);
    const struct dd growth = sum_ordered(w.hi, w.lo + curve); /* exp(w) - 1 */
    return dd_add(exp2_table[j], dd_mul(exp2_table[j], growth));
}

/* 2^(x c) */
static double exp2_product(struct dd c, double x)
{
    const double t = x * c.hi;
    if (t != t)
        return NAN;
    if (t > EXP2_LIMIT)
        return HUGE_VAL;
    if (t < -EXP2_LIMIT)
        return 0.0;
    int k;
    const struct dd m = exp2_dd(dd_scale(c, x), &k);
    return scale(m.hi, k);
}

double det_exp2(double x)
{
    return exp2_product(one, x);
}

double det_exp(double x)
{
    return exp2_product(log2_e, x);
}

double det_db_to_gain(double db)
{
    return exp2_product(octaves_per_db, db);
}

/* ---- logarithms ---- */

#define LOG2_STEPS 64
#define LOG2_FIRST 45 /* 45/64 < sqrt(1/2) */
#define LOG2_LAST 90  /* 90/64 < sqrt(2) */

/* log2(i/64) for i = 45 ... 90 */
static const struct dd log2_table[LOG2_LAST - LOG2_FIRST + 1] = {
    {-0x1.042bd4b9a7c99p-1, 0x1.9c3263p-55}, {-0x1.e7df5fe538ab3p-2, -0x1.3bed457p-56},
    {-0x1.c819dc2d45fe4p-2, -0x1.c4aec56p-57}, {-0x1.a8ff971810a5ep-2, -0x1.817fd3bp-58},
    {-0x1.8a8980abfbd32p-2, -0x1.99aa6ep-56}, {-0x1.6cb0f6865c8eap-2, -0x1.b6d409p-61},
    {-0x1.4f6fbb2cec598p-2, -0x1.e393a17p-56}, {-0x1.32bfee370ee68p-2, -0x1.968925ep-56},
    {-0x1.169c05363f158p-2, -0x1.c8d43ep-56}, {-0x1.f5fd8a9063e35p-3, 0x1.bdc0427p-57},
    {-0x1.bfc67a7fff4ccp-3, -0x1.bc0af7cp-61}, {-0x1.8a8980abfbd32p-3, -0x1.99aa6ep-57},
    {-0x1.563dc29ffacb2p-3, -0x1.90e41bdp-60}, {-0x1.22dadc2ab3497p-3, 0x1.696e286p-58},
    {-0x1.e0b1ae8f2fd56p-4, -0x1.92ce963p-58}, {-0x1.7d60496cfbb4cp-4, -0x1.9ced144p-58},
    {-0x1.1bb32a600549dp-4, -0x1.98c5453p-61}, {-0x1.77394c9d958d5p-5, -0x1.77970ep-59},
    {-0x1.743ee861f3556p-6, -0x1.b2a41b1p-61}, {0.0, 0.0},
    {0x1.6e79685c2d22ap-6, -0x1.d647607p-60}, {0x1.6bad3758efd87p-5, 0x1.89b0378p-60},
    {0x1.0eb389fa29f9bp-4, -0x1.30c22d1p-58}, {0x1.663f6fac91316p-4, 0x1.f3314e1p-58},
    {0x1.bc84240adabbap-4, 0x1.8ecb16ap-58}, {0x1.08c588cda79e4p-3, -0x1.a7610e4p-57},
    {0x1.32ae9e278ae1ap-3, 0x1.f51f2cp-59}, {0x1.5c01a39fbd688p-3, -0x1.817fd3bp-57},
    {0x1.84c2bd02f03b3p-3, -0x1.16edb89p-62}, {0x1.acf5e2db4ec94p-3, -0x1.01ee134p-59},
    {0x1.d49ee4c325970p-3, -0x1.b85a54dp-58}, {0x1.fbc16b902680ap-3, 0x1.1d46cccp-58},
    {0x1.11307dad30b76p-2, -0x1.a7b47d3p-57}, {0x1.24407ab0e073ap-2, -0x1.f6e91adp-56},
    {0x1.37124cea4cdedp-2, -0x1.337664ap-57}, {0x1.49a784bcd1b8bp-2, -0x1.b6d409p-62},
    {0x1.5c01a39fbd688p-2, -0x1.817fd3bp-56}, {0x1.6e221cd9d0cdep-2, 0x1.5e35483p-56},
    {0x1.800a563161c54p-2, 0x1.9575b05p-57}, {0x1.91bba891f1709p-2, -0x1.2d352bfp-56},
    {0x1.a33760a7f6051p-2, -0x1.8a0efcap-56}, {0x1.b47ebf73882a1p-2, -0x1.6fae442p-56},
    {0x1.c592fad295b56p-2, 0x1.f9fb953p-56}, {0x1.d6753e032ea0fp-2, -0x1.c141e67p-62},
    {0x1.e726aa1e754d2p-2, 0x1.8a33c26p-59}, {0x1.f7a8568cb06cfp-2, -0x1.8f3674p-57},
};

/* x = m 2^e for positive finite x, m in [0.70, 1.42). */
static double split_exponent(double x, int *e)
{
    uint64_t u = bits_of(x);
    *e = -EXPONENT_BIAS;
    while (u >> MANTISSA_BITS == 0) { /* subnormal: normalise */
        u <<= 1;
        *e -= 1;
    }
    *e += (int)(u >> MANTISSA_BITS);
    const double m = double_of((u & MANTISSA_MASK) |
                               (uint64_t)EXPONENT_BIAS << MANTISSA_BITS);
    if (m < (LOG2_LAST + 0.5) / LOG2_STEPS)
        return m;
    *e += 1;
    return 0.5 * m;
}

/* log2(x) of positive finite x, relative error below 2^-66 also beside x = 1.
 * x = m 2^e, f = i/64 nearest to m; log(m/f) = 2 artanh(s), s = (m-f)/(m+f),
 * |s| < 2^-7.4 (Tang, ACM TOMS 16 (1990)). */
static struct dd log2_dd(double x)
{
    static const double c[] = {2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0};
    int e;
    const double m = split_exponent(x, &e);
    const int i = (int)(m * LOG2_STEPS + 0.5);
    const double f = (double)i / LOG2_STEPS;

    const struct dd s = dd_div((struct dd){m - f, 0.0}, sum(m, f));
    const double z = s.hi * s.hi;
    const double odd = s.hi * z * horner(c, sizeof c / sizeof *c, z);
    const struct dd ln = sum_ordered(2.0 * s.hi, 2.0 * s.lo + odd);

    const struct dd whole = {e, 0.0};
    return dd_add(dd_add(whole, log2_table[i - LOG2_FIRST]), dd_mul(ln, log2_e));
}

/* c log2(x) */
static double log2_product(struct dd c, double x)
{
    if (is_zero(x))
        return -HUGE_VAL;
    if (x != x || is_negative(x))
        return NAN;
    if (x == HUGE_VAL)
        return x;
    return dd_mul(log2_dd(x), c).hi;
}

double det_log2(double x)
{
    return log2_product(one, x);
}

double det_log(double x)
{
    return log2_product(ln_2, x);
}

double det_log10(double x)
{
    return log2_product(log10_2, x);
}

double det_gain_to_db(double gain)
{
    return log2_product(db_per_octave, gain);
}

double det_pow(double x, double y)
{
    if (is_zero(y) || x == 1.0)
        return 1.0;
    if (x != x || y != y)
        return NAN;
    const double at_zero = is_negative(y) ? HUGE_VAL : 0.0;
    const double at_infinity = is_negative(y) ? 0.0 : HUGE_VAL;
    if (is_zero(x))
        return at_zero;
    if (is_negative(x))
        return NAN;
    if (x == HUGE_VAL)
        return at_infinity;
    return exp2_product(log2_dd(x), y);
}

/* ---- modified Bessel function I0 ---- */

#define I0_SPLIT 10.0

/* 1 / k!^2 for k = 0 ... 9, then k = 10 ... 26 */
static const struct dd i0_head[] = {
    {0x1p+0, 0.0}, {0x1p+0, 0.0},
    {0x1p-2, 0.0}, {0x1.c71c71c71c71cp-6, 0x1.c71c71cp-60},
    {0x1.c71c71c71c71cp-10, 0x1.c71c71cp-64}, {0x1.23456789abcdfp-14, 0x1.2345679p-74},
    {0x1.02e85c0898b71p-19, -0x1.b6edecp-75}, {0x1.522a43f65486ap-25, -0x1.604db05p-79},
    {0x1.522a43f65486ap-31, -0x1.604db05p-85}, {0x1.0b313289be0b9p-37, -0x1.8824199p-91},
};
static const double i0_tail[] = {
    0x1.5601885e63e5dp-44, 0x1.69ca9cf3b7f54p-51, 0x1.4197a7f5154bcp-58,
    0x1.e725594ee52e9p-66, 0x1.3e22d70ef3b5fp-73, 0x1.69f7da8510bcdp-81,
    0x1.69f7da8510bcdp-89, 0x1.40a2dc2460523p-97, 0x1.faaf2fa1c79e5p-106,
    0x1.674f8e46c208cp-114, 0x1.cbeaf38dc529fp-123, 0x1.0afb53e9cec0bp-131,
    0x1.1a6d4e307528fp-140, 0x1.1159d2b18fe1fp-149, 0x1.e5f504c9e358cp-159,
    0x1.8e189760fbc74p-168, 0x1.2d843c1f0a6f9p-177,
};

/* The sum of (x^2/4)^k / k!^2 (Abramowitz & Stegun 9.6.12), all terms positive.
 * Up to x = 10 the terms from k = 10 weigh under 0.4 % and run in double; the
 * first omitted one, k = 27, is below 2^-70 of the sum. */
static double i0_series(double x)
{
    const struct dd square = product(0.5 * x, 0.5 * x);
    const int n_tail = sizeof i0_tail / sizeof *i0_tail;
    struct dd y = {horner(i0_tail, n_tail, square.hi), 0.0};
    for (int k = (int)(sizeof i0_head / sizeof *i0_head) - 1; k >= 0; k--)
        y = dd_add(dd_mul(y, square), i0_head[k]);
    return y.hi;
}

/* sqrt(x) exp(-x) I0(x) in powers of 10/x: its Chebyshev series on [0, 1],
 * degree 22, relative error below 2^-60. The first coefficient stands apart:
 * all others together weigh under 1.4 %. */
static const struct dd i0_hankel_first = {0x1.9884533d43651p-2, -0x1.cfcdf7add6607p-56};
static const double i0_hankel_rest[] = {
    0x1.46d04297692ecp-8, 0x1.2621d58784babp-12, 0x1.ea38673bfedc3p-16,
    0x1.2c4090b95113ep-18, 0x1.e7d86c05b071bp-21, 0x1.92aa931b9393ep-23,
    0x1.13f92a4f7470dp-21, -0x1.da66a6a520d5fp-19, 0x1.6898d9ec848dap-16,
    -0x1.a2d85dbff6479p-14, 0x1.7bf8a47cb1e3dp-12, -0x1.0f7070287bb11p-10,
    0x1.32cf8c139b04bp-9, -0x1.1285c10b8b3f4p-8, 0x1.83896edd1e3b6p-8,
    -0x1.ac103f22f9bdfp-8, 0x1.6cd13db74d3a6p-8, -0x1.d5369049d1ef5p-9,
    0x1.b789d60e1dc30p-10, -0x1.1a9985226be2bp-11, 0x1.bd9e4d8c923fdp-14,
    -0x1.44ad187220132p-17,
};

/* The form of Hankel's expansion (Abramowitz & Stegun 9.7.1); exp(x) / sqrt(x)
 * is 2^(x log2(e) - log2(x)/2). */
static double i0_large(double x)
{
    const double w = I0_SPLIT / x;
    const int n_rest = sizeof i0_hankel_rest / sizeof *i0_hankel_rest;
    const double rest = w * horner(i0_hankel_rest, n_rest, w);
    const struct dd p = dd_add(i0_hankel_first, (struct dd){rest, 0.0});

    const struct dd octaves = log2_dd(x);
    const struct dd inverse_root = {-0.5 * octaves.hi, -0.5 * octaves.lo};
    int k;
    const struct dd m = exp2_dd(dd_add(dd_scale(log2_e, x), inverse_root), &k);
    return scale(dd_mul(p, m).hi, k);
}

double det_i0(double x)
{
    const double a = magnitude(x);
    if (a <= I0_SPLIT)
        return i0_series(a);
    if (a <= 720.0)
        return i0_large(a); /* overflows from 713.99 on */
    return a != a ? NAN : HUGE_VAL;
}
