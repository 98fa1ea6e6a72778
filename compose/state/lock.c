/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/lock.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { HOLDER_MAX = 256 };

/* The kernel answers who holds such a lock without taking it, so a command that only looks disturbs nobody. */
static const struct flock whole_file = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

static int open_file(const struct paths *p, const char *project, const char *name, bool make)
{
	auto_free char *rel = xasprintf("projects/%s", project);
	auto_close int dir = paths_dir(p->run_fd, rel, make);

	if (dir < 0)
		return -1;
	return openat(dir, name, (make ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* "pid 812 (compose up -d)", or "another command" when the file does not say yet */
static char *holder(int fd)
{
	char buf[HOLDER_MAX + 1];
	ssize_t n = pread(fd, buf, HOLDER_MAX, 0);
	char *space;

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	space = strchr(buf, ' ');
	if (!space)
		return xstrdup("another command");
	*space = '\0';
	return xasprintf("pid %s (compose %s)", buf, space + 1);
}

static void sign(int fd, const char *command)
{
	auto_free char *line = xasprintf("%d %.*s\n", (int)getpid(), HOLDER_MAX - 16, command);

	if (ftruncate(fd, 0) < 0 || pwrite(fd, line, strlen(line), 0) < 0)
		return;         /* the name is a courtesy; the lock is held all the same */
}

static int busy(int fd, const char *project, const char *name, struct err *e)
{
	auto_free char *who = holder(fd);

	if (str_eq(name, "watch")) {
		err_set(e, ERR_CONFLICT, 0, "project %s is watched already, by %s", project, who);
		return err_hint(e, "one `watch` per project is enough");
	}
	err_set(e, ERR_CONFLICT, 0, "project %s is being changed by %s", project, who);
	return err_hint(e, "wait until it has finished, or end it");
}

/* A holder removes the file when it lets go: a lock on a file that is no longer there is worth nothing. */
static bool still_there(const struct paths *p, const char *project, const char *name, int fd)
{
	auto_free char *rel = xasprintf("projects/%s/%s", project, name);
	struct stat mine, theirs;

	return fstat(fd, &mine) == 0 && fstatat(p->run_fd, rel, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == theirs.st_ino && mine.st_dev == theirs.st_dev;
}

static bool is_held(const struct paths *p, const char *project, const char *name)
{
	auto_close int fd = open_file(p, project, name, false);
	struct flock ask = whole_file;

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &ask) == 0 && ask.l_type != F_UNLCK;
}

/* ret: 0 with *ret_fd; 1 when the file went away meanwhile; -1 with e */
static int lock_once(const struct paths *p, const char *project, const char *name, bool wait, int *ret_fd, struct err *e)
{
	auto_close int fd = open_file(p, project, name, true);
	struct flock whole = whole_file;

	if (fd < 0)             /* ENOENT: a holder removed the directory between our two calls */
		return errno == ENOENT ? 1 : err_set(e, ERR_SYS, errno, "open the lock of project %s", project);
	while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return busy(fd, project, name, e);
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "lock project %s", project);
		if (intr_check(e) < 0)
			return -1;
	}
	if (!still_there(p, project, name, fd))
		return 1;
	*ret_fd = take_fd(fd);
	return 0;
}

static int lock_named(const struct paths *p, const char *project, const char *name, const char *command, bool wait, int *ret_fd,
		      struct err *e)
{
	int fd = -1, r;

	do {
		r = lock_once(p, project, name, wait, &fd, e);
	} while (r == 1);
	if (r < 0)
		return -1;
	sign(fd, command);
	*ret_fd = fd;
	return 0;
}

int lock_project(const struct paths *p, const char *project, const char *command, bool wait, int *ret_fd, struct err *e)
{
	return lock_named(p, project, "lock", command, wait, ret_fd, e);
}

bool lock_is_held(const struct paths *p, const char *project)
{
	return is_held(p, project, "lock");
}

int lock_watch(const struct paths *p, const char *project, int *ret_fd, struct err *e)
{
	return lock_named(p, project, "watch", "watch", false, ret_fd, e);
}

static void release(const struct paths *p, const char *project, const char *name, int fd)
{
	auto_free char *dir = xasprintf("projects/%s", project), *file = xasprintf("%s/%s", dir, name);

	if (fd < 0)
		return;
	(void)unlinkat(p->run_fd, file, 0);
	(void)unlinkat(p->run_fd, dir, AT_REMOVEDIR);
	close(fd);
}

void lock_project_release(const struct paths *p, const char *project, int fd)
{
	release(p, project, "lock", fd);
}

void lock_watch_release(const struct paths *p, const char *project, int fd)
{
	release(p, project, "watch", fd);
}

int lock_alive(const struct paths *p, const char *project, bool wait, int *ret_fd, struct err *e)
{
	for (;;) {
		auto_close int fd = open_file(p, project, "alive", true);
		struct flock whole = whole_file;

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, ERR_SYS, errno, "open the supervisor's lock of project %s", project);
		if (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole) < 0)
			return errno == EAGAIN || errno == EACCES || errno == EINTR ? 1 :
			       err_set(e, ERR_SYS, errno, "take the supervisor's lock of project %s", project);
		if (!still_there(p, project, "alive", fd))
			continue;
		*ret_fd = take_fd(fd);
		return 0;
	}
}

bool lock_is_alive(const struct paths *p, const char *project)
{
	return is_held(p, project, "alive");
}

bool lock_is_crashed(const struct paths *p, const char *project)
{
	auto_free char *socket = xasprintf("projects/%s/ctl", project);

	return faccessat(p->run_fd, socket, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && !lock_is_alive(p, project);
}
