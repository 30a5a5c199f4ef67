/* SPDX-License-Identifier: MIT
 * Deterministic mathematics for coefficient design: the same bits on every
 * machine, because only + - * / of IEEE double and integer operations are used
 * (libm picks other code per CPU). All functions are pure and thread-safe. */
#ifndef LACQUER_DETMATH_H
#define LACQUER_DETMATH_H

#define DET_PI 3.14159265358979323846

/* Error below 0.6 ulp of the exact value (tests/test_detmath.c). Rounding to
 * nearest is assumed; flush-to-zero modes change nothing, because results that
 * would be subnormal are zero (det_sin returns a subnormal argument unchanged).
 * Overflow gives infinity. NaN, or an argument outside the domain, gives NAN. */
double det_sin(double x); /* |x| <= 2^30, beyond: NaN */
double det_cos(double x);
double det_sinpi(double x); /* sin(pi x), any finite x, exact at multiples of 1/2 */
double det_cospi(double x);
double det_exp(double x);
double det_exp2(double x); /* exact for integers */
double det_log(double x);  /* x > 0, subnormals too; log(0) = -inf; x < 0: NaN */
double det_log2(double x); /* exact for powers of two */
double det_log10(double x);
double det_pow(double x, double y); /* x >= 0; x^0 = 1^y = 1, also for NaN */
double det_i0(double x);            /* modified Bessel, order 0 */

double det_db_to_gain(double db);   /* 10^(db/20) */
double det_gain_to_db(double gain); /* 20 log10(gain), gain as in det_log */
#endif
