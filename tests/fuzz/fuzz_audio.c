/* SPDX-License-Identifier: MIT
 * Any bytes as an audio file: decoded to samples that a chain can take, or refused in one
 * clean sentence; and its tags. */
#include <math.h>
#include <string.h>

#include "adm_scene.h"
#include "container.h"
#include "decode.h"
#include "fuzz.h"
#include "tags.h"

static void check_audio(const struct audio *audio) {
  FUZZ_CHECK(audio->n_frames >= 1 && audio->n_frames <= MAX_FRAMES);
  FUZZ_CHECK(audio->channels >= 1 && audio->channels <= MAX_CHANNELS);
  FUZZ_CHECK(audio->layout && audio->layout->channels == audio->channels);
  FUZZ_CHECK(audio->rate_hz >= 44100 && audio->rate_hz <= 192000);
  FUZZ_CHECK(audio->bits == 16 || audio->bits == 24 || audio->bits == 32);
  FUZZ_CHECK(audio->layout->n_objects == (audio->scene ? audio->scene->n_objects : 0));
  FUZZ_CHECK(!audio->scene || !scene_fault(audio->scene, audio->n_frames));
  FUZZ_CHECK(!audio->master || fuzz_is_clean(audio->master->note, true));
  FUZZ_CHECK(strlen(audio->sha256) == HASH_TEXT_SIZE - 1);
  for (int c = 0; c < audio->channels; c++)
    for (int32_t i = 0; i < audio->n_frames; i++) FUZZ_CHECK(fabsf(audio->pcm[c][i]) <= 64);
}

static void check_failure(enum status status, const struct failure *why) {
  FUZZ_CHECK(status == STATUS_BAD_DATA && why->status == status);
  FUZZ_CHECK(*why->text && fuzz_is_clean(why->text, false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file file = fuzz_file_open(data, size);
  struct failure why = {0};
  struct container container;
  struct audio audio;
  struct tags tags;
  enum status status = decode_file(file.path, &audio, &why);
  if (status == STATUS_OK) check_audio(&audio);
  else check_failure(status, &why);
  audio_free(&audio);
  /* a file that shrinks while it is read */
  status = container_check(file.fd, file.path, ((int64_t)size << 20) + 1, &container, &why);
  if (status) check_failure(status, &why);
  status = tags_read(file.path, &tags, &why);
  if (status) check_failure(status, &why);
  tags_free(&tags);
  fuzz_file_close(&file);
  return 0;
}
