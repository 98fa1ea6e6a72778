/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/plan.h"
#include <stdarg.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "graph/plan_build.h"

#define OP_NAME(e, name) [e] = name,
static const char *const op_names[] = { OP_KINDS(OP_NAME) };

const char *op_kind_name(enum op_kind k)
{
	return op_names[k];
}

struct op *plan_add(struct builder *b, enum op_kind k, const char *object, const char *cause)
{
	struct plan *p = b->plan;
	struct op *op = arena_new(&p->arena, struct op);

	*op = (struct op){ .i = (unsigned)p->n_ops, .kind = k, .object = arena_strdup(&p->arena, object),
			   .cause = arena_strdup(&p->arena, cause), .timeout_ns = b->goal->timeout_ns, .signal = "" };
	if ((p->n_ops & (p->n_ops + 1)) == 0) {          /* room for 2^k - 1: grow when it is full */
		struct op **ops = arena_alloc(&p->arena, (2 * p->n_ops + 1) * sizeof(*ops));

		if (p->n_ops)
			memcpy(ops, p->ops, p->n_ops * sizeof(*ops));
		p->ops = ops;
	}
	p->ops[p->n_ops++] = op;
	return op;
}

/* Append x to *v of n elements; capacity is the power of two at or above n. */
static void push(struct arena *a, struct op ***v, size_t *n, struct op *x)
{
	if ((*n & (*n - 1)) == 0) {
		struct op **w = arena_alloc(a, (*n ? 2 * *n : 1) * sizeof(*w));

		if (*n)
			memcpy(w, *v, *n * sizeof(*w));
		*v = w;
	}
	(*v)[(*n)++] = x;
}

void plan_after(struct builder *b, struct op *op, struct op *first)
{
	if (!first || first == op)
		return;
	for (size_t i = 0; i < op->n_after; i++)
		if (op->after[i] == first)
			return;
	push(&b->plan->arena, &op->after, &op->n_after, first);
	push(&b->plan->arena, &first->next, &first->n_next, op);
}

void plan_warn(struct builder *b, const char *fmt, ...)
{
	struct plan *p = b->plan;
	auto_free char *text = NULL;
	const char **w;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	w = arena_alloc(&p->arena, (p->n_warnings + 1) * sizeof(*w));
	if (p->n_warnings)
		memcpy(w, p->warnings, p->n_warnings * sizeof(*w));
	w[p->n_warnings++] = arena_strdup(&p->arena, text);
	p->warnings = w;
}

void plan_list_add(struct builder *b, struct op ***list, struct op *op)
{
	size_t n = 0;
	struct op **w;

	for (; *list && (*list)[n]; n++)
		if ((*list)[n] == op)
			return;
	w = arena_alloc(&b->plan->arena, (n + 2) * sizeof(*w));
	if (n)
		memcpy(w, *list, n * sizeof(*w));
	w[n] = op;
	*list = w;
}

const char *plan_ctr_name(struct builder *b, const struct service *s, unsigned number)
{
	if (*s->container_name)
		return s->container_name;
	return arena_printf(&b->plan->arena, "%s%c%s%c%u", b->want->name, project_sep(b->want), s->name, project_sep(b->want), number);
}

const struct observed_ctr *plan_ctrs(const struct observed *o, const char *service, size_t *n)
{
	size_t lo = 0, hi = o->n_ctrs;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (strcmp(o->ctrs[mid].service, service) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*n = 0;
	while (lo + *n < o->n_ctrs && !strcmp(o->ctrs[lo + *n].service, service) && !o->ctrs[lo + *n].oneoff)
		(*n)++;
	return o->ctrs + lo;
}

bool plan_runs(const struct observed_ctr *c)
{
	return c->state == CTR_RUNNING || c->state == CTR_PAUSED || c->state == CTR_RESTARTING;
}

size_t plan_service(const struct builder *b, const char *name)
{
	size_t lo = 0, hi = b->want ? b->want->n_services : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(b->want->services[mid].name, name);

		if (!c)
			return mid;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return SIZE_MAX;
}

struct op *plan_stop_ctr(struct builder *b, const struct observed_ctr *c, const struct service *s, const char *cause)
{
	struct op *op;

	if (!plan_runs(c) && !c->starting)
		return NULL;
	op = plan_add(b, OP_CTR_STOP, c->name, cause);
	op->ctr = c;
	op->service = s;
	return op;
}

struct op *plan_remove_ctr(struct builder *b, const struct observed_ctr *c, const char *cause, bool with_volumes, struct op *after)
{
	struct op *op = plan_add(b, OP_CTR_REMOVE, c->name, cause);

	op->ctr = c;
	op->with_volumes = with_volumes;
	b->leaves[c - b->have->ctrs] = true;
	plan_after(b, op, after);
	return op;
}

/* Waits are added behind what waits for them. Edges that lead forward are few, so this goes no deeper than a few of them. */
static void settle(struct op **out, size_t *n, bool *placed, struct op *op)
{
	if (placed[op->i])
		return;
	placed[op->i] = true;
	for (size_t i = 0; i < op->n_after; i++)
		settle(out, n, placed, op->after[i]);
	out[(*n)++] = op;
}

/* Put every operation behind those that it comes after. */
static void settle_order(struct plan *p)
{
	struct op **out = arena_alloc(&p->arena, (p->n_ops + 1) * sizeof(*out));
	bool *placed = arena_alloc(&p->arena, p->n_ops + 1);
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++)
		settle(out, &n, placed, p->ops[i]);
	for (size_t i = 0; i < n; i++)
		out[i]->i = (unsigned)i;
	p->ops = out;
}

int plan_make(struct plan **ret, const struct project *want, const struct observed *have,
	      const struct goal *g, struct err *e)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	struct builder b = { .plan = p, .want = want, .have = have, .goal = g };
	size_t n = want ? want->n_services : 0;
	int r = 0;

	b.sel = arena_alloc(&p->arena, n + 1);
	b.named = arena_alloc(&p->arena, n + 1);
	b.touched = arena_alloc(&p->arena, (n + 1) * sizeof(*b.touched));
	b.leaves = arena_alloc(&p->arena, have->n_ctrs + 1);
	b.ready = arena_alloc(&p->arena, (n + 1) * sizeof(*b.ready));
	b.gone = arena_alloc(&p->arena, (n + 1) * sizeof(*b.gone));
	if (want)
		r = deps_make(&b.deps, want, e);
	if (r == 0)
		switch (g->verb) {
		case GOAL_PUSH:
			r = plan_push(&b, e);
			break;
		case GOAL_IMAGES: case GOAL_BUILD: case GOAL_PULL:
			r = plan_images(&b, e);
			break;
		case GOAL_PROVIDE:
			r = plan_provide(&b, e);
			break;
		case GOAL_UP: case GOAL_CREATE: case GOAL_RUN:
			r = plan_up(&b, e);
			break;
		case GOAL_START:
			r = plan_start(&b, e);
			break;
		default:
			r = plan_stop(&b, e);
		}
	deps_done(&b.deps);
	if (r < 0) {
		plan_free(p);
		return r;
	}
	settle_order(p);
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	arena_done(&p->arena);
	free(p);
}
