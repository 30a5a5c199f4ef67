/* SPDX-License-Identifier: MIT
 * Audio files out: bit-exact, the same bytes each time, tagged, and never half-written:
 * full disks, impossible folders, publishing. And the independent loudness reading. */
#include "decode.h" /* before cmocka, whose fail() is a macro */
#include "encode.h"
#include "loudness_check.h"
#include "manifest.h"
#include "publish.h"
#include "tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audio_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { SEED = 20260201 };
static const int64_t never_rf64 = INT64_MAX, always_rf64 = 0;

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

/* Noise of a word length; of 32 bits: floats, some beyond full scale. */
static int32_t *noise_of(const struct fixture_shape *shape, uint64_t seed) {
  struct fixture_shape integers = *shape;
  if (shape->bits == 32) integers.bits = 24;
  int32_t *pcm = fixture_noise(&integers, seed);
  for (int32_t i = 0; shape->bits == 32 && i < shape->n_frames * shape->channels; i++) {
    const float x = (float)pcm[i] * (i % 16 ? 0x1p-31f : 0x1p-28f);
    memcpy(&pcm[i], &x, sizeof x);
  }
  return pcm;
}

/* A deliverable of generated audio without tags; the caller frees .pcm. */
static struct deliverable make(const char *path, int format, int bits, int32_t n_frames) {
  const struct fixture_shape shape = {48000, 2, n_frames, bits};
  return (struct deliverable){.path = path, .format = format, .bits = bits,
                              .rate_hz = shape.rate_hz, .channels = shape.channels,
                              .n_frames = n_frames, .pcm = noise_of(&shape, SEED)};
}

static void deliver(const struct deliverable *d, int64_t riff_limit, struct encoded *encoded) {
  struct failure why = {0};
  if (encode_file_limited(d, riff_limit, encoded, &why) != STATUS_OK ||
      publish_file(encoded->temp_path, d->path, &why) != STATUS_OK)
    fail_msg("%s", why.text);
}

static void check_file(const struct deliverable *d, const struct encoded *encoded,
                       const char *format) {
  struct audio audio;
  struct failure why = {0};
  char sha256[65];
  int64_t n_bytes;
  if (decode_file(d->path, &audio, &why) != STATUS_OK)
    fail_msg("%s", why.text);
  assert_string_equal(audio.format, format);
  assert_int_equal(audio.rate_hz, d->rate_hz);
  assert_int_equal(audio.channels, d->channels);
  assert_int_equal(audio.n_frames, d->n_frames);
  assert_int_equal(audio.bits, encode_container_bits(d->bits));
  assert_int_equal(audio.is_float, d->bits == 32);
  for (int32_t i = 0; i < d->n_frames * d->channels; i++) {
    float x = (float)d->pcm[i] * 0x1p-31f;
    if (d->bits == 32) memcpy(&x, &d->pcm[i], sizeof x);
    if (audio.pcm[i % d->channels][i / d->channels] != x)
      fail_msg("%s: sample %d differs", d->path, (int)i);
  }
  audio_free(&audio);
  assert_int_equal(hash_file(d->path, sha256, &n_bytes, NULL), STATUS_OK);
  assert_string_equal(sha256, encoded->file_sha256);
  assert_int_equal(n_bytes, encoded->file_bytes);
}

static void test_round_trip(void **state) {
  static const int rates[] = {44100, 48000, 88200, 96000, 176400, 192000};
  static const struct {
    int format;
    const char *name;
  } formats[] = {{FILE_WAV, "WAV"}, {FILE_WAV, "RF64"}, {FILE_AIFF, "AIFF"}, {FILE_FLAC, "FLAC"}};
  const char *path = fixture_path(folder, "round");
  (void)state;
  for (size_t i = 0; i < COUNT(formats) * COUNT(rates) * 8; i++) {
    static const int bits[] = {24, 16, 20, 32};
    size_t f = i % 4, rate = i / 4 % COUNT(rates), rest = i / (4 * COUNT(rates));
    const struct fixture_shape shape = {rates[rate], 1 + (int)(rest & 1), 5001, bits[rest / 2]};
    if (formats[f].format == FILE_FLAC && shape.bits == 32) continue;
    int32_t *pcm = noise_of(&shape, i);
    const struct deliverable d = {.path = path, .format = formats[f].format, .bits = shape.bits,
                                  .rate_hz = shape.rate_hz, .channels = shape.channels,
                                  .n_frames = shape.n_frames, .pcm = pcm};
    struct encoded encoded;
    deliver(&d, f == 1 ? always_rf64 : never_rf64, &encoded);
    check_file(&d, &encoded, f == 2 && shape.bits == 32 ? "AIFC" : formats[f].name);
    encoded_discard(&encoded);
    free(pcm);
  }
  assert_int_equal(fixture_count_files(folder), 1);
}

/* The PCM hash is that of the data chunk of a WAV file, whatever the format. */
static void test_pcm_hash(void **state) {
  const char *path = fixture_path(folder, "pcm");
  struct encoded encoded;
  char expected[65];
  (void)state;
  for (int bits = 16; bits <= 24; bits += 8) {
    struct deliverable d = make(path, FILE_WAV, bits, 999);
    size_t n = 999 * 2 * (size_t)(bits / 8);
    deliver(&d, never_rf64, &encoded);
    struct fixture_bytes file = fixture_load(path);
    assert_memory_equal(file.data + 36, "data", 4); /* no tags: fmt, data */
    assert_int_equal(file.size, 44 + n);
    assert_int_equal(hash_bytes(file.data + 44, n, expected), 0);
    assert_string_equal(encoded.pcm_sha256, expected);
    encoded_discard(&encoded);
    for (d.format = FILE_AIFF; d.format <= FILE_FLAC; d.format++) {
      deliver(&d, never_rf64, &encoded);
      assert_string_equal(encoded.pcm_sha256, expected);
      encoded_discard(&encoded);
    }
    free(file.data);
    free((void *)d.pcm);
  }
}

static void add_tags(struct deliverable *d, const char *long_text) {
  d->title = "Träume & <Schäume> — 夜明け 🎻";
  d->artist = "Ólafur \"The Example\" Choir";
  d->album = long_text;
  d->isrc = "QZABC2600001";
  d->genre = "Choral";
  d->upc = "0012345678905";
  d->track_number = 7;
  d->disc_number = 2;
  d->year = 2026;
}

static void test_tags(void **state) {
  char long_text[MAX_TAG_BYTES + 2];
  (void)state;
  memset(long_text, 'x', sizeof long_text);
  for (int i = 0; i < 8; i++) { /* WAV and RF64, AIFF, FLAC; a short and the longest text */
    const char *path = fixture_path(folder, "tagged");
    int kind = i / 2;
    struct deliverable d = make(path, kind < 2 ? FILE_WAV : kind - 1, 24, 501);
    struct encoded encoded;
    struct tags tags;
    long_text[i & 1 ? MAX_TAG_BYTES : 5] = '\0';
    add_tags(&d, long_text);
    deliver(&d, kind == 1 ? always_rf64 : never_rf64, &encoded);
    check_file(&d, &encoded, (const char *[]){"WAV", "RF64", "AIFF", "FLAC"}[kind]);
    encoded_discard(&encoded);
    assert_int_equal(tags_read(path, &tags, NULL), STATUS_OK);
    assert_string_equal(tags.title, d.title);
    assert_string_equal(tags.artist, d.artist);
    assert_string_equal(tags.album, d.album);
    assert_string_equal(tags.isrc, d.isrc);
    assert_string_equal(tags.genre, d.genre);
    assert_int_equal(tags.track_number, 7);
    assert_int_equal(tags.year, 2026);
    if (kind >= 2) { /* WAV has no agreed place for them */
      assert_string_equal(tags.upc, d.upc);
      assert_int_equal(tags.disc_number, 2);
    }
    tags_free(&tags);
    free((void *)d.pcm);
    long_text[i & 1 ? MAX_TAG_BYTES : 5] = 'x';
  }
}

static void test_refused_deliverables(void **state) {
  char too_long[MAX_TAG_BYTES + 2];
  struct deliverable d = make(fixture_path(folder, "refused.wav"), FILE_WAV, 24, 10);
  struct encoded encoded;
  struct failure why;
  (void)state;
  memset(too_long, 'x', sizeof too_long - 1);
  too_long[sizeof too_long - 1] = '\0';
  d.title = too_long;
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "the title is 2001 bytes long (accepted: up to 2000)"));
  d.title = "\xc3(";
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "the title is not UTF-8"));
  d.title = NULL;
  d.bits = 17;
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
  d.bits = 32;
  d.format = FILE_FLAC;
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "FLAC holds no 32-bit float (accepted: wav, aiff)"));
  d.bits = 24;
  d.format = FILE_AIFF;
  d.n_frames = 800000000; /* refused before a sample is looked at */
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "more than an AIFF file can hold"));
  d.bits = 16; /* the samples have 24: the file read back must be found to differ */
  d.n_frames = 10;
  for (d.format = FILE_WAV; d.format <= FILE_FLAC; d.format++) {
    assert_int_equal(encode_file(&d, &encoded, &why), STATUS_IO);
    assert_non_null(strstr(why.text, "differs from what was written"));
    assert_null(encoded.temp_path);
  }
  assert_false(access(d.path, F_OK) == 0);
  free((void *)d.pcm);
}

static void test_same_bytes(void **state) {
  (void)state;
  for (int i = 0; i < 7; i++) {
    const int kind = i % 4, bits = i < 4 ? 24 : 32;
    struct deliverable d = make(fixture_path(folder, "one"), kind < 2 ? FILE_WAV : kind - 1, bits,
                                20000);
    struct encoded first, second;
    add_tags(&d, "Album");
    assert_int_equal(encode_file_limited(&d, kind == 1 ? always_rf64 : never_rf64, &first, NULL),
                     STATUS_OK);
    d.path = fixture_path(folder, "another/place");
    sleep(kind == 0 || i == 6); /* a time stamp of seconds would show */
    assert_int_equal(encode_file_limited(&d, kind == 1 ? always_rf64 : never_rf64, &second, NULL),
                     STATUS_OK);
    assert_string_equal(first.file_sha256, second.file_sha256);
    encoded_discard(&first);
    encoded_discard(&second);
    free((void *)d.pcm);
  }
}

/* The message names what stands in the way: the folder or the temporary file in it. */
static void expect_cannot_create(const char *path, const char *named) {
  struct deliverable d = make(path, FILE_WAV, 16, 10);
  struct encoded encoded;
  struct failure why = {0};
  assert_int_equal(encode_file(&d, &encoded, &why), STATUS_CANT_CREATE);
  assert_non_null(strstr(why.text, named));
  assert_null(encoded.temp_path);
  assert_int_equal(write_file_atomic(path, "x", 1, &why), STATUS_CANT_CREATE);
  free((void *)d.pcm);
}

static void test_impossible_folders(void **state) {
  char path[4200];
  const char *file = fixture_path(folder, "file");
  (void)state;
  fixture_save(file, "x", 1);
  snprintf(path, sizeof path, "%s/a.wav", file);
  expect_cannot_create(path, file);
  snprintf(path, sizeof path, "%s/deep/er/a.wav", file);
  expect_cannot_create(path, file);
  const char *locked = fixture_path(folder, "locked");
  assert_int_equal(mkdir(locked, 0500), 0);
  snprintf(path, sizeof path, "%s/a.wav", locked);
  if (geteuid() != 0)
    expect_cannot_create(path, locked);
  else if (mount("none", locked, "tmpfs", MS_RDONLY, NULL) == 0) {
    expect_cannot_create(path, locked);
    assert_int_equal(umount(locked), 0);
  } else {
    print_message("skipped: a folder without write permission (root, and no mounts)\n");
  }
}

/* Runs every writer against a file system of `pages` pages of 4096 bytes. Returns how
 * many succeeded; the others must have said why and left nothing. */
static int write_on_small_disk(const char *disk, int pages) {
  int succeeded = 0;
  char options[32], path[4200], *bytes = calloc(1, 40000);
  assert_non_null(bytes);
  snprintf(options, sizeof options, "size=%d", pages * 4096);
  snprintf(path, sizeof path, "%s/x", disk);
  for (int kind = 0; kind < 5; kind++) {
    struct deliverable d = make(path, kind < 2 ? FILE_WAV : kind == 4 ? 0 : kind - 1, 24, 6000);
    struct encoded encoded = {0};
    struct failure why = {0};
    assert_int_equal(mount("none", disk, "tmpfs", 0, options), 0);
    enum status status =
        kind == 4 ? write_file_atomic(path, bytes, 40000, &why)
                  : encode_file_limited(&d, kind == 1 ? always_rf64 : never_rf64, &encoded, &why);
    if (status != STATUS_OK) {
      assert_int_equal(status, STATUS_IO);
      assert_non_null(strstr(why.text, "No space left"));
      assert_non_null(strstr(why.text, path));
      assert_int_equal(fixture_count_files(disk), 0);
    }
    succeeded += status == STATUS_OK;
    encoded_discard(&encoded);
    assert_int_equal(umount(disk), 0);
    free((void *)d.pcm);
  }
  free(bytes);
  return succeeded;
}

static void test_full_disk(void **state) {
  const char *disk = fixture_path(folder, "disk");
  (void)state;
  assert_int_equal(mkdir(disk, 0700), 0);
  if (mount("none", disk, "tmpfs", 0, "size=4096") != 0) {
    print_message("skipped: a full disk (no permission to mount a small one)\n");
    skip();
  }
  assert_int_equal(umount(disk), 0);
  for (int pages = 1; pages <= 8; pages++) /* the files take 9 to 10 pages */
    assert_int_equal(write_on_small_disk(disk, pages), 0);
  assert_int_equal(write_on_small_disk(disk, 24), 5);
}

/* In a child with a limit on file sizes. Its exit code: 0 as it should be. */
static int write_beyond_limit(const char *path) {
  const struct rlimit limit = {8192, 8192};
  int wrong = 0;
  signal(SIGXFSZ, SIG_IGN);
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
    return 100;
  for (int format = FILE_WAV; format <= FILE_FLAC; format++) {
    struct deliverable d = make(path, format, 24, 6000);
    struct encoded encoded;
    struct failure why = {0};
    wrong += encode_file(&d, &encoded, &why) != STATUS_IO;
    wrong += !strstr(why.text, strerror(EFBIG));
    free((void *)d.pcm);
  }
  return wrong;
}

static void test_file_size_limit(void **state) {
  const char *path = fixture_path(folder, "limited/x");
  int code = -1;
  (void)state;
  pid_t child = fork();
  if (child == 0)
    _exit(write_beyond_limit(path));
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_int_equal(code, 0);
  assert_int_equal(fixture_count_files(fixture_path(folder, "limited")), 0);
}

static void test_publishing(void **state) {
  const char *path = fixture_path(folder, "published/receipt.json");
  const char *busy = fixture_path(folder, "busy");
  struct failure why = {0};
  char *temp_path;
  int fd;
  (void)state;
  assert_int_equal(write_file_atomic(path, "first", 5, &why), STATUS_OK);
  assert_int_equal(write_file_atomic(path, "second!", 7, &why), STATUS_OK);
  struct fixture_bytes bytes = fixture_load(path);
  assert_int_equal(bytes.size, 7);
  assert_memory_equal(bytes.data, "second!", 7);
  free(bytes.data);
  assert_int_equal(fixture_count_files(fixture_path(folder, "published")), 1);
  /* A folder stands where the file should go: refused, and the temporary file is gone. */
  assert_int_equal(make_folders(fixture_path(folder, "busy/inner"), &why), STATUS_OK);
  assert_int_equal(temp_open(busy, &fd, &temp_path, &why), STATUS_OK);
  close(fd);
  assert_int_equal(publish_file(temp_path, busy, &why), STATUS_IO);
  assert_non_null(strstr(why.text, strerror(EISDIR)));
  assert_false(access(temp_path, F_OK) == 0);
  assert_int_equal(publish_file(temp_path, busy, &why), STATUS_IO); /* no such file */
  free(temp_path);
}

static void test_temporary_names(void **state) {
  char name[301], path[4200];
  struct failure why;
  char *first, *second;
  int fd;
  (void)state;
  for (size_t i = 0; i < sizeof name - 1; i += 2)
    memcpy(name + i, "ä", 2);
  name[250] = '\0'; /* 125 characters: legal, but the suffix must find room */
  snprintf(path, sizeof path, "%s/names/%s", folder, name);
  assert_int_equal(temp_open(path, &fd, &first, &why), STATUS_OK);
  close(fd);
  assert_int_equal(temp_open(path, &fd, &second, &why), STATUS_OK);
  close(fd);
  assert_string_not_equal(first, second);
  assert_true(strlen(strrchr(first, '/') + 1) <= 255);
  assert_int_equal(publish_file(first, path, &why), STATUS_OK);
  unlink(second);
  free(first);
  free(second);
}

/* A file "<before><host><after the pid>" in `place`, last written now or in 2001. */
struct left_over {
  const char *before, *other_host, *after;
  pid_t pid;
  bool old, removed;
};
static void put_left_over(const char *place, const struct left_over *l) {
  const struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
  char path[4600], host[65] = "";
  assert_int_equal(gethostname(host, sizeof host - 1), 0);
  snprintf(path, sizeof path, "%s/%s%s%s.%d%s", place, l->before, host, l->other_host, (int)l->pid,
           l->after);
  fixture_save(path, "x", 1);
  if (l->old)
    utimensat(AT_FDCWD, path, long_ago, 0);
}

static void test_stale_temporaries(void **state) {
  const char *place = fixture_path(folder, "stale");
  const pid_t alive = getppid(), gone = fork();
  if (gone == 0)
    _exit(0);
  waitpid(gone, NULL, 0);
  const struct left_over all[] = {
      {".a.wav.", "", ".0.tmp", gone, false, true},
      {".b.wav.", "", ".0.tmp", alive, false, false},
      {".c.wav.", "", ".0.tmp", alive, true, true},
      {".d.wav.", "", ".0.tmp", getpid(), false, true},
      {".e.wav.", "-other", ".0.tmp", gone, true, true},
      {".f.wav.", "-other", ".0.tmp", gone, false, false},
      {".g.wav.", "", ".tmp", gone, true, false},     {"h.wav.", "", ".0.tmp", gone, true, false},
  };
  const int n = sizeof all / sizeof *all;
  int removed = 0;
  struct failure why;
  (void)state;
  assert_int_equal(make_folders(place, &why), STATUS_OK);
  for (int i = 0; i < n; i++) {
    put_left_over(place, &all[i]);
    removed += all[i].removed;
  }
  assert_int_equal(remove_stale_temporaries(place), removed);
  assert_int_equal(fixture_count_files(place), n - removed);
  assert_int_equal(remove_stale_temporaries(fixture_path(folder, "nowhere")), 0);
}

/* What is being written is locked, for other processes too, however old it looks. */
static void test_living_temporaries(void **state) {
  const char *place = fixture_path(folder, "living");
  const struct timespec long_ago[2] = {{1000000000, 0}, {1000000000, 0}};
  char *temp_path, path[4400];
  struct failure why;
  int fd, status;
  (void)state;
  snprintf(path, sizeof path, "%s/a.wav", place);
  assert_int_equal(temp_open(path, &fd, &temp_path, &why), STATUS_OK);
  utimensat(AT_FDCWD, temp_path, long_ago, 0);
  assert_int_equal(remove_stale_temporaries(place), 0);
  const pid_t other = fork();
  if (other == 0)
    _exit(remove_stale_temporaries(place) == 0 && remove_own_temporaries(place) == 0 ? 0 : 1);
  assert_int_equal(waitpid(other, &status, 0), other);
  assert_int_equal(status, 0);
  assert_int_equal(remove_own_temporaries(place), 1);
  assert_int_equal(fixture_count_files(place), 0);
  close(fd);
  free(temp_path);
}

/* EBU Tech 3341, case 1: a stereo sine of 1000 Hz at -23 dBFS reads -23.0 +- 0.1 LUFS;
 * its true peak is -23 dBTP, which 4x oversampling finds within 0.1 dB at this rate. */
static void test_loudness(void **state) {
  const struct pcm_shape shape = {48000, 2, 20 * 48000, NULL};
  size_t n = (size_t)shape.n_frames;
  float *planar = malloc(n * sizeof *planar);
  int32_t *pcm = malloc(2 * n * sizeof *pcm);
  struct loudness_figures figures, of_pcm;
  double peak, peak_of_pcm;
  (void)state;
  assert_non_null(planar);
  assert_non_null(pcm);
  for (size_t i = 0; i < n; i++) {
    planar[i] = (float)(pow(10.0, -23.0 / 20.0) * sin(2.0 * acos(-1.0) * (double)(i % 48) / 48.0));
    pcm[2 * i] = pcm[2 * i + 1] = (int32_t)((double)planar[i] * 0x1p31);
  }
  const float *const channels[2] = {planar, planar};
  assert_int_equal(loudness_measure_planar(&shape, channels, &figures, &peak, NULL), STATUS_OK);
  assert_int_equal(loudness_measure_pcm(&shape, pcm, false, &of_pcm, &peak_of_pcm, NULL),
                   STATUS_OK);
  assert_true(fabs(figures.integrated_lufs + 23.0) <= 0.1);
  assert_true(fabs(figures.momentary_lufs + 23.0) <= 0.1);
  assert_true(fabs(figures.short_term_lufs + 23.0) <= 0.1);
  assert_true(fabs(figures.range_lu) <= 0.01);
  assert_true(fabs(peak + 23.0) <= 0.1);
  /* pcm is planar rounded to 2^-31: 170 dB below the sine. */
  assert_true(fabs(figures.integrated_lufs - of_pcm.integrated_lufs) < 1e-6 &&
              fabs(peak - peak_of_pcm) < 1e-6);
  for (size_t i = 0; i < 2 * n; i++) memcpy(&pcm[i], &planar[i / 2], sizeof *pcm);
  assert_int_equal(loudness_measure_pcm(&shape, pcm, true, &of_pcm, &peak_of_pcm, NULL), STATUS_OK);
  assert_true(figures.integrated_lufs == of_pcm.integrated_lufs && peak == peak_of_pcm);
  memset(pcm, 0, 2 * n * sizeof *pcm);
  assert_int_equal(loudness_measure_pcm(&shape, pcm, false, &figures, &peak, NULL), STATUS_OK);
  assert_true(figures.integrated_lufs == -HUGE_VAL && peak == -HUGE_VAL);
  assert_true(figures.momentary_lufs == -HUGE_VAL && figures.range_lu == 0);
  assert_int_equal(loudness_measure_pcm(&shape, pcm, false, &figures, NULL, NULL), STATUS_OK);
  free(planar);
  free(pcm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),         cmocka_unit_test(test_pcm_hash),
      cmocka_unit_test(test_tags),               cmocka_unit_test(test_refused_deliverables),
      cmocka_unit_test(test_same_bytes),         cmocka_unit_test(test_impossible_folders),
      cmocka_unit_test(test_full_disk),          cmocka_unit_test(test_file_size_limit),
      cmocka_unit_test(test_publishing),         cmocka_unit_test(test_temporary_names),
      cmocka_unit_test(test_stale_temporaries),
      cmocka_unit_test(test_living_temporaries),
      cmocka_unit_test(test_loudness),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
