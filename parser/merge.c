/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/merge.h"
#include <stdlib.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/diag.h"
#include "parser/rules.h"
#include "parser/trail.h"

static int merge_value(const struct merge *m, const struct rule *r, struct node **base, struct node *over,
		       const struct trail *at);

static void replace(const struct merge *m, struct node **base, struct node *over)
{
	node_replaces(m->arena, over, *base);
	*base = over;
}

static int mismatch(const struct merge *m, const struct node *base, const struct node *over, const struct trail *at)
{
	char path[512];

	return errs_model(m->errs, over->pos, trail_path(at, path, sizeof(path)),
			  "write it in the same form, or replace it whole with !override",
			  "a %s cannot be merged over the %s at %s:%u", node_kind_name(over->kind),
			  node_kind_name(base->kind), base->pos.file ? base->pos.file : "?", base->pos.line);
}

static int merge_map(const struct merge *m, const struct rule *r, struct node *base, struct node *over,
		     const struct trail *at)
{
	int bad = 0;

	for (size_t i = 0; i < over->n; i++) {
		const struct node_pair *from = &over->pairs[i];
		struct node_pair *to = node_pair(base, from->key);

		if (!to)
			node_put(m->arena, base, from->key, from->key_pos, from->val);
		else
			bad |= merge_value(m, rule_child(r, from->key), &to->val, from->val,
					   &(struct trail){ at, from->key, 0 });
		if (to && to->val == from->val)         /* replaced whole: it stands there now */
			to->key_pos = from->key_pos;
	}
	return bad;
}

static void append(const struct merge *m, struct node *base, const struct node *over)
{
	for (size_t i = 0; i < over->n; i++)
		node_push(m->arena, base, over->items[i]);
}

/* ---- forms that are brought to one */

static int by_text(const void *a, const void *b)
{
	return strcmp((*(struct node *const *)a)->text, (*(struct node *const *)b)->text);
}

static void push_assignment(const struct merge *m, struct node *list, const char *key, const struct node *val)
{
	const char *text = node_value_text(m->arena, val);
	struct node *item = node_new(m->arena, NODE_STR, val->pos);

	item->text = text ? arena_printf(m->arena, "%s=%s", key, text) : arena_strdup(m->arena, key);
	item->interpolated = val->interpolated;
	item->deferred = val->deferred;
	item->origin = val->origin;
	node_push(m->arena, list, item);
}

/* {K: V} as [K=V], sorted; a value that is a list gives one item each. */
static struct node *to_list(const struct merge *m, struct node *n)
{
	struct node *list;

	if (n->kind == NODE_LIST)
		return n;
	list = node_new(m->arena, NODE_LIST, n->pos);
	if (n->kind != NODE_MAP) {
		if (n->kind != NODE_NULL)
			node_push(m->arena, list, n);
		return list;
	}
	for (size_t i = 0; i < n->n; i++) {
		const struct node *val = n->pairs[i].val;

		if (val->kind != NODE_LIST)
			push_assignment(m, list, n->pairs[i].key, val);
		for (size_t j = 0; val->kind == NODE_LIST && j < val->n; j++)
			push_assignment(m, list, n->pairs[i].key, val->items[j]);
	}
	if (list->n)
		qsort(list->items, list->n, sizeof(struct node *), by_text);
	return list;
}

static void add_condition(const struct merge *m, struct node *dep)
{
	node_put(m->arena, dep, "condition", dep->pos, node_str(m->arena, "service_started", dep->pos));
	node_put(m->arena, dep, "required", dep->pos, node_bool(m->arena, true, dep->pos));
}

/* [a, b] as {a: , b: }; other kinds stay as they are. */
static struct node *to_map(const struct merge *m, struct node *n, bool conditions)
{
	struct node *map, *val;

	if (n->kind != NODE_LIST)
		return n;
	map = node_new(m->arena, NODE_MAP, n->pos);
	for (size_t i = 0; i < n->n; i++) {
		struct node *item = n->items[i];

		if (item->kind != NODE_STR)
			return n;
		val = node_new(m->arena, conditions ? NODE_MAP : NODE_NULL, item->pos);
		if (conditions)
			add_condition(m, val);
		node_put(m->arena, map, item->text, item->pos, val);
	}
	return map;
}

static struct node *to_build(const struct merge *m, struct node *n)
{
	struct node *map;

	if (n->kind != NODE_STR)
		return n;
	map = node_new(m->arena, NODE_MAP, n->pos);
	node_put(m->arena, map, "context", n->pos, n);
	return map;
}

/* ---- the rules */

static int plain(const struct merge *m, const struct rule *r, struct node **base, struct node *over,
		 const struct trail *at)
{
	if (over->kind == NODE_NULL)
		return 0;
	if ((*base)->kind == NODE_MAP && over->kind == NODE_MAP)
		return merge_map(m, r, *base, over, at);
	if ((*base)->kind == NODE_LIST && over->kind == NODE_LIST) {
		append(m, *base, over);
		return 0;
	}
	if ((*base)->kind >= NODE_LIST)
		return mismatch(m, *base, over, at);
	replace(m, base, over);
	return 0;
}

static void lists(const struct merge *m, struct node **base, struct node *over)
{
	*base = to_list(m, *base);
	append(m, *base, to_list(m, over));
}

static void hosts(const struct merge *m, struct node **base, struct node *over)
{
	auto_map struct map had = {0};

	*base = to_list(m, *base);
	over = to_list(m, over);
	for (size_t i = 0; i < (*base)->n; i++)
		if (node_text((*base)->items[i]))
			map_set(&had, node_text((*base)->items[i]), NULL);
	for (size_t i = 0; i < over->n; i++)
		if (!node_text(over->items[i]) || !map_has(&had, node_text(over->items[i])))
			node_push(m->arena, *base, over->items[i]);
}

static int logging(const struct merge *m, const struct rule *r, struct node **base, struct node *over,
		   const struct trail *at)
{
	const char *had = node_text(node_get(*base, "driver")), *want = node_text(node_get(over, "driver"));

	if (over->kind == NODE_MAP && had && want && strcmp(had, want) != 0) {
		replace(m, base, over);
		return 0;
	}
	return plain(m, r, base, over, at);
}

static struct node *pool_of(const struct node *list, const char *subnet, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(node_text(node_get(list->items[i], "subnet")), subnet))
			return list->items[i];
	return NULL;
}

static int pools(const struct merge *m, const struct rule *r, struct node **base, struct node *over,
		 const struct trail *at)
{
	size_t had = (*base)->n;
	int bad = 0;

	if ((*base)->kind != NODE_LIST || over->kind != NODE_LIST)
		return plain(m, r, base, over, at);
	for (size_t i = 0; i < over->n; i++) {
		struct node *same = pool_of(*base, node_text(node_get(over->items[i], "subnet")), had);

		if (same && over->items[i]->kind == NODE_MAP)
			bad |= merge_map(m, NULL, same, over->items[i], &(struct trail){ at, NULL, i });
		else
			node_push(m->arena, *base, over->items[i]);
	}
	return bad;
}

static int merge_value(const struct merge *m, const struct rule *r, struct node **base, struct node *over,
		       const struct trail *at)
{
	switch (r ? r->merge : MERGE_DEFAULT) {
	case MERGE_REPLACE:
		replace(m, base, over);
		return 0;
	case MERGE_TO_LIST:
		lists(m, base, over);
		return 0;
	case MERGE_HOSTS:
		hosts(m, base, over);
		return 0;
	case MERGE_BUILD:
		*base = to_build(m, *base);
		return plain(m, r, base, to_build(m, over), at);
	case MERGE_DEPENDS:
	case MERGE_NAMES:
		*base = to_map(m, *base, r->merge == MERGE_DEPENDS);
		return plain(m, r, base, to_map(m, over, r->merge == MERGE_DEPENDS), at);
	case MERGE_LOGGING:
		return logging(m, r, base, over, at);
	case MERGE_POOLS:
		return pools(m, r, base, over, at);
	case MERGE_DEFAULT:
		break;
	}
	return plain(m, r, base, over, at);
}

int merge_project(const struct merge *m, struct node *base, struct node *over)
{
	return merge_map(m, &rules_project, base, over, NULL);
}

int merge_entry(const struct merge *m, const char *section, const char *name, struct node **base, struct node *over)
{
	struct trail in = { NULL, section, 0 }, at = { &in, name, 0 };

	return merge_value(m, rule_child(rule_child(&rules_project, section), name), base, over, &at);
}
