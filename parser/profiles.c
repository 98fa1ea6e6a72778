/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/profiles.h"
#include <fnmatch.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"

static bool named(const char *const *services, const char *name)
{
	for (; services && *services; services++)
		if (fnmatch(*services, name, 0) == 0)
			return true;
	return false;
}

static bool has_profile(const struct node *service, const struct map *on)
{
	const struct node *list = node_get(service, "profiles");

	if (!list || list->kind != NODE_LIST || !list->n || map_has(on, "*"))
		return true;
	for (size_t i = 0; i < list->n; i++)
		if (node_text(list->items[i]) && map_has(on, list->items[i]->text))
			return true;
	return false;
}

static void enable(struct map *on, const char *profile)
{
	map_set(on, profile, on);
}

/* A service that is named although its profile is off brings all its profiles with it. */
static void enable_named(const struct profiles *p, const struct node *services, struct map *on)
{
	auto_map struct map more = {0};

	for (size_t i = 0; p->services && *p->services && i < services->n; i++) {
		const struct node *list = node_get(services->pairs[i].val, "profiles");
		if (!named(p->services, services->pairs[i].key) || has_profile(services->pairs[i].val, on))
			continue;
		for (size_t k = 0; k < list->n; k++)
			if (node_text(list->items[k]))
				enable(&more, list->items[k]->text);
	}
	for (size_t i = 0; i < more.n; i++)
		enable(on, more.e[i].key);
}

/* Split services into those that keep() and the rest, which goes to off. */
static void split(struct arena *a, struct node *root, struct node *off, const struct map *keep_names)
{
	struct node *services = node_get(root, "services"), *kept = node_new(a, NODE_MAP, services->pos);

	for (size_t i = 0; i < services->n; i++) {
		struct node_pair *p = &services->pairs[i];
		node_put(a, map_has(keep_names, p->key) ? kept : off, p->key, p->key_pos, p->val);
	}
	node_put(a, root, "services", services->pos, kept);
}

static int unknown_names(const struct profiles *p, const struct node *services, struct errs *errs)
{
	const char **names = xcalloc(services->n + 1, sizeof(*names));
	int r = 0;

	for (size_t i = 0; i < services->n; i++)
		names[i] = services->pairs[i].key;
	for (const char *const *s = p->services; s && *s; s++) {
		struct err e = {0};
		bool found = false;
		for (size_t i = 0; i < services->n && !found; i++)
			found = fnmatch(*s, names[i], 0) == 0;
		if (found)
			continue;
		const char *near = str_nearest(*s, names);
		err_set(&e, ERR_USAGE, 0, "no such service: %s", *s);
		if (near)
			err_hint(&e, "did you mean %s?", near);
		else
			err_hint(&e, "`compose config --services` lists them");
		r = errs_add(errs, &e);
	}
	free(names);
	return r;
}

int profiles_apply(const struct profiles *p, struct node *root, struct node **ret_off, struct errs *errs)
{
	auto_map struct map on = {0}, keep = {0};
	struct node *services = node_get(root, "services");

	*ret_off = node_new(p->arena, NODE_MAP, root->pos);
	if (!services || services->kind != NODE_MAP)
		return 0;
	if (p->select && unknown_names(p, services, errs) < 0)
		return -1;
	for (const char *const *s = p->enabled; s && *s; s++)
		enable(&on, *s);
	if (p->all)
		enable(&on, "*");
	enable_named(p, services, &on);
	for (size_t i = 0; i < services->n; i++)
		if (has_profile(services->pairs[i].val, &on))
			map_set(&keep, services->pairs[i].key, services);
	if (keep.n != services->n)
		split(p->arena, root, *ret_off, &keep);
	return 0;
}

/* Add name and what it depends on, directly or not, to keep (which serves as the work list, too). */
static void close_over(const struct node *services, struct map *keep)
{
	for (size_t i = 0; i < keep->n; i++) {
		const struct node *deps = node_get(node_get(services, keep->e[i].key), "depends_on");
		for (size_t k = 0; deps && deps->kind == NODE_MAP && k < deps->n; k++)
			if (node_get(services, deps->pairs[k].key) && !map_has(keep, deps->pairs[k].key))
				map_set(keep, deps->pairs[k].key, keep);
	}
}

static void drop_others(struct node *deps, const struct map *keep)
{
	for (size_t i = 0; deps && deps->kind == NODE_MAP && i < deps->n;) {
		if (map_has(keep, deps->pairs[i].key))
			i++;
		else
			node_del(deps, deps->pairs[i].key);
	}
}

int profiles_select(const struct profiles *p, struct node *root, struct node *off, struct errs *errs)
{
	auto_map struct map keep = {0};
	struct node *services = node_get(root, "services");

	if (!p->select || !p->services || !*p->services || !services)
		return 0;
	if (unknown_names(p, services, errs) < 0)
		return -1;
	for (size_t i = 0; i < services->n; i++)
		if (named(p->services, services->pairs[i].key))
			map_set(&keep, services->pairs[i].key, services);
	close_over(services, &keep);
	split(p->arena, root, off, &keep);
	services = node_get(root, "services");
	for (size_t i = 0; i < services->n; i++)
		drop_others(node_get(services->pairs[i].val, "depends_on"), &keep);
	return 0;
}
