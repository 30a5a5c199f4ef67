/* SPDX-License-Identifier: MIT
 * Low pass before the limiter: flat to 0.4675 of the rate, nothing from 0.4875 on, linear
 * phase. What lies next to Nyquist makes peaks between frames that rise without end and
 * that no interpolator of finite length sees. The passes are those of the EQ. */
#ifndef LACQUER_BAND_LIMIT_H
#define LACQUER_BAND_LIMIT_H
#ifndef VULKAN
#include "stage.h"

struct band_limit_params {
  char none; /* there is nothing to set */
};
extern const struct stage stage_band_limit;
#endif
#endif
