/* SPDX-License-Identifier: MIT
 * What vk_faults.c has counted in this process, which it is linked into. */
#ifndef LACQUER_VK_FAULTS_H
#define LACQUER_VK_FAULTS_H
int vk_faults_calls(const char *name); /* "vkWaitSemaphores" */
#endif
