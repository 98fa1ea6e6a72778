/* SPDX-License-Identifier: Apache-2.0 */
/* publish.c - `compose publish`: the project as an OCI artefact that `-f oci://...` and `include` read.
 * What is published is one compose file: all files merged, extends and include resolved, variables left as written, so that
 * who uses it gives them values. Before, it is asked about what may be secret. */
#include <fcntl.h>
#include <stdlib.h>
#include "compose/base/fs.h"
#include "compose/base/sha256.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/pin.h"
#include "compose/engine/artefact.h"
#include "compose/engine/remote.h"
#include "compose/image/registry.h"
#include "parser/load.h"
#include "parser/node.h"
#include "parser/print.h"

struct publish_args { bool app, pin, with_env, yes, insecure; const char *oci_version, *ref; };

static const struct opt publish_opts[] = {
	OPT_FLAG(0, "app", struct publish_args, app, "also push the images that the services build"),
	OPT_CHOICE(0, "oci-version", struct publish_args, oci_version, "1.0 1.1", "layout of the artefact (default 1.1)"),
	OPT_FLAG(0, "resolve-image-digests", struct publish_args, pin, "pin images by digest"),
	OPT_FLAG(0, "with-env", struct publish_args, with_env, "also publish the env files of services"),
	OPT_FLAG('y', "yes", struct publish_args, yes, "ask nothing"),
	OPT_NO_FLAG(0, "insecure-registry", "registries are spoken to over TLS, without it only on this host"),
	OPT_HEAD(struct publish_args, ref, "REPOSITORY[:TAG]", ""),
	OPT_END
};

struct publish {
	struct ctx *c;
	const struct publish_args *a;
	struct project *raw;                 /* as it is written, variables and all */
	VEC(struct artefact_text) files;
	struct strv keep;                    /* names and texts of files */
	struct strv doubts;                  /* what may be secret */
	struct err *e;
};

static const char *const *list(const struct strv *v)
{
	return v->n ? (const char *const *)strv_null((struct strv *)(uintptr_t)v) : NULL;
}

static int load_raw(struct publish *p)
{
	const struct globals *g = p->c->g;
	struct remote remote = { g->root };
	const struct load_io io = remote_io(&remote);
	const struct project_opts o = {
		.io = &io, .files = list(&g->files), .env_files = list(&g->env_files), .project_dir = g->project_dir,
		.project_name = g->project_name, .compatibility = g->compatibility, .all_resources = true, .all_profiles = true,
		.no_interpolate = true, .no_paths = true, .no_normalize = true, .no_consistency = true, .no_env_resolution = true,
		.tree_only = true,
	};
	auto_errs struct errs errs = {0};

	if (project_load(&p->raw, &o, &errs) == 0)
		return 0;
	return errs.n ? (err_move(p->e, &errs.v[--errs.n]), -1) : err_set(p->e, ERR_BUG, 0, "the project cannot be loaded");
}

/* ---- before: what may not leave, or should not ----------------------------------------------- */

static bool looks_secret(const char *key)
{
	static const char *const words[] = { "PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "PRIVATE", "CREDENTIAL", NULL };

	for (const char *const *w = words; *w; w++)
		if (strcasestr(key, *w))
			return true;
	return false;
}

/* A value that is written in the file, not asked for from a variable. */
static bool literal(const struct node *n)
{
	const char *text = node_text(n);

	return text && *text && !strchr(text, '$');
}

static void doubt(struct publish *p, char *text)
{
	strv_take(&p->doubts, text);
}

static void look_at_env(struct publish *p, const char *service, const struct node *env)
{
	for (size_t i = 0; env && i < env->n; i++) {
		const char *key = env->kind == NODE_MAP ? env->pairs[i].key : NULL;

		if (key && literal(env->pairs[i].val))
			doubt(p, xasprintf("service %s: the value of %s%s", service, key, looks_secret(key) ? ", which looks like a secret" : ""));
	}
}

static void look_at_mounts(struct publish *p, const char *service, const struct node *mounts)
{
	for (size_t i = 0; mounts && mounts->kind == NODE_LIST && i < mounts->n; i++)
		if (str_eq(node_text(node_get(mounts->items[i], "type")), "bind"))
			doubt(p, xasprintf("service %s: a bind mount of %s (not what is in it)", service,
					   node_text(node_get(mounts->items[i], "source"))));
}

static void look_at_files(struct publish *p, const char *section)
{
	const struct node *all = node_get(p->raw->tree, section);

	for (size_t i = 0; all && all->kind == NODE_MAP && i < all->n; i++) {
		const struct node *f = all->pairs[i].val;

		if (literal(node_get(f, "content")))
			doubt(p, xasprintf("%s %s: its content", section, all->pairs[i].key));
		if (node_get(f, "file"))
			ui_warn(p->c->ui, "%s %s: the file %s is not published", section, all->pairs[i].key, node_text(node_get(f, "file")));
	}
}

static int check_service(struct publish *p, const struct node_pair *s)
{
	const struct node *env_file = node_get(s->val, "env_file");

	if (node_get(s->val, "build") && !node_get(s->val, "image")) {
		err_set(p->e, ERR_MODEL, 0, "service %s has only a build section: who gets the artefact could not run it", s->key);
		err_at(p->e, s->key_pos, NULL);
		return err_hint(p->e, "give it an `image:`, and push that");
	}
	if (env_file && env_file->n && !p->a->with_env) {
		err_set(p->e, ERR_MODEL, 0, "service %s has an env_file, which is not published unless you say so", s->key);
		err_at(p->e, env_file->pos, NULL);
		return err_hint(p->e, "publish it too: --with-env; or take out what is secret, and env_file");
	}
	look_at_env(p, s->key, node_get(s->val, "environment"));
	look_at_mounts(p, s->key, node_get(s->val, "volumes"));
	return 0;
}

static int check(struct publish *p)
{
	const struct node *services = node_get(p->raw->tree, "services");

	for (size_t i = 0; services && i < services->n; i++)
		if (check_service(p, &services->pairs[i]) < 0)
			return -1;
	look_at_files(p, "configs");
	look_at_files(p, "secrets");
	return 0;
}

/* ret: whether to go on */
static bool confirmed(struct publish *p)
{
	if (!p->doubts.n || p->a->yes || p->c->g->dry_run)
		return true;
	ui_line(p->c->ui, "What is published can be read by whoever can read the repository. Among it:");
	for (size_t i = 0; i < p->doubts.n; i++) {
		auto_free char *line = xasprintf("  %s", p->doubts.v[i]);

		ui_line(p->c->ui, line);
	}
	ui_flush(p->c->ui);
	return ui_confirm("Publish all of this?", false, false);
}

/* ---- the files ------------------------------------------------------------------------------- */

static void add_file(struct publish *p, const char *name, bool env, char *text, size_t len)
{
	strv_add(&p->keep, name);
	strv_take(&p->keep, text);
	vec_push(&p->files, (struct artefact_text){ p->keep.v[p->keep.n - 2], env, text, len });
}

static bool have_file(const struct publish *p, const char *name)
{
	for (size_t i = 0; i < p->files.n; i++)
		if (str_eq(p->files.v[i].name, name))
			return true;
	return false;
}

/* An env file gets a name of its own, and the compose file says that instead of the path. */
static int add_env(struct publish *p, struct node *item)
{
	struct node_pair *path = node_pair(item, "path");
	const struct node *required = node_get(item, "required");
	const char *old = path ? node_text(path->val) : NULL;
	auto_free char *full = NULL, *name = NULL, *text = NULL;
	char hex[SHA256_HEX_SIZE];
	size_t len;

	if (!old)
		return 0;
	full = *old == '/' ? xstrdup(old) : xasprintf("%s/%s", p->c->project->working_dir, old);
	sha256_hex(full, strlen(full), hex);
	name = xasprintf("%.16s.env", hex);
	if (!have_file(p, name)) {
		if (fs_read(AT_FDCWD, full, ARTEFACT_BYTES_MAX, &text, &len, p->e) == 0)
			add_file(p, name, true, take_ptr(text), len);
		else if (p->e->kind != ERR_MISSING || !required || required->b)
			return err_at(p->e, path->val->pos, NULL);
		err_done(p->e);
	}
	node_set(&p->raw->load->arena, item, "path", path->key_pos, node_str(&p->raw->load->arena, name, path->val->pos));
	return 0;
}

static int add_envs(struct publish *p)
{
	struct node *services = node_get(p->raw->tree, "services");

	for (size_t i = 0; services && i < services->n; i++) {
		struct node *files = node_get(services->pairs[i].val, "env_file");

		for (size_t k = 0; files && files->kind == NODE_LIST && k < files->n; k++)
			if (add_env(p, files->items[k]) < 0)
				return -1;
	}
	return 0;
}

static void add_tree(struct publish *p, const char *name, const struct project *from, bool keep_dollar)
{
	const struct print_opts o = { .keep_dollar = keep_dollar };
	auto_str struct str text = {0};
	size_t len;

	print_tree(&text, from->tree, &o);
	len = text.len;
	add_file(p, name, false, str_take(&text), len);
}

/* The name that the directory gives is not the application's; one that is written stays. */
static void drop_default_name(struct publish *p)
{
	struct node *root = (struct node *)(uintptr_t)p->raw->tree, *name = node_get(root, "name");

	if (name && !name->pos.line)
		(void)node_del(root, "name");
}

static int collect(struct publish *p)
{
	drop_default_name(p);
	if (p->a->with_env && add_envs(p) < 0)
		return -1;
	add_tree(p, "compose.yaml", p->raw, true);
	if (!p->a->pin)
		return 0;
	if (pin_images(p->c->project, true, p->e) < 0)
		return -1;
	add_tree(p, "image-digests.yaml", p->c->project, false);
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int put(struct publish *p, const struct imageref *ref)
{
	struct registry *reg = NULL;
	char digest[72];
	int r;

	ui_status(p->c->ui, "Artefact", p->a->ref, "Publishing", UI_WORK, false);
	r = registry_open(&reg, ref, p->e);
	if (r == 0)
		r = artefact_put(reg, ref->tag, p->files.v, p->files.n, str_eq(p->a->oci_version, "1.0"), digest, p->e);
	registry_free(reg);
	ui_status(p->c->ui, "Artefact", p->a->ref, r < 0 ? "Error" : "Published", r < 0 ? UI_FAIL : UI_OK, true);
	ui_flush(p->c->ui);
	if (r == 0)
		puts(digest);
	return r;
}

static int push_images(struct publish *p)
{
	const struct goal g = { .verb = GOAL_PUSH, .timeout_ns = -1 };

	return act(p->c, &g, NULL, NULL, p->e);
}

static int publish(struct publish *p)
{
	auto_imageref struct imageref ref = {0};

	if (imageref_parse(&ref, p->a->ref, p->e) < 0)
		return -1;
	if (!ref.tag)
		return err_set(p->e, ERR_USAGE, 0, "%s: name a tag, not a digest", p->a->ref);
	if (load_raw(p) < 0 || check(p) < 0)
		return -1;
	if (!confirmed(p)) {
		ui_line(p->c->ui, "Nothing is published; -y publishes without a question");
		p->c->status = 130;
		return 0;
	}
	if (p->a->app && push_images(p) < 0)
		return -1;
	if (collect(p) < 0)
		return -1;
	if (!p->c->g->dry_run)
		return put(p, &ref);
	for (size_t i = 0; i < p->files.n; i++)
		act_would(p->c, "publish %s as %s (%zu bytes)", p->files.v[i].name, p->a->ref, p->files.v[i].len);
	return 0;
}

static int publish_run(struct ctx *c, const void *args, struct err *e)
{
	struct publish p = { .c = c, .a = args, .e = e };
	int r = publish(&p);

	project_free(p.raw);
	vec_done(&p.files);
	strv_done(&p.keep);
	strv_done(&p.doubts);
	return r < 0 ? err_wrap(e, "cannot publish the project") : 0;
}

const struct cmd cmd_publish = { .name = "publish", .usage = "[OPTION...] REPOSITORY[:TAG]", .summary = "Publish the project as an OCI artefact",
	.opts = publish_opts, .args_size = sizeof(struct publish_args),
	.needs = NEED_PROJECT | NEED_PATHS | NEED_STORE | ALL_PROFILES, .run = publish_run };
