#version 450
/* SPDX-License-Identifier: MIT
 * The bands' gains, channel by channel. */
#include "multiband_apply.glsl"
