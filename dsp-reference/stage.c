/* SPDX-License-Identifier: MIT
 * The stage registry. */
#include "stage.h"

#include <stdlib.h>
#include <string.h>

#define STAGE(name) extern const struct stage stage_##name;
#include "stages.def"
#undef STAGE

const struct stage *const stage_registry[] = {
#define STAGE(name) &stage_##name,
#include "stages.def"
#undef STAGE
    NULL,
};

const struct stage *stage_find(const char *name) {
  for (const struct stage *const *s = stage_registry; *s; s++)
    if (!strcmp((*s)->name, name)) return *s;
  return NULL;
}

void stage_design_free(struct stage_design *design) {
  free(design->data);
  memset(design, 0, sizeof *design);
}

int params_is_switch(const struct param_row *row) {
  return row->type == PARAM_CHOICE && !strcmp(row->choices[0], "false");
}

void params_init(const struct param_row *rows, void *params) {
  for (const struct param_row *row = rows; row->type != PARAM_END; row++) {
    char *at = (char *)params + row->offset;
    switch (row->type) {
    case PARAM_NUMBER: *(double *)at = row->initial; break;
    case PARAM_INTEGER:
    case PARAM_CHOICE: *(int *)at = (int)row->initial; break;
    case PARAM_TEXT: *(char **)at = NULL; break;
    case PARAM_LIST: *(int *)((char *)params + row->count_offset) = 0; break;
    case PARAM_END: break;
    }
  }
}
