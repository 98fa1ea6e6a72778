/* SPDX-License-Identifier: Apache-2.0 */
/* plan_providers.c - services that another program provides: it is asked before containers are planned, for what it answers
 * becomes part of the environment of those that depend on it, and with that of their configuration.
 * spec: compose-spec 05-services provider; docker compose's docs/extension.md. */
#include "compose/base/str.h"
#include "graph/plan_build.h"

static struct op *add(struct builder *b, enum op_kind k, size_t i, const char *cause)
{
	const struct service *s = &b->want->services[i];
	struct op *op = plan_add(b, k, s->name, cause);

	op->service = s;
	return op;
}

int plan_provide(struct builder *b, struct err *e)
{
	if (deps_select(&b->deps, b->goal->services, b->goal->no_deps, b->sel, e) < 0)
		return -1;
	for (size_t k = 0; k < b->deps.n; k++) {
		size_t i = b->deps.order[k];
		struct op *op;

		if (!b->sel[i] || !b->want->services[i].provider)
			continue;
		op = add(b, OP_PROVIDER_UP, i, "a provider's service");
		for (size_t d = 0; d < b->deps.n_on[i]; d++)
			for (struct op **r = b->ready[b->deps.on[i][d]]; r && *r; r++)
				plan_after(b, op, *r);
		plan_list_add(b, &b->ready[i], op);
	}
	return 0;
}

struct op *plan_unprovide(struct builder *b, size_t i, const char *cause)
{
	return add(b, b->goal->verb == GOAL_DOWN ? OP_PROVIDER_DOWN : OP_PROVIDER_STOP, i, cause);
}
