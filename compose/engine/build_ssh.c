/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/build_ssh.h"
#include <errno.h>
#include <sys/stat.h>
#include "compose/base/str.h"
#include "compose/engine/key_agent.h"

static void put(struct build_agents *a, const char *id, const char *socket)
{
	vec_push(&a->v, (struct build_ssh){ xstrdup(id), xstrdup(socket) });
}

static bool has(const struct build_agents *a, const char *id)
{
	for (size_t i = 0; i < a->v.n; i++)
		if (str_eq(a->v.v[i].id, id))
			return true;
	return false;
}

/* ret: 1 a socket, 0 something else, -1 with e */
static int is_socket(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "look at %s", path);
	return S_ISSOCK(st.st_mode);
}

static int users_agent(struct build_agents *a, const char *id, struct err *e)
{
	const char *path = getenv("SSH_AUTH_SOCK");
	int is;

	if (!str_eq(id, "default")) {
		err_set(e, ERR_USAGE, 0, "only the id `default` may stand without a path, not `%s`", id);
		return err_hint(e, "write %s=SOCKET or %s=KEYFILE", id, id);
	}
	if (!path || !*path) {
		err_set(e, ERR_MISSING, 0, "SSH_AUTH_SOCK is not set: there is no ssh agent to lend");
		return err_hint(e, "start one with `eval $(ssh-agent)` and `ssh-add`; sudo keeps it with "
				   "--preserve-env=SSH_AUTH_SOCK; or write default=KEYFILE");
	}
	is = is_socket(path, e);
	if (is < 0)
		return err_wrap(e, "find the ssh agent that SSH_AUTH_SOCK names");
	if (!is)
		return err_set(e, ERR_MODEL, 0, "SSH_AUTH_SOCK names %s, which is no socket", path);
	put(a, id, path);
	return 0;
}

static int keys(struct build_agents *a, struct engine *en, const char *id, const struct strv *files, struct err *e)
{
	struct key_agent *k;

	if (key_agent_start(&k, en->o.store, files, e) < 0)
		return -1;
	vec_push(&a->own, k);
	put(a, id, key_agent_socket(k));
	return 0;
}

/* in: list: SOCKET, or KEYFILE[,KEYFILE...]; NULL or "": the user's own agent */
static int one(struct build_agents *a, struct engine *en, const char *id, const char *list, struct err *e)
{
	auto_strv struct strv files = {0};

	if (has(a, id))
		return 0;
	if (!list || !*list)
		return users_agent(a, id, e);
	for (const char *s = list;; s++) {
		size_t n = strcspn(s, ",");
		int is;

		strv_take(&files, xstrndup(s, n));
		s += n;
		is = is_socket(files.v[files.n - 1], e);
		if (is < 0)
			return -1;
		if (is && (files.n > 1 || *s))
			return err_set(e, ERR_USAGE, 0, "a socket stands alone: `%s`", list);
		if (is)
			put(a, id, list);
		if (is)
			return 0;
		if (!*s)
			return keys(a, en, id, &files, e);
	}
}

int build_agents_open(struct build_agents *a, struct engine *en, const struct build *bu, struct err *e)
{
	const struct strv *more = en->o.build_ssh;

	for (size_t i = more ? more->n : 0; i-- > 0;) {       /* the last of an id counts */
		const char *eq = strchr(more->v[i], '=');
		auto_free char *id = xstrndup(more->v[i], eq ? (size_t)(eq - more->v[i]) : strlen(more->v[i]));

		if (one(a, en, *id ? id : "default", eq ? eq + 1 : NULL, e) < 0)
			return err_wrap(e, "--ssh %s", more->v[i]);
	}
	for (size_t i = 0; i < bu->ssh.n; i++) {
		auto_free char *key = xasprintf("build.ssh.%s", bu->ssh.v[i].key);

		if (one(a, en, bu->ssh.v[i].key, bu->ssh.v[i].val, e) < 0)
			return err_at(e, bu->ssh.v[i].pos, key);
	}
	return 0;
}

void build_agents_done(struct build_agents *a)
{
	for (size_t i = 0; i < a->own.n; i++)
		key_agent_stop(a->own.v[i]);
	for (size_t i = 0; i < a->v.n; i++) {
		free((char *)(uintptr_t)a->v.v[i].id);
		free((char *)(uintptr_t)a->v.v[i].socket);
	}
	vec_done(&a->v);
	vec_done(&a->own);
}
