/* SPDX-License-Identifier: Apache-2.0 */
/* diff.h - must a container be made anew, and why.
 * runs in: client.   layer: graph, pure.   spec: docker compose's recreate rules ("diverged"). */
#pragma once
#include "graph/observed.h"
#include "graph/plan.h"
#include "parser/project.h"

/* ret: the cause, owned by a, or NULL when c is what s asks for
 * in: image_id: what the service's image reference means today ("" = unknown) */
const char *diff_ctr(struct arena *a, const struct project *p, const struct service *s, const struct observed_ctr *c,
		     const char *hash, const char *image_id, enum recreate how);
