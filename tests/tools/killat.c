/* SPDX-License-Identifier: Apache-2.0 */
/* killat.c - SIGKILL a process of the supervisor at its Nth stop for a system call: before one begins or after it is done.
 *
 * usage: killat PID N          that process
 *        killat -f ROLE PID N  the next child of PID whose first argument is "compose: ROLE ..."
 * Writes "ready" when it watches; then "killed PID before|after NR", or "ended PID at COUNT" when it ended by itself, or
 * "detached COUNT" when SIGTERM came first. With N = 0 it only counts. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stop;
static pid_t parent, target;
static const char *role;
static long at, count, nr;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static bool plays(pid_t pid)
{
	char path[40], text[128], want[64];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	(void)snprintf(want, sizeof(want), "compose: %s ", role);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	return !strncmp(text, want, strlen(want));
}

/* ret: true at the entry to a system call, whose number is then in nr */
static bool enters(pid_t pid)
{
	struct __ptrace_syscall_info info = { .op = 0 };

	(void)ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		nr = (long)info.entry.nr;
	return info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* ret: true when all is over */
static bool on_stop(pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		bool entry = enters(pid);

		if (++count == at) {
			(void)kill(pid, SIGKILL);
			printf("killed %d %s %ld\n", pid, entry ? "before" : "after", nr);
			return true;
		}
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC && pid != parent) {
		if (!target && plays(pid))
			target = pid;
		if (pid != target) {
			(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
			return false;
		}
		sig = 0;
	} else if (event) {
		sig = 0;
	}
	(void)ptrace(pid == target ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (void *)(long)sig);
	return false;
}

static void let_go(void)
{
	pid_t all[] = { parent, target };

	for (int i = 0; i < 2; i++) {
		int status;

		if (all[i] <= 0 || ptrace(PTRACE_INTERRUPT, all[i], NULL, NULL) < 0)
			continue;
		if (waitpid(all[i], &status, __WALL) == all[i] && WIFSTOPPED(status))
			(void)ptrace(PTRACE_DETACH, all[i], NULL, NULL);
	}
}

static int watch(void)
{
	while (!stop) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno != EINTR)
			return 1;
		if (pid < 0)
			continue;
		if (WIFSTOPPED(status)) {
			if (on_stop(pid, status))
				break;
		} else if (pid == target || pid == parent) {
			printf("ended %d at %ld\n", pid, count);
			return 1;
		}
	}
	if (stop)
		printf("detached %ld\n", count);
	let_go();
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction act = { .sa_handler = on_term };
	long options = PTRACE_O_TRACESYSGOOD;
	pid_t pid;

	if (argc == 5 && !strcmp(argv[1], "-f")) {
		role = argv[2];
		argv += 2;
	} else if (argc != 3) {
		fputs("usage: killat [-f ROLE] PID N\n", stderr);
		return 2;
	}
	pid = (pid_t)strtol(argv[1], NULL, 10);
	at = strtol(argv[2], NULL, 10);
	*(role ? &parent : &target) = pid;
	if (role)
		options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	(void)sigaction(SIGTERM, &act, NULL);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0) {
		perror("killat: seize");
		return 1;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	return watch();
}
