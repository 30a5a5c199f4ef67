/* SPDX-License-Identifier: MIT
 * Any bytes as a SOFA file: impulse responses that filters can be made of, or refused in one
 * clean sentence. libmysofa may crash: in a process of its own, which libFuzzer does not see. */
#include "hrtf.h"

#include <math.h>

#include "fuzz.h"

static void check_set(const struct hrtf *hrtf) {
  const struct hrir_set *set = &hrtf->set;
  const struct layout *bed = layout_find("7.1.4");
  FUZZ_CHECK(set->n_directions >= 1 && set->n_taps >= 1 && set->n_taps <= HRIR_MAX_TAPS);
  FUZZ_CHECK(set->rate_hz >= 8000 && set->rate_hz <= 192000);
  FUZZ_CHECK(fuzz_is_clean(hrtf->title, false) && fuzz_is_clean(hrtf->license, false));
  const double angle = hrtf_largest_angle(hrtf, bed);
  FUZZ_CHECK(angle >= 0 && angle <= 180.001);
  enum { TAPS = 2048 };
  double *taps = malloc(2 * 12 * TAPS * sizeof *taps);
  const char *why;
  FUZZ_CHECK(taps);
  if (!hrir_filters(set, bed, 48000, TAPS, taps, &why))
    for (int i = 0; i < 2 * 12 * TAPS; i++) FUZZ_CHECK(isfinite(taps[i]));
  free(taps);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct fuzz_file bytes = fuzz_file_open(data, size);
  struct failure why = {0};
  struct hrtf *hrtf;
  const enum status status = hrtf_read(bytes.path, &hrtf, &why);
  if (status) {
    FUZZ_CHECK(status == STATUS_BAD_DATA && why.status == status && !hrtf);
    FUZZ_CHECK(*why.text && fuzz_is_clean(why.text, false));
  } else {
    check_set(hrtf);
  }
  hrtf_destroy(&hrtf);
  fuzz_file_close(&bytes);
  return 0;
}
