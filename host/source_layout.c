/* SPDX-License-Identifier: MIT
 * See source_layout.h. */
#include "source_layout.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- messages ---- */

struct words {
  char text[320];
  size_t used;
};

__attribute__((format(printf, 2, 3)))
static void add(struct words *w, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(w->text + w->used, sizeof w->text - w->used, format, args);
  va_end(args);
  if (n > 0 && (size_t)n < sizeof w->text - w->used) w->used += (size_t)n;
}

static enum status fail_channels(const char *path, int64_t channels, struct failure *why) {
  struct words w = {{0}, 0};
  for (const struct layout *l = layouts; l->name; l++)
    add(&w, "%s%d (%s)", w.used ? ", " : "", l->channels, l->name);
  return fail(why, STATUS_BAD_DATA, "%s: %lld channels; accepted are %s", path,
              (long long)channels, w.text);
}

/* What would say which channel is which. */
static void add_advice(struct words *w, int channels) {
  for (const struct layout *l = layouts; l->name; l++) {
    const uint32_t mask = layout_mask(l), other = layout_other_mask(l);
    if (l->channels != channels || !mask) continue;
    add(w, "%s0x%x", w->used ? ", " : "a channel mask of ", mask);
    if (other != mask) add(w, " or 0x%x", other);
    add(w, " for %s", l->name);
  }
  add(w, "; else \"layout\" of the track states it:");
  for (const struct layout *l = layouts; l->name; l++)
    if (l->channels == channels) add(w, " %s", l->name);
}

static enum status fail_mask(const char *path, int channels, uint32_t mask, struct failure *why) {
  struct words advice = {{0}, 0};
  char given[48] = "without a channel mask";
  add_advice(&advice, channels);
  if (mask) snprintf(given, sizeof given, "under the channel mask 0x%x", mask);
  return fail(why, STATUS_BAD_DATA,
              "%s: %d channels %s: which is which is not known (accepted: %s)", path, channels,
              given, advice.text);
}

/* ---- the layout ---- */

const struct layout source_as_it_is = {.name = "as it is"};

/* Bare numbers of channels, for source_as_it_is. */
static struct layout bare[MAX_CHANNELS + 1];
static pthread_once_t bare_once = PTHREAD_ONCE_INIT;
static void make_bare(void) {
  for (int n = 0; n <= MAX_CHANNELS; n++)
    bare[n] = (struct layout){.name = source_as_it_is.name, .channels = n};
}

static enum status take_as_it_is(const char *path, int64_t channels, struct source_layout *out,
                                 struct failure *why) {
  if (channels < 1 || channels > MAX_CHANNELS)
    return fail(why, STATUS_BAD_DATA, "%s: %lld channels (accepted: 1 .. %d)", path,
                (long long)channels, MAX_CHANNELS);
  pthread_once(&bare_once, make_bare);
  out->layout = &bare[channels];
  for (int c = 0; c < channels; c++) out->order[c] = c;
  return STATUS_OK;
}

/* Channels in the order of the mask's bits; false: a bit is no speaker of the layout. */
static bool order_of_mask(const struct layout *l, uint32_t mask, int order[MAX_CHANNELS]) {
  bool taken[MAX_CHANNELS] = {false};
  int n = 0;
  for (uint32_t bit = 1; bit; bit <<= 1) {
    if (!(mask & bit)) continue;
    int c = 0;
    while (c < l->channels && l->speaker[c]->mask_bit != bit && l->speaker[c]->other_bit != bit)
      c++;
    if (c == l->channels || taken[c]) return false;
    taken[c] = true;
    order[n++] = c;
  }
  for (int c = 0; c < l->channels; c++)
    if (!taken[c]) order[n++] = c;
  return true;
}

enum status source_layout_find(const char *path, int64_t channels, uint32_t mask,
                               const struct layout *stated, struct source_layout *out,
                               struct failure *why) {
  if (stated == &source_as_it_is) return take_as_it_is(path, channels, out, why);
  const struct layout *any = layouts;
  while (any->name && any->channels != channels) any++;
  if (!any->name) return fail_channels(path, channels, why);
  const struct layout *found = layout_of_mask((int)channels, mask);
  if (stated && stated->channels != channels)
    return fail(why, STATUS_BAD_DATA, "%s: %d channels, but the track's layout is %s (accepted: "
                "a file of %d channels)", path, (int)channels, stated->name, stated->channels);
  if (stated && found && found != stated)
    return fail(why, STATUS_BAD_DATA, "%s: its channel mask 0x%x says %s, the track's layout %s "
                "(accepted: one that agrees with the file)", path, mask, found->name,
                stated->name);
  out->layout = stated ? stated : found;
  if (!out->layout) return fail_mask(path, (int)channels, mask, why);
  if (channels <= 2 || !order_of_mask(out->layout, mask, out->order))
    for (int c = 0; c < channels; c++) out->order[c] = c;
  return STATUS_OK;
}
