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

/* How a network or volume that exists differs from what the file asks for. */
struct drift {
	const char   *cause;          /* "networks.front.internal changed, compose.yaml:14:7"; NULL: it does not */
	struct srcpos at;             /* of what changed, or of the whole */
	bool          in_place;       /* only labels: they can be replaced where it is */
};
struct drift diff_net(struct arena *a, const struct network *n, const struct observed_net *have);
struct drift diff_vol(struct arena *a, const struct volume *v, const struct observed_vol *have);
