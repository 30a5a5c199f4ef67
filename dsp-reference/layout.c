/* SPDX-License-Identifier: MIT
 * See layout.h. Masks as in Microsoft's "Multiple Channel Audio Data and WAVE Files". */
#include "layout.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct speaker
    M = {"M", 0, 0, GROUP_FRONT, 0x4, 0},
    L = {"L", 30, 0, GROUP_FRONT, 0x1, 0}, R = {"R", -30, 0, GROUP_FRONT, 0x2, 0},
    C = {"C", 0, 0, GROUP_FRONT, 0x4, 0}, LFE = {"LFE", 0, -30, GROUP_LFE, 0x8, 0},
    Ls = {"Ls", 110, 0, GROUP_SURROUND, 0x10, 0x200},
    Rs = {"Rs", -110, 0, GROUP_SURROUND, 0x20, 0x400},
    Lss = {"Lss", 90, 0, GROUP_SURROUND, 0x200, 0},
    Rss = {"Rss", -90, 0, GROUP_SURROUND, 0x400, 0},
    Lrs = {"Lrs", 135, 0, GROUP_SURROUND, 0x10, 0},
    Rrs = {"Rrs", -135, 0, GROUP_SURROUND, 0x20, 0},
    Lts = {"Lts", 90, 45, GROUP_HEIGHT, 0, 0}, Rts = {"Rts", -90, 45, GROUP_HEIGHT, 0, 0},
    Ltf = {"Ltf", 45, 45, GROUP_HEIGHT, 0x1000, 0},
    Rtf = {"Rtf", -45, 45, GROUP_HEIGHT, 0x4000, 0},
    Ltr = {"Ltr", 135, 45, GROUP_HEIGHT, 0x8000, 0},
    Rtr = {"Rtr", -135, 45, GROUP_HEIGHT, 0x20000, 0},
    OBJECT = {"object", 0, 0, GROUP_OBJECT, 0, 0};

const struct layout layouts[] = {
    {"1.0", 1, {&M}, 0},
    {"2.0", 2, {&L, &R}, 0},
    {"5.1", 6, {&L, &R, &C, &LFE, &Ls, &Rs}, 0},
    {"7.1", 8, {&L, &R, &C, &LFE, &Lss, &Rss, &Lrs, &Rrs}, 0},
    {"5.1.4", 10, {&L, &R, &C, &LFE, &Ls, &Rs, &Ltf, &Rtf, &Ltr, &Rtr}, 0},
    {"7.1.2", 10, {&L, &R, &C, &LFE, &Lss, &Rss, &Lrs, &Rrs, &Lts, &Rts}, 0},
    {"7.1.4", 12, {&L, &R, &C, &LFE, &Lss, &Rss, &Lrs, &Rrs, &Ltf, &Rtf, &Ltr, &Rtr}, 0},
    {0},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] - 1, NAME_SIZE = 12 };
#define NAMES "auto", "1.0", "2.0", "5.1", "7.1", "5.1.4", "7.1.2", "7.1.4"
const char *const layout_choices[] = {NAMES, NULL};
const char *const layout_deliveries[] = {NAMES, LAYOUT_BINAURAL, NULL};

/* ---- layouts with objects ---- */

static struct layout scenes[LAYOUTS][MAX_CHANNELS];
static char scene_names[LAYOUTS][MAX_CHANNELS][NAME_SIZE];
static pthread_once_t scenes_once = PTHREAD_ONCE_INIT;

static void make_scenes(void) {
  for (int b = 0; b < LAYOUTS; b++)
    for (int n = 1; layouts[b].channels + n <= MAX_CHANNELS; n++) {
      struct layout *l = &scenes[b][n];
      *l = layouts[b];
      l->name = scene_names[b][n];
      snprintf(scene_names[b][n], NAME_SIZE, "%s+%d", layouts[b].name, n);
      for (int i = 0; i < n; i++) l->speaker[l->channels++] = &OBJECT;
      l->n_objects = n;
    }
}

const struct layout *layout_with_objects(const struct layout *bed, int n) {
  if (n == 0 || !bed || n < 0 || bed->n_objects || bed->channels + n > MAX_CHANNELS)
    return n == 0 ? bed : NULL;
  pthread_once(&scenes_once, make_scenes);
  return &scenes[bed - layouts][n];
}

const struct layout *layout_bed(const struct layout *l) {
  for (const struct layout *bed = layouts; l && l->n_objects && bed->name; bed++)
    if (bed->channels == l->channels - l->n_objects &&
        !memcmp(bed->speaker, l->speaker, sizeof *bed->speaker * (size_t)bed->channels))
      return bed;
  return l;
}

const struct layout *layout_find(const char *name) {
  const size_t n = strcspn(name, "+");
  for (const struct layout *l = layouts; l->name; l++)
    if (strlen(l->name) == n && !memcmp(l->name, name, n)) {
      if (!name[n]) return l;
      char *end;
      const long objects = strtol(name + n + 1, &end, 10);
      const struct layout *found =
          objects > 0 && objects < MAX_CHANNELS ? layout_with_objects(l, (int)objects) : NULL;
      return found && !strcmp(found->name, name) ? found : NULL;
    }
  return NULL;
}

static uint32_t mask_of(const struct layout *l, bool other) {
  uint32_t mask = 0;
  for (int c = 0; c < l->channels; c++) {
    const struct speaker *s = l->speaker[c];
    if (!s->mask_bit) return 0;
    mask |= other && s->other_bit ? s->other_bit : s->mask_bit;
  }
  return mask;
}

uint32_t layout_mask(const struct layout *l) { return mask_of(l, false); }

uint32_t layout_other_mask(const struct layout *l) { return mask_of(l, true); }

const struct layout *layout_of_mask(int channels, uint32_t mask) {
  for (const struct layout *l = layouts; l->name; l++) {
    if (l->channels != channels) continue;
    if (channels <= 2 || (mask && (mask == mask_of(l, false) || mask == mask_of(l, true))))
      return l;
  }
  return NULL;
}

void layout_file_order(const struct layout *l, int order[MAX_CHANNELS]) {
  for (int c = 0; c < l->channels; c++) order[c] = c;
  if (!layout_mask(l)) return;
  for (int i = 1; i < l->channels; i++) /* by insertion */
    for (int k = i; k > 0; k--) {
      const int before = order[k - 1], at = order[k];
      if (l->speaker[before]->mask_bit < l->speaker[at]->mask_bit) break;
      order[k - 1] = at, order[k] = before;
    }
}

void layout_reorder(const struct layout *l, const int32_t *from, int64_t n_frames, int32_t *to) {
  int order[MAX_CHANNELS];
  layout_file_order(l, order);
  for (int64_t i = 0; i < n_frames; i++, from += l->channels, to += l->channels)
    for (int c = 0; c < l->channels; c++) to[c] = from[order[c]];
}

int layout_lfe(const struct layout *l) {
  for (int c = 0; l && c < l->channels; c++)
    if (l->speaker[c]->group == GROUP_LFE) return c;
  return -1;
}

bool layout_is_group(const struct layout *l, int channel, int group) {
  return (l ? l->speaker[channel]->group : GROUP_FRONT) == group;
}

bool layout_is_pair(const struct layout *l, int channels, int channel) {
  const int left = channel & ~1;
  if (left + 1 >= channels) return false;
  return !l || l->speaker[left]->azimuth_deg > 0;
}

double layout_weight(const struct layout *l, int channel) {
  if (!l) return 1;
  const struct speaker *s = l->speaker[channel];
  if (s->group == GROUP_LFE) return 0;
  const int azimuth = s->azimuth_deg < 0 ? -s->azimuth_deg : s->azimuth_deg;
  return s->elevation_deg < 30 && azimuth >= 60 && azimuth <= 120 ? 1.41 : 1;
}

int layout_gains(const struct layout *l, int channels, bool linked,
                 int32_t gain_of[MAX_CHANNELS]) {
  const int lfe = layout_lfe(l);
  for (int c = 0; c < channels; c++) gain_of[c] = !linked ? c : c == lfe;
  return !linked ? channels : lfe < 0 ? 1 : 2;
}
