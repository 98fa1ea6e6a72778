/* SPDX-License-Identifier: Apache-2.0 */
/* pty.c - run a command on a terminal of its own, for tests: usage: pty ROWSxCOLS COMMAND [ARGUMENT...]
 * What comes on standard input is typed, what the terminal shows goes to standard output; a line of input that reads
 * "#size ROWSxCOLS" changes the size, "#until TEXT" waits until TEXT is shown, behind what was waited for before.
 * Ends with the command's status (128 + signal), or 124 when a text does not come. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 120 };

static int master;
static char seen[1 << 16];
static size_t n_seen;                       /* not looked through yet */

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
	if (n <= 0)
		return 0;
	if (n_seen + (size_t)n > sizeof(seen))
		n_seen = 0;
	memcpy(seen + n_seen, buf, (size_t)n);
	n_seen += (size_t)n;
	return write(1, buf, (size_t)n) == n;
}

static void until(const char *text, size_t n)
{
	time_t end = time(NULL) + PATIENCE_S;
	char *at;

	while ((at = memmem(seen, n_seen, text, n)) == NULL)
		if (time(NULL) > end || !show(50)) {
			fprintf(stderr, "pty: the terminal did not show \"%.*s\"\n", (int)n, text);
			exit(124);
		}
	at += n;
	n_seen -= (size_t)(at - seen);
	memmove(seen, at, n_seen);
}

static void type(const char *line, size_t n)
{
	if (strncmp(line, "#size ", 6) == 0) {
		resize(line + 6);
	} else if (strncmp(line, "#until ", 7) == 0) {
		until(line + 7, strcspn(line + 7, "\n"));
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
