/* SPDX-License-Identifier: MIT
 * See plan.h: the impulse responses of the variants for headphones. */
#include <stdlib.h>
#include <string.h>

#include "hrtf.h"
#include "memory.h"
#include "plan.h"

static bool is_selected(const struct plan *plan, int variant) {
  for (int i = 0; i < plan->n_units; i++)
    if (plan->units[i].variant == variant) return true;
  return false;
}

/* What another variant has read of the same file. */
static struct hrtf *known(const struct plan *plan, int variant, const char *path) {
  for (int v = 0; v < variant; v++)
    if (plan->hrtfs[v] && !strcmp(plan->hrtfs[v]->path, path)) return plan->hrtfs[v];
  return NULL;
}

enum status plan_hrtfs_create(struct plan *plan, struct failure *why) {
  const struct manifest *m = plan->manifest;
  enum status status = STATUS_OK;
  plan->hrtfs = memory_new((size_t)m->n_variants + 1, sizeof *plan->hrtfs);
  for (int v = 0; v < m->n_variants && !status; v++) {
    char *path = hrtf_path(m, &m->variants[v]);
    if (path && is_selected(plan, v)) {
      struct failure reason = {0};
      plan->hrtfs[v] = known(plan, v, path);
      if (!plan->hrtfs[v]) status = hrtf_read(path, &plan->hrtfs[v], &reason);
      if (status) fail(why, status, "variant \"%s\": %s", m->variants[v].name, reason.text);
    }
    free(path);
  }
  return status;
}

void plan_hrtfs_free(struct plan *plan) {
  for (int v = 0; plan->hrtfs && v < plan->manifest->n_variants; v++) {
    struct hrtf *hrtf = plan->hrtfs[v];
    for (int w = v; w < plan->manifest->n_variants; w++)
      if (plan->hrtfs[w] == hrtf) plan->hrtfs[w] = NULL;
    hrtf_destroy(&hrtf);
  }
  free(plan->hrtfs);
}
