/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - `compose config`: load, check and print the project in its canonical form, or a list of what it holds. */
#include <errno.h>
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/cmd.h"
#include "compose/cmd/pin.h"
#include "compose/engine/remote.h"
#include "graph/hash.h"
#include "parser/explain.h"
#include "parser/print.h"

struct config_args {
	const char *format, *output, *hash, *explain;
	bool quiet, services, volumes, networks, models, images, profiles, environment, variables;
	bool no_interpolate, no_normalize, no_paths, no_consistency, no_env, resolve_digests, lock_digests;
	char **names;
};

static const struct opt config_opts[] = {
	OPT_CHOICE(0, "format", struct config_args, format, "yaml json", "output form"),
	OPT_STR('o', "output", struct config_args, output, "FILE", "write to a file"),
	OPT_FLAG('q', "quiet", struct config_args, quiet, "check only, print nothing"),
	OPT_FLAG(0, "services", struct config_args, services, "print the names of the services, dependencies first"),
	OPT_FLAG(0, "volumes", struct config_args, volumes, "print the names of the volumes"),
	OPT_FLAG(0, "networks", struct config_args, networks, "print the names of the networks"),
	OPT_FLAG(0, "models", struct config_args, models, "print the names of the models"),
	OPT_FLAG(0, "images", struct config_args, images, "print the images of the services"),
	OPT_FLAG(0, "profiles", struct config_args, profiles, "print the profiles that services name"),
	OPT_STR(0, "hash", struct config_args, hash, "SERVICE,...", "print the hash of services (* for all)"),
	OPT_FLAG(0, "environment", struct config_args, environment, "print the variables that the files are read with"),
	OPT_FLAG(0, "variables", struct config_args, variables, "print the variables that the files use"),
	OPT_FLAG(0, "no-interpolate", struct config_args, no_interpolate, "leave variables as they are written"),
	OPT_FLAG(0, "no-normalize", struct config_args, no_normalize, "leave out what follows from other values"),
	OPT_FLAG(0, "no-path-resolution", struct config_args, no_paths, "leave relative paths as they are"),
	OPT_FLAG(0, "no-consistency", struct config_args, no_consistency, "do not check that the parts fit together"),
	OPT_FLAG(0, "no-env-resolution", struct config_args, no_env, "leave env_file as it is"),
	OPT_FLAG(0, "resolve-image-digests", struct config_args, resolve_digests, "pin images by digest"),
	OPT_FLAG(0, "lock-image-digests", struct config_args, lock_digests, "print an override file that pins the images"),
	OPT_STR(0, "explain", struct config_args, explain, "KEY", "tell where a value came from, and what it replaced"),
	OPT_REST(struct config_args, names, "SERVICE", "only these services and what they depend on"),
	OPT_END
};

static const char *const *list(const struct strv *v)
{
	return v->n ? (const char *const *)strv_null((struct strv *)(uintptr_t)v) : NULL;
}

/* Loading is the command's own here, not main()'s: its options decide how. ret: exit status */
static int load(struct ctx *c, const struct config_args *a)
{
	const struct globals *g = c->g;
	bool raw = a->no_interpolate || a->variables;
	bool lists = a->services || a->images || a->profiles || a->hash;
	struct remote remote = { g->root };
	const struct load_io io = remote_io(&remote);
	const struct project_opts o = {
		.io = &io, .files = list(&g->files), .env_files = list(&g->env_files), .profiles = list(&g->profiles),
		.project_dir = g->project_dir, .project_name = g->project_name, .strict = g->strict, .compatibility = g->compatibility,
		.services = (const char *const *)a->names, .select = a->names && *a->names, .all_resources = g->all_resources,
		.all_profiles = a->profiles, .no_interpolate = raw, .no_paths = a->no_paths, .no_normalize = a->no_normalize,
		.no_consistency = a->no_consistency, .no_env_resolution = a->no_env, .tree_only = !lists,
		.explain = a->explain,
	};
	auto_errs struct errs errs = { 0 };
	int r, status;

	if (raw && o.select)
		ui_warn(c->ui, "names of services are ignored where variables are left as they are");
	r = project_load(&c->project, &o, &errs);
	status = project_report(c->project, &errs, stderr, ui_colour_err(c->ui));
	return r < 0 && !status ? 1 : status;
}

static bool in_list(const char *commas, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = commas; *s; s += strcspn(s, ","), s += *s == ',')
		if (strncmp(s, name, n) == 0 && (s[n] == ',' || !s[n]))
			return true;
	return str_eq(commas, "*");
}

static int hashes(struct str *out, const struct project *p, const char *which, struct err *e)
{
	char hash[65];

	for (const char *s = which; *s && !str_eq(which, "*"); s += strcspn(s, ","), s += *s == ',') {
		auto_free char *name = xstrndup(s, strcspn(s, ","));
		if (!project_service(p, name))
			return project_no_service(p, name, e);
	}
	for (size_t i = 0; i < p->n_services; i++)
		if (in_list(which, p->services[i].name)) {
			service_hash(&p->services[i], hash);
			str_addf(out, "%s %s\n", p->services[i].name, hash);
		}
	return 0;
}

static int fill(struct str *out, const struct project *p, const struct config_args *a, struct err *e)
{
	const struct print_opts o = { .json = str_eq(a->format, "json"), .keep_dollar = a->no_interpolate };
	const struct { bool on; void (*print)(struct str *, const struct project *); } lists[] = {
		{ a->services, print_services }, { a->volumes, print_volumes }, { a->networks, print_networks },
		{ a->models, print_models }, { a->images, print_images }, { a->profiles, print_profiles },
		{ a->environment, print_environment },
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		if (lists[i].on) {
			lists[i].print(out, p);
			return 0;
		}
	if (a->hash)
		return hashes(out, p, a->hash, e);
	if (a->explain)
		return explain(out, p->tree, a->explain, e);
	if ((a->resolve_digests || a->lock_digests) && pin_images(p, a->lock_digests, e) < 0)
		return -1;
	if (a->variables)
		print_variables(out, p, o.json);
	else
		print_tree(out, p->tree, &o);
	return 0;
}

static int config_run(struct ctx *c, const void *args, struct err *e)
{
	const struct config_args *a = args;
	auto_str struct str out = { 0 };

	c->status = load(c, a);
	if (c->status || a->quiet)
		return 0;
	if (fill(&out, c->project, a, e) < 0)
		return -1;
	if (a->output)
		return fs_write(AT_FDCWD, a->output, str_cstr(&out), out.len, 0644, false, e);
	if (fs_write_all(STDOUT_FILENO, str_cstr(&out), out.len) < 0 && errno != EPIPE)
		return err_set(e, ERR_SYS, errno, "write to standard output");
	return 0;
}

const struct cmd cmd_config = { .name = "config", .usage = "[OPTION...] [SERVICE...]",
	.summary = "Check the Compose files and print them in canonical form", .opts = config_opts,
	.args_size = sizeof(struct config_args), .run = config_run, .alias = "convert" };
