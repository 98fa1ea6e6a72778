/* SPDX-License-Identifier: Apache-2.0 */
/* pty.c - run a command on a terminal of its own, for tests: usage: pty ROWSxCOLS COMMAND [ARGUMENT...]
 * What comes on standard input is typed, what the terminal shows goes to standard output; a line of input that reads
 * "#size ROWSxCOLS" changes the size, "#wait MS" waits.  Ends with the command's status (128 + signal). */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static int master;

static void resize(const char *text)
{
	struct winsize w = {0};

	if (sscanf(text, "%hux%hu", &w.ws_row, &w.ws_col) == 2)
		(void)ioctl(master, TIOCSWINSZ, &w);
}

/* Show what the terminal says for ms milliseconds, or until it is closed (ms < 0). ret: 0 when it is closed */
static int show(int ms)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	char buf[4096];
	int n = poll(&p, 1, ms);

	if (n <= 0)
		return n == 0 || errno == EINTR;
	n = (int)read(master, buf, sizeof(buf));
	return n > 0 && write(1, buf, (size_t)n) == n;
}

static void type(const char *line, size_t n)
{
	long left;

	if (strncmp(line, "#size ", 6) == 0) {
		resize(line + 6);
	} else if (strncmp(line, "#wait ", 6) == 0) {
		for (left = strtol(line + 6, NULL, 10); left > 0; left -= 20)
			if (!show(20))
				return;
			else
				usleep(20000);
	} else if (write(master, line, n) < 0) {
		return;
	}
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = forkpty(&master, NULL, NULL, NULL);
	if (pid < 0)
		return 125;
	if (pid == 0) {
		struct winsize w = {0};

		if (sscanf(argv[1], "%hux%hu", &w.ws_row, &w.ws_col) == 2)
			(void)ioctl(0, TIOCSWINSZ, &w);
		signal(SIGINT, SIG_DFL);
		signal(SIGQUIT, SIG_DFL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while ((n = getline(&line, &cap, stdin)) > 0)
		type(line, (size_t)n);
	free(line);
	while (show(-1))
		;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
