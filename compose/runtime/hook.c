/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/hook.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"

enum { STDERR_MAX = 2048 };

static const char *const words[SPEC_HOOK_N] = { "prestart", "createRuntime", "createContainer", "startContainer",
	"poststart", "poststop" };

_Noreturn static void run(const struct spec_hook *h, int in, int out)
{
	struct strv args = h->args, env = h->env;
	char *bare[] = { h->path, NULL };
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 2) < 0 || dup2(out, 1) < 0 || close_range(3, ~0U, 0) < 0)
		_exit(126);
	execve(h->path, args.n ? strv_null(&args) : bare, strv_null(&env));
	_exit(127);
}

/* The state fits into a socket's buffer; a hook that does not read it harms nobody. */
static int start(const struct spec_hook *h, const char *state, pid_t *ret_pid, int *ret_out, struct err *e)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	(void)fcntl(in[1], F_SETFL, O_NONBLOCK);
	if (fs_write_all(in[1], state, strlen(state)) < 0 && errno != EAGAIN)
		return err_set(e, ERR_SYS, errno, "write the state");
	*ret_pid = fork();
	if (*ret_pid == 0)
		run(h, in[0], out[1]);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	*ret_out = out[0];
	return *ret_pid < 0 ? err_set(e, ERR_SYS, errno, "start a process") : 0;
}

/* Collect output until the hook has ended. ret: 0, -1 when its time is over */
static int collect(pid_t pid, int out, int timeout_s, char *text)
{
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int64_t until = timeout_s ? sys_mono_ns() + timeout_s * INT64_C(1000000000) : INT64_MAX;
	struct pollfd p[2] = { { pidfd, POLLIN, 0 }, { out, POLLIN, 0 } };
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		int64_t left = until - sys_mono_ns();
		int r = left <= 0 ? 0 : poll(p, 2, timeout_s ? (int)(left / 1000000) + 1 : -1);
		char drop[512];
		ssize_t n;

		if (r == 0)
			return -1;
		if (r < 0 && errno != EINTR)
			return -1;
		if (p[1].revents) {
			n = len < STDERR_MAX - 1 ? read(out, text + len, STDERR_MAX - 1 - len) :
						   read(out, drop, sizeof(drop));
			if (n <= 0)
				p[1].fd = -1;
			else if (len < STDERR_MAX - 1)
				text[len += (size_t)n] = '\0';
		} else if (p[0].revents) {
			return 0;
		}
	}
}

static int run_one(const struct spec_hook *h, const char *state, struct err *e)
{
	char text[STDERR_MAX];
	auto_close int out = -1;
	int status, late;
	pid_t pid = -1;

	if (start(h, state, &pid, &out, e) < 0)
		return -1;
	late = collect(pid, out, h->timeout_s, text);
	if (late < 0)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (late < 0)
		return err_set(e, ERR_SYS, ETIMEDOUT, "it did not end within %d s", h->timeout_s);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return err_set(e, ERR_SYS, 0, "%s %d%s%s", WIFEXITED(status) ? "exit status" : "killed by signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), *text ? ": " : "", text);
}

int hook_run(const struct spec_hooks *h, enum spec_hook_kind kind, const char *state, struct err *e)
{
	for (size_t i = 0; state && i < h->of[kind].n; i++)
		if (run_one(&h->of[kind].v[i], state, e) < 0)
			return err_wrap(e, "%s hook %s", words[kind], h->of[kind].v[i].path);
	return 0;
}

char *hook_state(const char *state, pid_t pid, const char *status)
{
	auto_json json_t *j = json_loads(state, 0, NULL);

	if (!j)
		return xstrdup(state);
	(void)json_object_set_new(j, "pid", json_integer(pid));
	json_put(j, "status", status);
	return json_dumps(j, JSON_COMPACT);
}
