/* SPDX-License-Identifier: MIT
 * Reading UTF-8 one character at a time (RFC 3629). */
#ifndef LACQUER_UTF8_H
#define LACQUER_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the well-formed character at the start of text[0..size), whose
 * code point goes to *code; 0 when there is none. */
size_t utf8_decode(const char *text, size_t size, uint32_t *code);
/* Writes `code` (a valid code point) to at most 4 bytes; returns their number. */
size_t utf8_encode(uint32_t code, char *text);
/* The greatest length <= limit at which text[0..size) can be cut between characters. */
size_t utf8_cut(const char *text, size_t size, size_t limit);
#endif
