/* SPDX-License-Identifier: MIT
 * Any texts, closed by zeros, as the template of the output names and as the fields that
 * fill it: whatever the check lets pass makes a sound name. */
#include <string.h>

#include "fuzz.h"
#include "manifest.h"
#include "name_list.h"
#include "output_name.h"
#include "utf8.h"

struct texts {
  const char *at, *end;
};

/* The next text; "" after the last. */
static char *next_text(struct texts *texts) {
  const size_t n = strnlen(texts->at, (size_t)(texts->end - texts->at));
  char *text = strndup(texts->at, n);
  FUZZ_CHECK(text);
  texts->at += n + (texts->at + n < texts->end);
  return text;
}

static void check_text(const char *text) {
  const size_t size = strlen(text);
  for (size_t i = 0, step; i < size; i += step) {
    char back[4];
    uint32_t code = 0;
    step = utf8_decode(text + i, size - i, &code);
    if (step) FUZZ_CHECK(utf8_encode(code, back) == step && !memcmp(back, text + i, step));
    else step = 1;
  }
  const struct name_text quoted = name_quote(text, size);
  FUZZ_CHECK(fuzz_is_clean(quoted.text, false));
  char *base = output_name_base(text);
  FUZZ_CHECK(!strchr(base, '/'));
  free(base);
}

static void check_name(const struct manifest *manifest, const struct track *track,
                       const struct variant *variant) {
  char *name = manifest_output_name(manifest, track, variant);
  char *folded = output_name_fold(name);
  char *again = output_name_fold(folded);
  FUZZ_CHECK(fuzz_is_sound_name(name));
  FUZZ_CHECK(fuzz_is_clean(folded, false) && !strcmp(folded, again));
  free(again);
  free(folded);
  free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { TEMPLATE, ARTIST, ALBUM, TITLE, ISRC, VARIANT, SOURCE, TEXTS };
  struct texts texts = {(const char *)data, (const char *)data + size};
  struct problems problems = {0};
  char *text[TEXTS];
  for (int i = 0; i < TEXTS; i++) text[i] = next_text(&texts);
  for (int i = 0; i < TEXTS; i++) check_text(text[i]);
  struct manifest manifest = {.output = text[TEMPLATE], .catalogue = {.title = text[ALBUM]}};
  const struct track track = {.artist = text[ARTIST], .title = text[TITLE], .isrc = text[ISRC],
                              .source_text = text[SOURCE], .number = (int)size};
  const struct variant variant = {.name = text[VARIANT], .format = (int)size % 3};
  output_template_check(manifest.output, "output: ", 1, &problems);
  for (int i = 0; i < problems.n; i++)
    FUZZ_CHECK(fuzz_is_clean(problems.items[i].text, false));
  if (!problems.n && strlen(manifest.output) <= OUTPUT_TEMPLATE_BYTES)
    check_name(&manifest, &track, &variant);
  problems_release(&problems);
  for (int i = 0; i < TEXTS; i++) free(text[i]);
  return 0;
}
