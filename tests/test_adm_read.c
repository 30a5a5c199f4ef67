/* SPDX-License-Identifier: MIT
 * Reading ADM: what real files have (namespaces, references only in chna, rounded times, rows
 * of zeros, common definitions), and every kind of damage told in one sentence. */
#include "adm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adm_fixture.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* ---- times ---- */

static void test_times(void **state) {
  static const struct {
    const char *text;
    int64_t n;
    int32_t per; /* 0: refused */
  } times[] = {
      {"00:00:00.00000", 0, 100000}, {"00:00:01.24000", 124000, 100000},
      {"01:02:03", 3723, 1}, {"00:00:00.000000001", 1, 1000000000},
      {"00:00:01.24000S48000", 72000, 48000}, {"99:59:59.5", 3599995, 10},
      {"0:0:0.5", 5, 10}, {"", 0, 0}, {"00:00", 0, 0}, {"00:60:00.0", 0, 0},
      {"00:00:60.0", 0, 0}, {"100:00:00.0", 0, 0}, {"00:00:00.", 0, 0}, {"00:00:00.0x", 0, 0},
      {"00:00:00.5S4", 0, 0}, {"00:00:00.1S0", 0, 0}, {"00:00:00.0000000001", 0, 0},
      {"-1:00:00.0", 0, 0}, {"00:00:00.1S", 0, 0}, {" 00:00:00.1", 0, 0}};
  (void)state;
  for (size_t i = 0; i < COUNT(times); i++) {
    struct adm_time time = {0};
    const bool read = adm_time_read(times[i].text, &time);
    if (read != (times[i].per > 0)) fail_msg("\"%s\" was %s", times[i].text, read ? "read" : "not");
    if (!read) continue;
    assert_true(time.n == times[i].n && time.per == times[i].per);
  }
  const struct adm_time third = {1, 3}, long_time = {INT64_C(359999999999999), 1000000000};
  assert_int_equal(adm_time_in(third, 100000), 33333);
  assert_true(adm_time_in(long_time, 100000) == INT64_C(35999999999));
}

/* ---- chna ---- */

#define ROW(track, uid, format, pack) track "\0" uid format pack "\0"
#define GOOD_ROW ROW("\1", "ATU_00000001", "AT_00031001_01", "AP_00031001")
#define EMPTY_ROW "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void test_chna(void **state) {
  static const struct {
    const char *bytes;
    size_t size;
    int n_rows; /* -1: refused */
    const char *words;
  } bodies[] = {
      {"\1\0\1\0" GOOD_ROW, 44, 1, NULL},
      {"\1\0\1\0" GOOD_ROW EMPTY_ROW EMPTY_ROW, 124, 1, NULL},
      {"\1\0\2\0" EMPTY_ROW GOOD_ROW, 84, 1, NULL},
      {"\0\0\0\0", 4, 0, NULL},
      {"\2\0\2\0" ROW("\1", "ATU_00000001", "AT_00031001_01", "AP_00031001")
                  ROW("\2", "ATU_00000002", "AC_00031001\0\0\0",
                      "\0\0\0\0\0\0\0\0\0\0\0"), 84, 2, NULL},
      {"\1\0\2\0" GOOD_ROW, 44, -1, "states 2 rows and holds 1"},
      {"\1\0\1\0" GOOD_ROW, 43, -1, "a chna chunk of 43 bytes"},
      {"\1\0", 2, -1, "a chna chunk of 2 bytes"},
      {"\1\0\1\0" ROW("\3", "ATU_00000001", "AT_00031001_01", "AP_00031001"), 44, -1,
       "row 1 of its chna chunk (ATU_00000001) names track 3 (accepted: 1 to 2)"},
      {"\1\0\1\0" ROW("\0", "ATU_00000001", "AT_00031001_01", "AP_00031001"), 44, -1,
       "names track 0"},
      {"\1\0\1\0" ROW("\1", "ATU_0000\1\2\3\4", "AT_00031001_01", "AP_00031001"), 44, -1,
       "row 1 of its chna chunk holds no ID"},
      {"\1\0\1\0" ROW("\1", "\0\0\0\0\0\0\0\0\0\0\0\0", "AT_00031001_01", "AP_00031001"), 44, -1,
       "holds no ID"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(bodies); i++) {
    struct chna chna;
    struct failure why = {0};
    const enum status status = chna_read((const unsigned char *)bodies[i].bytes, bodies[i].size,
                                         "x.wav", 2, &chna, &why);
    assert_int_equal(status, bodies[i].n_rows < 0 ? STATUS_BAD_DATA : STATUS_OK);
    if (status && !strstr(why.text, bodies[i].words)) fail_msg("%zu: %s", i, why.text);
    if (!status) assert_int_equal(chna.n_rows, bodies[i].n_rows);
    if (i == 0) { /* what is written is what was read */
      size_t size;
      unsigned char *back = chna_write(&chna, &size);
      assert_int_equal(size, bodies[i].size);
      assert_memory_equal(back, bodies[i].bytes, size);
      free(back);
    }
    chna_free(&chna);
  }
}

/* ---- dbmd ---- */

static void seal(unsigned char *segment) {
  const unsigned size = segment[1] | (unsigned)segment[2] << 8;
  unsigned sum = size;
  for (unsigned i = 0; i < size; i++) sum += segment[3 + i];
  segment[3 + size] = (unsigned char)(0u - sum);
}

static void test_dbmd_round_trip(void **state) {
  struct dbmd one, back;
  struct failure why = {0};
  size_t size, again_size;
  (void)state;
  dbmd_init(&one, 14);
  memcpy(one.tool, "a tool", 7);
  memcpy(one.version, "\1\2\3", 3);
  one.fps = 4, one.downmix = 3, one.phase = 1, one.warp = 1;
  one.first_hours = 1, one.first_minutes = 59, one.first_10us = 5912345;
  one.trims[8] = (struct dbmd_trim){false, -1.5f, 0.25f, -12, {0x81, 5}};
  for (int i = 0; i < 14; i++) one.binaural[i] = (uint8_t)(i % 4), one.bypass[i] = i == 2;
  unsigned char *bytes = dbmd_write(&one, &size), *again;
  assert_int_equal(size, 532); /* as a master of 14 tracks has it */
  if (dbmd_read(bytes, size, "x.wav", &back, &why)) fail_msg("%s", why.text);
  assert_string_equal(back.tool, "a tool");
  assert_int_equal(back.fps, 4);
  assert_int_equal(back.first_10us, 5912345);
  assert_true(back.trims[8].height_db == -12 && back.trims[8].balance[0] == 0x81);
  assert_true(back.trims[0].automatic && !back.trims[8].automatic);
  assert_int_equal(back.n_tracks, 14);
  again = dbmd_write(&back, &again_size);
  assert_int_equal(again_size, size);
  assert_memory_equal(again, bytes, size);
  free(again);
  free(bytes);
  dbmd_free(&back);
  dbmd_free(&one);
}

static void test_dbmd_refused(void **state) {
  static const struct {
    int at, value, segment; /* whose checksum is made right again; 0: none */
    const char *words;
  } changes[] = {
      {3, 2, 0, "the major version 2 (accepted: 1)"},
      {7, 0xFF, 0, "wrong checksum"},
      {20, 1, 0, "a wrong checksum in its segment 7"},
      {105, 0xF7, 0, "wrong checksum"},
      {104, 8, 104, NULL}, /* another kind of segment is passed over */
      {107 + 111, 7, 104, "the frame rate 7"},
      {107 + 139, 0x50, 104, "the stereo downmix 5"},
      {107 + 152, 7, 104, "the warp mode 7"},
      {359, 0, 356, "the sync word"},
      {359 + 4, 15, 356, "does not fit its tracks: 15"},
      {359 + 142 + 14, 5, 356, "the binaural mode 5"},
      {358, 9, 0, "goes behind its end"},
      {104, 10, 104, "a segment 10"}, {356, 9, 356, "a segment 9 too many"},
      {104, 0, 0, NULL}, /* the end */
  };
  struct dbmd dbmd;
  size_t size;
  (void)state;
  dbmd_init(&dbmd, 14);
  unsigned char *good = dbmd_write(&dbmd, &size), *bytes = malloc(size);
  dbmd_free(&dbmd);
  assert_non_null(bytes);
  for (size_t i = 0; i < COUNT(changes); i++) {
    struct failure why = {0};
    memcpy(bytes, good, size);
    bytes[changes[i].at] = (unsigned char)changes[i].value;
    if (changes[i].segment) seal(bytes + changes[i].segment);
    const enum status status = dbmd_read(bytes, size, "x.wav", &dbmd, &why);
    if (changes[i].words) {
      if (!status || !strstr(why.text, changes[i].words)) fail_msg("%zu: %s", i, why.text);
    } else if (status) {
      fail_msg("%zu: %s", i, why.text);
    }
    dbmd_free(&dbmd);
  }
  for (size_t n = 0; n < size - 2; n++) { /* cut off anywhere */
    struct failure why = {0};
    unsigned char *cut = malloc(n + 1); /* so that a sanitizer sees its end */
    assert_non_null(cut);
    memcpy(cut, good, n);
    assert_int_equal(dbmd_read(cut, n, "x.wav", &dbmd, &why), STATUS_BAD_DATA);
    free(cut);
  }
  free(bytes);
  free(good);
}

/* ---- axml ---- */

#define OBJECT                                                                                  \
  "<audioObject audioObjectID='AO_1001' audioObjectName='Voice'>"                               \
  "<audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>"                                    \
  "<audioTrackUIDRef>ATU_00000001</audioTrackUIDRef></audioObject>"
#define PACK                                                                                    \
  "<audioPackFormat audioPackFormatID='AP_00031001' audioPackFormatName='Voice' "               \
  "typeDefinition='Objects'><audioChannelFormatIDRef>AC_00031001</audioChannelFormatIDRef>"     \
  "</audioPackFormat>"
#define BLOCK(id, times, body)                                                                  \
  "<audioBlockFormat audioBlockFormatID='AB_00031001_0000000" id "' " times ">" body            \
  "</audioBlockFormat>"
#define FRONT "<position coordinate='azimuth'>30</position><position coordinate='elevation'>0"  \
  "</position>"
#define CHANNEL(blocks)                                                                         \
  "<audioChannelFormat audioChannelFormatID='AC_00031001' audioChannelFormatName='Voice' "      \
  "typeLabel='0003'>" blocks "</audioChannelFormat>"
#define TRACK                                                                                   \
  "<audioTrackUID UID='ATU_00000001'><audioChannelFormatIDRef>AC_00031001"                      \
  "</audioChannelFormatIDRef><audioPackFormatIDRef>AP_00031001</audioPackFormatIDRef>"          \
  "</audioTrackUID>"
#define PROGRAMME                                                                               \
  "<audioProgramme audioProgrammeID='APR_1001' audioProgrammeName='P'><audioContentIDRef>"      \
  "ACO_1001</audioContentIDRef></audioProgramme><audioContent audioContentID='ACO_1001' "       \
  "audioContentName='C'><audioObjectIDRef>AO_1001</audioObjectIDRef></audioContent>"
#define IN(body) "<audioFormatExtended>" body "</audioFormatExtended>"
#define WHOLE(blocks) PROGRAMME OBJECT PACK CHANNEL(blocks) TRACK

static const char one_row[] = "\1\0\1\0" GOOD_ROW;

static enum status read_text(const char *axml, size_t size, const char *chna, size_t chna_size,
                             struct adm **adm, struct failure *why) {
  const struct riff_file file = {.path = (char *)"x.wav", .format = {2, 48000, 24}};
  unsigned char *copy = malloc(size ? size : 1);
  assert_non_null(copy);
  memcpy(copy, axml, size);
  const struct adm_chunks chunks = {.axml = copy, .axml_bytes = size,
                                    .chna = (unsigned char *)chna, .chna_bytes = chna_size};
  const enum status status = adm_read(&chunks, &file, adm, why);
  free(copy);
  return status;
}

static struct adm *expect_read(const char *axml, const char *chna, size_t chna_size) {
  struct failure why = {0};
  struct adm *adm;
  if (read_text(axml, strlen(axml), chna, chna_size, &adm, &why))
    fail_msg("%s\n%s", why.text, axml);
  return adm;
}

static void check_voice(const struct adm *adm) {
  assert_int_equal(adm->n_objects, 1);
  assert_int_equal(adm_object_kind(adm, &adm->objects[0]), ADM_OBJECTS);
  const struct adm_track *track = &adm->tracks[adm->objects[0].tracks.items[0]];
  assert_int_equal(track->index, 0);
  assert_int_equal(track->pack, adm->objects[0].packs.items[0]);
  const struct adm_channel *channel = &adm->channels[track->channel];
  assert_string_equal(channel->id, "AC_00031001");
  assert_int_equal(channel->n_blocks, 1);
  assert_true(channel->blocks[0].position[0] == 30 && channel->blocks[0].position[2] == 1);
  assert_false(channel->blocks[0].cartesian);
}

/* The same master in the forms that files have. */
static void test_forms(void **state) {
  static const char *const texts[] = {
      "<?xml version='1.0' encoding='UTF-8'?>" IN(WHOLE(BLOCK("1", "", FRONT))),
      "<ebuCoreMain xmlns='urn:ebu:metadata-schema:ebuCore_2014'><coreMetadata><format>"
          IN(WHOLE(BLOCK("1", "", FRONT))) "</format></coreMetadata></ebuCoreMain>",
      "<ebucore:ebuCoreMain xmlns:ebucore='urn:ebu:metadata-schema:ebuCore_2016'>"
      "<ebucore:coreMetadata><ebucore:title><dc:title>A <b>title</b></dc:title></ebucore:title>"
      "<ebucore:format>" IN(WHOLE(BLOCK("1", "", FRONT)))
      "</ebucore:format></ebucore:coreMetadata></ebucore:ebuCoreMain>",
      "<ituADM xmlns='urn:metadata-schema:adm'><coreMetadata><format>"
      "<audioFormatExtended version='ITU-R_BS.2076-2'>" WHOLE(BLOCK("1", "", FRONT))
      "</audioFormatExtended></format></coreMetadata></ituADM>",
      "<a:audioFormatExtended xmlns:a='x'>" PROGRAMME OBJECT PACK
          CHANNEL(BLOCK("1", "", FRONT)) "<a:audioTrackUID UID='ATU_00000001'/>"
      "</a:audioFormatExtended>", /* what it refers to is only in chna, over no stream */
      IN(PROGRAMME OBJECT PACK CHANNEL(BLOCK("1", "", FRONT))
         "<audioStreamFormat audioStreamFormatID='AS_00031001' formatLabel='0001'>"
         "<audioChannelFormatIDRef>AC_00031001</audioChannelFormatIDRef>"
         "<audioTrackFormatIDRef>AT_00031001_01</audioTrackFormatIDRef></audioStreamFormat>"
         "<audioTrackFormat audioTrackFormatID='AT_00031001_01'/>") /* and no track UID at all */
      "\n\n   ",
  };
  static const char by_channel[] =
      "\1\0\1\0" ROW("\1", "ATU_00000001", "AC_00031001_00", "AP_00031001");
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct adm *adm = expect_read(texts[i], i == 4 ? by_channel : one_row, 44);
    check_voice(adm);
    assert_int_equal(adm->n_foreign, 0);
    adm_destroy(&adm);
  }
}

static void test_other_encodings(void **state) {
  static const char text[] = "<?xml version='1.0'?>" IN(WHOLE(BLOCK("1", "", FRONT)));
  char wide[2 * sizeof text + 4] = "\xff\xfe";
  struct failure why = {0};
  struct adm *adm;
  (void)state;
  for (size_t i = 0; text[i]; i++) wide[2 + 2 * i] = text[i];
  if (read_text(wide, 2 * sizeof text, one_row, 44, &adm, &why)) fail_msg("%s", why.text);
  check_voice(adm);
  adm_destroy(&adm);
}

static void test_blocks(void **state) {
  static const char text[] = IN(WHOLE(
      BLOCK("1", "rtime='00:00:00.00000' duration='00:00:00.01067'",
            "<cartesian>1</cartesian><position coordinate='X'>-0.5</position>"
            "<position coordinate='Y'>1</position><gain gainUnit='dB'>-20</gain>"
            "<width>0.5</width><height>0.5</height><depth>0.5</depth><diffuse>1</diffuse>"
            "<channelLock maxDistance='0.5'>1</channelLock><importance>7</importance>"
            "<jumpPosition interpolationLength='0.000000'>1</jumpPosition>"
            "<zoneExclusion><zone minX='-1' maxX='1' minY='-1' maxY='1' minZ='0.4995' maxZ='1'>ZT"
            "</zone></zoneExclusion>")
      BLOCK("2", "rtime='00:00:00.01067' duration='00:00:00.01067'", FRONT)
      BLOCK("3", "rtime='00:00:00.02133' duration='00:00:00.01067'", FRONT))); /* 10 us over */
  struct adm *adm = expect_read(text, one_row, 44);
  const struct adm_channel *channel = &adm->channels[0];
  const struct adm_block *b = channel->blocks;
  (void)state;
  assert_int_equal(channel->n_blocks, 3);
  assert_true(channel->numbered);
  assert_true(b->cartesian && b->position[0] == -0.5 && b->position[2] == 0);
  assert_true(fabs(b->gain - 0.1) < 1e-12 && b->importance == 7 && b->lock && b->jump);
  assert_true(b->width == 0.5f && b->diffuse == 1 && b->lock_distance == 0.5f);
  assert_int_equal(b->zones, 1 << 10);
  assert_int_equal(b->has & (ADM_SIZE | ADM_ZONES | ADM_Z), ADM_SIZE | ADM_ZONES);
  assert_int_equal(adm_time_in(b[2].rtime, 100000), 2133);
  assert_int_equal(adm->n_foreign, 0);
  adm_destroy(&adm);
}

static void test_common_definitions(void **state) {
  static const char text[] = IN(
      "<audioObject audioObjectID='AO_1001' audioObjectName='Bed'>"
      "<audioPackFormatIDRef>AP_00010002</audioPackFormatIDRef>"
      "<audioTrackUIDRef>ATU_00000001</audioTrackUIDRef>"
      "<audioTrackUIDRef>ATU_00000000</audioTrackUIDRef></audioObject>"
      "<audioObject audioObjectID='AO_1002' audioObjectName='Other'>"
      "<audioPackFormatIDRef>AP_00010fff</audioPackFormatIDRef></audioObject>"
      "<audioTrackUID UID='ATU_00000001'><audioTrackFormatIDRef>AT_00010001_01"
      "</audioTrackFormatIDRef><audioPackFormatIDRef>AP_00010002</audioPackFormatIDRef>"
      "</audioTrackUID>");
  static const char row[] =
      "\1\0\1\0" ROW("\2", "ATU_00000001", "AT_00010001_01", "AP_00010002");
  struct adm *adm = expect_read(text, row, 44);
  const struct adm_object *bed = &adm->objects[0];
  const struct adm_pack *pack = &adm->packs[bed->packs.items[0]];
  (void)state;
  assert_true(pack->common && pack->kind == ADM_SPEAKERS);
  assert_string_equal(adm_common_layout(pack->id), "2.0");
  assert_int_equal(pack->channels.n, 2);
  const struct adm_channel *left = &adm->channels[adm->tracks[bed->tracks.items[0]].channel];
  assert_true(left == &adm->channels[pack->channels.items[0]] && left->common);
  assert_string_equal(left->label, "M+030");
  assert_true(left->blocks[0].position[0] == 30);
  assert_int_equal(adm->tracks[bed->tracks.items[0]].index, 1);
  assert_int_equal(adm->tracks[bed->tracks.items[1]].index, -1); /* silence */
  assert_true(adm->packs[adm->objects[1].packs.items[0]].common); /* one not known here */
  adm_destroy(&adm);
  static const char alone[] = "\1\0\1\0" ROW("\2", "ATU_00000001", "AT_00010001_01", "AP_00010002");
  struct adm_chunks chunks = {.chna = (unsigned char *)alone, .chna_bytes = 44};
  const struct riff_file file = {.path = (char *)"x.wav", .format = {2, 48000, 24}};
  assert_int_equal(adm_read(&chunks, &file, &adm, NULL), 0); /* chna without axml */
  assert_int_equal(adm->n_tracks, 1);
  assert_string_equal(adm->channels[adm->tracks[0].channel].label, "M+030");
  adm_destroy(&adm);
}

/* Labels are "M+030", or with the name of their recommendation. */
static void test_labels(void **state) {
  static const char label[] = "urn:itu:bs:2051:0:speaker:M+030";
  static const char text[] = IN(WHOLE(BLOCK(
      "1", "", FRONT "<speakerLabel>urn:itu:bs:2051:0:speaker:M+030</speakerLabel>")));
  struct adm *adm = expect_read(text, one_row, 44), *again = NULL;
  struct adm_chunks chunks;
  struct failure why = {0};
  const struct riff_file file = {.path = (char *)"x.wav", .format = {1, 48000, 24}};
  (void)state;
  assert_string_equal(adm->channels[0].label, label);
  if (adm_write(adm, ADM_ITU, "y.wav", &file.format, 1, &chunks, &why) ||
      adm_read(&chunks, &file, &again, &why))
    fail_msg("%s", why.text);
  assert_string_equal(again->channels[0].label, label);
  adm_destroy(&again);
  adm_destroy(&adm);
  adm_chunks_free(&chunks);
}

/* What the model does not hold is known to be there, and keeps it from being written anew. */
static void test_foreign(void **state) {
  static const char text[] = IN(WHOLE(BLOCK(
      "1", "lstart='00:00:00.0'", FRONT "<screenRef>1</screenRef>"
      "<objectDivergence azimuthRange='3'>0.5<x/></objectDivergence>")));
  struct adm *adm = expect_read(text, one_row, 44);
  struct adm_chunks chunks;
  struct failure why = {0};
  const struct riff_format format = {1, 48000, 24};
  (void)state;
  assert_int_equal(adm->n_foreign, 3);
  assert_string_equal(adm->foreign[0], "attribute lstart");
  assert_string_equal(adm->foreign[1], "screenRef");
  assert_int_equal(adm_write(adm, ADM_ITU, "y.wav", &format, 1, &chunks, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "y.wav: the master has what can only be copied"));
  assert_null(chunks.axml);
  adm_destroy(&adm);
}

static void test_refused(void **state) {
  static const struct {
    const char *text, *words;
  } texts[] = {
      {"", "not XML: no element found"},
      {"no XML", "axml, line 1: not XML"},
      {"<a><b></a>", "not XML: mismatched tag"},
      {"<a>\n\n<b>", "line 3: not XML"},
      {"<a>\xff</a>", "not XML: not well-formed"},
      {"<?xml version='1.0' encoding='UTF-7'?><a/>", "unknown encoding"},
      {"<!DOCTYPE a [<!ENTITY x 'xxxx'><!ENTITY y '&x;&x;&x;&x;'>]><a>&y;</a>",
       "a document type (accepted: none, nor entities)"},
      {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "a document type"},
      {"<a>&undefined;</a>", "undefined entity"},
      {IN("<audioObject/>"), "audioObject without an ID"},
      {IN("<audioObject audioObjectID=''/>"), "audioObjectID \"\" (accepted: an ID such as"},
      {IN("<audioObject audioObjectID='AO_1001_and_more'/>"), "an ID such as AO_1001"},
      {IN("<audioObject audioObjectID='AO_&#10;'/>"), "audioObjectID \"AO_?\""},
      {IN(OBJECT OBJECT PACK CHANNEL("") TRACK), "two elements audioObject have the ID AO_1001"},
      {IN(OBJECT PACK TRACK),
       "audioPackFormat AP_00031001 refers to AC_00031001, which is not there"},
      {IN(OBJECT CHANNEL("")), "line 1: audioObject AO_1001 refers to AP_00031001"},
      {IN(PROGRAMME), "audioContent ACO_1001 refers to AO_1001"},
      {IN(OBJECT PACK CHANNEL("") "<audioTrackUID UID='ATU_00000001'><audioTrackFormatIDRef>"
          "AT_00031001_01</audioTrackFormatIDRef></audioTrackUID>"),
       "track ATU_00000001 refers to AT_00031001_01, which leads to no channel"},
      {IN("<audioPackFormat audioPackFormatID='AP_1' typeDefinition='Objekt'/>"),
       "typeDefinition \"Objekt\" (accepted: DirectSpeakers"},
      {IN("<audioPackFormat audioPackFormatID='AP_1' typeLabel='0006'/>"), "typeLabel \"0006\""},
      {IN("<audioProgramme audioProgrammeID='APR_1' start='1 s'/>"),
       "start \"1 s\" (accepted: HH:MM:SS.sssss)"},
      {IN("<audioTrackUID UID='ATU_1' sampleRate='48k'/>"),
       "sampleRate \"48k\" (accepted: a whole"},
      {IN("<audioTrackUID UID='ATU_1' bitDepth='-1'/>"), "bitDepth \"-1\""},
      {IN(WHOLE(BLOCK("1", "rtime='0'", ""))), "rtime \"0\""},
      {IN(WHOLE(BLOCK("1", "", "<position coordinate='X'>left</position>"))),
       "X \"left\" (accepted: a number)"},
      {IN(WHOLE(BLOCK("1", "", "<position coordinate='X'>nan</position>"))), "X \"nan\""},
      {IN(WHOLE(BLOCK("1", "", "<position coordinate='X'>0x1</position>"))), "X \"0x1\""},
      {IN(WHOLE(BLOCK("1", "", "<position coordinate='X'>1e10</position>"))), "X \"1e10\""},
      {IN(WHOLE(BLOCK("1", "", "<position>1</position>"))), "position of coordinate \"\""},
      {IN(WHOLE(BLOCK("1", "", "<cartesian>2</cartesian>"))), "cartesian \"2\""},
      {IN(WHOLE(BLOCK("1", "", "<importance>11</importance>"))),
       "importance \"11\" (accepted: a whole number, 0 to 10)"},
      {IN(WHOLE(BLOCK("1", "", "<gain>loud</gain>"))), "gain \"loud\""},
      {IN(WHOLE(BLOCK("1", "", "<gain></gain>"))), "gain \"\""},
      {IN(WHOLE(BLOCK("1", "", "<zoneExclusion><zone minX='a'>ZT</zone></zoneExclusion>"))),
       "a limit of a zone \"a\""},
      {IN(WHOLE(BLOCK("1", "rtime='00:00:01.0'", FRONT) BLOCK("2", "rtime='00:00:00.5'", FRONT))),
       "block 2 of audioChannelFormat AC_00031001 begins before block 1"},
      {IN(WHOLE(BLOCK("1", "rtime='00:00:01.0'", FRONT) BLOCK("2", "", FRONT))),
       "block 2 of audioChannelFormat AC_00031001 begins before"},
      {IN("<audioContent audioContentID='ACO_1'><dialogue>3</dialogue></audioContent>"),
       "dialogue \"3\""},
      {IN("<audioContent audioContentID='ACO_1'><audioObjectIDRef>AO 1</audioObjectIDRef>"
          "</audioContent>"), "audioObjectIDRef \"AO 1\""},
      {IN("<audioChannelFormat audioChannelFormatID='AC_1'><frequency typeDefinition='x'>1"
          "</frequency></audioChannelFormat>"), "frequency of type \"x\""},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct failure why = {0};
    struct adm *adm = NULL;
    const enum status status =
        read_text(texts[i].text, strlen(texts[i].text), one_row, 44, &adm, &why);
    if (status != STATUS_BAD_DATA || !strstr(why.text, texts[i].words))
      fail_msg("%zu: \"%s\" is not in: %s", i, texts[i].words, why.text);
    assert_null(adm);
    assert_non_null(strstr(why.text, "x.wav"));
  }
}

/* `n` times the middle, between the others. */
static char *repeated(const char *begin, const char *middle, const char *end, size_t n) {
  const size_t one = strlen(middle), head = strlen(begin);
  char *text = malloc(head + one * n + strlen(end) + 1);
  assert_non_null(text);
  memcpy(text, begin, head);
  for (size_t i = 0; i < n; i++) memcpy(text + head + one * i, middle, one);
  strcpy(text + head + one * n, end);
  return text;
}

static void test_limits(void **state) {
  static const struct {
    const char *begin, *middle, *end;
    size_t n;
    const char *words;
  } texts[] = {
      {"", "<a>", "", 100000, "nested too deeply (accepted: 63 levels)"},
      {"<audioFormatExtended>", "<audioObject audioObjectID='AO_1'/>", "", 200001,
       "too many elements (accepted: 200000)"},
      {"<audioFormatExtended><audioObject audioObjectID='AO_1'>",
       "<audioTrackUIDRef>ATU_1</audioTrackUIDRef>", "", 800001, "too many references"},
      {"<audioFormatExtended><audioObject audioObjectID='AO_1'><gain>", "1", "", 300,
       "gain has a long text (accepted: up to 255 bytes)"},
      {"<audioFormatExtended><audioContent audioContentID='ACO_1'><dialogue mixedContentKind='",
       "1", "'>", 64, "dialogue has a long value (accepted: up to 63 bytes)"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct failure why = {0};
    struct adm *adm = NULL;
    char *text = repeated(texts[i].begin, texts[i].middle, texts[i].end, texts[i].n);
    assert_int_equal(read_text(text, strlen(text), one_row, 44, &adm, &why), STATUS_BAD_DATA);
    if (!strstr(why.text, texts[i].words)) fail_msg("%zu: %s", i, why.text);
    free(text);
  }
  static const char two_rows[] = "\2\0\2\0" GOOD_ROW GOOD_ROW;
  struct failure why = {0};
  struct adm *adm;
  const char *text = IN(WHOLE(""));
  assert_int_equal(read_text(text, strlen(text), two_rows, 84, &adm, &why), STATUS_BAD_DATA);
  assert_non_null(strstr(why.text, "chna: ATU_00000001 has two rows"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_times),         cmocka_unit_test(test_chna),
      cmocka_unit_test(test_dbmd_round_trip), cmocka_unit_test(test_dbmd_refused),
      cmocka_unit_test(test_forms),         cmocka_unit_test(test_other_encodings),
      cmocka_unit_test(test_blocks),        cmocka_unit_test(test_common_definitions),
      cmocka_unit_test(test_labels),
      cmocka_unit_test(test_foreign),       cmocka_unit_test(test_refused),
      cmocka_unit_test(test_limits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
