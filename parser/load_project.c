/* SPDX-License-Identifier: Apache-2.0 */
/* load_project.c - the phases in order: tree, normal form, profiles, cross checks, selection, env files, model. */
#include <errno.h>
#include "compose/base/str.h"
#include "parser/check.h"
#include "parser/envfiles.h"
#include "parser/load.h"
#include "parser/model.h"
#include "parser/normal.h"
#include "parser/profiles.h"
#include "parser/prune.h"
#include "parser/schema.h"
#include "parser/settings.h"

extern char **environ;

/* COMPOSE_PROFILES is a comma list. ret: NULL-terminated, in a */
static const char **split_commas(struct arena *a, const char *s)
{
	const char **v = arena_alloc(a, (strlen(s) + 2) * sizeof(*v));
	size_t n = 0;

	for (; *s; s += *s == ',') {
		size_t len = strcspn(s, ",");
		if (len)
			v[n++] = arena_strndup(a, s, len);
		s += len;
	}
	return v;
}

static const char *const *enabled_profiles(struct project *p, const struct project_opts *o)
{
	const char *env = project_env(p, "COMPOSE_PROFILES");

	if (o->profiles && *o->profiles)
		return o->profiles;
	return split_commas(&p->arena, env ? env : "");
}

static struct pstrs texts(struct arena *a, const char *const *v)
{
	struct pstrs out = {0};
	size_t n = 0;

	while (v && v[n])
		n++;
	out.v = arena_alloc(a, (n + 1) * sizeof(*out.v));
	for (; out.n < n; out.n++)
		out.v[out.n] = arena_strdup(a, v[out.n]);
	return out;
}

static struct load_opts load_opts_of(const struct project_opts *o, const char *cwd)
{
	return (struct load_opts){
		.io = o->io ? o->io : &load_io_host, .environ_kv = o->environ_kv ? o->environ_kv : (const char *const *)environ,
		.cwd = cwd, .files = o->files, .project_dir = o->project_dir, .project_name = o->project_name,
		.env_files = o->env_files, .no_interpolate = o->no_interpolate, .no_path_resolution = o->no_paths,
		.allow_no_file = o->allow_no_file, .explain = o->explain,
	};
}

void project_settings(const struct project_opts *o, void (*set)(const char *name, const char *val))
{
	auto_free char *cwd = o->cwd ? xstrdup(o->cwd) : load_cwd_host();
	const struct load_opts lo = load_opts_of(o, cwd);

	if (cwd)
		settings_from_files(&lo, set);
}

static int read_tree(struct project *p, const struct project_opts *o, struct errs *errs)
{
	auto_free char *cwd = o->cwd ? xstrdup(o->cwd) : load_cwd_host();
	const struct load_opts lo = load_opts_of(o, cwd);
	struct err e = { 0 };

	if (!cwd) {
		err_set(&e, ERR_SYS, errno, "cannot tell the working directory");
		return errs_add(errs, &e);
	}
	p->load = arena_new(&p->arena, struct load_result);
	if (load_project_tree(&lo, p->load, errs) < 0)
		return -1;
	p->name = p->load->name;
	p->working_dir = p->load->dir;
	p->files = texts(&p->arena, (const char *const *)strv_null(&p->load->files));
	p->env_files = texts(&p->arena, (const char *const *)strv_null(&p->load->env_files));
	return 0;
}

/* scale is the older word for deploy.replicas: where deploy is given, both say the same. */
static void unify_scale(struct arena *a, struct node *services)
{
	for (size_t i = 0; services && services->kind == NODE_MAP && i < services->n; i++) {
		struct node *s = services->pairs[i].val, *scale = node_get(s, "scale"), *deploy = node_get(s, "deploy");
		if (scale && deploy && deploy->kind == NODE_MAP && !node_get(deploy, "replicas"))
			node_put(a, deploy, "replicas", scale->pos, scale);
	}
}

static int shape(struct project *p, const struct project_opts *o, struct node *root, struct node **off,
		 struct errs *errs)
{
	struct arena *a = &p->load->arena;
	struct profiles prof = {a, (const char *const *)p->profiles.v, o->services, o->all_profiles, o->select};
	struct envfiles files = {a, o->io ? o->io : &load_io_host, &p->load->env, &p->load->warns, errs};

	node_put(a, root, "name", root->pos, node_str(a, p->name, root->pos));
	if (!o->no_normalize)
		normal_apply(&(struct normal){a, &p->load->env, p->name}, root);
	if (o->no_interpolate)
		return 0;
	if (profiles_apply(&prof, root, off, errs) < 0)
		return -1;
	if (!o->no_consistency && check_project(a, root, *off, errs, &p->load->warns) < 0)
		return -1;
	unify_scale(a, node_get(root, "services"));
	if (profiles_select(&prof, root, *off, errs) < 0)
		return -1;
	if (!o->all_resources)
		prune_unused(a, root);
	return o->no_env_resolution ? 0 : envfiles_apply(&files, root);
}

int project_load(struct project **ret, const struct project_opts *o, struct errs *errs)
{
	struct arena a = {0};
	struct project *p = arena_new(&a, struct project);
	struct node *off = NULL, *root;
	int r;

	p->arena = a;
	*ret = p;
	p->name = p->working_dir = "";
	p->compatibility = o->compatibility;
	r = read_tree(p, o, errs);
	if (r == 0) {
		p->profiles = texts(&p->arena, enabled_profiles(p, o));
		root = p->load->root;
		off = node_new(&p->load->arena, NODE_MAP, (struct srcpos){0});
		if (root)
			r = shape(p, o, root, &off, errs);
		p->tree = root;
		if (r == 0 && root && !o->tree_only)
			model_fill(p, off);
	}
	if (o->strict && p->load)
		warns_to_errs(&p->load->warns, errs);
	return errs->n ? -1 : r;
}
