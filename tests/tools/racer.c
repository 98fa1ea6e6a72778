/* SPDX-License-Identifier: Apache-2.0 */
/* racer.c - a hostile process of a container or beside a build: exchanges two names as fast as it can.
 *
 *	racer A B [SECONDS]     RENAME_EXCHANGE of A and B, for ever or that long; ends after an even number of exchanges
 *	racer -p                look for processes of our runtime that have not run their command yet; try to trace them, and to
 *	                        reach their descriptors, root and memory: a line "seen NAME" for each, "BREACH ..." for a success */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int exchange(const char *a, const char *b, double seconds)
{
	double end = now_s() + seconds;

	do {
		for (int i = 0; i < 64; i++)
			if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) < 0 && errno != ENOENT)
				return perror("racer"), 1;
	} while (seconds <= 0 || now_s() < end);
	return 0;
}

/* Is it our runtime before its exec? Its name begins with "compose" then; pid 1 of `init: true` stays so. */
static bool runtime(int pid, char comm[32])
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, comm, 31);
	if (fd >= 0)
		close(fd);
	comm[n > 0 ? n - 1 : 0] = '\0';
	return strncmp(comm, "compose", 7) == 0;
}

static void try_open(int pid, const char *what, int flags)
{
	char comm[32], path[64], c;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	fd = open(path, flags);
	if (fd < 0)
		return;
	if ((flags & O_PATH || read(fd, &c, 1) == 1) && runtime(pid, comm))
		printf("BREACH %s of %s\n", path, comm);
	close(fd);
}

static void look(int pid)
{
	char comm[32], name[16];

	if (!runtime(pid, comm))
		return;
	printf("seen %s\n", comm);
	try_open(pid, "root", O_PATH);
	try_open(pid, "cwd", O_PATH);
	try_open(pid, "exe", O_PATH);
	try_open(pid, "maps", O_RDONLY);
	try_open(pid, "environ", O_RDONLY);
	try_open(pid, "mem", O_RDWR);
	for (int i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "fd/%d", i);
		try_open(pid, name, O_PATH);
	}
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
		if (runtime(pid, comm))
			printf("BREACH ptrace of %s\n", comm);
		/* let it go, alive or dead: its parent waits for it */
		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && waitpid(pid, NULL, __WALL) == pid)
			ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

static _Noreturn void peek(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	for (;;) {
		DIR *d = opendir("/proc");
		struct dirent *e;

		while (d && (e = readdir(d)))
			if (strspn(e->d_name, "0123456789") == strlen(e->d_name) && atoi(e->d_name) != getpid())
				look(atoi(e->d_name));
		if (d)
			closedir(d);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-p"))
		peek();
	if (argc < 3) {
		fputs("usage: racer A B [SECONDS] | racer -p\n", stderr);
		return 2;
	}
	return exchange(argv[1], argv[2], argc > 3 ? strtod(argv[3], NULL) : 0);
}
