/* SPDX-License-Identifier: Apache-2.0 */
/* spec: compose-spec 05-services "extends". The base is extended itself first; a base of another file is read there
 * without its includes, and its relative paths are put onto that file's directory before the merge. */
#include "parser/level.h"
#include "compose/base/str.h"
#include "parser/merge.h"
#include "parser/paths.h"
#include "parser/phases.h"

/* A file that services extend, read once per level. services NULL: it could not be used (reported when it was read) */
struct base_file { struct compose_file f; struct node *services; struct resets resets; };

/* The services on the way from the first that extends. */
struct link { const struct link *up; const char *file, *service; };

/* Where services are looked up, and what their file resets. */
struct scope { const char *file; struct node *services; const struct resets *resets; };

static int apply(struct level *lv, const struct scope *sc, struct node_pair *p, const struct link *up, unsigned depth);

static int mistake(struct level *lv, struct srcpos pos, const char *service, const char *hint, const char *text)
{
	auto_free char *key = xasprintf("services.%s.extends", service);

	return errs_model(lv->l->errs, pos, key, hint, "%s", text);
}

/* "web (compose.yaml) -> base (base.yaml) -> web (compose.yaml)" */
static void link_text(struct level *lv, const struct link *k, struct str *out)
{
	if (k->up)
		link_text(lv, k->up, out);
	str_addf(out, "%s (%s) -> ", k->service, shown_path(lv->l, k->file));
}

static int check_cycle(struct level *lv, const struct link *up, const char *file, const char *service,
		       struct srcpos pos)
{
	auto_str struct str text = {0};

	for (const struct link *k = up; k; k = k->up) {
		if (strcmp(k->service, service) != 0 || strcmp(k->file, file) != 0)
			continue;
		str_add(&text, "services extend each other: ");
		link_text(lv, up, &text);
		str_addf(&text, "%s (%s)", service, shown_path(lv->l, file));
		return mistake(lv, pos, service, "take one of these extends out", str_cstr(&text));
	}
	return 0;
}

/* One document of a base file: as in level.c, but nothing is included, extended or checked yet. */
static int base_document(struct level *lv, struct base_file *b, struct node *doc, struct node *dict)
{
	struct arena *a = &lv->l->ret->arena;
	struct merge m = { a, lv->l->errs };
	int bad;

	if (doc->kind != NODE_MAP)
		return errs_model(lv->l->errs, doc->pos, NULL, NULL,
				  "the top level of a compose file must be a mapping, this is a %s",
				  node_kind_name(doc->kind));
	if (b->f.tagged)
		resets_collect(&b->resets, a, doc);
	bad = level_interp(lv, doc);
	node_del(doc, "include");
	resets_apply(&b->resets, dict, NULL, NULL);
	bad |= merge_project(&m, dict, doc);
	merge_unique(a, dict);
	if (bad < 0 || canon_apply(a, dict, lv->l->errs) < 0)
		return -1;
	merge_unique(a, dict);
	return 0;
}

static void base_load(struct level *lv, const char *path, struct srcpos pos, struct base_file *b)
{
	struct arena *a = &lv->l->ret->arena;
	struct node *dict = node_new(a, NODE_MAP, pos);
	struct rebase r = { a, path_relative(a, lv->dir, path_dir(a, path)), lv->l->home, lv->l->o->io };

	if (file_read(lv->l, path, pos, &b->f) < 0)
		return;
	for (size_t i = 0; i < b->f.n; i++)
		if (base_document(lv, b, b->f.doc[i], dict) < 0)
			return;
	paths_rebase(&r, dict);
	b->services = node_get(dict, "services");
	if (!b->services || b->services->kind != NODE_MAP)
		b->services = node_new(a, NODE_MAP, (struct srcpos){ b->f.shown, 1, 1 });
}

/* The file that `file` of an extends names. ret: NULL when it cannot be used (reported) */
static struct base_file *base_file(struct level *lv, const char *file, struct srcpos pos)
{
	struct base_file *b;
	const char *path;

	if (local_path(lv->l, lv->dir, file, pos, &path) < 0)
		return NULL;
	b = map_get(&lv->bases, path);
	if (!b) {
		b = arena_new(&lv->l->ret->arena, struct base_file);
		map_set(&lv->bases, path, b);
		base_load(lv, path, pos, b);
	}
	return b->services ? b : NULL;
}

static int check_form(struct level *lv, const char *service, const struct node *ext)
{
	static const char *const known[] = { "service", "file", NULL };

	if (ext->kind != NODE_MAP)
		return mistake(lv, ext->pos, service, NULL,
			       "extends must be the name of a service, or a mapping with service and file");
	for (size_t i = 0; i < ext->n; i++) {
		const char *key = ext->pairs[i].key, *near = str_nearest(key, known);
		auto_free char *text = xasprintf("extends does not know the key \"%s\"", key);
		auto_free char *hint = near ? xasprintf("did you mean %s?", near) : NULL;

		if (!str_starts(key, "x-") && !(near && !strcmp(near, key)))
			return mistake(lv, ext->pairs[i].key_pos, service, hint, text);
	}
	if (!node_get(ext, "service") || node_get(ext, "service")->kind != NODE_STR)
		return mistake(lv, ext->pos, service, NULL, "extends needs the name of a service");
	if (node_get(ext, "file") && node_get(ext, "file")->kind > NODE_NULL && node_get(ext, "file")->kind != NODE_STR)
		return mistake(lv, node_get(ext, "file")->pos, service, NULL, "file must be a string");
	return 0;
}

static int not_found(struct level *lv, const char *service, const struct node *at, const char *ref,
		     const struct scope *in)
{
	const char **names = xcalloc(in->services->n + 1, sizeof(*names)), *near;
	auto_free char *text =
		xasprintf("the service %s, which %s extends, is not in %s", ref, service, shown_path(lv->l, in->file));
	auto_free char *hint = NULL;
	size_t n = 0;

	for (size_t i = 0; i < in->services->n; i++)
		if (strcmp(in->services->pairs[i].key, service) != 0)
			names[n++] = in->services->pairs[i].key;
	near = str_nearest(ref, names);
	hint = near ? xasprintf("did you mean %s?", near) : NULL;
	free((void *)names);
	return mistake(lv, at->pos, service, hint, text);
}

/* The base of p's extends, extended itself. ret: 0 and *ret (NULL: an empty service), or -1 (reported) */
static int find_base(struct level *lv, const struct scope *sc, const struct node_pair *p, const struct node *ext,
		     const struct link *up, unsigned depth, struct node **ret)
{
	const struct node *ref = ext->kind == NODE_MAP ? node_get(ext, "service") : ext;
	const char *file = ext->kind == NODE_MAP ? node_text(node_get(ext, "file")) : NULL;
	struct link here = { up, sc->file, p->key };
	struct scope in = *sc;
	struct node_pair *base;

	if (check_cycle(lv, up, sc->file, p->key, ext->pos) < 0)
		return -1;
	if (depth >= LOAD_DEPTH_MAX)
		return mistake(lv, ext->pos, p->key, NULL, "services extend each other too deeply");
	if (file) {
		struct base_file *b = base_file(lv, file, node_get(ext, "file")->pos);

		if (!b)
			return -1;
		in = (struct scope){ b->f.path, b->services, &b->resets };
	}
	base = node_pair(in.services, ref->text);
	if (!base)
		return not_found(lv, p->key, ref, ref->text, &in);
	if (apply(lv, &in, base, &here, depth + 1) < 0)
		return -1;
	*ret = base->val->kind == NODE_NULL ? NULL : base->val;
	return 0;
}

/* Replace p's service by itself over the one it extends. */
static int apply(struct level *lv, const struct scope *sc, struct node_pair *p, const struct link *up, unsigned depth)
{
	struct merge m = { &lv->l->ret->arena, lv->l->errs };
	struct node *ext = node_get(p->val, "extends"), *own = p->val, *base = NULL;
	int r = 0;

	if (!ext || ext->kind == NODE_NULL)
		return 0;
	if ((ext->kind != NODE_STR && check_form(lv, p->key, ext) < 0) ||
	    find_base(lv, sc, p, ext, up, depth, &base) < 0) {
		node_del(own, "extends"); /* told once */
		return -1;
	}
	if (!base) /* an empty service: the reference keeps the key then, which changes nothing */
		return 0;
	node_del(own, "extends");
	if (lv->l->copied <= LOAD_COPY_MAX)
		lv->l->copied += node_count(base);
	if (lv->l->copied > LOAD_COPY_MAX)
		return mistake(lv, p->key_pos, p->key, NULL,
			       "the services of this project copy too many values by extends");
	base = node_copy(m.arena, base);
	resets_apply(sc->resets, base, "services", p->key);
	if (base->kind == NODE_MAP)
		r = merge_entry(&m, "services", p->key, &base, own);
	p->val = base;
	return r;
}

int extends_apply(struct level *lv, const struct compose_file *f, struct node *doc, const struct resets *resets)
{
	struct node *services = node_get(doc, "services");
	struct scope sc = { f->path, services, resets };
	int bad = 0;

	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++)
		bad |= apply(lv, &sc, &services->pairs[i], NULL, 0);
	return bad;
}

void extends_done(struct level *lv)
{
	for (size_t i = 0; i < lv->bases.n; i++)
		resets_done(&((struct base_file *)lv->bases.e[i].val)->resets);
	map_done(&lv->bases);
}
