/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/provider.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "graph/hash.h"

enum { ANSWER_S = 10, LINE_MAX_BYTES = 1 << 20, METADATA_MAX = 1 << 20, METADATA_MS = 10000, LOOK_MS = 200 };

/* ---- the program ------------------------------------------------------------------------------------------------- */

static char *executable(const char *dir, size_t len, const char *prefix, const char *type)
{
	auto_free char *path = xasprintf("%.*s/%s%s", (int)len, dir, prefix, type);

	return *path == '/' && access(path, X_OK) == 0 ? take_ptr(path) : NULL;
}

/* A docker CLI plugin, then a program on PATH: compose-TYPE, docker-TYPE, TYPE. Directories that are not absolute do not count. */
static char *find(const char *type)
{
	static const char *const plugins[] = { "/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins",
		"/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins" };
	static const char *const prefixes[] = { "compose-", "docker-", "" };
	const char *home = getenv("HOME"), *path = getenv("PATH");
	auto_free char *own = home ? xasprintf("%s/.docker/cli-plugins", home) : NULL;
	char *hit = own ? executable(own, strlen(own), "docker-", type) : NULL;

	for (size_t i = 0; !hit && i < ARRAY_LEN(plugins); i++)
		hit = executable(plugins[i], strlen(plugins[i]), "docker-", type);
	for (size_t i = 0; !hit && i < ARRAY_LEN(prefixes); i++)
		for (const char *dir = path; dir && *dir && !hit; dir += strcspn(dir, ":"), dir += *dir == ':')
			hit = executable(dir, strcspn(dir, ":"), prefixes[i], type);
	return hit;
}

static int at_provider(const struct service *s, struct err *e)
{
	auto_free char *key = xasprintf("services.%s.provider", s->name);

	return err_at(e, s->provider->pos, key);
}

static char *find_or_say(const struct service *s, struct err *e)
{
	const char *type = s->provider->type;
	bool name = *type && !strchr(type, '/') && *type != '.' && *type != '-' && !str_eq(type, "compose");
	char *path = name ? find(type) : NULL;

	if (path)
		return path;
	if (name) {
		err_set(e, ERR_MISSING, 0, "no provider \"%s\" is installed", type);
		err_hint(e, "a program compose-%s, docker-%s or %s on PATH is looked for", type, type, type);
	} else {
		err_set(e, ERR_MODEL, 0, "\"%s\" cannot be the name of a provider", type);
	}
	at_provider(s, e);
	return NULL;
}

struct child { pid_t pid; int in, out, err; };           /* our ends */

/* Its input is a socket: who writes to one that nobody reads is told so, not ended. */
static int make_ends(int in[2], int out[2], int err[2], struct err *e)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	int both[2];

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	in[0] = both[0];
	in[1] = both[1];
	(void)setsockopt(in[1], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return 0;
}

static void close_ends(int fd[2])
{
	for (int i = 0; i < 2; i++)
		mem_closep(&fd[i]);
}

static int spawn(const char *path, const struct project *p, char **argv, struct child *c, struct err *e)
{
	auto_strv struct strv env = {0};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, rc;
	sigset_t none;

	project_environ(p, &env);
	if (make_ends(in, out, err, e) < 0) {
		close_ends(in);
		close_ends(out);
		close_ends(err);
		return -1;
	}
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawn_file_actions_adddup2(&fa, in[0], 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out[1], 1);
	(void)posix_spawn_file_actions_adddup2(&fa, err[1], 2);
	(void)posix_spawn_file_actions_addchdir_np(&fa, p->working_dir);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(&c->pid, path, &fa, &attr, argv, strv_null(&env));
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&fa);
	mem_closep(&in[0]);
	mem_closep(&out[1]);
	mem_closep(&err[1]);
	*c = (struct child){ .pid = c->pid, .in = in[1], .out = out[0], .err = err[0] };
	if (rc == 0)
		return 0;
	close_ends((int[2]){ c->in, c->out });
	mem_closep(&c->err);
	return err_set(e, ERR_SYS, rc, "run %s", path);
}

/* ret: exit status, 128 + signal */
static int reap(struct child *c)
{
	int status = 0;

	mem_closep(&c->in);
	mem_closep(&c->out);
	mem_closep(&c->err);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- what it can do: PROGRAM compose metadata ------------------------------------------------------------------------ */

/* ret: the answer, NULL when it has none: then it takes every option, and knows up and down only */
static json_t *metadata(const struct project *p, const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)"compose", (char *)(uintptr_t)"metadata", NULL };
	const int64_t end = sys_mono_ns() + METADATA_MS * 1000000LL;
	auto_str struct str text = STR_MAX(METADATA_MAX);
	auto_err struct err ignored = {0};
	struct child c;
	json_t *j = NULL;
	bool over = false;

	if (spawn(path, p, argv, &c, &ignored) < 0)
		return NULL;
	mem_closep(&c.in);
	c.in = -1;
	while (!over && !text.over) {
		struct pollfd f = { .fd = c.out, .events = POLLIN };
		char buf[4096];
		ssize_t n = 0;

		if (sys_mono_ns() > end || poll(&f, 1, LOOK_MS) < 0 || (f.revents && (n = read(c.out, buf, sizeof(buf))) <= 0))
			over = true;
		else
			str_addn(&text, buf, (size_t)n);
	}
	if (sys_mono_ns() > end || text.over)
		(void)kill(c.pid, SIGKILL);
	if (reap(&c) == 0 && json_parse(str_cstr(&text), text.len, path, &j, &ignored) == 0 && json_is_object(j))
		return j;
	json_decref(j);
	return NULL;
}

/* ret: the row of parameter key, NULL: not listed */
static const json_t *parameter(const json_t *list, const char *key)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (str_eq(json_str(v, "name", ""), key))
			return v;
	return NULL;
}

static bool has_option(const struct service *s, const char *key)
{
	for (size_t i = 0; i < s->provider->options.n; i++)
		if (str_eq(s->provider->options.v[i].key, key))
			return true;
	return false;
}

/* list: parameters of the verb; NULL: whatever the file has. ret: 0 with args grown, -1 with e */
static int options(const struct service *s, const json_t *list, struct strv *args, struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_true(json_object_get(v, "required")) && !has_option(s, json_str(v, "name", ""))) {
			err_set(e, ERR_MODEL, 0, "provider \"%s\" needs the option \"%.100s\"", s->provider->type, json_str(v, "name", ""));
			return at_provider(s, e);
		}
	for (i = 0; i < s->provider->options.n; i++) {
		const struct pkv *o = &s->provider->options.v[i];

		if (!list || parameter(list, o->key))
			strv_take(args, xasprintf("--%s=%s", o->key, o->val ? o->val : ""));
	}
	return 0;
}

/* ---- the talk -------------------------------------------------------------------------------------------------------- */

struct talk {
	const struct service *s;
	const struct provider_calls *calls;
	struct child c;
	struct str out, err;            /* lines that are not whole yet */
	struct err *e;
};

static int wrong(struct talk *t, const char *what)
{
	auto_free char *clean = str_printable(what);

	err_set(t->e, ERR_SYS, 0, "provider \"%s\" answered what cannot be understood: %.200s", t->s->provider->type, clean);
	return -1;
}

static int send_config(struct talk *t)
{
	auto_json json_t *j = service_config(t->s);
	auto_free char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS), *line = xasprintf("%s\n", text ? text : "{}");
	size_t len = strlen(line), off = 0;
	ssize_t n = 1;

	for (; off < len && n > 0; off += n > 0 ? (size_t)n : 0)
		n = send(t->c.in, line + off, len - off, MSG_NOSIGNAL);
	if (off < len)
		return wrong(t, "it asked for its configuration and did not read it");
	return 0;
}

static int variable(struct talk *t, const char *text, bool raw)
{
	const char *eq = strchr(text, '=');
	auto_free char *key = eq ? xstrndup(text, (size_t)(eq - text)) : NULL;

	if (!eq || eq == text)
		return wrong(t, text);
	t->calls->give(t->calls->arg, key, eq + 1, raw);
	return 0;
}

static int message(struct talk *t, const char *line)
{
	auto_err struct err ignored = {0};
	auto_json json_t *j = NULL;
	const char *type, *text;
	auto_free char *clean = NULL;

	if (!*line)
		return 0;
	if (json_parse(line, strlen(line), "answer", &j, &ignored) < 0 || !json_is_object(j))
		return wrong(t, line);
	type = json_str(j, "type", "");
	text = json_str(j, "message", "");
	clean = str_printable(text);
	if (str_eq(type, "error"))
		return err_set(t->e, ERR_SYS, 0, "%.2000s", *clean ? clean : "it failed");
	if (str_eq(type, "setenv") || str_eq(type, "rawsetenv"))
		return variable(t, text, *type == 'r');
	if (str_eq(type, "get-service-config"))
		return send_config(t);
	if (str_eq(type, "info"))
		t->calls->info(t->calls->arg, clean);
	else if (str_eq(type, "debug"))
		t->calls->line(t->calls->arg, clean);
	else
		return wrong(t, line);
	return 0;
}

static int complaint(struct talk *t, const char *line)
{
	auto_free char *clean = str_printable(line);

	if (*clean)
		t->calls->line(t->calls->arg, clean);
	return 0;
}

/* ret: 1 more to come, 0 at its end, -1 with e */
static int take(struct talk *t, int *fd, struct str *b, int (*whole)(struct talk *, const char *))
{
	char buf[4096];
	ssize_t n = read(*fd, buf, sizeof(buf));
	int r = 1;

	if (n < 0 && errno == EINTR)
		return 1;
	for (ssize_t i = 0; i < n && r > 0; i++) {
		if (buf[i] != '\n' && buf[i])
			str_addc(b, buf[i]);
		if (b->over)
			return wrong(t, "a line without end");
		if (buf[i] == '\n') {
			r = whole(t, str_cstr(b)) < 0 ? -1 : 1;
			str_clear(b);
		}
	}
	if (n > 0)
		return r;
	mem_closep(fd);
	*fd = -1;
	return b->len && whole(t, str_cstr(b)) < 0 ? -1 : 0;
}

/* Until it has closed its output. Ctrl-C ends it. */
static int hear(struct talk *t)
{
	bool told = false;
	int r = 0;

	while (t->c.out >= 0 && r >= 0) {
		struct pollfd p[2] = { { .fd = t->c.out, .events = POLLIN }, { .fd = t->c.err, .events = POLLIN } };

		if (poll(p, 2, LOOK_MS) < 0 && errno != EINTR)
			return err_set(t->e, ERR_SYS, errno, "listen to a provider");
		if (intr_count() && !told) {
			told = true;
			(void)kill(t->c.pid, SIGTERM);
		}
		if (p[1].revents)
			(void)take(t, &t->c.err, &t->err, complaint);
		if (p[0].revents)
			r = take(t, &t->c.out, &t->out, message);
	}
	return told ? err_set(t->e, ERR_INTR, 0, "interrupted") : r < 0 ? -1 : 0;
}

static int converse(struct talk *t, const char *path, const struct project *p, char **argv, const char *verb)
{
	int r, code;

	if (spawn(path, p, argv, &t->c, t->e) < 0)
		return -1;
	r = hear(t);
	if (r < 0)
		(void)kill(t->c.pid, SIGKILL);
	code = reap(&t->c);
	if (r == 0 && code)
		r = err_set(t->e, ERR_SYS, 0, "provider \"%s\" could not %s the service: it ended with status %d", t->s->provider->type, verb,
			    code);
	return r;
}

int provider_ask(const struct project *p, const struct service *s, const char *verb, const struct provider_calls *calls, struct err *e)
{
	auto_free char *path = find_or_say(s, e);
	auto_json json_t *meta = path ? metadata(p, path) : NULL;
	const json_t *mine = json_object_get(meta, verb);
	struct talk t = { .s = s, .calls = calls, .out = STR_MAX(LINE_MAX_BYTES), .err = STR_MAX(LINE_MAX_BYTES), .e = e };
	auto_strv struct strv argv = {0};
	int r;

	if (!path)
		return -1;
	if (str_eq(verb, "stop") && !mine)
		return 1;
	strv_add(&argv, path);
	strv_add(&argv, "compose");
	strv_take(&argv, xasprintf("--project-name=%s", p->name));
	strv_add(&argv, verb);
	if (options(s, meta ? json_object_get(mine, "parameters") : NULL, &argv, e) < 0)
		return -1;
	strv_add(&argv, s->name);
	r = converse(&t, path, p, strv_null(&argv), verb);
	str_done(&t.out);
	str_done(&t.err);
	return r < 0 ? at_provider(s, e) : 0;
}
