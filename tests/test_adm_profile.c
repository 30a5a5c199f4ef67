/* SPDX-License-Identifier: MIT
 * What is written as an Atmos master keeps every rule of the profile, by a reader that shares
 * nothing with the writer; and that reader sees every rule broken: one change of a good file
 * for each. With arguments: files to be held against the rules. */
#include "adm_fixture.h"
#include "adm_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
enum { FRAMES = 5 * 512 + 77, OBJECTS = 3, BLOCKS = 5, SEED = 7011 };

static char *folder;
static struct fixture_bytes good;

static void print(const struct profile_report *report) {
  for (int i = 0; i < report->n && i < PROFILE_MOST; i++)
    printf("%s: %s\n", report->findings[i].rule, report->findings[i].text);
}

static int set_up(void **state) {
  struct adm *adm = adm_fixture_master(OBJECTS, BLOCKS, FRAMES);
  (void)state;
  folder = fixture_folder();
  adm_fixture_write(fixture_path(folder, "good.wav"), adm, ADM_DOLBY, FRAMES, SEED);
  good = fixture_load(fixture_path(folder, "good.wav"));
  adm_destroy(&adm);
  return 0;
}
static int tear_down(void **state) {
  (void)state;
  free(good.data);
  fixture_folder_remove(folder);
  return 0;
}

static void expect_sound(const char *path) {
  struct fixture_bytes file = fixture_load(path);
  struct profile_report report;
  profile_check(file.data, file.size, &report);
  print(&report);
  assert_int_equal(report.n, 0);
  free(file.data);
}

static void test_sound(void **state) {
  static const struct {
    int objects, blocks;
    int64_t frames;
  } shapes[] = {{3, 5, FRAMES}, {118, 2, 48000}, {1, 1, 48048}, {2, 300, 300 * 512 + 1}};
  (void)state;
  for (size_t i = 0; i < COUNT(shapes); i++) {
    const char *path = fixture_path(folder, "sound.wav");
    struct adm *adm = adm_fixture_master(shapes[i].objects, shapes[i].blocks, shapes[i].frames);
    adm_fixture_write(path, adm, ADM_DOLBY, shapes[i].frames, 0);
    expect_sound(path);
    adm_destroy(&adm);
  }
}

/* Every bed, at both rates, with and without an object; and objects alone. */
static void test_beds(void **state) {
  static const char *const layouts[] = {"2.0", "3.0", "7.0", "7.1", "7.0.2", "7.1.2", NULL};
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(layouts); i++) {
    const char *path = fixture_path(folder, "bed.wav");
    const int objects = layouts[i / 2] ? (int)(i % 2) : 2;
    const struct adm_shape shape = {ADM_DOLBY, layouts[i / 2], objects, 48000 << i % 2, 1001};
    struct failure why = {0};
    struct adm *adm;
    struct adm_chunks chunks;
    if (adm_make(&shape, &adm, &why)) fail_msg("%s", why.text);
    const struct riff_format format = {adm->n_tracks, shape.rate_hz, 24};
    if (adm_write(adm, ADM_DOLBY, path, &format, 1001, &chunks, &why)) fail_msg("%s", why.text);
    adm_fixture_write_chunks(path, &chunks, ADM_DOLBY, &format, 1001, SEED, RIFF_MOST_BYTES);
    expect_sound(path);
    adm_chunks_free(&chunks);
    adm_destroy(&adm);
  }
}

/* The same file in RF64 form. */
static void test_large_form(void **state) {
  const char *path = fixture_path(folder, "large.wav");
  struct riff_format format = adm_fixture_format;
  struct adm *adm = adm_fixture_master(OBJECTS, BLOCKS, FRAMES);
  struct adm_chunks chunks;
  (void)state;
  format.channels = adm->n_tracks;
  assert_int_equal(adm_write(adm, ADM_DOLBY, path, &format, FRAMES, &chunks, NULL), 0);
  adm_fixture_write_chunks(path, &chunks, ADM_DOLBY, &format, FRAMES, SEED, 1000);
  expect_sound(path);
  struct fixture_bytes file = fixture_load(path);
  static const struct {
    const char *rule;
    size_t at;
  } changes[] = {{"rf64-sizes", 4}, {"chunk-order", 12}, {"ds64-28", 16}, {"riff-size", 20},
                 {"ds64-28", 36}, {"ds64-28", 44}};
  for (size_t i = 0; i < COUNT(changes); i++) {
    struct profile_report report;
    file.data[changes[i].at] ^= 4;
    profile_check(file.data, file.size, &report);
    if (!profile_broke(&report, changes[i].rule)) fail_msg("%s is not seen", changes[i].rule);
    file.data[changes[i].at] ^= 4;
  }
  free(file.data);
  adm_chunks_free(&chunks);
  adm_destroy(&adm);
}

/* ---- every rule broken ---- */

static const struct {
  const char *rule;
  struct adm_edit edit;
} text_changes[] = {
    {"xml", {"</audioContent>", "</audioContentt>", 0}},
    {"xml-utf-8", {"UTF-8", "UTF-7", 0}},
    {"root", {"ebuCore_2016\"", "ebuCore_2014\"", 0}},
    {"unlisted-attribute", {"<audioFormatExtended", "<audioFormatExtended version=\"1\"", 0}},
    {"unlisted-attribute", {" rtime=", " lstart=\"1\" rtime=", 0}},
    {"unlisted-element", {"<cartesian>", "<screenRef>1</screenRef><cartesian>", 12}},
    {"unlisted-element", {"</audioProgramme>", "<loudnessMetadata/></audioProgramme>", 0}},
    {"programme-one", {"<audioProgramme ", "<audioProgramme x=\"1\"/><audioProgramme ", 0}},
    {"programme-id", {"APR_1001", "APR_1002", 0}},
    {"programme-name", {"Atmos_Master", "Atmos_master", 0}},
    {"programme-length", {"end=\"00:00:00.0549", "end=\"00:00:00.0648", 0}},
    {"programme-contents", {"<audioContentIDRef>ACO_1002</audioContentIDRef>", "", 0}},
    {"time-format", {"start=\"00:00:00.00000\"", "start=\"00:00:00.0000\"", 0}},
    {"time-format", {"rtime=\"00:00:00.01066\"", "rtime=\"00:00:00.010660\"", 0}},
    {"reference", {"<audioContentIDRef>ACO_1001", "<audioContentIDRef>ACO_1009", 0}},
    {"reference", {"<audioObjectIDRef>AO_100b", "<audioObjectIDRef>AO_100f", 0}},
    {"reference", {"<audioChannelFormatIDRef>AC_00011001", "<audioChannelFormatIDRef>AC_00011099",
                   0}},
    {"content-id", {"audioContentID=\"ACO_1002", "audioContentID=\"ACO_1003", 0}},
    {"content-name", {"audioContentName=\"Master\"", "audioContentName=\"\"", 0}},
    {"content-dialogue", {">2</dialogue>", ">1</dialogue>", 0}},
    {"content-dialogue", {"mixedContentKind=\"0\"", "mixedContentKind=\"1\"", 0}},
    {"content-objects", {"<audioObjectIDRef>AO_100d</audioObjectIDRef>", "", 0}},
    {"bed-id", {"audioObjectID=\"AO_1001", "audioObjectID=\"AO_1002", 0}},
    {"object-id", {"audioObjectID=\"AO_100b", "audioObjectID=\"AO_1002", 0}},
    {"beds-first", {"<audioPackFormatIDRef>AP_00031003", "<audioPackFormatIDRef>AP_00011001", 0}},
    {"object-name", {"audioObjectName=\"Object 1\"", "audioObjectName=\"\"", 0}},
    {"object-name", {"audioObjectName=\"Object 2\"",
                     "audioObjectName=\"A name of sixty-five bytes, which is one more than the "
                     "profile has\"", 0}},
    {"object-start", {"start=\"00:00:00.00000\"", "start=\"00:00:00.00001\"", 2}},
    {"object-duration", {"duration=\"00:00:00.054", "duration=\"00:00:00.053", 0}},
    {"object-pack", {"<audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>",
                     "<audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>"
                     "<audioPackFormatIDRef>AP_00031002</audioPackFormatIDRef>", 0}},
    {"object-tracks", {"<audioTrackUIDRef>ATU_0000000b</audioTrackUIDRef>", "", 0}},
    {"object-track-order", {"<audioTrackUIDRef>ATU_00000002", "<audioTrackUIDRef>ATU_00000003",
                            0}},
    {"object-content", {"<audioObjectIDRef>AO_100c", "<audioObjectIDRef>AO_100b", 0}},
    {"pack-id", {"audioPackFormatID=\"AP_00031001", "audioPackFormatID=\"AP_00031004", 0}},
    {"pack-type", {"typeDefinition=\"Objects\"", "typeDefinition=\"HOA\"", 0}},
    {"pack-name", {"audioPackFormatName=\"Object 1\"", "audioPackFormatName=\"\"", 0}},
    {"pack-channels", {"<audioChannelFormatIDRef>AC_00031001</audioChannelFormatIDRef>", "", 0}},
    {"bed-order", {"<audioChannelFormatIDRef>AC_00011002</audioChannelFormatIDRef>", "", 0}},
    {"bed-order", {"<speakerLabel>RC_Lrs", "<speakerLabel>RC_Lss", 0}},
    {"channel-id", {"audioChannelFormatID=\"AC_00011004", "audioChannelFormatID=\"AC_0001100f",
                    0}},
    {"channel-type", {"typeDefinition=\"DirectSpeakers\"", "typeDefinition=\"Matrix\"", 1}},
    {"block-id", {"AB_00031001_00000002", "AB_00031001_00000003", 0}},
    {"block-id", {"AB_00011001_00000001", "AB_00011001_00000002", 0}},
    {"bed-block-one", {"<audioBlockFormat audioBlockFormatID=\"AB_00011001_00000001\">",
                       "<audioBlockFormat/><audioBlockFormat "
                       "audioBlockFormatID=\"AB_00011001_00000001\">", 0}},
    {"bed-block-time", {"AB_00011002_00000001\"",
                        "AB_00011002_00000001\" rtime=\"00:00:00.00000\"", 0}},
    {"bed-jump", {"<speakerLabel>RC_C</speakerLabel>",
                  "<speakerLabel>RC_C</speakerLabel><jumpPosition>1</jumpPosition>", 0}},
    {"bed-label", {"RC_LFE", "LFE1", 0}},
    {"bed-name", {"audioChannelFormatName=\"RoomCentricLFE\"",
                  "audioChannelFormatName=\"RoomCentricLfe\"", 0}},
    {"bed-position", {"coordinate=\"Z\">-1.0000000000", "coordinate=\"Z\">0.0000000000", 0}},
    {"cartesian", {"<cartesian>1</cartesian>", "<cartesian>0</cartesian>", 0}},
    {"cartesian", {"<cartesian>1</cartesian>", "", 14}},
    {"block-tiling", {"rtime=\"00:00:00.01066\"", "rtime=\"00:00:00.01067\"", 0}},
    {"block-tiling", {"rtime=\"00:00:00.00000\"", "rtime=\"00:00:00.00001\"", 0}},
    {"block-position", {"coordinate=\"X\">-0.963", "coordinate=\"X\">-1.963", 0}},
    {"block-position", {"coordinate=\"Y\">0.947", "coordinate=\"Q\">0.947", 0}},
    {"block-size", {"<height>0.2500000000</height>", "<height>0.2500001</height>", 0}},
    {"block-size", {"<depth>0.2500000000</depth>", "", 1}},
    {"block-jump", {">1</jumpPosition>", ">0</jumpPosition>", 0}},
    {"block-interpolation", {"\"0.000000\"", "\"0.005208\"", 0}},
    {"block-interpolation", {"\"0.005208\"", "\"0.000000\"", 3}},
    {"block-diffuse", {"<diffuse>0", "<diffuse>0.5", 0}},
    {"block-importance", {"<gain>0.0000000000</gain>", "<gain>0.1000000000</gain>", 0}},
    {"block-importance", {"<importance>10<", "<importance>11<", 0}},
    {"block-zone", {">ZM2L<", ">ZM2X<", 0}},
    {"block-zone", {"maxX=\"-0.75806\"", "maxX=\"-0.7\"", 0}},
    {"stream-id", {"audioStreamFormatID=\"AS_00011001", "audioStreamFormatID=\"AS_00011002", 0}},
    {"stream-name", {"audioStreamFormatName=\"PCM_Room", "audioStreamFormatName=\"Room", 0}},
    {"stream-pcm", {"formatLabel=\"0001\"", "formatLabel=\"0002\"", 0}},
    {"stream-refs", {"<audioPackFormatIDRef>AP_00011001</audioPackFormatIDRef>", "", 1}},
    {"stream-refs", {"<audioTrackFormatIDRef>AT_00011001_01", "<audioTrackFormatIDRef>AT_1", 0}},
    {"format-id", {"audioTrackFormatID=\"AT_00011001_01", "audioTrackFormatID=\"AT_00011001_02",
                   0}},
    {"format-name", {"audioTrackFormatName=\"PCM_Room", "audioTrackFormatName=\"Room", 0}},
    {"format-pcm", {"formatDefinition=\"PCM\"", "formatDefinition=\"DTS\"", 13}},
    {"format-ref", {"<audioStreamFormatIDRef>AS_00011001", "<audioStreamFormatIDRef>AS_00011002",
                    0}},
    {"uid-id", {"UID=\"ATU_00000001", "UID=\"ATU_00000002", 0}},
    {"uid-depth", {"bitDepth=\"24\"", "bitDepth=\"16\"", 0}},
    {"uid-rate", {"sampleRate=\"48000\"", "sampleRate=\"96000\"", 0}},
    {"uid-refs", {"<audioTrackFormatIDRef>AT_00011001_01", "<audioTrackFormatIDRef>AT_00011002_01",
                  1}},
    {"uid-refs", {"<audioPackFormatIDRef>AP_00011001", "<audioPackFormatIDRef>AP_00031001", 11}},
    {"track-count", {"</audioFormatExtended>", "<audioTrackUID/></audioFormatExtended>", 0}},
};

static void expect_rule(struct fixture_bytes file, const char *rule, const char *what) {
  struct profile_report report;
  profile_check(file.data, file.size, &report);
  if (profile_broke(&report, rule)) return;
  print(&report);
  fail_msg("%s: %s is not seen", what, rule);
}

/* Whether the program itself refuses the file, or tells of a departure. */
static bool program_tells(struct fixture_bytes file) {
  const char *path = fixture_path(folder, "changed.wav");
  struct riff_file riff;
  struct adm_chunks chunks = {0};
  struct adm *adm = NULL;
  struct problems problems = {0};
  fixture_save(path, file.data, file.size);
  const bool read = !riff_open(path, &riff, NULL) && !adm_chunks_load(&riff, &chunks, NULL) &&
                    !adm_read(&chunks, &riff, &adm, NULL);
  if (read) adm_check_dolby(adm, &riff, &problems);
  const bool told = !read || problems.n > 0;
  problems_release(&problems);
  adm_destroy(&adm);
  adm_chunks_free(&chunks);
  riff_close(&riff);
  return told;
}

/* What the reader takes from other tools without a word: their namespaces, versions, numbers of
 * digits, and times that each were rounded. */
static bool is_tolerated(const char *to) {
  static const char *const changes[] = {
      "ebuCore_2014\"", "<audioFormatExtended version=\"1\"",
      "<loudnessMetadata/></audioProgramme>", "start=\"00:00:00.0000\"",
      "rtime=\"00:00:00.010660\"", "rtime=\"00:00:00.01067\""};
  for (size_t i = 0; i < COUNT(changes); i++)
    if (!strcmp(to, changes[i])) return true;
  return false;
}

static struct fixture_bytes copy_of_good(void) {
  struct fixture_bytes copy = {malloc(good.size + 1), good.size};
  assert_non_null(copy.data);
  memcpy(copy.data, good.data, good.size);
  return copy;
}

static void test_text_rules(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(text_changes); i++) {
    struct fixture_bytes file = adm_fixture_edit(copy_of_good(), &text_changes[i].edit);
    expect_rule(file, text_changes[i].rule, text_changes[i].edit.from);
    if (!program_tells(file) && !is_tolerated(text_changes[i].edit.to))
      fail_msg("%s: %s: the program does not tell", text_changes[i].rule,
               text_changes[i].edit.from);
    free(file.data);
  }
}

/* A byte of a chunk's body (of the file, where it has no name) gets another value. `sum`: the
 * dbmd segment that begins there has its checksum made right again. */
static const struct {
  const char *rule, *chunk;
  int at, value, segment;
} byte_changes[] = {
    {"riff-id", NULL, 0, 'r', 0}, {"riff-size", NULL, 4, 0, 0}, {"chunk-order", NULL, 12, 'j', 0},
    {"junk-64", "JUNK", 5, 1, 0}, {"chunk-size", "dbmd", -1, 1, 0},
    {"fmt-pcm", "fmt ", 0, 3, 0}, {"fmt-tracks", "fmt ", 2, 200, 0},
    {"fmt-rate", "fmt ", 4, 0x44, 0}, {"fmt-bits", "fmt ", 14, 16, 0},
    {"fmt-frame", "fmt ", 12, 1, 0}, {"fmt-frame", "fmt ", 8, 1, 0},
    {"data-frames", "fmt ", 2, 14, 0}, {"chunk-pad", "data", FRAMES * 39, 1, 0},
    {"chna-count", "chna", 0, 12, 0}, {"chna-count", "chna", 2, 12, 0},
    {"chna-track", "chna", 4, 2, 0}, {"chna-uid", "chna", 6, 'B', 0},
    {"chna-refs", "chna", 19, '9', 0}, {"chna-refs", "chna", 33, '9', 0},
    {"chna-pad", "chna", 43, 1, 0},
    {"dbmd-version", "dbmd", 0, 9, 0}, {"dbmd-segments", "dbmd", 4, 6, 0},
    {"dbmd-ddp", "dbmd", 8, 0x48, 4}, {"dbmd-checksum", "dbmd", 8, 0x48, 0},
    {"dbmd-atmos", "dbmd", 105, 249, 0}, {"dbmd-fixed", "dbmd", 107 + 103, 4, 104},
    {"dbmd-no-origin", "dbmd", 107, 'C', 104}, {"dbmd-fps", "dbmd", 107 + 111, 9, 104},
    {"dbmd-first-action", "dbmd", 107 + 112, 30, 104},
    {"dbmd-downmix", "dbmd", 107 + 139, 0x53, 104}, {"dbmd-warp", "dbmd", 107 + 152, 5, 104},
    {"dbmd-tracks", "dbmd", 359 + 4, 12, 356}, {"dbmd-sync", "dbmd", 359, 0, 356},
    {"dbmd-trim", "dbmd", 359 + 7, 2, 356}, {"dbmd-trim", "dbmd", 359 + 9, 1, 356},
    {"dbmd-bypass", "dbmd", 359 + 142, 4, 356},
    {"dbmd-binaural", "dbmd", 359 + 142 + 13, 5, 356},
    {"dbmd-end", "dbmd", 359 + 142 + 26 + 2, 1, 0},
};

static void test_byte_rules(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(byte_changes); i++) {
    struct fixture_bytes file = copy_of_good();
    const size_t body =
        byte_changes[i].chunk ? adm_fixture_chunk(file, byte_changes[i].chunk) + 8 : 0;
    unsigned char *to = file.data + body + byte_changes[i].at;
    assert_int_not_equal(*to, byte_changes[i].value);
    *to = (unsigned char)byte_changes[i].value;
    if (byte_changes[i].segment) {
      unsigned char *segment = file.data + body + byte_changes[i].segment;
      const unsigned size = segment[1] | (unsigned)segment[2] << 8;
      unsigned sum = size;
      for (unsigned k = 0; k < size; k++) sum += segment[3 + k];
      segment[3 + size] = (unsigned char)(0u - sum);
    }
    expect_rule(file, byte_changes[i].rule, byte_changes[i].chunk ? byte_changes[i].chunk : "file");
    free(file.data);
  }
}

static int check_files(int n, char **paths) {
  int broken = 0;
  for (int i = 0; i < n; i++) {
    struct fixture_bytes file = fixture_load(paths[i]);
    struct profile_report report;
    profile_check(file.data, file.size, &report);
    printf("%s: %d departures\n", paths[i], report.n);
    print(&report);
    broken += report.n > 0;
    free(file.data);
  }
  return broken;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sound),
      cmocka_unit_test(test_beds),
      cmocka_unit_test(test_large_form),
      cmocka_unit_test(test_text_rules),
      cmocka_unit_test(test_byte_rules),
  };
  if (argc > 1) return check_files(argc - 1, argv + 1);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
