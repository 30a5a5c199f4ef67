/* SPDX-License-Identifier: MIT
 * Audio files in: every accepted kind sample by sample, one hash for one audio, and a
 * refusal, not a crash and not a shorter track, for everything that is wrong. */
#include "decode.h" /* before cmocka, whose fail() is a macro */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "audio_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { MUTATIONS = 2000, SEED = 20260131 };

static char *folder;

static int set_up(void **state) {
  (void)state;
  folder = fixture_folder();
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  fixture_folder_remove(folder);
  return 0;
}

static void expect_refusal(const char *path, enum status status, const char *words) {
  struct audio audio;
  struct failure why = {0};
  enum status got = decode_file(path, &audio, &why);
  if (got != status || !strstr(why.text, words) || (why.text[0] && !strstr(why.text, path)))
    fail_msg("%s: expected %d with \"%s\", got %d: %s", path, status, words, got, why.text);
  assert_null(audio.pcm[0]);
}

static void expect_bytes_refused(const void *data, size_t size, const char *words) {
  const char *path = fixture_path(folder, "refused");
  fixture_save(path, data, size);
  expect_refusal(path, STATUS_BAD_DATA, words);
}

static void decode_ok(const char *path, struct audio *audio) {
  struct failure why = {0};
  if (decode_file(path, audio, &why) != STATUS_OK)
    fail_msg("%s", why.text);
}

static void test_every_kind(void **state) {
  static const struct {
    int sf_format, bits, is_float;
    const char *format;
  } kinds[] = {
      {SF_FORMAT_WAV | SF_FORMAT_PCM_16, 16, 0, "WAV"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_24, 24, 0, "WAV"},
      {SF_FORMAT_WAV | SF_FORMAT_PCM_32, 32, 0, "WAV"},
      {SF_FORMAT_WAV | SF_FORMAT_FLOAT, 24, 1, "WAV"},
      {SF_FORMAT_WAVEX | SF_FORMAT_PCM_24, 24, 0, "WAV"},
      {SF_FORMAT_WAVEX | SF_FORMAT_FLOAT, 24, 1, "WAV"},
      {SF_FORMAT_RF64 | SF_FORMAT_PCM_24, 24, 0, "RF64"},
      {SF_FORMAT_RF64 | SF_FORMAT_FLOAT, 24, 1, "RF64"},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_16, 16, 0, "AIFF"},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_24, 24, 0, "AIFF"},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_32, 32, 0, "AIFF"},
      {SF_FORMAT_AIFF | SF_FORMAT_FLOAT, 24, 1, "AIFC"},
      {SF_FORMAT_AIFF | SF_FORMAT_PCM_24 | SF_ENDIAN_LITTLE, 24, 0, "AIFC"},
      {SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 16, 0, "FLAC"},
      {SF_FORMAT_FLAC | SF_FORMAT_PCM_24, 24, 0, "FLAC"},
  };
  (void)state;
  for (size_t k = 0; k < COUNT(kinds); k++) {
    const struct fixture_shape shape = {44100, 1 + (int)k % 2, 10007, kinds[k].bits};
    int32_t *pcm = fixture_noise(&shape, k);
    const char *path = fixture_path(folder, "kind");
    struct audio audio;
    fixture_write(path, kinds[k].sf_format, &shape, pcm);
    decode_ok(path, &audio);
    assert_string_equal(audio.format, kinds[k].format);
    assert_int_equal(audio.rate_hz, shape.rate_hz);
    assert_int_equal(audio.channels, shape.channels);
    assert_int_equal(audio.n_frames, shape.n_frames);
    assert_int_equal(audio.bits, kinds[k].is_float ? 32 : kinds[k].bits);
    assert_int_equal(audio.is_float, kinds[k].is_float);
    for (int32_t i = 0; i < shape.n_frames * shape.channels; i++) {
      float expected = (float)ldexp(pcm[i], -31); /* one rounding, to nearest even */
      if (audio.pcm[i % shape.channels][i / shape.channels] != expected)
        fail_msg("%s, sample %d", kinds[k].format, (int)i);
    }
    audio_free(&audio);
    free(pcm);
  }
}

static void test_every_rate(void **state) {
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  (void)state;
  for (size_t r = 0; r < COUNT(rates); r++) {
    const struct fixture_shape shape = {rates[r], 2, 100, 16};
    int32_t *pcm = fixture_noise(&shape, r);
    struct audio audio;
    fixture_write(fixture_path(folder, "rate"), SF_FORMAT_WAV | SF_FORMAT_PCM_16, &shape, pcm);
    decode_ok(fixture_path(folder, "rate"), &audio);
    assert_int_equal(audio.rate_hz, rates[r]);
    audio_free(&audio);
    free(pcm);
  }
}

/* The hash as decode.h defines it, of samples with 16 bits. */
static void expected_hash(const struct fixture_shape *shape, const int32_t *pcm, char text[65]) {
  const int32_t header[3] = {shape->rate_hz, shape->channels, shape->n_frames};
  size_t n = (size_t)shape->n_frames * (size_t)shape->channels;
  unsigned char *bytes = malloc(16 + sizeof header + n * sizeof(float));
  assert_non_null(bytes);
  memcpy(bytes, "lacquer audio 1\n", 16);
  memcpy(bytes + 16, header, sizeof header);
  for (size_t i = 0; i < n; i++) {
    float sample = (float)pcm[i] / 2147483648.0f;
    memcpy(bytes + 28 + 4 * i, &sample, 4);
  }
  assert_int_equal(hash_bytes(bytes, 28 + 4 * n, text), 0);
  free(bytes);
}

static void test_one_audio_one_hash(void **state) {
  static const int formats[] = {
      SF_FORMAT_WAV | SF_FORMAT_PCM_16,  SF_FORMAT_WAV | SF_FORMAT_PCM_24,
      SF_FORMAT_WAV | SF_FORMAT_FLOAT,   SF_FORMAT_RF64 | SF_FORMAT_PCM_32,
      SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_FLOAT,
      SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_FLAC | SF_FORMAT_PCM_24,
  };
  const struct fixture_shape shape = {48000, 2, 20011, 16};
  int32_t *pcm = fixture_programme(&shape, SEED);
  char expected[65];
  (void)state;
  expected_hash(&shape, pcm, expected);
  for (size_t f = 0; f < COUNT(formats); f++) {
    struct audio audio;
    fixture_write(fixture_path(folder, "hash"), formats[f], &shape, pcm);
    decode_ok(fixture_path(folder, "hash"), &audio);
    assert_string_equal(audio.sha256, expected);
    audio_free(&audio);
  }
  free(pcm);
}

static void test_sha256(void **state) {
  char text[65], of_file[65];
  int64_t n = 0;
  struct hash hash;
  (void)state;
  hash_init(&hash); /* FIPS 180-2, appendix B.1 */
  hash_update(&hash, "a", 1);
  hash_update(&hash, "bc", 2);
  assert_int_equal(hash_final(&hash, text), 0);
  assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  fixture_save(fixture_path(folder, "abc"), "abc", 3);
  assert_int_equal(hash_file(fixture_path(folder, "abc"), of_file, &n, NULL), STATUS_OK);
  assert_string_equal(of_file, text);
  assert_int_equal(n, 3);
  assert_int_equal(hash_file(fixture_path(folder, "none"), of_file, &n, NULL), STATUS_NO_INPUT);
  assert_int_equal(hash_file(folder, of_file, &n, NULL), STATUS_IO);
  hash_drop(&hash);
}

static void test_floats(void **state) {
  static const float kept[] = {1.0f, -64.0f, 0x1p-50f, -0x1p-50f, 1.5f};
  static const float flushed[] = {-0.0f, 0x1.fffffep-51f, -0x1p-149f};
  static const float refused[] = {NAN, INFINITY, -INFINITY, 64.00001f, -1e30f};
  float samples[10] = {0};
  const struct fixture_wave wave = {3, 2, 48000, 32, samples, sizeof samples, 0};
  struct audio audio;
  (void)state;
  memcpy(samples, kept, sizeof kept);
  memcpy(samples + 5, flushed, sizeof flushed);
  struct fixture_bytes file = fixture_wave(&wave);
  fixture_save(fixture_path(folder, "float"), file.data, file.size);
  decode_ok(fixture_path(folder, "float"), &audio);
  for (size_t i = 0; i < COUNT(kept); i++)
    assert_memory_equal(&audio.pcm[i % 2][i / 2], &kept[i], 4);
  const float zero = 0.0f;
  for (size_t i = 5; i < COUNT(samples); i++)
    assert_memory_equal(&audio.pcm[i % 2][i / 2], &zero, 4);
  audio_free(&audio);
  for (size_t i = 0; i < COUNT(refused); i++) {
    memcpy(file.data + 44 + 4 * 7, &refused[i], 4);
    expect_bytes_refused(file.data, file.size, "channel 2, frame 3 (counted from 0)");
  }
  free(file.data);
}

static void test_refused_formats(void **state) {
  static const unsigned char samples[96];
  static const struct {
    struct fixture_wave wave;
    const char *words;
  } cases[] = {
      {{1, 3, 48000, 16, samples, 96, 0}, "3 channels; accepted are 1 (1.0), 2 (2.0), 6 (5.1)"},
      {{1, 2, 22050, 16, samples, 96, 0}, "22050 Hz; accepted are 44100"},
      {{1, 2, 48000, 8, samples, 96, 0}, "8 bit"},
      {{3, 2, 48000, 64, samples, 96, 0}, "64 bit float; accepted are"},
      {{7, 2, 48000, 8, samples, 96, 0}, "U-Law; accepted are"},
      {{2, 2, 48000, 4, samples, 96, 0}, "accepted are"},
      {{0x55, 2, 48000, 16, samples, 96, 0}, "accepted are"},
      {{1, 2, 48000, 16, samples, 0, 0}, "holds no audio"},
      {{1, 2, 48000, 16, samples, 96, 100}, "claims 100 bytes of audio, the file holds 96"},
      {{1, 2, 48000, 16, samples, 96, UINT32_MAX}, "write the file again"},
      {{1, 2, 48000, 16, samples, 96, 0x7ffff000}, "cut off"},
      {{1, 2, 48000, 16, samples, 96, 95}, "no whole number of frames"},
      {{1, 0, 48000, 16, samples, 96, 0}, "accepted are"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct fixture_bytes file = fixture_wave(&cases[i].wave);
    expect_bytes_refused(file.data, file.size, cases[i].words);
    free(file.data);
  }
}

static void test_not_audio(void **state) {
  char inner[4200];
  (void)state;
  expect_bytes_refused("", 0, "empty file");
  expect_bytes_refused("R", 1, "not an audio file");
  expect_bytes_refused("these are liner notes\n", 22, "not an audio file");
  expect_bytes_refused("OggS\0\0\0\0\0\0\0\0", 12, "an Ogg file");
  expect_bytes_refused("ID3\3\0\0\0\0\0\0\377\373", 12, "an MP3 file");
  expect_bytes_refused("RIFF\20\0\0\0AVI LIST", 16, "not an audio file");
  expect_refusal(folder, STATUS_NO_INPUT, "is a folder");
  expect_refusal(fixture_path(folder, "missing.wav"), STATUS_NO_INPUT, "No such file");
  expect_refusal("/dev/null", STATUS_NO_INPUT, "is a pipe or device");
  fixture_save(fixture_path(folder, "plain"), "x", 1);
  snprintf(inner, sizeof inner, "%s/a.wav", fixture_path(folder, "plain"));
  expect_refusal(inner, STATUS_NO_INPUT, "Not a directory");
  assert_int_equal(mkfifo(fixture_path(folder, "pipe"), 0600), 0);
  expect_refusal(fixture_path(folder, "pipe"), STATUS_NO_INPUT, "is a pipe or device");
}

static struct fixture_bytes small_file(int sf_format, int32_t n_frames) {
  const struct fixture_shape shape = {44100, 2, n_frames, 16};
  int32_t *pcm = fixture_programme(&shape, SEED);
  fixture_write(fixture_path(folder, "small"), sf_format, &shape, pcm);
  free(pcm);
  return fixture_load(fixture_path(folder, "small"));
}
static const int small_formats[] = {
    SF_FORMAT_WAV | SF_FORMAT_PCM_16,  SF_FORMAT_RF64 | SF_FORMAT_PCM_16,
    SF_FORMAT_AIFF | SF_FORMAT_PCM_16, SF_FORMAT_AIFF | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE,
    SF_FORMAT_FLAC | SF_FORMAT_PCM_16, SF_FORMAT_WAVEX | SF_FORMAT_FLOAT,
};

static void test_cut_off(void **state) {
  (void)state;
  for (size_t f = 0; f < COUNT(small_formats); f++) {
    struct fixture_bytes file = small_file(small_formats[f], 150);
    for (size_t size = 0; size < file.size; size++)
      expect_bytes_refused(file.data, size, "");
    free(file.data);
  }
}

/* One flipped bit anywhere in a FLAC file is found, or did not change the audio. */
static void test_damaged_flac(void **state) {
  struct fixture_bytes file = small_file(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 300);
  struct audio audio;
  char right[65];
  int refused = 0, same = 0;
  (void)state;
  decode_ok(fixture_path(folder, "small"), &audio);
  memcpy(right, audio.sha256, sizeof right);
  audio_free(&audio);
  for (size_t i = 0; i < file.size; i++) {
    file.data[i] ^= (unsigned char)(1 << i % 8);
    fixture_save(fixture_path(folder, "damaged"), file.data, file.size);
    file.data[i] ^= (unsigned char)(1 << i % 8);
    if (decode_file(fixture_path(folder, "damaged"), &audio, NULL) != STATUS_OK) {
      refused++;
      continue;
    }
    same++;
    /* The rate is not part of the MD5: two single flips lead to another legal rate. */
    if (audio.rate_hz == 44100)
      assert_string_equal(audio.sha256, right);
    audio_free(&audio);
  }
  assert_true(refused > same);
  free(file.data);
}

static void test_flac_md5(void **state) {
  struct fixture_bytes file = small_file(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 300);
  struct audio audio;
  (void)state;
  file.data[8 + 18] ^= 1; /* STREAMINFO stands at 8, the MD5 sum at its byte 18 */
  expect_bytes_refused(file.data, file.size, "differs from the MD5 sum");
  memset(file.data + 8 + 18, 0, 16); /* none given: frames have their own checksums */
  fixture_save(fixture_path(folder, "nomd5"), file.data, file.size);
  decode_ok(fixture_path(folder, "nomd5"), &audio);
  audio_free(&audio);
  memset(file.data + 8 + 14, 0, 4); /* the length's low 32 bits */
  expect_bytes_refused(file.data, file.size, "does not state the length");
  free(file.data);
}

/* An ID3v2 tag before and an ID3v1 tag after FLAC are met in the field. */
static void test_flac_between_tags(void **state) {
  struct fixture_bytes file = small_file(SF_FORMAT_FLAC | SF_FORMAT_PCM_16, 300);
  unsigned char *bytes = calloc(1, file.size + 20 + 128);
  struct audio audio;
  (void)state;
  assert_non_null(bytes);
  memcpy(bytes, "ID3\4\0\0\0\0\0\12", 10); /* ten bytes of padding follow */
  memcpy(bytes + 20, file.data, file.size);
  memcpy(bytes + 20 + file.size, "TAG", 3);
  fixture_save(fixture_path(folder, "tagged"), bytes, file.size + 20 + 128);
  decode_ok(fixture_path(folder, "tagged"), &audio);
  assert_int_equal(audio.n_frames, 300);
  audio_free(&audio);
  free(bytes);
  free(file.data);
}

/* What is no audio may be cut or stand behind the audio. */
static void test_trailing_chunks(void **state) {
  static const unsigned char samples[96];
  const struct fixture_wave wave = {1, 2, 48000, 16, samples, 96, 0};
  struct fixture_bytes file = fixture_wave(&wave);
  unsigned char bytes[256];
  struct audio audio;
  (void)state;
  memcpy(bytes, file.data, file.size);
  memcpy(bytes + file.size, "LIST\x40\0\0\0INFO", 12);
  fixture_save(fixture_path(folder, "trailing"), bytes, file.size + 12);
  decode_ok(fixture_path(folder, "trailing"), &audio);
  assert_int_equal(audio.n_frames, 24);
  audio_free(&audio);
  free(file.data);
}

static void check_decoded(struct audio *audio) {
  assert_in_range(audio->n_frames, 1, MAX_FRAMES);
  assert_int_equal(strlen(audio->sha256), 64);
  for (int c = 0; c < audio->channels; c++)
    for (int32_t i = 0; i < audio->n_frames; i++)
      assert_true(fabsf(audio->pcm[c][i]) <= 64.0f);
  audio_free(audio);
}

static void test_mutations(void **state) {
  uint64_t random = SEED;
  int accepted = 0;
  (void)state;
  for (size_t f = 0; f < COUNT(small_formats); f++) {
    struct fixture_bytes file = small_file(small_formats[f], 64);
    unsigned char *bytes = malloc(file.size);
    assert_non_null(bytes);
    for (int m = 0; m < MUTATIONS; m++) {
      struct audio audio;
      struct failure why;
      size_t header = file.size < 100 ? file.size : 100;
      memcpy(bytes, file.data, file.size);
      for (uint64_t n = 1 + fixture_random(&random) % 4; n > 0; n--)
        bytes[fixture_random(&random) % header] = (unsigned char)fixture_random(&random);
      fixture_save(fixture_path(folder, "mutant"), bytes, file.size);
      enum status status = decode_file(fixture_path(folder, "mutant"), &audio, &why);
      if (status == STATUS_OK) {
        check_decoded(&audio);
        accepted++;
      } else if (status != STATUS_BAD_DATA) {
        fail_msg("mutation %d of kind %zu: %s", m, f, why.text);
      }
    }
    free(bytes);
    free(file.data);
  }
  print_message("seed %d: %d of %zu mutants were still legal files\n", SEED, accepted,
                COUNT(small_formats) * MUTATIONS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_kind),       cmocka_unit_test(test_every_rate),
      cmocka_unit_test(test_one_audio_one_hash), cmocka_unit_test(test_sha256),
      cmocka_unit_test(test_floats),           cmocka_unit_test(test_refused_formats),
      cmocka_unit_test(test_not_audio),        cmocka_unit_test(test_cut_off),
      cmocka_unit_test(test_damaged_flac),     cmocka_unit_test(test_flac_md5),
      cmocka_unit_test(test_flac_between_tags), cmocka_unit_test(test_trailing_chunks),
      cmocka_unit_test(test_mutations),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
