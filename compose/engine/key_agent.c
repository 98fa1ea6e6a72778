/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/key_agent.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { KEY_MAX = 100 << 10, PATIENCE_MS = 30000, SAID_MAX = 4096 };

struct key_agent {
	struct store *store;
	char *dir_name, *socket;
	int   dir;                        /* -1: none */
	pid_t pid;                        /* 0: does not run */
};

static const char *program(const char *const paths[2], const char *name, struct err *e)
{
	for (size_t i = 0; i < 2; i++)
		if (access(paths[i], X_OK) == 0)
			return paths[i];
	err_set(e, ERR_MISSING, 0, "%s is not installed", name);
	err_hint(e, "install the package openssh-client, or give the socket of an agent that runs");
	return NULL;
}

/* Start a program in the agent's directory, without terminal, set-group-id rights or our signals; it dies when this
 * thread does. Between fork and exec only what is safe with other threads about. ret: its pid, or -1 with errno */
static pid_t start(const struct key_agent *k, const char *path, const char *const *argv, int in, int out)
{
	static const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "SSH_AUTH_SOCK=agent",
					   "SSH_ASKPASS_REQUIRE=never", NULL };
	const pid_t parent = getpid();
	sigset_t none;
	pid_t pid;

	(void)sigemptyset(&none);
	pid = fork();
	if (pid != 0)
		return pid;
	(void)signal(SIGPIPE, SIG_DFL);
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    fchdir(k->dir) < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0 ||
	    sigprocmask(SIG_SETMASK, &none, NULL) < 0 || getppid() != parent)
		_exit(127);
	(void)execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
	_exit(127);
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Its first line comes when it listens. */
static int start_agent(struct key_agent *k, struct err *e)
{
	static const char *const paths[2] = { "/usr/local/bin/ssh-agent", "/usr/bin/ssh-agent" };
	static const char *const argv[] = { "ssh-agent", "-D", "-s", "-a", "agent", NULL };
	const char *path = program(paths, "ssh-agent", e);
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC), from = -1;
	auto_str struct str said = STR_MAX(SAID_MAX);
	auto_free char *clean = NULL;
	int out[2];

	if (!path)
		return -1;
	if (null < 0 || pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "start ssh-agent");
	from = out[0];
	k->pid = start(k, path, argv, null, out[1]);
	close(out[1]);
	if (k->pid < 0) {
		k->pid = 0;
		return err_set(e, ERR_SYS, errno, "start ssh-agent");
	}
	if (sys_hear(from, PATIENCE_MS, true, &said) == 0 && str_starts(str_cstr(&said), "SSH_AUTH_SOCK="))
		return 0;
	clean = str_printable(str_cstr(&said));
	clean[strcspn(clean, "\n")] = '\0';
	return err_set(e, ERR_SYS, 0, "ssh-agent does not start%s%s", *clean ? ": " : "", clean);
}

/* The last line it said, without its own file name for standard input. */
static int refused(const char *file, const struct str *said, struct err *e)
{
	auto_free char *clean = str_printable(str_cstr(said));
	size_t n = strlen(clean);
	const char *last;

	while (n && clean[n - 1] == '\n')
		clean[--n] = '\0';
	last = strrchr(clean, '\n') ? strrchr(clean, '\n') + 1 : clean;
	if (strstr(clean, "passphrase")) {
		err_set(e, ERR_MODEL, 0, "the key %s has a passphrase", file);
		return err_hint(e, "add it to an agent with `ssh-add %s`, and give that agent's socket", file);
	}
	return err_set(e, ERR_MODEL, 0, "ssh-add does not take %s%s%s", file, *last ? ": " : "", last);
}

static int add_key(const struct key_agent *k, const char *path, const char *file, struct err *e)
{
	static const char *const argv[] = { "ssh-add", "-q", "-", NULL };
	auto_close int key = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), from = -1;
	auto_str struct str said = STR_MAX(SAID_MAX);
	struct stat st;
	int out[2], late;
	pid_t pid;

	if (key < 0 || fstat(key, &st) < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open %s", file);
	if (!S_ISREG(st.st_mode) || st.st_size > KEY_MAX)
		return err_set(e, ERR_MODEL, 0, "%s is neither a socket nor a file with a key", file);
	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "start ssh-add");
	from = out[0];
	pid = start(k, path, argv, key, out[1]);
	close(out[1]);
	if (pid < 0)
		return err_set(e, ERR_SYS, errno, "start ssh-add");
	late = sys_hear(from, PATIENCE_MS, false, &said);
	if (late)
		(void)kill(pid, SIGKILL);
	return reap(pid) == 0 ? 0 : refused(file, &said, e);
}

static int fill(struct key_agent *k, const struct strv *files, struct err *e)
{
	static const char *const paths[2] = { "/usr/local/bin/ssh-add", "/usr/bin/ssh-add" };
	const char *path = program(paths, "ssh-add", e);

	for (size_t i = 0; path && i < files->n; i++)
		if (add_key(k, path, files->v[i], e) < 0)
			return -1;
	return path ? 0 : -1;
}

int key_agent_start(struct key_agent **ret, struct store *store, const struct strv *files, struct err *e)
{
	struct key_agent *k;

	if (store_pin(store, e) < 0)              /* nobody sweeps the directory */
		return -1;
	k = xcalloc(1, sizeof(*k));
	k->store = store;
	k->dir = store_tmp_dir(store, &k->dir_name, e);
	if (k->dir >= 0)
		k->socket = xasprintf("/proc/self/fd/%d/agent", k->dir);
	if (k->dir < 0 || start_agent(k, e) < 0 || fill(k, files, e) < 0) {
		key_agent_stop(k);
		return -1;
	}
	*ret = k;
	return 0;
}

const char *key_agent_socket(const struct key_agent *k)
{
	return k->socket;
}

void key_agent_stop(struct key_agent *k)
{
	if (!k)
		return;
	if (k->pid) {
		(void)kill(k->pid, SIGKILL);      /* its keys are in its memory only, and its socket goes below */
		(void)reap(k->pid);
	}
	if (k->dir_name)
		(void)fs_rm_rf(store_layers_fd(k->store), k->dir_name);
	mem_closep(&k->dir);
	store_unpin(k->store);
	free(k->dir_name);
	free(k->socket);
	free(k);
}
