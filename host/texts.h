/* SPDX-License-Identifier: MIT
 * Many small texts that live as long as their owner. For one thread. */
#ifndef LACQUER_TEXTS_H
#define LACQUER_TEXTS_H
#include <stddef.h>

struct texts;
struct texts *texts_create(void);
void texts_destroy(struct texts **texts); /* with every text; takes NULL; writes NULL */
char *texts_room(struct texts *texts, size_t size); /* zeroed */
#endif
