/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"

static char *title;
static size_t title_room;

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve };

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

pid_t sys_clone3(struct clone_args *a)
{
	return (pid_t)syscall(SYS_clone3, a, sizeof(*a));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

uint64_t sys_start_time(pid_t pid)
{
	char path[40], buf[1024], *p;
	auto_close int fd = -1;
	ssize_t n;
	uint64_t v = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || (n = read(fd, buf, sizeof(buf) - 1)) <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')');           /* the name in field 2 may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return 0;
	p[1 + strcspn(p + 1, " ")] = '\0';
	return str_to_u64(p + 1, &v) ? v : 0;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t sys_now_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t sys_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

bool sys_without(const char *feature)
{
	const char *p = getenv("COMPOSE_WITHOUT");
	size_t n = strlen(feature);

	for (; p && *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (!strncmp(p, feature, n) && (p[n] == '\0' || p[n] == ','))
			return true;
	}
	return false;
}

void sys_title_init(int argc, char **argv)
{
	if (argc < 1)
		return;
	title = argv[0];
	title_room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
}

void sys_title(const char *text)
{
	size_t n = strlen(text) < title_room ? strlen(text) : title_room - (title_room > 0);

	if (!title)
		return;
	memset(title, 0, title_room);
	memcpy(title, text, n);         /* NOLINT(bugprone-not-null-terminated-result): NUL all over */
	title[title_room] = '.';        /* not NUL: so the kernel shows the text up to its own NUL, not the empty rest */
}

int sys_hear(int fd, int patience_ms, bool line, struct str *out)
{
	const int64_t end = sys_mono_ns() + patience_ms * 1000000LL;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = (end - sys_mono_ns()) / 1000000;
		char buf[4096];
		bool ended;
		ssize_t n;

		if (left <= 0)
			return -1;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		str_addn(out, buf, (size_t)n);
		ended = line && memchr(buf, '\n', (size_t)n);
		explicit_bzero(buf, sizeof(buf));
		if (out->over || ended)
			return out->over ? -1 : 0;
	}
}
