#version 450
/* SPDX-License-Identifier: MIT
 * What the detectors hear of mid and side. */
#define MID_SIDE
#include "multiband_energy.glsl"
