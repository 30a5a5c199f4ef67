/* SPDX-License-Identifier: MIT
 * The transforms of one window in vectors of WIDTH floats: read by window.c once for each
 * width. Everything stays in the first-level cache; every level reads and writes whole
 * vectors of neighbouring points, so the levels need one transposition, after the first. */
#define JOIN_(name, width) name##_##width
#define JOIN(name, width) JOIN_(name, width)
#define NAME(name) JOIN(name, WIDTH)
#define vec NAME(vec)
#define vec_u NAME(vec_u)
#define vec_bits NAME(vec_bits)
#define LOAD(p) (*(const vec_u *)(p))
#define STORE(p, v) (*(vec_u *)(p) = (v))
#define SHUFFLE __builtin_shufflevector
#define TARGET JOIN(TARGET, WIDTH)

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));
typedef float vec_u __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4)));
typedef int32_t vec_bits __attribute__((vector_size(WIDTH * sizeof(float))));

#if WIDTH == 4
#define EVENS(a, b) SHUFFLE(a, b, 0, 2, 4, 6)
#define ODDS(a, b) SHUFFLE(a, b, 1, 3, 5, 7)
#define LOWS(a, b) SHUFFLE(a, b, 0, 4, 1, 5)
#define HIGHS(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#define REVERSE(a) SHUFFLE(a, a, 3, 2, 1, 0)
INLINE void NAME(transpose)(vec r[4]) {
  const vec a = LOWS(r[0], r[2]), b = HIGHS(r[0], r[2]);
  const vec c = LOWS(r[1], r[3]), d = HIGHS(r[1], r[3]);
  r[0] = LOWS(a, c), r[1] = HIGHS(a, c), r[2] = LOWS(b, d), r[3] = HIGHS(b, d);
}
#elif WIDTH == 8
#define EVENS(a, b) SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODDS(a, b) SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#define LOWS(a, b) SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGHS(a, b) SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define REVERSE(a) SHUFFLE(a, a, 7, 6, 5, 4, 3, 2, 1, 0)
/* Pairs of rows at a distance of 1, 2 and 4 swap the quarters off their diagonal. */
INLINE void NAME(transpose)(vec r[8]) {
  vec a[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = SHUFFLE(r[i], r[i + 1], 0, 8, 2, 10, 4, 12, 6, 14);
    a[i + 1] = SHUFFLE(r[i], r[i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) {
    r[i] = SHUFFLE(a[i], a[i + 2], 0, 1, 8, 9, 4, 5, 12, 13);
    r[i + 2] = SHUFFLE(a[i], a[i + 2], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  for (int i = 0; i < 4; i++) {
    const vec b = r[i], c = r[i + 4];
    r[i] = SHUFFLE(b, c, 0, 1, 2, 3, 8, 9, 10, 11);
    r[i + 4] = SHUFFLE(b, c, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}
#else
#define EVENS(a, b) SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODDS(a, b) SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define LOWS(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGHS(a, b) SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define REVERSE(a) SHUFFLE(a, a, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
/* Pairs of rows at a distance of 1, 2, 4 and 8 swap the quarters off their diagonal. */
INLINE void NAME(transpose)(vec r[16]) {
  vec a[16];
  for (int i = 0; i < 16; i += 2) {
    a[i] = SHUFFLE(r[i], r[i + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
    a[i + 1] = SHUFFLE(r[i], r[i + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
  for (int i = 0; i < 16; i += i % 4 == 1 ? 3 : 1) {
    const vec b = a[i], c = a[i + 2];
    r[i] = SHUFFLE(b, c, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
    r[i + 2] = SHUFFLE(b, c, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
  }
  for (int i = 0; i < 16; i += i % 8 == 3 ? 5 : 1) {
    const vec b = r[i], c = r[i + 4];
    a[i] = SHUFFLE(b, c, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
    a[i + 4] = SHUFFLE(b, c, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
  }
  for (int i = 0; i < 8; i++) {
    const vec b = a[i], c = a[i + 8];
    r[i] = SHUFFLE(b, c, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
    r[i + 8] = SHUFFLE(b, c, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  }
}
#endif

/* FFT_RADIX16 with s = 1, of groups side by side; t: the turns of the first of them. */
INLINE void NAME(radix16_turned)(const float *t, vec re[16], vec im[16]) {
  vec c[4], s[4];
  for (int k = 0; k < 4; k++) {
    FFT_BFLY4(vec, re[k], im[k], re[k + 4], im[k + 4], re[k + 8], im[k + 8], re[k + 12],
              im[k + 12])
    for (int i = 1; i < 4; i++, t += 2 * TURNED) {
      const vec ct = LOAD(t), st = LOAD(t + TURNED);
      FFT_TURN(vec, re[k + 4 * i], im[k + 4 * i], ct, st)
    }
  }
  for (int i = 1; i < 4; i++, t += 2 * TURNED) c[i] = LOAD(t), s[i] = LOAD(t + TURNED);
  for (int j = 0; j < 16; j += 4) {
    FFT_BFLY4(vec, re[j], im[j], re[j + 1], im[j + 1], re[j + 2], im[j + 2], re[j + 3], im[j + 3])
    for (int i = 1; i < 4; i++) FFT_TURN(vec, re[j + i], im[j + i], c[i], s[i])
  }
}

/* Results j + 4 m of groups g, g + 1, ... to 16 g + j + 4 m. */
INLINE void NAME(store_turned)(int g, const vec x[16], float *to) {
  for (int first = 0; first < 16; first += WIDTH) {
    vec r[WIDTH];
    for (int i = 0; i < WIDTH; i++) r[i] = x[4 * ((first + i) % 4) + (first + i) / 4];
    NAME(transpose)(r);
    for (int i = 0; i < WIDTH; i++) STORE(to + 16 * (g + i) + first, r[i]);
  }
}

/* The levels of the transform by two: the first ones, of `frames`, complex points (x[2n],
 * x[2n + 1]), or, if those are NULL, of the points in *from; */
INLINE void NAME(level_1)(const float *frames, const struct points *from, struct points *to) {
  for (int g = 0; g < 128; g += WIDTH) {
    vec re[16], im[16];
    for (int k = 0; k < 16; k++) {
      const int at = g + 128 * k;
      if (frames) {
        const vec a = LOAD(frames + 2 * at), b = LOAD(frames + 2 * at + WIDTH);
        re[k] = EVENS(a, b), im[k] = ODDS(a, b);
      } else {
        re[k] = LOAD(from->re + at), im[k] = LOAD(from->im + at);
      }
    }
    NAME(radix16_turned)(turns + g / TURNED * TURNED * 30 + g % TURNED, re, im);
    NAME(store_turned)(g, re, to->re);
    NAME(store_turned)(g, im, to->im);
  }
}

/* the next ones; */
INLINE void NAME(level_2)(const float *T, const struct points *from, struct points *to) {
  for (int g = 0; g < 128; g += WIDTH) {
    vec re[16], im[16];
    for (int k = 0; k < 16; k++)
      re[k] = LOAD(from->re + g + 128 * k), im[k] = LOAD(from->im + g + 128 * k);
    const int p0 = g / 16, at = g % 16 + 256 * p0;
    FFT_RADIX16(vec, T, p0, 16, re, im)
    for (int j = 0; j < 4; j++)
      for (int m = 0; m < 4; m++) {
        STORE(to->re + at + 16 * (j + 4 * m), re[4 * j + m]);
        STORE(to->im + at + 16 * (j + 4 * m), im[4 * j + m]);
      }
  }
}

/* and the last ones, in place. */
INLINE void NAME(level_3)(const float *T, struct points *x) {
  for (int g = 0; g < 256; g += WIDTH) {
    vec re[8], im[8];
    for (int k = 0; k < 8; k++)
      re[k] = LOAD(x->re + g + 256 * k), im[k] = LOAD(x->im + g + 256 * k);
    FFT_RADIX8(vec, T, re, im)
    for (int k = 0; k < 8; k++)
      STORE(x->re + g + 256 * k, re[k]), STORE(x->im + g + 256 * k, im[k]);
  }
}

/* Bins whose mirrors are no whole vector, and the one that mirrors itself. */
#define FOR_EDGES(k) for (int k = 0; k <= FFT_POINTS / 2; k += k == WIDTH - 1 ? \
                          FFT_POINTS / 2 - k : 1)

INLINE void NAME(split)(const float *T, const struct points *y, float *re, float *im) {
  FOR_EDGES(k) {
    const int m = (FFT_POINTS - k) % FFT_POINTS;
    float xr, xi, yr, yi;
    FFT_SPLIT(float, y->re[k], y->im[k], y->re[m], y->im[m], T[k], T[FFT_TABLE + k], xr, xi, yr,
              yi)
    re[m] = yr, im[m] = yi;
    re[k] = xr, im[k] = k ? xi : yr;
  }
  for (int k = WIDTH; k < FFT_POINTS / 2; k += WIDTH) {
    const int m = FFT_POINTS - k - WIDTH + 1;
    const vec ar = LOAD(y->re + k), ai = LOAD(y->im + k);
    const vec br = REVERSE(LOAD(y->re + m)), bi = REVERSE(LOAD(y->im + m));
    const vec c = LOAD(T + k), s = LOAD(T + FFT_TABLE + k);
    vec xr, xi, yr, yi;
    FFT_SPLIT(vec, ar, ai, br, bi, c, s, xr, xi, yr, yi)
    STORE(re + k, xr), STORE(im + k, xi);
    STORE(re + m, REVERSE(yr)), STORE(im + m, REVERSE(yi));
  }
}

/* Real and imaginary parts swapped: the forward transform of a swapped sequence is the
 * swapped inverse. */
INLINE void NAME(merge)(const float *T, const float *re, const float *im, struct points *x) {
  FOR_EDGES(k) {
    const int m = (FFT_POINTS - k) % FFT_POINTS;
    const float ai = k ? im[k] : 0, br = k ? re[m] : im[0], bi = k ? im[m] : 0;
    float xr, xi, yr, yi;
    FFT_MERGE(float, re[k], ai, br, bi, T[k], T[FFT_TABLE + k], xr, xi, yr, yi)
    if (k) x->re[m] = yi, x->im[m] = yr;
    x->re[k] = xi, x->im[k] = xr;
  }
  for (int k = WIDTH; k < FFT_POINTS / 2; k += WIDTH) {
    const int m = FFT_POINTS - k - WIDTH + 1;
    const vec ar = LOAD(re + k), ai = LOAD(im + k);
    const vec br = REVERSE(LOAD(re + m)), bi = REVERSE(LOAD(im + m));
    const vec c = LOAD(T + k), s = LOAD(T + FFT_TABLE + k);
    vec xr, xi, yr, yi;
    FFT_MERGE(vec, ar, ai, br, bi, c, s, xr, xi, yr, yi)
    STORE(x->re + k, xi), STORE(x->im + k, xr);
    STORE(x->re + m, REVERSE(yi)), STORE(x->im + m, REVERSE(yr));
  }
}

/* Frames from point `first` on, of a transform with its parts swapped. */
INLINE void NAME(interleave)(const struct points *y, int first, float *frames) {
  for (int k = first; k < FFT_POINTS; k += WIDTH, frames += 2 * WIDTH) {
    const vec even = LOAD(y->im + k), odd = LOAD(y->re + k);
    STORE(frames, LOWS(even, odd)), STORE(frames + WIDTH, HIGHS(even, odd));
  }
}

/* Rows of CONV_GROUP frames as columns: to[i][row]. */
INLINE void NAME(to_columns)(const float *frames, int n_rows, float to[][COLUMN]) {
  for (int row = 0; row < n_rows; row += WIDTH)
    for (int i = 0; i < CONV_GROUP; i += WIDTH) {
      vec r[WIDTH];
      for (int l = 0; l < WIDTH; l++) r[l] = LOAD(frames + CONV_GROUP * (row + l) + i);
      NAME(transpose)(r);
      for (int l = 0; l < WIDTH; l++) STORE(to[i + l] + row, r[l]);
    }
}

INLINE void NAME(to_rows)(float from[][COLUMN], int n_rows, float *frames) {
  for (int row = 0; row < n_rows; row += WIDTH)
    for (int i = 0; i < CONV_GROUP; i += WIDTH) {
      vec r[WIDTH];
      for (int l = 0; l < WIDTH; l++) r[l] = LOAD(from[i + l] + row);
      NAME(transpose)(r);
      for (int l = 0; l < WIDTH; l++) STORE(frames + CONV_GROUP * (row + l) + i, r[l]);
    }
}

/* conv_de_emphasis of groups of frames side by side, each begun CONV_SETTLE frames ahead,
 * which is in the columns from -SETTLE_ROWS on. CHAINS vectors at once hide the latency. */
INLINE void NAME(de_emphasise)(float x[][COLUMN], float y[][COLUMN]) {
  enum { CHAINS = 8, SETTLE_ROWS = CONV_SETTLE / CONV_GROUP };
  for (int at = 0; at < GROUPS; at += CHAINS * WIDTH) {
    vec last[CHAINS] = {0};
    for (int step = 0; step < CONV_SETTLE + CONV_GROUP; step++) {
      const float *column = x[step % CONV_GROUP] + LEAD + at + step / CONV_GROUP - SETTLE_ROWS;
      for (int c = 0; c < CHAINS; c++) {
        last[c] = LOAD(column + c * WIDTH) + 0.5f * last[c];
        const vec_bits bits = (vec_bits)last[c];
        last[c] = (vec)(bits & ((bits & 0x7fffffff) >= (int32_t)FLUSH_BELOW)); /* flush_tiny */
      }
      if (step >= CONV_SETTLE)
        for (int c = 0; c < CHAINS; c++)
          STORE(y[step - CONV_SETTLE] + at + c * WIDTH, last[c]);
    }
  }
}

TARGET static void NAME(forward)(const float *T, const float *frames, float *spectrum) {
  static _Thread_local struct points x, y;
  NAME(level_1)(frames, NULL, &x);
  NAME(level_2)(T, &x, &y);
  NAME(level_3)(T, &y);
  NAME(split)(T, &y, spectrum, spectrum + FFT_POINTS);
}

TARGET static void NAME(inverse)(const float *T, const float *spectrum, bool emphasis,
                                 float *frames) {
  static _Thread_local struct points x, y;
  static _Thread_local float all[CONV_GROUP * (LEAD + GROUPS)];
  static _Thread_local float columns[CONV_GROUP][COLUMN], results[CONV_GROUP][COLUMN];
  NAME(merge)(T, spectrum, spectrum + FFT_POINTS, &y);
  NAME(level_1)(NULL, &y, &x);
  NAME(level_2)(T, &x, &y);
  NAME(level_3)(T, &y);
  if (!emphasis) {
    NAME(interleave)(&y, FFT_POINTS / 2, frames);
    return;
  }
  NAME(interleave)(&y, FFT_POINTS / 2 - LEAD * CONV_GROUP / 2, all);
  NAME(to_columns)(all, LEAD + GROUPS, columns);
  NAME(de_emphasise)(columns, results);
  NAME(to_rows)(results, GROUPS, frames);
}

TARGET static void NAME(multiply)(const float *const x[], const float *const h[], int n,
                                  float *acc) {
  enum { VECTORS = 4 };
  for (int k = 0; k < FFT_POINTS; k += VECTORS * WIDTH) {
    vec re[VECTORS] = {0}, im[VECTORS] = {0};
    for (int i = 0; i < n; i++) {
      const float *xp = x[i] + k, *hp = h[i] + k;
      for (int v = 0; v < VECTORS; v++, xp += WIDTH, hp += WIDTH) {
        const vec xr = LOAD(xp), xi = LOAD(xp + FFT_POINTS);
        const vec hr = LOAD(hp), hi = LOAD(hp + FFT_POINTS);
        re[v] = re[v] + (xr * hr - xi * hi);
        im[v] = im[v] + (xr * hi + xi * hr);
      }
    }
    for (int v = 0; v < VECTORS; v++) {
      STORE(acc + k + v * WIDTH, re[v]);
      STORE(acc + FFT_POINTS + k + v * WIDTH, im[v]);
    }
  }
}

#undef NAME
#undef vec
#undef vec_u
#undef vec_bits
#undef LOAD
#undef STORE
#undef SHUFFLE
#undef TARGET
#undef EVENS
#undef ODDS
#undef LOWS
#undef HIGHS
#undef REVERSE
#undef FOR_EDGES
#undef JOIN
#undef JOIN_
#undef WIDTH
