/* SPDX-License-Identifier: Apache-2.0 */
/* engine_dry.c - after dry_lock() a process can read, and nothing that it tries changes anything. */
#include "compose/engine/dry.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "tests/tap.h"

static char top[] = "/tmp/ct-dry-XXXXXX";

static int try_open(const char *name, int flags)
{
	auto_free char *path = xasprintf("%s/%s", top, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int try_connect(int family, const void *addr, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : connect(fd, addr, len);

	if (fd >= 0)
		close(fd);
	return r;
}

/* Everything that would act, tried by who has just given it up. ret: a bit for each that came through */
static unsigned try_all(pid_t victim, const struct sockaddr_un *un)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	auto_free char *file = xasprintf("%s/file", top), *other = xasprintf("%s/other", top), *open_dir = xasprintf("%s/open/new", top);
	char *const args[] = { (char *)(uintptr_t)"true", NULL };
	const bool done[] = {
		try_open("file", O_WRONLY | O_TRUNC) == 0, try_open("new", O_WRONLY | O_CREAT) == 0, try_open("", O_TMPFILE | O_RDWR) == 0,
		unlink(file) == 0, rename(file, other) == 0, mkdir(other, 0700) == 0, symlink("x", other) == 0, link(file, other) == 0,
		chmod(file, 0777) == 0, chown(file, 1, 1) == 0, mkdir(open_dir, 0700) == 0, mknod(other, S_IFIFO | 0600, 0) == 0,
		kill(victim, SIGTERM) == 0, try_connect(AF_UNIX, un, sizeof(*un)) == 0, try_connect(AF_INET, &in, sizeof(in)) == 0,
		mount("tmpfs", top, "tmpfs", 0, NULL) == 0, unshare(CLONE_NEWUSER) == 0, mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0,
		execv("/bin/true", args) == 0, open("/dev/null", O_RDWR | O_CLOEXEC) >= 0, setuid(1) == 0, sethostname("x", 1) == 0,
		open("/proc/sys/kernel/hostname", O_WRONLY | O_CLOEXEC) >= 0, setpriority(PRIO_PROCESS, (id_t)victim, -5) == 0,
	};
	unsigned bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(done); i++)
		bits |= done[i] ? 1U << i : 0;
	return bits;
}

static void locked(pid_t victim, const struct sockaddr_un *un, int out)
{
	auto_err struct err e = {0};
	unsigned bits = ~0U;

	if (dry_lock(&e) == 0)
		bits = try_all(victim, un);
	else
		diag("%s", e.frame[0]);
	if (try_open("file", O_RDONLY) < 0)     /* mode 0400, of another user: only the capability reads it */
		bits |= 1U << 31;
	(void)!write(out, &bits, sizeof(bits));
	_exit(0);
}

int main(void)
{
	auto_free char *file = NULL, *dir = NULL;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	unsigned bits = ~0U;
	int p[2], listener;
	pid_t victim, pid;
	struct stat st;

	if (geteuid() != 0) {
		ok(true, "giving up rights # SKIP needs root");
		return done_testing();
	}
	if (!mkdtemp(top) || pipe(p) < 0)
		return 1;
	file = xasprintf("%s/file", top);
	dir = xasprintf("%s/open", top);
	ok(fs_write(AT_FDCWD, file, "before", 6, 0400, false, &(struct err){0}) == 0 && chown(file, 12, 12) == 0, "a file");
	ok(mkdir(dir, 0777) == 0 && chmod(dir, 0777) == 0, "a directory that everybody may write to");
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/socket", top);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(bind(listener, (struct sockaddr *)&un, sizeof(un)) == 0 && listen(listener, 5) == 0 && chmod(un.sun_path, 0777) == 0, "a socket");
	victim = fork();
	if (victim == 0) {
		(void)pause();
		_exit(0);
	}
	pid = fork();
	if (pid == 0)
		locked(victim, &un, p[1]);
	ok(read(p[0], &bits, sizeof(bits)) == sizeof(bits), "it tried");
	(void)waitpid(pid, NULL, 0);
	is_int(bits & ~(1U << 31), 0, "nothing came through");
	ok(!(bits >> 31), "it can read");
	ok(waitpid(victim, NULL, WNOHANG) == 0, "nobody was signalled");
	ok(stat(file, &st) == 0 && st.st_size == 6 && st.st_uid == 12 && (st.st_mode & 0777) == 0400, "the file is as it was");
	ok(rmdir(dir) == 0, "nothing was made");
	(void)kill(victim, SIGKILL);
	(void)waitpid(victim, NULL, 0);
	(void)fs_rm_rf(AT_FDCWD, top);
	return done_testing();
}
