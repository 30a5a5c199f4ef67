/* SPDX-License-Identifier: MIT
 * The sound itself, frozen: hashes of whole renders of exact synthetic signals, the same for
 * every compiler, optimisation and processor. A change of a hash is a change of everybody's
 * masters: it must be meant, and is made visible here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "render_fixture.h"

#include <cmocka.h>

enum { FRAMES = 50000 };

static const struct golden {
  int rate_hz, channels;
  const char *sha256[2]; /* -14 LUFS at 24 bit, -9 LUFS at 16 bit with dither */
} goldens[] = {
    {44100, 2, {"2841e5a6ed177c4080732a7e6cac2c49b993953ce937ba87a8fb88daea80bd5a",
                "2bf8c13e54068d80747732239eedf2398cc488b39a4aa2add2b58d569ec41e97"}},
    {48000, 1, {"13df0fbb3b0b2d6cb10685894829d09d7610536acf6815fb2026bf74848e443d",
                "00c69a075c47d84c1f5048c41fd533e7b0606f7285772a49e69af03f8865363c"}},
    {96000, 2, {"1305d85e9333e77dace40697181e379065a26949dba61880f0c22514cb9578e5",
                "bb57cea510a0207d85cce651eb26748fd75ebf88b9fb717afd5e47fee79b95c9"}},
    {192000, 2, {"cbed4f27655b7f7c147f8eb649c9513f42f3bb5732c40fffb414a91d5e5454d4",
                "ca754bcb29a4cf234eadc2236e9605d1f407aff45b2fb5256113f39b4969f137"}},
};

/* Noise bursts and a square wave from integers alone: no library decides a bit of it. */
static void fill(float *x, int channel) {
  uint32_t s = 12345u + (uint32_t)channel;
  for (int i = 0; i < FRAMES; i++) {
    s = s * 1664525u + 1013904223u;
    const float noise = (float)((int32_t)s >> 8) * 0x1p-23f;
    const float square = i / 83 % 2 ? 0.25f : -0.25f;
    x[i] = noise * (float)(i / 3000 % 5) * 0.125f + square * (float)(i / 9000 % 2);
  }
}

static void hash_of(const struct golden *g, char text[2][HASH_TEXT_SIZE]) {
  struct render_plan plan = render_plan_of(g->rate_hz, g->channels);
  struct render_track track = {.n_frames = FRAMES, .seed = 1};
  float *pcm = render_floats(2 * FRAMES);
  for (int c = 0; c < g->channels; c++) fill(track.pcm[c] = pcm + c * FRAMES, c);
  plan.chain = true;
  plan.n_tails = 2;
  plan.tails[0] = (struct render_tail){-14, -1, 24, DITHER_TPDF, 7};
  plan.tails[1] = (struct render_tail){-9, -1, 16, DITHER_TPDF, 8};
  assert_int_equal(render_tracks(&plan, &track, 1), ENGINE_OK);
  for (int t = 0; t < 2; t++)
    assert_int_equal(hash_bytes(track.out[t], (size_t)FRAMES * (size_t)g->channels * 4, text[t]),
                     0);
  render_free(&track, 1);
  free(pcm);
}

static void test_golden(void **state) {
  (void)state;
  int changed = 0;
  for (size_t i = 0; i < sizeof goldens / sizeof *goldens; i++) {
    char text[2][HASH_TEXT_SIZE];
    hash_of(&goldens[i], text);
    const int same =
        !strcmp(text[0], goldens[i].sha256[0]) && !strcmp(text[1], goldens[i].sha256[1]);
    if (same) continue;
    printf("now: {%d, %d, {\"%s\",\n         \"%s\"}},\n", goldens[i].rate_hz,
           goldens[i].channels, text[0], text[1]);
    changed++;
  }
  assert_int_equal(changed, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
