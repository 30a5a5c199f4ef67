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
    {44100, 2, {"73dbbaa85aab629a9a281a80a655e664240624c85fd33efb661d8e89d238e432",
                "943c7d6b94c07d893c453c289233049229cb9be013246bd5a373e2aba8e832dd"}},
    {48000, 1, {"bdf22e8255ee42d5143a72dd257619754a18b2824b884be278ea52553462af2d",
                "9609739235a9751a2b0eaccf203513e31bacb0b8c150203d13461ccca4681b9e"}},
    {96000, 2, {"a6796d2a5b861ae2e70cb3b9c5d43f3856d623722e66eefbfc338621810baed0",
                "caf49b48d04ba18d2bdf4fd68f5932f40532bc2cdec2d975517b18e3e22b37dc"}},
    {192000, 2, {"48b229d1adb1b41ec52e4a262c2b88ad6f4d4fd479dcdb02fa3e772d4a50e6e9",
                "b2b03711102fb0e7e43f8bf516cb680011b8af7ef2b281391d88e7eeb1c544ae"}},
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
