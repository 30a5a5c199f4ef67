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
    {44100, 2, {"35260265a5e9444542aea2c95032eb6f06426e5c368d8f3f89c1580459d8fa75",
                "8ef0377c2c5273b591c542cc3fa7a624e3baafd54f7e8731fc03a1ab88e42ce4"}},
    {48000, 1, {"6c0d4ad979b2284750d428fbfa59169e2356d249a89ac347ab8b06595c7ba030",
                "d804756b2df458a43301acdc8107a1d884811a36e1db83247851ca63617d6965"}},
    {96000, 2, {"45f5789981b16b6a213b744c5e45a9df479c1f7655a1783f01f0c5609697f0af",
                "8db687e4bb2a471796222aa88e5b253fe64e7326769b70b6759a1f74097c061f"}},
    {192000, 2, {"776fc33b20065d9aa085c90de81a22b4b5e5b379c203ba6d3f3430977d87a0e5",
                "30db4264629452fc1b543e2db717cc3ed5959c73f2dbe69e808b812a137f541e"}},
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
