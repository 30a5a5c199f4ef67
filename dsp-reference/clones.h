/* SPDX-License-Identifier: MIT
 * Marks a hot function: built for several x86-64 levels, chosen at run time. The
 * bits are the same in each, as contraction is off. For static functions, whose names are unique
 * in dsp-reference: clang 14 does not call others from another file, and links all by name. */
#ifndef LACQUER_CLONES_H
#define LACQUER_CLONES_H
#if !defined(__x86_64__) || !defined(__gnu_linux__)
#undef LACQUER_X86_LEVEL
#define LACQUER_X86_LEVEL 0
#endif
#if LACQUER_X86_LEVEL >= 4
#define LACQUER_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#elif LACQUER_X86_LEVEL == 3
#define LACQUER_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define LACQUER_CLONES
#endif
#endif
