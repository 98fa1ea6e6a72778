/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/run_service.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/cli/opt.h"
#include "parser/dotenv.h"
#include "parser/io.h"
#include "parser/value.h"

static struct pstrs words(struct arena *a, char *const *v, size_t n)
{
	struct pstrs p = { arena_alloc(a, (n + 1) * sizeof(char *)), n };

	for (size_t i = 0; i < n; i++)
		p.v[i] = arena_strdup(a, v[i]);
	return p;
}

static void set_kv(struct arena *a, struct pkvs *l, const char *key, const char *val)
{
	struct pkv *v;

	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i].key, key)) {
			v = arena_alloc(a, l->n * sizeof(*v));
			memcpy(v, l->v, l->n * sizeof(*v));
			v[i].val = val;
			l->v = v;
			return;
		}
	v = arena_alloc(a, (l->n + 1) * sizeof(*v));
	if (l->n)
		memcpy(v, l->v, l->n * sizeof(*v));
	v[l->n] = (struct pkv){ .key = key, .val = val };
	l->v = v;
	l->n++;
}

/* "K=V", or "K" for the value of our own environment or .env (nothing when it is unset) */
static void set_each(struct arena *a, const struct project *p, struct pkvs *l, const struct strv *texts)
{
	for (size_t i = 0; i < texts->n; i++) {
		const char *eq = strchr(texts->v[i], '=');
		const char *key = arena_strndup(a, texts->v[i], eq ? (size_t)(eq - texts->v[i]) : strlen(texts->v[i]));
		const char *val = eq ? eq + 1 : project_env(p, key);

		if (val)
			set_kv(a, l, key, arena_strdup(a, val));
	}
}

static const char *env_of_project(void *ctx, const char *name)
{
	return project_env(ctx, name);
}

/* --env-from-file: as env_file reads them; later files win, and all of them over the service's environment. */
static int set_files(struct arena *a, const struct project *p, const struct strv *files, struct pkvs *l, struct err *e)
{
	struct map vars = {0};
	const struct dotenv d = { .arena = a, .vars = &vars, .look = { env_of_project, (void *)(uintptr_t)p } };
	int r = 0;

	for (size_t i = 0; i < files->n && r == 0; i++) {
		auto_free char *path = realpath(files->v[i], NULL);

		r = path ? dotenv_read(&d, &load_io_host, path, e) : 1;
		if (r > 0)
			r = err_set(e, ERR_MISSING, 0, "--env-from-file: %s not found", files->v[i]);
	}
	for (size_t i = 0; i < vars.n && r == 0; i++)
		set_kv(a, l, arena_strdup(a, vars.e[i].key), vars.e[i].val);
	map_done(&vars);
	return r;
}

/* Our additions to a list of the service. */
static struct pstrs with_more(struct arena *a, const struct pstrs *have, const struct strv *more)
{
	struct pstrs p = { arena_alloc(a, (have->n + more->n + 1) * sizeof(char *)), have->n };

	for (size_t i = 0; i < have->n; i++)
		p.v[i] = have->v[i];
	for (size_t i = 0; i < more->n; i++)
		p.v[p.n++] = arena_strdup(a, more->v[i]);
	return p;
}

static int command(struct arena *arena, const struct run_args *a, struct service *s, struct err *e)
{
	size_t n = 0;

	while (a->command && a->command[n])
		n++;
	if (a->entrypoint) {
		auto_strv struct strv split = {0};
		const char *why = value_words(a->entrypoint, &split);

		if (why)
			return err_set(e, ERR_USAGE, 0, "--entrypoint: %s", why);
		s->has_entrypoint = true;
		s->entrypoint = words(arena, split.v, split.n);
		s->has_command = true;            /* the service's command belongs to the entrypoint that is gone */
		s->command = (struct pstrs){0};
	}
	if (n) {
		s->has_command = true;
		s->command = words(arena, a->command, n);
	}
	return 0;
}

static int ports(struct arena *arena, const struct run_args *a, struct service *s, struct err *e)
{
	struct port *v = NULL;
	size_t n = 0;

	if (a->service_ports && a->publish.n)
		return err_set(e, ERR_USAGE, 0, "--service-ports and --publish do not go together");
	if (a->service_ports)
		return 0;
	for (size_t i = 0; i < a->publish.n; i++) {
		struct port_spec ps;
		const char *why = value_ports(a->publish.v[i], &ps);
		struct port *w;

		if (why) {
			err_set(e, ERR_USAGE, 0, "--publish %s: %s", a->publish.v[i], why);
			return err_hint(e, "write [ADDRESS:][HOST:]CONTAINER[/PROTOCOL]");
		}
		w = arena_alloc(arena, (n + ps.n) * sizeof(*w));
		if (n)
			memcpy(w, v, n * sizeof(*w));
		for (size_t k = 0; k < ps.n; k++)
			w[n + k] = (struct port){ .host_ip = arena_strdup(arena, ps.host_ip), .target = ps.pair[k].target,
				.published = ps.pair[k].published, .published_end = ps.pair[k].published_end,
				.protocol = arena_strdup(arena, ps.protocol), .name = "", .app_protocol = "", .mode = "ingress" };
		n += ps.n;
		v = w;
		free(ps.pair);
	}
	s->ports = v;
	s->n_ports = n;
	return 0;
}

/* [SOURCE:]TARGET[:ro|rw|nocopy]; a source with a slash, dot or tilde in front is a path */
static int one_volume(struct arena *arena, const struct project *p, const char *text, struct mount *m, struct err *e)
{
	auto_free char *copy = xstrdup(text);
	char *part[3] = { copy, NULL, NULL };
	int n = 1;

	for (char *c = copy; *c && n < 3; c++)
		if (*c == ':') {
			*c = '\0';
			part[n++] = c + 1;
		}
	*m = (struct mount){ .kind = MOUNT_VOLUME, .source = "", .target = arena_strdup(arena, part[n > 1]), .propagation = "",
		.recursive = "", .subpath = "", .tmpfs_opts = "", .tmpfs_size_bytes = -1, .tmpfs_mode = -1, .create_host_path = true };
	if (*m->target != '/')
		return err_set(e, ERR_USAGE, 0, "--volume %s: the target must be an absolute path", text);
	for (const char *o = part[2]; o && *o; o += strcspn(o, ","), o += *o == ',') {
		auto_free char *word = xstrndup(o, strcspn(o, ","));

		if (str_eq(word, "ro"))
			m->read_only = true;
		else if (str_eq(word, "nocopy"))
			m->nocopy = true;
		else if (opt_is_choice("private rprivate shared rshared slave rslave", word))
			m->propagation = arena_strdup(arena, word);
		else if (!opt_is_choice("rw z Z consistent cached delegated", word))    /* labels, and Docker Desktop's caches */
			return err_set(e, ERR_USAGE, 0, "--volume %s: option \"%s\" is not known", text, word);
	}
	if (n == 1)
		return 0;
	if (*part[0] == '/' || *part[0] == '.' || *part[0] == '~') {
		auto_free char *cwd = *part[0] == '.' ? getcwd(NULL, 0) : NULL;
		const char *home = getenv("HOME");

		m->kind = MOUNT_BIND;
		m->source = *part[0] == '/' ? arena_strdup(arena, part[0]) : *part[0] == '~' ?
			arena_printf(arena, "%s%s", home ? home : "", part[0] + 1) : arena_printf(arena, "%s/%s", cwd ? cwd : "", part[0]);
		return 0;
	}
	m->source = arena_strdup(arena, part[0]);
	if (project_volume(p, m->source))
		return 0;
	err_set(e, ERR_USAGE, 0, "--volume %s: the project has no volume %s", text, part[0]);
	return err_hint(e, "declare it under `volumes:` in the file, or give a path");
}

static int volumes(struct arena *arena, const struct project *p, const struct run_args *a, struct service *s, struct err *e)
{
	struct mount *v = arena_alloc(arena, (s->n_mounts + a->volumes.n + 1) * sizeof(*v));
	size_t n = s->n_mounts;

	if (n)
		memcpy(v, s->mounts, n * sizeof(*v));
	for (size_t i = 0; i < a->volumes.n; i++) {
		struct mount m;
		size_t k = 0;

		if (one_volume(arena, p, a->volumes.v[i], &m, e) < 0)
			return -1;
		while (k < n && !str_eq(v[k].target, m.target))
			k++;
		v[k] = m;                         /* one on the same target replaces the service's */
		n = k == n ? n + 1 : n;
	}
	s->mounts = v;
	s->n_mounts = n;
	return 0;
}

int run_check_env(const struct strv *env, struct err *e)
{
	for (size_t i = 0; i < env->n; i++)
		if (*env->v[i] == '=' || !*env->v[i]) {
			err_set(e, ERR_USAGE, 0, "--env: there is no name in \"%s\"", env->v[i]);
			return err_hint(e, "write KEY=VALUE, or KEY for the value of the environment");
		}
	return 0;
}

/* What the file's values were checked for when it was loaded. */
static int check_values(const struct run_args *a, struct err *e)
{
	if (a->name && !value_name(a->name)) {
		err_set(e, ERR_USAGE, 0, "--name: \"%s\" is no name for a container", a->name);
		return err_hint(e, "begin with a letter or digit, go on with letters, digits, _ . and -");
	}
	if (a->workdir && *a->workdir != '/')
		return err_set(e, ERR_USAGE, 0, "--workdir: \"%s\" is not absolute", a->workdir);
	return run_check_env(&a->env, e);
}

int run_service(struct arena *arena, const struct project *p, const struct run_args *a, struct service *s, struct pkvs *ret_labels,
		struct err *e)
{
	if (check_values(a, e) < 0 || command(arena, a, s, e) < 0 || ports(arena, a, s, e) < 0 || volumes(arena, p, a, s, e) < 0)
		return -1;
	if (set_files(arena, p, &a->env_files, &s->environment, e) < 0)
		return -1;
	set_each(arena, p, &s->environment, &a->env);
	s->cap_add = with_more(arena, &s->cap_add, &a->cap_add);
	s->cap_drop = with_more(arena, &s->cap_drop, &a->cap_drop);
	set_each(arena, p, ret_labels, &a->labels);
	if (a->user)
		s->user = a->user;
	if (a->workdir)
		s->working_dir = a->workdir;
	s->tty = !a->detach && !a->no_tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	s->stdin_open = a->interactive && !a->detach;
	s->container_name = "";
	return 0;
}
