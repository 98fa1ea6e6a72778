/* SPDX-License-Identifier: Apache-2.0 */
/* reap.c - run a test and keep hold of every process that comes from it, daemons too.
 *
 * usage: reap PROGRAM [ARG...]      exit status: that of PROGRAM
 *
 * It is a child subreaper: what the test leaves behind becomes its child instead of init's.  So the
 * test finds left-over processes below $TEST_REAPER without guessing by names, and whatever is
 * still there when PROGRAM has ended is killed, and nothing else is.  A signal to stop is passed on to
 * PROGRAM, which has five seconds to tidy up. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GIVE_UP_S = 10, GRACE_S = 5 };

/* The parent of a process, or -1. */
static pid_t parent_of(const char *pid)
{
	char path[300], line[512], *p;
	int parent = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) != NULL) {
		p = strrchr(line, ')'); /* the name before it may hold anything */
		if (p == NULL || sscanf(p + 1, " %*c %d", &parent) != 1)
			parent = -1;
	}
	(void)fclose(f);
	return parent;
}

/* Kill our children; their children then become ours. */
static void kill_children(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t self = getpid();

	while (d != NULL && (e = readdir(d)) != NULL)
		if (isdigit((unsigned char)e->d_name[0]) && parent_of(e->d_name) == self)
			(void)kill((pid_t)strtol(e->d_name, NULL, 10), SIGKILL);
	if (d != NULL)
		(void)closedir(d);
}

static void end_all(void)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	time_t end = time(NULL) + GIVE_UP_S;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (pid < 0)
			return;
		if (pid > 0)
			continue;
		if (time(NULL) > end) {
			fprintf(stderr, "reap: a process could not be killed\n");
			return;
		}
		kill_children();
		(void)nanosleep(&pause, NULL);
	}
}

static pid_t start(char **argv, const sigset_t *old)
{
	char text[32];
	pid_t pid;

	(void)snprintf(text, sizeof(text), "%d", getpid());
	(void)setenv("TEST_REAPER", text, 1);
	pid = fork();
	if (pid == 0) {
		(void)sigprocmask(SIG_SETMASK, old, NULL);
		(void)execvp(argv[0], argv);
		fprintf(stderr, "reap: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	return pid;
}

/* Reap whatever ended. ret: true once main_pid has, with its exit status */
static bool reap(pid_t main_pid, int *ret_code)
{
	int status;
	pid_t pid;
	bool over = false;

	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (pid == main_pid) {
			*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			over = true;
		}
	return over;
}

int main(int argc, char **argv)
{
	static const int stops[] = { SIGTERM, SIGINT, SIGHUP, SIGALRM };
	sigset_t set, old;
	pid_t pid;
	int code = 1, sig;

	if (argc < 2) {
		fprintf(stderr, "usage: reap PROGRAM [ARG...]\n");
		return 2;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		sigaddset(&set, stops[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || (pid = start(argv + 1, &old)) < 0) {
		perror("reap");
		return 1;
	}
	for (;;) {
		if (sigwait(&set, &sig) != 0)
			continue;
		if (sig == SIGALRM)
			break;
		if (sig != SIGCHLD) {
			code = 128 + sig;
			(void)kill(pid, sig);
			(void)alarm(GRACE_S);
		} else if (reap(pid, &code)) {
			break;
		}
	}
	end_all();
	return code;
}
