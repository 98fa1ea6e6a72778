/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.c - the place of a file that -f, include or extends names, on this host once it is fetched. */
#include "compose/base/str.h"
#include "parser/level.h"
#include "parser/paths.h"

/* An address without the user and password that it may hold. */
static const char *without_secret(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://"), *at;

	if (!host)
		return url;
	host += 3;
	at = memrchr(host, '@', strcspn(host, "/"));
	return at ? arena_printf(a, "%.*s%s", (int)(host - url), url, at + 1) : url;
}

/* docker compose's switches for remote files: on unless they say false. */
static bool switched_off(const struct loading *l, bool oci)
{
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False", NULL};
	const char *v =
		map_get(&l->ret->env, oci ? "COMPOSE_EXPERIMENTAL_OCI_REMOTE" : "COMPOSE_EXPERIMENTAL_GIT_REMOTE");

	for (size_t i = 0; v && no[i]; i++)
		if (!strcmp(v, no[i]))
			return true;
	return false;
}

static int fetch(struct loading *l, const char *url, const char **ret, struct err *e)
{
	const struct load_io *io = l->o->io;
	auto_free char *path = NULL, *top = NULL;
	bool oci = str_starts(url, "oci://");

	if (!io->remote)
		return err_set(e, ERR_MODEL, 0, "the remote file %s cannot be fetched here",
			       without_secret(&l->ret->arena, url));
	if (switched_off(l, oci))
		return err_set(e, ERR_MODEL, 0, "%s is not fetched: COMPOSE_EXPERIMENTAL_%s_REMOTE is off",
			       without_secret(&l->ret->arena, url), oci ? "OCI" : "GIT");
	if (io->remote(io->ctx, url, &path, &top, e) < 0)
		return -1;
	if (!strv_has(&l->tops, top))
		strv_add(&l->tops, top);
	*ret = arena_strdup(&l->ret->arena, path);
	return 0;
}

static bool below(const char *top, const char *path)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && (!path[n] || path[n] == '/');
}

/* Somebody else wrote what was fetched: its relative paths, links resolved, lead to what came with it. */
static int check_fence(const struct loading *l, const char *dir, const char *path, struct err *e)
{
	const struct load_io *io = l->o->io;

	for (size_t i = 0; i < l->tops.n; i++) {
		auto_free char *real = NULL, *real_top = NULL;
		const char *top = l->tops.v[i];

		if (!below(top, dir))
			continue;
		real = io->realpath ? io->realpath(io->ctx, path) : NULL;
		real_top = real ? io->realpath(io->ctx, top) : NULL;
		if (!below(top, path) || (real_top && !below(real_top, real)))
			return err_set(e, ERR_MODEL, 0, "%s leads out of the project that was fetched", path);
		return 0;
	}
	return 0;
}

int local_path(struct loading *l, const char *dir, const char *path, struct srcpos at, const char **ret)
{
	auto_err struct err e = {0};

	if (path_is_remote(path)) {
		if (fetch(l, path, ret, &e) == 0)
			return 0;
	} else {
		*ret = path_join(&l->ret->arena, dir, path);
		if (*path == '/' || check_fence(l, dir, *ret, &e) == 0)
			return 0;
	}
	err_at(&e, at, NULL);
	return errs_add(l->errs, &e);
}
