/* SPDX-License-Identifier: Apache-2.0 */
/* check_cycle.c - services that wait for each other in a circle, told as the path that closes. */
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/check.h"
#include "parser/diag.h"

enum { NEW, OPEN, DONE };

struct visit {
	size_t service, edge;
};
struct cycles {
	const struct node *services;
	struct map index; /* name -> place + 1 */
	unsigned char *state;
	VEC(struct visit) path;
	struct errs *errs;
	int bad;
};

/* The e-th thing that service i waits for. ret: false when there are no more; *ret_to NULL: not this one */
static bool edge(const struct node *service, size_t e, const char **ret_to, struct srcpos *ret_pos)
{
	const struct node *deps = node_get(service, "depends_on"), *ctx;
	size_t n = deps && deps->kind == NODE_MAP ? deps->n : 0;

	*ret_to = NULL;
	if (e < n) {
		*ret_to = deps->pairs[e].key;
		*ret_pos = deps->pairs[e].key_pos;
		return true;
	}
	ctx = node_get(node_get(service, "build"), "additional_contexts");
	if (!ctx || ctx->kind != NODE_MAP || e - n >= ctx->n)
		return false;
	const char *text = node_text(ctx->pairs[e - n].val);
	if (text && str_starts(text, "service:"))
		*ret_to = text + strlen("service:");
	*ret_pos = ctx->pairs[e - n].val->pos;
	return true;
}

static void report(struct cycles *c, size_t to, struct srcpos pos)
{
	auto_str struct str b = STR_MAX(4096);
	size_t i = c->path.n;
	const char *name = c->services->pairs[to].key;
	auto_free char *at = xasprintf("services.%s", c->services->pairs[c->path.v[c->path.n - 1].service].key);

	while (i > 0 && c->path.v[i - 1].service != to)
		i--;
	for (i -= i > 0; i < c->path.n; i++)
		str_addf(&b, "%s -> ", c->services->pairs[c->path.v[i].service].key);
	str_add(&b, name);
	c->bad = errs_model(c->errs, pos, at, "remove one of these dependencies", "dependency cycle detected: %s",
			    str_cstr(&b));
}

/* One edge of the service on top of the path. */
static void step(struct cycles *c)
{
	struct visit *top = &c->path.v[c->path.n - 1];
	const char *to;
	struct srcpos pos = {0};
	size_t at;

	if (!edge(c->services->pairs[top->service].val, top->edge, &to, &pos)) {
		c->state[top->service] = DONE;
		c->path.n--;
		return;
	}
	top->edge++;
	at = to ? (size_t)map_get(&c->index, to) : 0;
	if (!at)
		return;
	if (c->state[at - 1] == OPEN)
		report(c, at - 1, pos);
	else if (c->state[at - 1] == NEW) {
		c->state[at - 1] = OPEN;
		vec_push(&c->path, (struct visit){at - 1, 0});
	}
}

int check_cycles(const struct node *services, struct errs *errs)
{
	struct cycles c = {.services = services, .errs = errs};

	c.state = xcalloc(services->n + 1, 1);
	for (size_t i = 0; i < services->n; i++)
		map_set(&c.index, services->pairs[i].key, (void *)(i + 1));
	for (size_t i = 0; i < services->n; i++) {
		if (c.state[i] != NEW)
			continue;
		c.state[i] = OPEN;
		vec_push(&c.path, (struct visit){i, 0});
		while (c.path.n)
			step(&c);
	}
	vec_done(&c.path);
	map_done(&c.index);
	free(c.state);
	return c.bad;
}
