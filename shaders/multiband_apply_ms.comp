#version 450
/* SPDX-License-Identifier: MIT
 * The bands' gains by way of mid and side. */
#define MID_SIDE
#include "multiband_apply.glsl"
