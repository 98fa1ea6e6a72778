/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/load.h"
#include "parser/level.h"
#include "parser/locate.h"
#include "parser/paths.h"
#include "parser/settings.h"

void load_result_done(struct load_result *r)
{
	strv_done(&r->files);
	strv_done(&r->env_files);
	map_done(&r->env);
	map_done(&r->source_env);
	warns_done(&r->warns);
	vars_done(&r->vars);
	sources_done(&r->src);
	arena_done(&r->arena);
	*r = (struct load_result){0};
}

const char *load_env(const struct load_result *r, const char *name)
{
	return map_get(&r->env, name);
}

const char *load_source_env(const struct load_result *r, const char *section, const char *key)
{
	auto_free char *name = xasprintf("%s.%s", section, key);

	return map_get(&r->source_env, name);
}

static void set_name(struct loading *l, struct node *root)
{
	const struct node_pair *p = node_pair(root, "name");
	struct srcpos pos = p ? p->val->pos : root->pos;

	node_put(&l->ret->arena, root, "name", p ? p->key_pos : pos, node_str(&l->ret->arena, l->ret->name, pos));
}

static int load_files(struct loading *l, struct compose_file *files, size_t n)
{
	struct level top = { .l = l, .dir = l->ret->dir, .base = l->ret->dir, .env = &l->ret->env };
	int r = level_load(&top, files, n, &l->ret->root);

	level_done(&top);
	if (r < 0)
		return -1;
	if (!l->ret->root->n)
		return errs_model(l->errs, l->ret->root->pos, NULL, "write services: and indent each service below it",
				  "the compose file is empty");
	set_name(l, l->ret->root);
	return l->errs->n ? -1 : 0;
}

static int load(struct loading *l)
{
	struct load_result *ret = l->ret;
	struct compose_file *files;
	int bad = 0;

	if (locate_files(l) < 0)
		return -1;
	l->home = load_env(ret, "HOME");
	files = arena_alloc(&ret->arena, (ret->files.n + 1) * sizeof(*files));
	for (size_t i = 0; i < ret->files.n; i++)
		bad |= file_read(l, ret->files.v[i], (struct srcpos){0}, &files[i]);
	if (locate_name(l, files, bad ? 0 : ret->files.n) < 0)
		bad = -1;
	if (bad || l->o->name_only || !ret->files.n)
		return bad;
	bad = load_files(l, files, ret->files.n);
	settings_check(ret);
	return bad;
}

int load_project_tree(const struct load_opts *o, struct load_result *ret, struct errs *errs)
{
	struct load_opts clean = *o;
	struct loading l = { .o = &clean, .ret = ret, .errs = errs };
	int r;

	clean.cwd = path_join(&ret->arena, o->cwd, "");
	r = load(&l);
	strv_done(&l.tops);
	return r;
}
