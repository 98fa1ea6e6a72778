/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/intr.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t count, last;
static int pipe_fd[2] = { -1, -1 };

static void on_signal(int sig)
{
	int saved = errno;

	count++;
	last = sig;
	(void)!write(pipe_fd[1], "", 1);
	errno = saved;
}

void intr_install(void)
{
	const struct sigaction sa = { .sa_handler = on_signal };

	if (pipe_fd[0] >= 0)
		return;
	if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK) < 0)
		abort();
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGHUP, &sa, NULL);
}

int intr_count(void)
{
	return count;
}

int intr_check(struct err *e)
{
	return count ? err_set(e, ERR_INTR, 0, "interrupted") : 0;
}

int intr_fd(void)
{
	return pipe_fd[0];
}

void intr_reset(void)
{
	char buf[64];

	count = 0;
	while (pipe_fd[0] >= 0 && read(pipe_fd[0], buf, sizeof(buf)) > 0)
		;
}

int intr_signal(void)
{
	return last;
}
