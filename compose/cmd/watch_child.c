/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/watch_child.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/cli/ui.h"

static void each(struct strv *args, const char *option, const struct strv *vals)
{
	for (size_t i = 0; i < vals->n; i++)
		strv_take(args, xasprintf("%s=%s", option, vals->v[i]));
}

static void one(struct strv *args, const char *option, const char *val)
{
	if (val && *val)
		strv_take(args, xasprintf("%s=%s", option, val));
}

/* What stood before our own command, so that it loads the same project. */
static void args_of(struct strv *args, const struct ctx *c, char *const *services, bool quiet)
{
	const struct globals *g = c->g;

	strv_add(args, "compose");
	each(args, "--file", &g->files);
	each(args, "--env-file", &g->env_files);
	each(args, "--profile", &g->profiles);
	one(args, "--project-directory", g->project_dir);
	one(args, "--project-name", c->name);
	one(args, "--root", c->paths.root);
	strv_add(args, ui_colour_err(c->ui) ? "--ansi=always" : "--ansi=never");
	strv_add(args, "--progress=plain");
	if (g->compatibility)
		strv_add(args, "--compatibility");
	strv_add(args, "watch");
	strv_add(args, "--no-up");
	if (quiet)
		strv_add(args, "--quiet");
	for (; services && *services; services++)
		strv_add(args, *services);
}

/* In the child, where only what is safe in a signal handler may be called. It goes when its parent goes. */
static void become(char **args, int null_fd, int out, pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || dup2(null_fd, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		_exit(1);
	(void)execv("/proc/self/exe", args);
	_exit(127);
}

int watch_child_start(struct watch_child *w, const struct ctx *c, char *const *services, bool quiet, struct err *e)
{
	auto_strv struct strv args = {0};
	auto_close int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	auto_close int out = -1;
	pid_t parent = getpid();
	int said[2];

	if (strv_has(&c->g->files, "-")) {
		err_set(e, ERR_USAGE, 0, "a compose file from standard input cannot be watched for: it cannot be read again");
		return err_hint(e, "save it, and name it with -f");
	}
	if (pipe2(said, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	w->fd = said[0];
	out = said[1];
	args_of(&args, c, services, quiet);
	(void)strv_null(&args);
	w->pid = fork();
	if (w->pid == 0)
		become(args.v, null_fd, out, parent);
	if (w->pid < 0) {
		err_set(e, ERR_SYS, errno, "start another process of this program");
		w->pid = 0;
		mem_closep(&w->fd);
		return -1;
	}
	return 0;
}

bool watch_child_tell(const struct watch_child *w)
{
	char buf[16384];
	ssize_t n = read(w->fd, buf, sizeof(buf));

	if (n > 0)
		(void)!write(STDERR_FILENO, buf, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

void watch_child_stop(struct watch_child *w)
{
	mem_closep(&w->fd);              /* it must not wait for us to read */
	if (w->pid > 0) {
		(void)kill(w->pid, SIGTERM);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*w = (struct watch_child)WATCH_CHILD_NONE;
}
