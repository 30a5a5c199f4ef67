/* SPDX-License-Identifier: MIT
 * Any bytes as an immersive master: read, or refused in one clean sentence; what was read is
 * held against the profile and written anew, and that is read again; and as a source. */
#include "adm_scene.h"

#include <string.h>

#include "decode.h"
#include "fuzz.h"

static void check_failure(enum status status, const struct failure *why) {
  FUZZ_CHECK(status == STATUS_BAD_DATA && why->status == status);
  FUZZ_CHECK(*why->text && fuzz_is_clean(why->text, false));
}

static void check_list(const struct adm_list *list, int n) {
  for (int i = 0; i < list->n; i++) FUZZ_CHECK(list->items[i] >= 0 && list->items[i] < n);
}

static void check_model(const struct adm *adm, int n_channels) {
  for (int i = 0; i < adm->n_programmes; i++)
    check_list(&adm->programmes[i].contents, adm->n_contents);
  for (int i = 0; i < adm->n_contents; i++)
    check_list(&adm->contents[i].objects, adm->n_objects);
  for (int i = 0; i < adm->n_objects; i++) {
    check_list(&adm->objects[i].packs, adm->n_packs);
    check_list(&adm->objects[i].tracks, adm->n_tracks);
    check_list(&adm->objects[i].objects, adm->n_objects);
  }
  for (int i = 0; i < adm->n_packs; i++) check_list(&adm->packs[i].channels, adm->n_channels);
  for (int i = 0; i < adm->n_tracks; i++) {
    const struct adm_track *t = &adm->tracks[i];
    FUZZ_CHECK(t->index >= -1 && t->index < n_channels);
    FUZZ_CHECK(t->channel >= -1 && t->channel < adm->n_channels);
    FUZZ_CHECK(t->pack >= -1 && t->pack < adm->n_packs);
  }
  for (int i = 0; i < adm->n_channels; i++)
    FUZZ_CHECK(adm->channels[i].kind >= ADM_SPEAKERS && adm->channels[i].kind <= ADM_BINAURAL);
}

static void write_again(const struct adm *adm, const struct riff_file *file,
                        enum adm_flavour flavour) {
  struct adm_chunks chunks;
  struct failure why = {0};
  struct adm *again;
  enum status status = adm_write(adm, flavour, "out.wav", &file->format, file->n_frames, &chunks,
                                 &why);
  if (status) {
    check_failure(status, &why);
    return;
  }
  if (adm_read(&chunks, file, &again, &why)) fprintf(stderr, "%s\n", why.text), abort();
  FUZZ_CHECK(again->n_objects == adm->n_objects && again->n_contents == adm->n_contents);
  adm_destroy(&again);
  adm_chunks_free(&chunks);
}

/* Without its samples a source is what it is with them. */
static void read_source(const char *path) {
  struct audio audio, headers;
  struct failure why = {0};
  const enum status status = decode_file(path, &audio, &why);
  if (status) {
    check_failure(status, &why);
    return;
  }
  FUZZ_CHECK(!decode_headers(path, NULL, &headers, &why));
  FUZZ_CHECK(headers.layout == audio.layout && headers.n_frames == audio.n_frames);
  FUZZ_CHECK(audio.layout->n_objects == (audio.scene ? audio.scene->n_objects : 0));
  FUZZ_CHECK(!audio.scene || !scene_fault(audio.scene, audio.n_frames));
  FUZZ_CHECK(!audio.master || fuzz_is_clean(audio.master->note, true));
  audio_free(&audio);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file bytes = fuzz_file_open(data, size);
  struct failure why = {0};
  struct riff_file file;
  struct adm_chunks chunks = {0};
  struct adm *adm = NULL;
  enum status status = riff_open(bytes.path, &file, &why);
  if (!status) {
    FUZZ_CHECK(file.n_frames >= 0 && file.data_at + file.n_frames <= (int64_t)size);
    status = adm_chunks_load(&file, &chunks, &why);
  }
  if (!status) status = adm_read(&chunks, &file, &adm, &why);
  if (status) check_failure(status, &why);
  if (adm) {
    struct problems problems = {0};
    check_model(adm, file.format.channels);
    adm_check_dolby(adm, &file, &problems);
    for (int i = 0; i < problems.n; i++)
      FUZZ_CHECK(fuzz_is_clean(problems.items[i].text, false));
    problems_release(&problems);
    write_again(adm, &file, ADM_DOLBY);
    write_again(adm, &file, ADM_ITU);
  }
  adm_destroy(&adm);
  adm_chunks_free(&chunks);
  riff_close(&file);
  read_source(bytes.path);
  fuzz_file_close(&bytes);
  return 0;
}
