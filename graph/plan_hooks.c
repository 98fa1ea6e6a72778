/* SPDX-License-Identifier: Apache-2.0 */
/* plan_hooks.c - pre_start: containers that must succeed, one after the other, before the first of a service starts.
 * spec: compose-spec 05-services pre_start. While another container of the service runs on, none of them is run. */
#include "compose/base/str.h"
#include "graph/plan_build.h"

static bool stops(const struct builder *b, const struct observed_ctr *c)
{
	for (size_t i = 0; i < b->plan->n_ops; i++)
		if (b->plan->ops[i]->kind == OP_CTR_STOP && b->plan->ops[i]->ctr == c)
			return true;
	return false;
}

static bool one_runs_on(const struct builder *b, const struct service *s)
{
	size_t n;
	const struct observed_ctr *c = plan_ctrs(b->have, s->name, &n);

	for (size_t i = 0; i < n; i++)
		if (plan_runs(&c[i]) && !stops(b, &c[i]))
			return true;
	return false;
}

/* A failed one was left to be looked at; one whose client was killed may still run. */
static void clear(struct builder *b, const struct service *s, struct op *first)
{
	for (size_t i = 0; i < b->have->n_ctrs; i++) {
		const struct observed_ctr *c = &b->have->ctrs[i];
		const char *why = "left by an earlier start";

		if (c->hook && str_eq(c->service, s->name))
			plan_after(b, first, plan_remove_ctr(b, c, why, true, plan_stop_ctr(b, c, s, why)));
	}
}

static struct op *add(struct builder *b, const struct service *s, size_t i, const struct op *start, struct op *before)
{
	char sep = project_sep(b->want);
	const char *name = arena_printf(&b->plan->arena, "%s%c%s%cpre_start%c%zu", b->want->name, sep, s->name, sep, sep, i);
	struct op *op = plan_add(b, OP_HOOK, name, arena_printf(&b->plan->arena, "before %s starts", s->name));

	op->service = s;
	op->hook = &s->pre_start[i];
	op->ctr = start->ctr;
	op->ctr_op = start->ctr_op;
	plan_after(b, op, before);
	return op;
}

void plan_pre_start(struct builder *b, size_t i)
{
	const struct service *s = &b->want->services[i];
	struct op *start = NULL, *first = NULL, *last = NULL;

	for (struct op **r = b->ready[i]; r && *r; r++)
		if ((*r)->kind == OP_CTR_START && !start)
			start = *r;
	if (!s->n_pre_start || !start || one_runs_on(b, s))
		return;
	for (size_t k = 0; k < s->n_pre_start; k++) {
		last = add(b, s, k, start, last);
		first = first ? first : last;
	}
	for (struct op **r = b->ready[i]; *r; r++)
		for (size_t k = 0; k < (*r)->n_after; k++)
			plan_after(b, first, (*r)->after[k]);
	clear(b, s, first);
	for (struct op **r = b->ready[i]; *r; r++)
		plan_after(b, *r, last);
}
