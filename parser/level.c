/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/level.h"
#include "compose/base/str.h"
#include "parser/explain.h"
#include "parser/merge.h"
#include "parser/paths.h"
#include "parser/phases.h"
#include "parser/yaml.h"

void level_done(struct level *lv)
{
	extends_done(lv);
}

const char *shown_path(struct loading *l, const char *path)
{
	size_t n = strlen(l->o->cwd);

	if (!strcmp(path, "-"))
		return "stdin";
	if (n > 1 && !strncmp(path, l->o->cwd, n) && path[n] == '/' && path[n + 1])
		return path + n + 1;
	return path;
}

static int read_capped(struct loading *l, const char *path, char **ret, size_t *ret_len, struct err *e)
{
	const struct load_io *io = l->o->io;
	enum io_kind kind = strcmp(path, "-") == 0 ? IO_FILE : io->kind(io->ctx, path);

	if (++l->files > LOAD_FILES_MAX)
		return err_set(e, ERR_MODEL, 0, "more than %d files are read for one project", LOAD_FILES_MAX);
	if (kind == IO_DIR)
		return err_set(e, ERR_MODEL, 0, "%s is a directory, not a compose file", shown_path(l, path));
	if (kind == IO_ABSENT)
		return err_set(e, ERR_MODEL, 0, "the compose file %s does not exist", shown_path(l, path));
	if (io->read(io->ctx, path, YAML_FILE_MAX, ret, ret_len, e) < 0)
		return err_wrap(e, "read the compose file %s", shown_path(l, path));
	l->bytes += *ret_len;
	if (l->bytes > LOAD_BYTES_MAX)
		return err_set(e, ERR_MODEL, 0, "the files of this project hold more than %d MiB",
			       LOAD_BYTES_MAX >> 20);
	return 0;
}

int file_read(struct loading *l, const char *path, struct srcpos at, struct compose_file *ret)
{
	struct arena *a = &l->ret->arena;
	auto_free char *text = NULL;
	auto_err struct err e = {0};
	struct yaml_docs docs = {0};
	struct source *src;
	size_t len = 0;
	int bad;

	*ret = (struct compose_file){ .path = path, .shown = shown_path(l, path) };
	if (read_capped(l, path, &text, &len, &e) < 0) {
		err_at(&e, at, NULL);
		return errs_add(l->errs, &e);
	}
	src = source_add(&l->ret->src, a, ret->shown, text, len);
	src->own = take_ptr(text);
	bad = yaml_parse(a, src, &docs, l->errs);
	ret->n = docs.n;
	ret->tagged = docs.tagged;
	ret->doc = arena_alloc(a, (docs.n + 1) * sizeof(*ret->doc));
	for (size_t i = 0; i < docs.n; i++)
		ret->doc[i] = docs.v[i];
	vec_done(&docs);
	return bad;
}

int level_interp(struct level *lv, struct node *doc)
{
	struct loading *l = lv->l;
	struct interp_ctx c = {
		.arena = &l->ret->arena, .look = { lookup_map, lv->env }, .src = &l->ret->src, .warns = &l->ret->warns,
		.vars = &l->ret->vars, .errs = l->errs, .skip = l->o->no_interpolate,
		.spent = &l->expanded, .max = LOAD_BYTES_MAX,
	};

	return interp_tree(&c, doc, "");
}

static void drop_version(struct level *lv, struct node *dict)
{
	const struct node_pair *p = node_pair(dict, "version");

	if (!p)
		return;
	warns_add(&lv->l->ret->warns, p->key_pos, "%s: the key version has no effect any more; it can be removed",
		  p->key_pos.file);
	node_del(dict, "version");
}

/* Empty dns servers are as good as none. */
static void drop_empty_dns(struct node *dict)
{
	struct node *services = node_get(dict, "services");

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		struct node *dns = node_get(services->pairs[i].val, "dns");
		size_t kept = 0;

		if (!dns || dns->kind != NODE_LIST)
			continue;
		for (size_t j = 0; j < dns->n; j++)
			if (node_text(dns->items[j]) && *node_text(dns->items[j]))
				dns->items[kept++] = dns->items[j];
		dns->n = kept;
	}
}

/* One document over what was read before it. */
static int document(struct level *lv, const struct compose_file *f, struct node *doc, struct node *dict,
		    struct resets *resets)
{
	struct arena *a = &lv->l->ret->arena;
	struct errs *errs = lv->l->errs;
	struct merge m = { a, errs };
	int bad;

	if (doc->kind != NODE_MAP)
		return errs_model(errs, doc->pos, NULL, "write services: and indent each service below it",
				  "the top level of a compose file must be a mapping, this is a %s",
				  node_kind_name(doc->kind));
	if (f->tagged)
		resets_collect(resets, a, doc);
	bad = level_interp(lv, doc);
	bad |= include_apply(lv, f, doc, resets);
	if (lv->broken)
		return -1;
	resets_apply(resets, dict, NULL, NULL);
	bad |= extends_apply(lv, f, doc, resets);
	bad |= merge_project(&m, dict, doc);
	merge_unique(a, dict);
	if (schema_check(dict, errs, &lv->l->ret->warns) < 0)
		return -1;
	drop_version(lv, dict);
	if (canon_apply(a, dict, errs) < 0)
		return -1;
	drop_empty_dns(dict);
	merge_unique(a, dict);
	return bad;
}

static void file_apply(struct level *lv, const struct compose_file *f, struct node *dict)
{
	for (size_t i = 0; i < f->n; i++) {
		struct resets resets = {0};

		if (document(lv, f, f->doc[i], dict, &resets) < 0)
			lv->broken = true;
		resets_done(&resets);
	}
}

/* The value of a variable that a service's environment only names, or NULL. */
static const char *inherited(struct level *lv, struct node *n, const char *name)
{
	struct arena *a = &lv->l->ret->arena;
	const char *val = map_get(lv->env, name);
	struct node_origin *o;

	if (!val)
		return NULL;
	o = arena_new(a, struct node_origin);
	*o = (struct node_origin){ arena_printf(a, "variable %s", name), n->pos, NULL };
	n->origin = o;
	return val;
}

/* A variable without value in a service's environment is taken from this level's environment. */
static void resolve_environment(struct level *lv, struct node *env)
{
	for (size_t i = 0; env && env->kind == NODE_LIST && i < env->n; i++) {
		struct node *n = env->items[i];
		const char *val =
			n->kind == NODE_STR && !n->deferred && !strchr(n->text, '=') ? inherited(lv, n, n->text) : NULL;

		if (val)
			n->text = arena_printf(&lv->l->ret->arena, "%s=%s", n->text, val);
	}
	for (size_t i = 0; env && env->kind == NODE_MAP && i < env->n; i++) {
		struct node *n = env->pairs[i].val;
		const char *val = n->kind == NODE_NULL ? inherited(lv, n, env->pairs[i].key) : NULL;

		if (!val)
			continue;
		n->kind = NODE_STR;
		n->quoted = true;
		n->text = val;
	}
}

/* Values of secrets and configs that are variables, from the environment they are declared in. */
static void resolve_sources(struct level *lv, const struct node *dict, const char *section)
{
	const struct node *m = node_get(dict, section);
	struct arena *a = &lv->l->ret->arena;

	for (size_t i = 0; m && m->kind == NODE_MAP && i < m->n; i++) {
		const char *name = node_text(node_get(m->pairs[i].val, "environment"));
		const char *val = name ? map_get(lv->env, name) : NULL;

		if (val)
			map_set(&lv->l->ret->source_env, arena_printf(a, "%s.%s", section, m->pairs[i].key),
				(void *)val);
	}
}

static void resolve(struct level *lv, struct node *dict)
{
	struct node *services = node_get(dict, "services");
	struct rebase r = { &lv->l->ret->arena, lv->base, lv->l->home, lv->l->o->io };

	if (!lv->l->o->no_path_resolution || lv->depth)
		paths_rebase(&r, dict);
	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		resolve_environment(lv, node_get(services->pairs[i].val, "environment"));
	resolve_sources(lv, dict, "secrets");
	resolve_sources(lv, dict, "configs");
}

int level_load(struct level *lv, const struct compose_file *files, size_t n, struct node **ret)
{
	struct arena *a = &lv->l->ret->arena;
	struct node *dict = node_new(a, NODE_MAP, (struct srcpos){ files[0].shown, 1, 1 });

	for (size_t i = 0; i < n; i++)
		file_apply(lv, &files[i], dict);
	if (lv->l->o->explain)
		explain_mark(dict);
	if (lv->broken || canon_defaults(a, dict, lv->l->errs) < 0)
		return -1;
	resolve(lv, dict);
	*ret = dict;
	return 0;
}
