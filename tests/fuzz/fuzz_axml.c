/* SPDX-License-Identifier: MIT
 * Any bytes as the axml chunk of a sound file with three tracks; see fuzz_adm.c. "@" as the
 * first byte: the rest is a dbmd chunk, its checksums made right. */
#include <string.h>

#include "adm.h"
#include "fuzz.h"

static void check_failure(enum status status, const struct failure *why) {
  FUZZ_CHECK(status == STATUS_BAD_DATA && why->status == status);
  FUZZ_CHECK(*why->text && fuzz_is_clean(why->text, false));
}

static void seal(uint8_t *bytes, size_t size) {
  for (size_t at = 4, n; at + 4 <= size && bytes[at]; at += 4 + n) {
    n = bytes[at + 1] | (size_t)bytes[at + 2] << 8;
    if (at + 4 + n > size) return;
    unsigned sum = (unsigned)n;
    for (size_t i = 0; i < n; i++) sum += bytes[at + 3 + i];
    bytes[at + 3 + n] = (uint8_t)(0u - sum);
  }
}

static void check_dbmd(uint8_t *bytes, size_t size) {
  struct dbmd one, back;
  struct failure why = {0};
  seal(bytes, size);
  const enum status status = dbmd_read(bytes, size, "x.wav", &one, &why);
  if (status) {
    check_failure(status, &why);
    return;
  }
  FUZZ_CHECK(fuzz_is_clean(one.tool, false));
  size_t written;
  unsigned char *again = dbmd_write(&one, &written);
  FUZZ_CHECK(written % 2 == 0 && !dbmd_read(again, written, "x.wav", &back, &why));
  FUZZ_CHECK(back.n_tracks == one.n_tracks && back.fps == one.fps && back.warp == one.warp);
  free(again);
  dbmd_free(&one);
  dbmd_free(&back);
}

static void check_axml(uint8_t *bytes, size_t size) {
  static const char *const uids[] = {"ATU_00000001", "ATU_00000002", "ATU_00000003"};
  struct chna_row rows[3] = {{1, "", "AT_00011001_01", "AP_00011001"},
                             {2, "", "AT_00010002_01", "AP_00010002"},
                             {3, "", "AT_00031001_01", "AP_00031001"}};
  for (int i = 0; i < 3; i++) memcpy(rows[i].uid, uids[i], 13);
  const struct chna chna = {3, 3, rows};
  const struct riff_file file = {.path = (char *)"x.wav", .format = {3, 48000, 24},
                                 .n_frames = 48000};
  struct adm_chunks chunks = {.axml = bytes, .axml_bytes = size};
  struct failure why = {0};
  struct adm *adm;
  chunks.chna = chna_write(&chna, &chunks.chna_bytes);
  const enum status status = adm_read(&chunks, &file, &adm, &why);
  if (status) check_failure(status, &why);
  for (int flavour = ADM_DOLBY; adm && flavour <= ADM_ITU; flavour++) {
    struct adm_chunks out;
    struct adm *again;
    if (flavour == ADM_DOLBY) dbmd_free(&adm->dbmd), dbmd_init(&adm->dbmd, 3), adm->has_dbmd = true;
    if (adm_write(adm, (enum adm_flavour)flavour, "out.wav", &file.format, file.n_frames, &out,
                  &why)) {
      check_failure(STATUS_BAD_DATA, &why);
      continue;
    }
    if (adm_read(&out, &file, &again, &why)) fprintf(stderr, "%s\n", why.text), abort();
    if (flavour == ADM_DOLBY) { /* what is written departs nowhere */
      struct problems problems = {0};
      adm_check_dolby(again, NULL, &problems);
      for (int i = 0; i < problems.n; i++) fprintf(stderr, "%s\n", problems.items[i].text);
      FUZZ_CHECK(!problems.n);
      problems_release(&problems);
    }
    adm_destroy(&again);
    adm_chunks_free(&out);
  }
  adm_destroy(&adm);
  free(chunks.chna);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const bool dbmd = size && data[0] == '@';
  const size_t n = size - dbmd;
  uint8_t *copy = malloc(n ? n : 1); /* a sanitizer sees its end */
  FUZZ_CHECK(copy);
  memcpy(copy, data + dbmd, n);
  if (dbmd) check_dbmd(copy, n);
  else check_axml(copy, n);
  free(copy);
  return 0;
}
