/* SPDX-License-Identifier: MIT
 * Settings structs that are described by parameter rows: their texts are owned. */
#ifndef LACQUER_PARAM_VALUES_H
#define LACQUER_PARAM_VALUES_H
#include "stage.h"

void params_own(const struct param_row *rows, void *params); /* copies the texts in it */
void params_release(const struct param_row *rows, void *params); /* frees the texts in it */
/* A new stage->params_size block with the stage's defaults / with a copy of `params`;
 * ended by stage_params_destroy. */
void *stage_params_new(const struct stage *stage);
void *stage_params_copy(const struct stage *stage, const void *params);
void stage_params_destroy(const struct stage *stage, void **params); /* takes NULL inside */
#endif
