/* SPDX-License-Identifier: MIT
 * See panner.h. */
#include "panner.h"

#include "detmath.h"

enum { X, Y, Z };

void panner_place(const struct speaker *s, double place[3]) {
  const int azimuth_deg = s->azimuth_deg < 0 ? -s->azimuth_deg : s->azimuth_deg;
  place[X] = s->azimuth_deg == 0 ? 0 : s->azimuth_deg > 0 ? -1 : 1;
  place[Y] = azimuth_deg == 90 ? 0 : azimuth_deg < 90 ? 1 : -1;
  place[Z] = s->elevation_deg >= 30 ? 1 : 0;
}

struct places {
  int n, channel[LAYOUT_MOST_SPEAKERS];
  double at[LAYOUT_MOST_SPEAKERS][3];
};

static struct places places_of(const struct layout *bed) {
  struct places p = {0};
  for (int c = 0; c < bed->channels; c++) {
    if (layout_is_group(bed, c, GROUP_LFE)) continue;
    p.channel[p.n] = c;
    panner_place(bed->speaker[c], p.at[p.n++]);
  }
  return p;
}

/* Whether `other` is a neighbour of `own` along an axis: in its row, of its layer; in its
 * layer; or anywhere. */
static bool is_beside(const double other[3], const double own[3], int axis) {
  for (int higher = axis + 1; higher <= Z; higher++)
    if (other[higher] != own[higher]) return false;
  return true;
}

/* The share of place `own` along one axis: sine and cosine between the next place on either
 * side of `position`. */
static double share(const struct places *p, const double own[3], int axis, double position) {
  double below = -2, above = 2;
  for (int i = 0; i < p->n; i++) {
    const double at = p->at[i][axis];
    if (!is_beside(p->at[i], own, axis)) continue;
    if (at <= position && at > below) below = at;
    if (at >= position && at < above) above = at;
  }
  if (below < -1) return own[axis] == above; /* beyond the last one */
  if (above > 1 || above == below) return own[axis] == below;
  const double way = (position - below) / (above - below) / 2;
  return own[axis] == below ? det_cospi(way) : own[axis] == above ? det_sinpi(way) : 0;
}

void panner_gains(const struct layout *bed, const double position[3],
                  double gain[LAYOUT_MOST_SPEAKERS]) {
  const struct places p = places_of(bed);
  for (int c = 0; c < bed->channels; c++) gain[c] = 0;
  for (int i = 0; i < p.n; i++) {
    double product = 1;
    for (int axis = Z; axis >= X && product > 0; axis--)
      product *= share(&p, p.at[i], axis, position[axis]);
    gain[p.channel[i]] = product;
  }
}
