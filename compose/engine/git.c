/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/git.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { OUT_MAX = 1 << 20, PATIENCE_S = 600 };
#define FILE_MAX ((rlim_t)2 << 30)

extern char **environ;

/* One run. work: NULL where no files are written */
struct run {
	const struct giturl *u;
	const char *git_dir, *work;
	struct str out, said;
};

static const char *program(void)
{
	static const char *const paths[] = {"/usr/local/bin/git", "/usr/bin/git", "/bin/git"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	return NULL;
}

/* Of the user's own GIT_ variables those stay that say how to reach a server; others would name another repository. */
static bool inherits(const char *kv)
{
	static const char *const kept[] = {"GIT_SSH",	"GIT_SSL_",	      "GIT_ASKPASS=",	     "GIT_PROXY_",
					   "GIT_HTTP_", "GIT_CONFIG_GLOBAL=", "GIT_TERMINAL_PROMPT="};

	if (!str_starts(kv, "GIT_"))
		return !str_starts(kv, "LC_ALL=") && !str_starts(kv, "LANGUAGE=");
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (str_starts(kv, kept[i]))
			return true;
	return false;
}

/* Settings go through the environment, which other users cannot read: the address may hold a token. */
static void setting(struct strv *env, unsigned *n, const char *key, const char *val)
{
	strv_take(env, xasprintf("GIT_CONFIG_KEY_%u=%s", *n, key));
	strv_take(env, xasprintf("GIT_CONFIG_VALUE_%u=%s", (*n)++, val));
}

static void environment(const struct run *r, struct strv *env)
{
	unsigned n = 0;

	for (char **kv = environ; *kv; kv++)
		if (inherits(*kv))
			strv_add(env, *kv);
	if (!getenv("GIT_TERMINAL_PROMPT"))
		strv_add(env, "GIT_TERMINAL_PROMPT=0");
	if (!getenv("GIT_SSH") && !getenv("GIT_SSH_COMMAND"))
		strv_add(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes");
	strv_add(env, "LC_ALL=C");
	strv_add(env, "GIT_ALLOW_PROTOCOL=https:http:ssh:git");
	strv_add(env, "GIT_LFS_SKIP_SMUDGE=1");
	if (r->git_dir)
		strv_take(env, xasprintf("GIT_DIR=%s", r->git_dir));
	if (r->work)
		strv_take(env, xasprintf("GIT_WORK_TREE=%s", r->work));
	setting(env, &n, "remote.origin.url", r->u->url);
	setting(env, &n, "core.hooksPath", "/dev/null");
	setting(env, &n, "core.fsmonitor", "false");
	setting(env, &n, "core.attributesFile", "/dev/null");
	setting(env, &n, "submodule.recurse", "false");
	setting(env, &n, "fetch.recurseSubmodules", "false");
	setting(env, &n, "gc.auto", "0");
	setting(env, &n, "maintenance.auto", "false");
	setting(env, &n, "http.lowSpeedLimit", "100");
	setting(env, &n, "http.lowSpeedTime", "60");
	setting(env, &n, "advice.detachedHead", "false");
	strv_take(env, xasprintf("GIT_CONFIG_COUNT=%u", n));
}

/* The limit on the size of a file is inherited; ours is put back at once. */
static int spawn(const char *path, char *const argv[], char *const env[], int out, int said, pid_t *ret)
{
	struct rlimit old, capped;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, dflt;
	int rc, limited = getrlimit(RLIMIT_FSIZE, &old);

	capped = old;
	if (limited == 0 && (old.rlim_cur == RLIM_INFINITY || old.rlim_cur > FILE_MAX)) {
		capped.rlim_cur = FILE_MAX;
		limited = setrlimit(RLIMIT_FSIZE, &capped);
	}
	(void)sigemptyset(&none);
	(void)sigemptyset(&dflt);
	(void)sigaddset(&dflt, SIGPIPE);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out, 1);
	(void)posix_spawn_file_actions_adddup2(&fa, said, 2);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &dflt);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(ret, path, &fa, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&fa);
	if (limited == 0)
		(void)setrlimit(RLIMIT_FSIZE, &old);
	return rc;
}

/* ret: 1 more may come, 0 the end, -1 too long or broken */
static int take_some(int fd, struct str *to, bool cut)
{
	char buf[8192];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR ? 1 : -1;
	if (!to->over)
		str_addn(to, buf, (size_t)n);
	return n == 0 ? 0 : to->over && !cut ? -1 : 1;
}

/* ret: 0 when both have ended, -1 when it takes too long or says too much */
static int listen_to(struct run *r, int out, int said)
{
	const int64_t end = sys_mono_ns() + PATIENCE_S * 1000000000LL;
	struct pollfd p[2] = {{.fd = out, .events = POLLIN}, {.fd = said, .events = POLLIN}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int64_t left = (end - sys_mono_ns()) / 1000000;

		if (left <= 0)
			return -1;
		if (poll(p, 2, (int)left) <= 0)
			continue;
		for (int i = 0; i < 2; i++) {
			int more = p[i].fd >= 0 && p[i].revents ? take_some(p[i].fd, i ? &r->said : &r->out, i) : 1;

			if (more < 0)
				return -1;
			if (!more)
				p[i].fd = -1;
		}
	}
	return 0;
}

/* What git said, for a person: its last line, without the secret. ret: caller frees; "" when it said nothing */
static char *last_words(const struct run *r)
{
	auto_free char *clean = str_printable(str_cstr(&r->said));
	struct str out = {0};
	char *line = clean, *at;
	size_t n = r->u->secret ? strlen(r->u->secret) : 0;

	for (char *l = strtok_r(clean, "\n", &at); l; l = strtok_r(NULL, "\n", &at))
		line = l;
	for (const char *hit; n && (hit = strstr(line, r->u->secret)); line = (char *)(uintptr_t)hit + n)
		str_addn(&out, line, (size_t)(hit - line));
	str_addf(&out, "%.300s", line);
	return str_take(&out);
}

static int failed(const struct run *r, const char *what, struct err *e)
{
	auto_free char *words = last_words(r);

	return err_set(e, ERR_NET, 0, "git could not %s of %s%s%s", what, r->u->shown, *words ? ": " : "", words);
}

/* ret: git's exit status, or -1 */
static int git(struct run *r, const char *const *args, struct err *e)
{
	const char *path = program();
	auto_strv struct strv argv = {0}, env = {0};
	auto_close int out0 = -1, said0 = -1;
	int out[2], said[2], rc, status = 0;
	pid_t pid;

	if (!path) {
		err_set(e, ERR_MISSING, 0, "git is not installed, and %s is a git repository", r->u->shown);
		return err_hint(e, "install the package git, or fetch the files yourself");
	}
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "pipe");
	out0 = out[0];
	if (pipe2(said, O_CLOEXEC) < 0) {
		rc = err_set(e, ERR_SYS, errno, "pipe");
		close(out[1]);
		return rc;
	}
	said0 = said[0];
	strv_add(&argv, "git");
	for (; *args; args++)
		strv_add(&argv, *args);
	environment(r, &env);
	rc = spawn(path, strv_null(&argv), strv_null(&env), out[1], said[1], &pid);
	close(out[1]);
	close(said[1]);
	for (size_t i = 0; i < env.n; i++)
		explicit_bzero(env.v[i], strlen(env.v[i]));
	if (rc)
		return err_set(e, ERR_SYS, rc, "run %s", path);
	rc = listen_to(r, out0, said0);
	if (rc < 0)
		(void)kill(pid, SIGTERM); /* it ends its helpers itself */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (rc < 0)
		return err_set(e, ERR_NET, 0, "git took more than %d s over %s, or said too much", PATIENCE_S,
			       r->u->shown);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void run_done(struct run *r)
{
	str_done(&r->out);
	str_done(&r->said);
}

/* ---- which commit */

/* The id in front of the line whose name is prefix + ref + suffix. */
static bool pick(const char *lines, const char *prefix, const char *ref, const char *suffix, char commit[COMMIT_SIZE])
{
	auto_free char *want = xasprintf("%s%s%s", prefix, ref, suffix);

	for (const char *l = lines; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		size_t id = strcspn(l, "\t\n"), n = l[id] == '\t' ? strcspn(l + id + 1, "\n") : 0;

		if (n != strlen(want) || strncmp(l + id + 1, want, n) != 0 || id >= COMMIT_SIZE)
			continue;
		(void)snprintf(commit, COMMIT_SIZE, "%.*s", (int)id, l);
		if (giturl_is_commit(commit))
			return true;
	}
	return false;
}

int git_resolve(const struct giturl *u, char commit[COMMIT_SIZE], struct err *e)
{
	struct run r = {.u = u, .git_dir = "/dev/null", .out = STR_MAX(OUT_MAX), .said = STR_MAX(16 << 10)};
	auto_free char *peeled = xasprintf("%s^{}", u->ref);
	const char *const args[] = {"ls-remote", "--quiet", "--", "origin", u->ref, peeled, NULL};
	int rc;

	if (giturl_is_commit(u->ref)) {
		(void)snprintf(commit, COMMIT_SIZE, "%s", u->ref);
		return 0;
	}
	rc = git(&r, args, e);
	if (rc > 0) {
		rc = failed(&r, "list the branches", e);
	} else if (rc == 0) {
		const char *lines = str_cstr(&r.out);

		if (!pick(lines, "", u->ref, "", commit) && !pick(lines, "refs/heads/", u->ref, "", commit) &&
		    !pick(lines, "refs/tags/", u->ref, "^{}", commit) && !pick(lines, "refs/tags/", u->ref, "", commit))
			rc = err_set(e, ERR_MISSING, 0, "%s has no branch or tag %s", u->shown, u->ref);
	}
	run_done(&r);
	return rc;
}

/* ---- its files */

/* The repository's own attributes could name filters; these win over them. */
static int no_filters(const char *git_dir, struct err *e)
{
	static const char text[] = "* -filter -ident -working-tree-encoding\n";
	auto_free char *dir = xasprintf("%s/info", git_dir), *path = xasprintf("%s/attributes", dir);

	if (fs_mkdir_p(dir, 0700) < 0)
		return err_set(e, ERR_SYS, errno, "make the directory %s", dir);
	return fs_write(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

int git_checkout(const struct giturl *u, const char *commit, const char *git_dir, const char *work, struct err *e)
{
	const char *const init[] = {"init", "--quiet", "--template=", NULL};
	const char *const fetch[] = {"fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head",
				     "--",    "origin",	 commit,      NULL};
	const char *const checkout[] = {"checkout", "--quiet", "--force", "--detach", commit, "--", NULL};
	const struct {
		const char *const *args;
		const char *what;
	} step[] = {
		{init, "begin with a copy"},
		{fetch, "fetch the commit"},
		{checkout, "write the files"},
	};

	for (size_t i = 0; i < ARRAY_LEN(step); i++) {
		struct run r = {
			.u = u, .git_dir = git_dir, .work = work, .out = STR_MAX(OUT_MAX), .said = STR_MAX(16 << 10)};
		int rc = git(&r, step[i].args, e);

		if (rc > 0)
			rc = failed(&r, step[i].what, e);
		run_done(&r);
		if (rc < 0 || (i == 0 && no_filters(git_dir, e) < 0))
			return -1;
	}
	return 0;
}
