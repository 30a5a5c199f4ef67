/* SPDX-License-Identifier: MIT
 * See adm_scene.h: polar positions in the cartesian room. */
#include <math.h>

#include "adm_scene.h"
#include "detmath.h"

static const double pi = 3.14159265358979323846;

static double tan_deg(double deg) { return det_sinpi(deg / 180) / det_cospi(deg / 180); }

/* 2/pi atan2(g, 1 - g), 0 <= g <= 1: Newton on sin(angle - wanted), which converges cubically
 * from a start less than 0.05 away. */
static double pan_of_gain(double g) {
  double p = g;
  for (int i = 0; i < 4; i++) {
    const double s = det_sinpi(p / 2), c = det_cospi(p / 2);
    p -= (s * (1 - g) - c * g) / (pi / 2 * (c * (1 - g) + s * g));
  }
  return p;
}

/* Corners of the room by azimuth; the front's middle. Between two of them a position moves
 * along the wall as sound panned between loudspeakers there. */
static const struct corner {
  double azimuth, x, y;
} corners[] = {{30, -1, 1}, {0, 0, 1}, {-30, 1, 1}, {-110, 1, -1}, {-250, -1, -1}, {-330, -1, 1}};

void adm_polar_to_room(const double polar[3], double position[3]) {
  const double elevation = fmax(-90, fmin(90, polar[1])), distance = polar[2];
  double azimuth = fmod(polar[0], 360), z, radius = distance;
  if (fabs(elevation) > 30) {
    const double tilted = 45 + 45 * (fabs(elevation) - 30) / 60;
    z = elevation < 0 ? -distance : distance;
    radius = distance * tan_deg(90 - tilted);
  } else {
    z = distance * tan_deg(elevation * 1.5);
  }
  while (azimuth > 30) azimuth -= 360;
  while (azimuth <= -330) azimuth += 360;
  const struct corner *left = corners, *right = corners + 1;
  while (azimuth < right->azimuth) left++, right++;
  const double half = (right->azimuth - left->azimuth) / 2, middle = left->azimuth + half;
  const double gain = 0.5 + 0.5 * tan_deg(azimuth - middle) / tan_deg(half);
  const double p = pan_of_gain(fmax(0, fmin(1, gain)));
  position[0] = radius * (left->x + (right->x - left->x) * p) + 0.0;
  position[1] = radius * (left->y + (right->y - left->y) * p) + 0.0;
  position[2] = z + 0.0;
}
