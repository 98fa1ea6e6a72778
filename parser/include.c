/* SPDX-License-Identifier: Apache-2.0 */
/* spec: compose-spec 14-include. An included model is complete in itself (own directory, own variables); its entries
 * come first, and what the including file has under the same name is merged over them. */
#include "parser/level.h"
#include "compose/base/str.h"
#include "parser/dotenv.h"
#include "parser/merge.h"
#include "parser/paths.h"

/* One item of include, in its long form. */
struct include { const struct node *path, *project_directory, *env_file; struct srcpos pos; };

static int mistake(struct level *lv, struct srcpos pos, const char *hint, const char *text)
{
	return errs_model(lv->l->errs, pos, "include", hint, "%s", text);
}

/* A text, or a list of texts. */
static bool is_texts(const struct node *n)
{
	if (!n || n->kind == NODE_STR)
		return true;
	if (n->kind != NODE_LIST)
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (n->items[i]->kind != NODE_STR)
			return false;
	return true;
}

static size_t count(const struct node *n)
{
	return !n || n->kind == NODE_NULL ? 0 : n->kind == NODE_LIST ? n->n : 1;
}

static const struct node *nth(const struct node *n, size_t i)
{
	return n->kind == NODE_LIST ? n->items[i] : n;
}

static int check_keys(struct level *lv, const struct node *item)
{
	static const char *const known[] = { "path", "project_directory", "env_file", NULL };
	int bad = 0;

	for (size_t i = 0; i < item->n; i++) {
		const char *key = item->pairs[i].key, *near = str_nearest(key, known);
		auto_free char *hint = near ? xasprintf("did you mean %s?", near) : NULL;

		if (str_starts(key, "x-") || (near && !strcmp(near, key)))
			continue;
		bad = errs_model(lv->l->errs, item->pairs[i].key_pos, "include", hint,
				 "include does not know the key \"%s\"", key);
	}
	return bad;
}

static int read_item(struct level *lv, const struct node *item, struct include *ret)
{
	*ret = (struct include){ .path = item, .pos = item->pos };
	if (item->kind == NODE_MAP) {
		if (check_keys(lv, item) < 0)
			return -1;
		ret->path = node_get(item, "path");
		ret->project_directory = node_get(item, "project_directory");
		ret->env_file = node_get(item, "env_file");
	} else if (item->kind != NODE_STR) {
		return mistake(lv, item->pos, NULL, "an item of include is a path, or a mapping with path");
	}
	if (!count(ret->path))
		return mistake(lv, item->pos, NULL, "an item of include needs a path");
	if (!is_texts(ret->path))
		return mistake(lv, ret->path->pos, NULL, "path must be a string or a list of strings");
	if (ret->env_file && ret->env_file->kind != NODE_NULL && !is_texts(ret->env_file))
		return mistake(lv, ret->env_file->pos, NULL, "env_file must be a string or a list of strings");
	if (ret->project_directory && ret->project_directory->kind != NODE_STR &&
	    ret->project_directory->kind != NODE_NULL)
		return mistake(lv, ret->project_directory->pos, NULL, "project_directory must be a string");
	return 0;
}

/* "a.yaml -> b.yaml -> a.yaml" */
static void chain_text(struct level *lv, const struct chain *c, const char *path, struct str *out)
{
	if (c && strcmp(c->path, path) != 0)
		chain_text(lv, c->up, path, out);
	if (c) {
		str_add(out, shown_path(lv->l, c->path));
		str_add(out, " -> ");
	}
}

static int check_cycle(struct level *lv, const struct chain *chain, const char *path, struct srcpos pos)
{
	auto_str struct str text = {0};

	if (lv->depth >= LOAD_DEPTH_MAX)
		return mistake(lv, pos, NULL, "files include each other too deeply");
	for (const struct chain *c = chain; c; c = c->up) {
		if (strcmp(c->path, path) != 0)
			continue;
		chain_text(lv, chain, path, &text);
		return errs_model(lv->l->errs, pos, "include", "take one of these includes out", "include cycle: %s%s",
				  str_cstr(&text), shown_path(lv->l, path));
	}
	return 0;
}

/* The included model's variables: those of the including one, then its env files. */
static int load_env_file(struct level *lv, const char *path, struct srcpos pos, struct map *vars)
{
	struct loading *l = lv->l;
	struct dotenv d = { &l->ret->arena, vars, { lookup_map, lv->env }, &l->ret->warns, false };
	auto_err struct err e = {0};
	int r = dotenv_read(&d, l->o->io, path, &e);

	if (r == 0)
		return 0;
	if (r > 0) {
		err_set(&e, ERR_MODEL, 0, "the env file %s does not exist", shown_path(l, path));
		err_hint(&e, "env_file of an include is relative to the project directory of the including file");
	}
	err_at(&e, pos, "include");
	return errs_add(l->errs, &e);
}

static int read_env(struct level *lv, const struct include *inc, const char *dir, struct map *ret)
{
	struct arena *a = &lv->l->ret->arena;
	const struct load_io *io = lv->l->o->io;
	auto_map struct map vars = {0};
	int bad = 0;

	if (!count(inc->env_file)) {
		const char *dflt = path_join(a, dir, ".env");

		if (io->kind(io->ctx, dflt) == IO_FILE)
			bad = load_env_file(lv, dflt, inc->pos, &vars);
	}
	for (size_t i = 0; i < count(inc->env_file); i++) {
		const struct node *n = nth(inc->env_file, i);

		if (strcmp(n->text, "/dev/null") != 0)
			bad |= load_env_file(lv, path_join(a, lv->dir, n->text), n->pos, &vars);
	}
	for (size_t i = 0; i < lv->env->n; i++)
		map_set(ret, lv->env->e[i].key, lv->env->e[i].val);
	for (size_t i = 0; i < vars.n; i++)
		if (!map_has(ret, vars.e[i].key))
			map_set(ret, vars.e[i].key, vars.e[i].val);
	return bad;
}

static const char *project_dir(struct level *lv, const struct include *inc, const char *first)
{
	struct arena *a = &lv->l->ret->arena;
	const char *given = node_text(inc->project_directory);

	return given && *given ? path_join(a, lv->dir, given) : path_dir(a, first);
}

/* Load the model of one item. chain: with the including file as its innermost. */
static int load_item(struct level *lv, const struct chain *chain, const struct include *inc, struct node **ret)
{
	struct loading *l = lv->l;
	struct arena *a = &l->ret->arena;
	size_t n = count(inc->path);
	struct compose_file *files = arena_alloc(a, n * sizeof(*files));
	auto_map struct map env = {0};
	struct level sub = { .l = l, .env = &env, .chain = chain, .depth = lv->depth + 1 };
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct node *p = nth(inc->path, i);
		const char *path;

		if (local_path(l, lv->dir, p->text, p->pos, &path) < 0 || check_cycle(lv, chain, path, p->pos) < 0 ||
		    file_read(l, path, p->pos, &files[i]) < 0)
			return -1;
	}
	sub.dir = project_dir(lv, inc, files[0].path);
	sub.base = path_relative(a, lv->dir, sub.dir);
	if (read_env(lv, inc, sub.dir, &env) < 0)
		return -1;
	r = level_load(&sub, files, n, ret);
	level_done(&sub);
	return r;
}

/* Two included files that say different things under one name: the first holds. The including file may change it. */
static void warn_conflict(struct level *lv, const char *section, const struct node_pair *own,
			  const struct node_pair *from)
{
	warns_add(&lv->l->ret->warns, from->key_pos, "%s.%s is also included from %s:%u:%u, which says otherwise and wins",
		  section, from->key, own->key_pos.file, own->key_pos.line, own->key_pos.col);
}

static int import_entry(struct level *lv, const char *section, struct node *to, const struct node_pair *from,
			const struct resets *resets, const char *importer)
{
	struct arena *a = &lv->l->ret->arena;
	struct merge m = { a, lv->l->errs };
	struct node_pair *own = node_pair(to, from->key);
	struct node *base = from->val;
	int r;

	if (!own) {
		node_set(a, to, from->key, from->key_pos, base);
		return 0;
	}
	if (!str_eq(own->key_pos.file, importer) && !str_eq(own->key_pos.file, from->key_pos.file) &&
	    !node_equal(own->val, base))
		warn_conflict(lv, section, own, from);
	resets_apply(resets, base, section, from->key);
	r = merge_entry(&m, section, from->key, &base, own->val);
	own->val = base;
	return r;
}

static int import(struct level *lv, const struct node *model, struct node *doc, const struct resets *resets,
		  const char *importer)
{
	static const char *const sections[] = { "services", "volumes", "networks", "secrets", "configs", "models" };
	struct arena *a = &lv->l->ret->arena;
	int bad = 0;

	for (size_t s = 0; s < ARRAY_LEN(sections); s++) {
		const struct node *from = node_get(model, sections[s]);
		struct node *to = node_get(doc, sections[s]);

		if (!from || from->kind != NODE_MAP || !from->n)
			continue;
		if (!to || to->kind == NODE_NULL) {
			to = node_new(a, NODE_MAP, from->pos);
			node_set(a, doc, sections[s], from->pos, to);
		}
		for (size_t i = 0; to->kind == NODE_MAP && i < from->n; i++)
			bad |= import_entry(lv, sections[s], to, &from->pairs[i], resets, importer);
	}
	return bad;
}

int include_apply(struct level *lv, const struct compose_file *f, struct node *doc, const struct resets *resets)
{
	const struct node *list = node_get(doc, "include");
	struct chain chain = { lv->chain, f->path };
	int bad = 0;

	if (list && list->kind != NODE_LIST && list->kind != NODE_NULL)
		bad = mistake(lv, list->pos, "write include: and each path as an item: - path",
			      "include must be a list");
	for (size_t i = 0; !bad && list && i < list->n; i++) {
		struct include inc;
		struct node *model;

		if (read_item(lv, list->items[i], &inc) < 0 || load_item(lv, &chain, &inc, &model) < 0 ||
		    import(lv, model, doc, resets, f->shown) < 0)
			bad = -1;
	}
	node_del(doc, "include");
	return bad;
}
