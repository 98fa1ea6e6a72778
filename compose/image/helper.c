/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/helper.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { ANSWER_MAX = 64 << 10, PATIENCE_MS = 30000 };

extern char **environ;

/* Only root or the user may have written what runs with the user's rights. */
static bool trusted(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       !(st.st_mode & 022) && access(path, X_OK) == 0;
}

static char *find(const char *name)
{
	static const char *const dirs[] = {"/usr/local/bin", "/usr/bin", "/bin", "/usr/local/libexec", "/usr/libexec"};

	if (*name == '/')
		return trusted(name) ? xstrdup(name) : NULL;
	if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != strlen(name))
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		auto_free char *path = xasprintf("%s/docker-credential-%s", dirs[i], name);

		if (trusted(path))
			return take_ptr(path);
	}
	return NULL;
}

static int spawn(const char *path, int in, int out, pid_t *ret)
{
	char *const argv[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)"get", NULL };
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawn_file_actions_adddup2(&fa, in, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, out, 1);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	rc = posix_spawn(ret, path, &fa, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&fa);
	return rc;
}

/* ret: exit status, or -1 */
static int converse(const char *path, const char *server, struct str *out, struct err *e)
{
	int in[2], back[2], rc, status = 0;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "pipe");
	if (pipe2(back, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return err_set(e, ERR_SYS, errno, "pipe");
	}
	rc = spawn(path, in[0], back[1], &pid);
	close(in[0]);
	close(back[1]);
	if (rc == 0)
		(void)!fs_write_all(in[1], server, strlen(server));      /* shorter than a pipe: no SIGPIPE loop */
	close(in[1]);
	if (rc == 0) {
		rc = sys_hear(back[0], PATIENCE_MS, false, out);
		if (rc < 0)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	} else {
		close(back[0]);
		return err_set(e, ERR_SYS, rc, "run %s", path);
	}
	close(back[0]);
	if (rc < 0)
		return err_set(e, ERR_SYS, 0, "%s gave no answer within %d s, or too long a one", path,
			       PATIENCE_MS / 1000);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int read_creds(const struct str *out, const char *path, char **ret_user, char **ret_secret, struct err *e)
{
	auto_json json_t *j = NULL;

	if (json_parse(str_cstr(out), out->len, path, &j, e) < 0)
		return -1;
	if (!json_str(j, "Username", NULL) || !json_str(j, "Secret", NULL))
		return err_set(e, ERR_SYS, 0, "%s: the answer has no Username and Secret", path);
	*ret_user = xstrdup(json_str(j, "Username", NULL));
	*ret_secret = xstrdup(json_str(j, "Secret", NULL));
	return 0;
}

int helper_get(const char *name, const char *server, char **ret_user, char **ret_secret, struct err *e)
{
	auto_free char *path = find(name), *said = NULL;
	auto_str struct str out = STR_MAX(ANSWER_MAX);
	int rc;

	if (!path) {
		auto_free char *shown = str_printable(name);

		err_set(e, ERR_MISSING, 0, "no credential helper docker-credential-%.60s", shown);
		return err_hint(e,
				"install it in /usr/local/bin or /usr/bin, owned by root and not writable by others");
	}
	rc = converse(path, server, &out, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		rc = read_creds(&out, path, ret_user, ret_secret, e);
	else if (strstr(str_cstr(&out), "credentials not found"))
		rc = 1;
	else {
		said = str_printable(str_cstr(&out));
		rc = err_set(e, ERR_DENIED, 0, "%s: %.200s", path, *said ? said : "it failed");
	}
	if (out.s)
		explicit_bzero(out.s, out.len);
	return rc;
}
