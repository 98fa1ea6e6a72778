/* SPDX-License-Identifier: Apache-2.0 */
/* canon.c - the walk along the schema table, and the short forms that are no more than a change of shape.
 * in: each hook gets a tree that passed schema_check, or (extends from another file) one that did not: what it does not
 * know it leaves alone. */
#include "compose/base/str.h"
#include "parser/phases.h"
#include "parser/schema_hooks.h"
#include "parser/walk.h"

/* ---- walk ---- */

enum pass { PASS_CANON, PASS_SETTLE };

static int pass_node(const struct walk *w, enum pass pass, const struct key *k, struct node **n,
		     const struct where *at);

static int pass_map(const struct walk *w, enum pass pass, const struct keys *k, struct node *map,
		    const struct where *at)
{
	int r = 0;

	for (size_t i = 0; i < map->n; i++) {
		struct node_pair *p = &map->pairs[i];
		const struct key *row = schema_is_extension(k, p->key) ? NULL : schema_child(k, p->key);
		struct where here = {at, p->key, 0};
		if (row && pass_node(w, pass, row, &p->val, &here) < 0)
			r = -1;
	}
	return r;
}

static int pass_children(const struct walk *w, enum pass pass, const struct key *k, struct node *n,
			 const struct where *at)
{
	int r = 0;

	if (n->kind == NODE_MAP && k->keys)
		return pass_map(w, pass, k->keys, n, at);
	if (n->kind != NODE_LIST || !k->item)
		return 0;
	for (size_t i = 0; i < n->n; i++) {
		struct where here = {at, NULL, i};
		if (pass_node(w, pass, k->item, &n->items[i], &here) < 0)
			r = -1;
	}
	return r;
}

static int pass_node(const struct walk *w, enum pass pass, const struct key *k, struct node **n, const struct where *at)
{
	int r = 0;

	if ((*n)->deferred || !schema_fits(k, *n)) /* the latter was told by schema_check */
		return 0;
	if (pass == PASS_CANON && k->canon && k->canon(w, n, at) < 0)
		return -1;
	if (pass_children(w, pass, k, *n, at) < 0)
		r = -1;
	if (pass == PASS_SETTLE && k->settle && r == 0 && k->settle(w, n, at) < 0)
		r = -1;
	return r;
}

/* The load ends after a failed phase, but not the search for mistakes: the values of the sound parts are judged, too.
 */
int canon_apply(struct arena *a, struct node *root, struct errs *errs)
{
	size_t ports = 0;
	const struct walk w = {a, errs, &ports};
	int r = pass_node(&w, PASS_CANON, &schema_root, &root, NULL);

	if (r < 0) {
		root = node_copy(a, root);
		(void)!pass_node(&w, PASS_SETTLE, &schema_root, &root, NULL);
	}
	return r;
}

int canon_defaults(struct arena *a, struct node *root, struct errs *errs)
{
	return pass_node(&(struct walk){a, errs, NULL}, PASS_SETTLE, &schema_root, &root, NULL);
}

int walk_fault(const struct walk *w, struct srcpos pos, const struct where *at, const char *hint, const char *fmt, ...)
{
	auto_free char *path = where_text(at), *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return errs_model(w->errs, pos, path, hint, "%s: %s", path, text);
}

/* ---- small tools ---- */

struct node *walk_map(const struct walk *w, struct srcpos pos)
{
	return node_new(w->arena, NODE_MAP, pos);
}

void walk_put(const struct walk *w, struct node *map, const char *key, struct node *val)
{
	node_put(w->arena, map, key, val->pos, val);
}

void walk_put_text(const struct walk *w, struct node *map, const char *key, const char *text, struct srcpos pos)
{
	walk_put(w, map, key, node_str(w->arena, text, pos));
}

void walk_put_bool(const struct walk *w, struct node *map, const char *key, bool v, struct srcpos pos)
{
	walk_put(w, map, key, node_bool(w->arena, v, pos));
}

/* "x" -> {key: x} */
static int wrap(const struct walk *w, struct node **n, const char *key)
{
	struct node *map;

	if ((*n)->kind != NODE_STR)
		return 0;
	map = walk_map(w, (*n)->pos);
	walk_put(w, map, key, *n);
	*n = map;
	return 0;
}

int canon_build(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	return wrap(w, n, "context");
}

int canon_extends(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	return wrap(w, n, "service");
}

int canon_include(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	return wrap(w, n, "path");
}

int canon_file_mount(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	return wrap(w, n, "source");
}

int canon_list(const struct walk *w, struct node **n, const struct where *at)
{
	struct node *list;

	(void)at;
	if ((*n)->kind != NODE_STR)
		return 0;
	list = node_new(w->arena, NODE_LIST, (*n)->pos);
	node_push(w->arena, list, *n);
	*n = list;
	return 0;
}

int canon_text(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if ((*n)->kind == NODE_BOOL)
		*n = node_str(w->arena, (*n)->b ? "true" : "false", (*n)->pos);
	return 0;
}

/* A list of names to a mapping; fill makes the value of one name. */
static void names_to_map(const struct walk *w, struct node **n,
			 struct node *(*fill)(const struct walk *, struct srcpos))
{
	const struct node *list = *n;
	struct node *map = walk_map(w, list->pos);

	for (size_t i = 0; i < list->n; i++)
		if (list->items[i]->kind == NODE_STR)
			node_put(w->arena, map, list->items[i]->text, list->items[i]->pos,
				 fill(w, list->items[i]->pos));
	*n = map;
}

static struct node *null_value(const struct walk *w, struct srcpos pos)
{
	return node_new(w->arena, NODE_NULL, pos);
}

int canon_names(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if ((*n)->kind == NODE_LIST)
		names_to_map(w, n, null_value);
	return 0;
}

static void dependency_defaults(const struct walk *w, struct node *dep, struct srcpos pos)
{
	if (!node_get(dep, "condition"))
		walk_put_text(w, dep, "condition", "service_started", pos);
	if (!node_get(dep, "required"))
		walk_put_bool(w, dep, "required", true, pos);
}

static struct node *dependency(const struct walk *w, struct srcpos pos)
{
	struct node *dep = walk_map(w, pos);

	dependency_defaults(w, dep, pos);
	return dep;
}

int canon_depends_on(const struct walk *w, struct node **n, const struct where *at)
{
	(void)at;
	if ((*n)->kind == NODE_LIST)
		names_to_map(w, n, dependency);
	else
		for (size_t i = 0; (*n)->kind == NODE_MAP && i < (*n)->n; i++)
			if ((*n)->pairs[i].val->kind == NODE_MAP)
				dependency_defaults(w, (*n)->pairs[i].val, (*n)->pairs[i].key_pos);
	return 0;
}

int canon_env_file(const struct walk *w, struct node **n, const struct where *at)
{
	canon_list(w, n, at);
	for (size_t i = 0; (*n)->kind == NODE_LIST && i < (*n)->n; i++) {
		struct node **item = &(*n)->items[i];
		wrap(w, item, "path");
		if ((*item)->kind == NODE_MAP && !node_get(*item, "required"))
			walk_put_bool(w, *item, "required", true, (*item)->pos);
	}
	return 0;
}

/* ---- K=V lists ---- */

/* An item without "=": as missing says. ret: -1 when missing is NULL and there is one */
static int pairs_to_map(const struct walk *w, struct node **n, const struct where *at,
			int (*missing)(const struct walk *, struct node *, const struct node *, const struct where *))
{
	struct node *list = *n, *map = walk_map(w, list->pos);

	for (size_t i = 0; i < list->n; i++) {
		struct node *item = list->items[i];
		const char *eq;
		if (item->kind != NODE_STR)
			continue;
		if (item->deferred) /* "${K}=v": the key is not known yet */
			return 0;
		eq = strchr(item->text, '=');
		if (!eq) {
			if (missing(w, map, item, &(struct where){at, NULL, i}) < 0)
				return -1;
			continue;
		}
		auto_free char *key = xstrndup(item->text, (size_t)(eq - item->text));
		struct node *val = node_str(w->arena, eq + 1, item->pos);
		val->origin = item->origin;
		node_set(w->arena, map, key, item->pos, val);
	}
	*n = map;
	return 0;
}

static int missing_context(const struct walk *w, struct node *map, const struct node *item, const struct where *at)
{
	(void)map;
	return walk_fault(w, item->pos, at, "write name=value", "\"%s\" has no value", item->text);
}

int canon_contexts(const struct walk *w, struct node **n, const struct where *at)
{
	return (*n)->kind == NODE_LIST ? pairs_to_map(w, n, at, missing_context) : 0;
}

static int missing_ssh(const struct walk *w, struct node *map, const struct node *item, const struct where *at)
{
	if (!str_eq(item->text, "default"))
		return walk_fault(w, item->pos, at, "write id=path",
				  "only the id `default` may stand without a path, not \"%s\"", item->text);
	node_put(w->arena, map, item->text, item->pos, null_value(w, item->pos));
	return 0;
}

int canon_ssh(const struct walk *w, struct node **n, const struct where *at)
{
	return (*n)->kind == NODE_LIST ? pairs_to_map(w, n, at, missing_ssh) : 0;
}

static int missing_null(const struct walk *w, struct node *map, const struct node *item, const struct where *at)
{
	(void)at;
	node_put(w->arena, map, item->text, item->pos, null_value(w, item->pos));
	return 0;
}

int walk_pairs(const struct walk *w, struct node **n, const struct where *at)
{
	return (*n)->kind == NODE_LIST ? pairs_to_map(w, n, at, missing_null) : 0;
}

/* ---- devices, gpus, external ---- */

int canon_gpus(const struct walk *w, struct node **n, const struct where *at)
{
	struct node *list, *request;

	(void)at;
	if ((*n)->kind != NODE_STR)
		return 0;
	list = node_new(w->arena, NODE_LIST, (*n)->pos);
	request = walk_map(w, (*n)->pos);
	walk_put_text(w, request, "count", "all", (*n)->pos);
	node_push(w->arena, list, request);
	*n = list;
	return 0;
}

int canon_device(const struct walk *w, struct node **n, const struct where *at)
{
	struct srcpos pos = (*n)->pos;
	const char *part[3] = {"", "", "rwm"};
	size_t parts = 0;
	struct node *map;

	if ((*n)->kind != NODE_STR)
		return 0;
	for (const char *s = (*n)->text; s; parts++) {
		const char *colon = strchr(s, ':');
		if (parts == 3)
			return walk_fault(w, pos, at, "use the long form: source, target, permissions",
					  "\"%s\" has more than three parts", (*n)->text);
		part[parts] = colon ? arena_strndup(w->arena, s, (size_t)(colon - s)) : s;
		s = colon ? colon + 1 : NULL;
	}
	map = walk_map(w, pos);
	walk_put_text(w, map, "source", part[0], pos);
	walk_put_text(w, map, "target", *part[1] ? part[1] : part[0], pos);
	walk_put_text(w, map, "permissions", part[2], pos);
	*n = map;
	return 0;
}

int canon_external(const struct walk *w, struct node **n, const struct where *at)
{
	struct node *ext = node_get(*n, "external"), *name = node_get(*n, "name"), *inner;

	if (!ext || ext->kind != NODE_MAP)
		return 0;
	inner = node_get(ext, "name");
	if (inner && name && !str_eq(node_text(inner), node_text(name)))
		return walk_fault(w, inner->pos, at, "remove external.name",
				  "name and external.name differ; only use name");
	if (inner && !name)
		walk_put(w, *n, "name", inner);
	walk_put_bool(w, *n, "external", true, ext->pos);
	return 0;
}
