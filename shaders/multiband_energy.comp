#version 450
/* SPDX-License-Identifier: MIT
 * What the detectors hear of each channel. */
#include "multiband_energy.glsl"
