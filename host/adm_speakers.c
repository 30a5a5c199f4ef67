/* SPDX-License-Identifier: MIT
 * See adm.h: the channels of layouts. Common definitions: ITU-R BS.2094 (names and
 * positions of the layouts of BS.2051); the room-centric channels of the Dolby profile. */
#include <string.h>
#include <strings.h>

#include "adm.h"

static const struct adm_speaker dolby[] = {
    {"", "RoomCentricLeft", "RC_L", {-1, 1, 0}, 0, 0},
    {"", "RoomCentricRight", "RC_R", {1, 1, 0}, 0, 0},
    {"", "RoomCentricCenter", "RC_C", {0, 1, 0}, 0, 0},
    {"", "RoomCentricLFE", "RC_LFE", {-1, 1, -1}, 0, 0},
    {"", "RoomCentricLeftSideSurround", "RC_Lss", {-1, 0, 0}, 0, 0},
    {"", "RoomCentricRightSideSurround", "RC_Rss", {1, 0, 0}, 0, 0},
    {"", "RoomCentricLeftRearSurround", "RC_Lrs", {-1, -1, 0}, 0, 0},
    {"", "RoomCentricRightRearSurround", "RC_Rrs", {1, -1, 0}, 0, 0},
    {"", "RoomCentricLeftTopSurround", "RC_Lts", {-1, 0, 1}, 0, 0},
    {"", "RoomCentricRightTopSurround", "RC_Rts", {1, 0, 1}, 0, 0},
};
enum { L, R, C, LFE, LS110, RS110, LSS, RSS, LRS, RRS, U30, U30R, U110, U110R, U45, U45R, U135,
       U135R, U90, U90R };
static const struct adm_speaker itu[] = {
    [L] = {"AC_00010001", "FrontLeft", "M+030", {30, 0, 1}, 0, 0},
    [R] = {"AC_00010002", "FrontRight", "M-030", {-30, 0, 1}, 0, 0},
    [C] = {"AC_00010003", "FrontCentre", "M+000", {0, 0, 1}, 0, 0},
    [LFE] = {"AC_00010004", "LowFrequencyEffects", "LFE", {0, -30, 1}, 0, 120},
    [LS110] = {"AC_00010005", "SurroundLeft", "M+110", {110, 0, 1}, 0, 0},
    [RS110] = {"AC_00010006", "SurroundRight", "M-110", {-110, 0, 1}, 0, 0},
    [LSS] = {"AC_0001000a", "SideLeft", "M+090", {90, 0, 1}, 0, 0},
    [RSS] = {"AC_0001000b", "SideRight", "M-090", {-90, 0, 1}, 0, 0},
    [LRS] = {"AC_0001001c", "BackLeftMid", "M+135", {135, 0, 1}, 0, 0},
    [RRS] = {"AC_0001001d", "BackRightMid", "M-135", {-135, 0, 1}, 0, 0},
    [U30] = {"AC_0001000d", "TopFrontLeft", "U+030", {30, 30, 1}, 0, 0},
    [U30R] = {"AC_0001000f", "TopFrontRight", "U-030", {-30, 30, 1}, 0, 0},
    [U110] = {"AC_00010010", "TopSurroundLeft", "U+110", {110, 30, 1}, 0, 0},
    [U110R] = {"AC_00010012", "TopSurroundRight", "U-110", {-110, 30, 1}, 0, 0},
    [U45] = {"AC_00010022", "TopFrontLeftMid", "U+045", {45, 30, 1}, 0, 0},
    [U45R] = {"AC_00010023", "TopFrontRightMid", "U-045", {-45, 30, 1}, 0, 0},
    [U135] = {"AC_0001001e", "TopBackLeftMid", "U+135", {135, 30, 1}, 0, 0},
    [U135R] = {"AC_0001001f", "TopBackRightMid", "U-135", {-135, 30, 1}, 0, 0},
    /* only in a pack of our own: bundled tables of renderers disagree about the common one */
    [U90] = {"", "TopSideLeft", "U+090", {90, 30, 1}, 0, 0},
    [U90R] = {"", "TopSideRight", "U-090", {-90, 30, 1}, 0, 0},
};

static const struct layout {
  const char *name, *pack; /* common definition; "": none that can be relied on */
  enum adm_flavour flavour;
  int n;
  signed char rows[12];
} layouts[] = {
    {"2.0", "", ADM_DOLBY, 2, {0, 1}},
    {"3.0", "", ADM_DOLBY, 3, {0, 1, 2}},
    {"7.0", "", ADM_DOLBY, 7, {0, 1, 2, 4, 5, 6, 7}},
    {"7.1", "", ADM_DOLBY, 8, {0, 1, 2, 3, 4, 5, 6, 7}},
    {"7.0.2", "", ADM_DOLBY, 9, {0, 1, 2, 4, 5, 6, 7, 8, 9}},
    {"7.1.2", "", ADM_DOLBY, 10, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
    {"2.0", "AP_00010002", ADM_ITU, 2, {L, R}},
    {"5.1", "AP_00010003", ADM_ITU, 6, {L, R, C, LFE, LS110, RS110}},
    {"7.1", "AP_0001000f", ADM_ITU, 8, {L, R, C, LFE, LSS, RSS, LRS, RRS}},
    {"5.1.4", "AP_00010005", ADM_ITU, 10, {L, R, C, LFE, LS110, RS110, U30, U30R, U110, U110R}},
    {"7.1.4", "AP_00010017", ADM_ITU, 12,
     {L, R, C, LFE, LSS, RSS, LRS, RRS, U45, U45R, U135, U135R}},
    {"7.1.2", "", ADM_ITU, 10, {L, R, C, LFE, LSS, RSS, LRS, RRS, U90, U90R}},
};
#define COUNT(a) (sizeof(a) / sizeof *(a))

const struct adm_speaker *adm_speaker(enum adm_flavour flavour, const char *name, int i) {
  for (size_t k = 0; k < COUNT(layouts); k++)
    if (layouts[k].flavour == flavour && !strcmp(layouts[k].name, name))
      return i < 0 || i >= layouts[k].n      ? NULL
             : flavour == ADM_DOLBY ? &dolby[layouts[k].rows[i]]
                                    : &itu[layouts[k].rows[i]];
  return NULL;
}

const struct adm_speaker *adm_room_speaker(const char *label) {
  for (size_t i = 0; i < COUNT(dolby); i++)
    if (!strcmp(dolby[i].label, label)) return &dolby[i];
  return NULL;
}

const struct adm_speaker *adm_common_channel(const char *id) {
  for (size_t i = 0; i < COUNT(itu); i++)
    if (*itu[i].id && !strcasecmp(itu[i].id, id)) return &itu[i];
  return NULL;
}

const char *adm_common_layout(const char *pack_id) {
  for (size_t i = 0; i < COUNT(layouts); i++)
    if (*layouts[i].pack && !strcasecmp(layouts[i].pack, pack_id)) return layouts[i].name;
  return NULL;
}

const char *adm_common_pack(const char *layout) {
  for (size_t i = 0; i < COUNT(layouts); i++)
    if (*layouts[i].pack && !strcmp(layouts[i].name, layout)) return layouts[i].pack;
  return NULL;
}

const char *adm_dolby_layout(const char *const *labels, int n) {
  for (size_t i = 0; i < COUNT(layouts); i++) {
    bool same = layouts[i].flavour == ADM_DOLBY && layouts[i].n == n;
    for (int k = 0; k < n && same; k++) same = !strcmp(dolby[layouts[i].rows[k]].label, labels[k]);
    if (same) return layouts[i].name;
  }
  return NULL;
}
