/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/envfiles.h"
#include "compose/base/str.h"
#include "parser/dotenv.h"

/* Variables in an env_file: the project's environment, then the service's `environment`, then earlier lines and files.
 */
struct scope {
	const struct map *env;
	const struct node *service_env;
};

static const char *look_up(void *ctx, const char *name)
{
	const struct scope *s = ctx;
	const char *v = map_get(s->env, name);

	return v ? v : node_text(node_get(s->service_env, name));
}

/* The file that each variable of a struct dotenv came from, by its place there. */
struct came_from { VEC(const char *) file, val; };

static void note_file(struct came_from *f, const struct map *vars, const char *path)
{
	for (size_t i = 0; i < vars->n; i++) {
		const char *val = vars->e[i].val;

		if (i == f->val.n) {
			vec_push(&f->val, val);
			vec_push(&f->file, path);
		} else if (f->val.v[i] != val) {
			f->val.v[i] = val;
			f->file.v[i] = path;
		}
	}
}

/* ret: 0, 1 when the file is absent, -1 with errs grown */
static int read_file(const struct envfiles *c, struct dotenv *d, const struct node *path, const char *at)
{
	struct err e = {0};
	int r = dotenv_read(d, c->io, node_text(path), &e);

	if (r < 0) {
		err_at(&e, path->pos, at);
		return errs_add(c->errs, &e);
	}
	return r;
}

static bool is_false(const struct node *n)
{
	return n && n->kind == NODE_BOOL && !n->b;
}

static int one_env_file(const struct envfiles *c, struct dotenv *d, const struct node *item, const char *at)
{
	const struct node *path = node_get(item, "path");
	const char *format = node_text(node_get(item, "format"));
	int r;

	if (!node_text(path))
		return 0;
	if (format && *format && !str_eq(format, "raw") && !str_eq(format, "dotenv"))
		return errs_model(c->errs, item->pos, at, "leave it out, or write raw",
				  "unknown env_file format \"%s\"", format);
	d->raw = str_eq(format, "raw");
	r = read_file(c, d, path, at);
	if (r == 1 && !is_false(node_get(item, "required")))
		return errs_model(c->errs, path->pos, at, "create it, or set `required: false`",
				  "env file %s not found", path->text);
	return r < 0 ? -1 : 0;
}

/* n stands where a file says old: at the end of all that n replaced already. */
static void over_file(struct arena *a, struct node *n, const struct node *old)
{
	while (n->origin && n->origin->replaced)
		n = (struct node *)(uintptr_t)n->origin->replaced;
	node_replaces(a, n, old);
}

/* Put what the files say below what the mapping says. */
static struct node *merged(const struct envfiles *c, const struct map *vars, const struct came_from *from,
			   struct node *over, struct srcpos pos)
{
	struct node *map = node_new(c->arena, NODE_MAP, pos);

	for (size_t i = 0; i < vars->n; i++) {
		struct node *n = node_str(c->arena, vars->e[i].val, pos);
		struct node_origin *o = arena_new(c->arena, struct node_origin);

		*o = (struct node_origin){ arena_printf(c->arena, "file %s", from->file.v[i]), pos, NULL };
		n->origin = o;
		node_set(c->arena, map, vars->e[i].key, pos, n);
	}
	for (size_t i = 0; over && over->kind == NODE_MAP && i < over->n; i++) {
		const struct node *old = node_get(map, over->pairs[i].key);

		if (old)
			over_file(c->arena, over->pairs[i].val, old);
		node_set(c->arena, map, over->pairs[i].key, over->pairs[i].key_pos, over->pairs[i].val);
	}
	return map;
}

static void came_from_done(struct came_from *f)
{
	vec_done(&f->file);
	vec_done(&f->val);
}

static int env_files(const struct envfiles *c, struct node *service, const char *name)
{
	struct node *list = node_get(service, "env_file"), *env = node_get(service, "environment");
	auto_map struct map vars = {0};
	struct scope scope = {c->env, env};
	struct dotenv d = {.arena = c->arena, .vars = &vars, .look = {look_up, &scope}, .warns = c->warns};
	struct came_from from = {0};
	int r = 0;

	if (!list)
		return 0;
	for (size_t i = 0; list->kind == NODE_LIST && i < list->n; i++) {
		auto_free char *at = xasprintf("services.%s.env_file[%zu]", name, i);
		if (!list->items[i]->deferred && one_env_file(c, &d, list->items[i], at) < 0)
			r = -1;
		note_file(&from, &vars, node_text(node_get(list->items[i], "path")));
	}
	if (vars.n)
		node_set(c->arena, service, "environment", env ? env->pos : list->pos,
			 merged(c, &vars, &from, env, list->pos));
	node_del(service, "env_file");
	came_from_done(&from);
	return r;
}

static int label_files(const struct envfiles *c, struct node *service, const char *name)
{
	struct node *list = node_get(service, "label_file"), *labels = node_get(service, "labels");
	auto_map struct map vars = {0};
	struct map none = {0};
	struct scope scope = {&none, NULL};
	struct dotenv d = {.arena = c->arena, .vars = &vars, .look = {look_up, &scope}, .warns = c->warns};
	struct came_from from = {0};
	int r = 0;

	if (!list)
		return 0;
	for (size_t i = 0; list->kind == NODE_LIST && i < list->n; i++) {
		auto_free char *at = xasprintf("services.%s.label_file[%zu]", name, i);
		int got = node_text(list->items[i]) ? read_file(c, &d, list->items[i], at) : 0;
		if (got == 1)
			got = errs_model(c->errs, list->items[i]->pos, at, NULL, "label file %s not found",
					 list->items[i]->text);
		r |= got;
		note_file(&from, &vars, node_text(list->items[i]));
	}
	if (vars.n)
		node_set(c->arena, service, "labels", labels ? labels->pos : list->pos,
			 merged(c, &vars, &from, labels, list->pos));
	node_del(service, "label_file");
	came_from_done(&from);
	return r ? -1 : 0;
}

int envfiles_apply(const struct envfiles *c, struct node *root)
{
	struct node *services = node_get(root, "services");
	int r = 0;

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		r |= env_files(c, services->pairs[i].val, services->pairs[i].key);
		r |= label_files(c, services->pairs[i].val, services->pairs[i].key);
	}
	return r ? -1 : 0;
}
