/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/pid1.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "compose/base/sys.h"

void pid1_block(void)
{
	sigset_t all;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

void pid1_child(void)
{
	sigset_t none;

	(void)setpgid(0, 0);
	if (isatty(0))
		(void)tcsetpgrp(0, getpid());        /* SIGTTOU is still blocked */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Reap everything that has ended. ret: child's exit status, -1 while it lives */
static int reap(pid_t child)
{
	int status, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == child)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return code;
}

_Noreturn void pid1_run(pid_t child)
{
	sigset_t all;
	int sig, code;

	(void)prctl(PR_SET_NAME, "compose-init", 0, 0, 0);
	sys_title("compose-init");
	(void)close_range(0, ~0U, 0);
	sigfillset(&all);
	for (;;) {
		sig = sigwaitinfo(&all, NULL);
		if (sig < 0 && errno != EINTR)
			_exit(255);
		if (sig == SIGCHLD) {
			code = reap(child);
			if (code >= 0)
				_exit(code);
		} else if (sig > 0 && sig != SIGTTIN && sig != SIGTTOU) {
			(void)kill(child, sig);
		}
	}
}
