/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/state/paths.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

/* XDG directory or its default below HOME; "" when the environment has neither. */
static char *xdg_dir(const char *var, const char *below_home)
{
	const char *dir = getenv(var), *home = getenv("HOME");

	if (dir && *dir == '/')
		return xasprintf("%s/compose", dir);
	if (below_home && home && *home == '/')
		return xasprintf("%s/%s/compose", home, below_home);
	return xstrdup("");
}

static char *absolute(const char *path)
{
	auto_free char *cwd = NULL;

	if (*path == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	return cwd ? xasprintf("%s/%s", cwd, path) : xstrdup("");
}

/* ret: true when the user moved ROOT, so that RUN is below it */
static bool choose(const char *root_opt, char **ret_root, char **ret_run)
{
	const char *moved = root_opt && *root_opt ? root_opt : getenv("COMPOSE_ROOT");

	if (moved && *moved) {
		*ret_root = absolute(moved);
		*ret_run = NULL;
		return true;
	}
	*ret_root = geteuid() == 0 ? xstrdup("/var/lib/compose") : xdg_dir("XDG_DATA_HOME", ".local/share");
	*ret_run = geteuid() == 0 ? xstrdup("/run/compose") : xdg_dir("XDG_RUNTIME_DIR", NULL);
	return false;
}

static int cannot(struct err *e, const char *what, const char *path)
{
	int sysno = errno;
	bool denied = sysno == EACCES || sysno == EPERM || sysno == EROFS;

	err_set(e, denied ? ERR_DENIED : ERR_SYS, sysno, "%s %s", what, path);
	if (denied)
		err_hint(e, "run as root, or choose another place with --root DIR or COMPOSE_ROOT");
	return -1;
}

/* An existing directory must be ours and closed to others: layers hold set-user-id programs. */
static int check_owner(int fd, const char *path, bool *ret_closed, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cannot(e, "look at", path);
	if (st.st_uid != geteuid()) {
		err_set(e, ERR_DENIED, 0, "%s belongs to user %u", path, (unsigned)st.st_uid);
		return err_hint(e, "run as that user, or choose another place with --root DIR or COMPOSE_ROOT");
	}
	*ret_closed = (st.st_mode & 07777) == 0700;
	return 0;
}

/* ret: 0 with *ret_fd; 1 when absent and not to be made */
static int open_top(const char *path, bool make, int *ret_fd, struct err *e)
{
	auto_close int fd = -1;
	bool closed = false;

	if (make && fs_mkdir_p(path, 0700) < 0)
		return cannot(e, "make the directory", path);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && !make ? 1 : cannot(e, "open the directory", path);
	if (check_owner(fd, path, &closed, e) < 0)
		return -1;
	if (make && !closed && chmod(path, 0700) < 0)
		return cannot(e, "close to other users", path);
	*ret_fd = take_fd(fd);
	return 0;
}

/* The real path names the installation, so that a symbolic link to ROOT leads to the same kernel objects. */
static int settle_root(struct paths *p, struct err *e)
{
	char *real = realpath(p->root, NULL);
	uint32_t h = 2166136261U;       /* FNV-1a: a digest here would load libcrypto into every `ps` */

	if (!real)
		return cannot(e, "resolve", p->root);
	free(p->root);
	p->root = real;
	for (const char *s = real; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619U;
	(void)snprintf(p->inst, sizeof(p->inst), "%08x", h);
	return 0;
}

int paths_open(struct paths *p, const char *root_opt, bool make, struct err *e)
{
	struct paths n = { .root_fd = -1, .run_fd = -1 };
	bool moved = choose(root_opt, &n.root, &n.run);
	int r;

	if (!*n.root || (n.run && !*n.run)) {
		const char *var = *n.root ? "XDG_RUNTIME_DIR" : "HOME";

		paths_done(&n);
		err_set(e, ERR_MISSING, 0, "no directory to work in: %s is not set", var);
		return err_hint(e, "set COMPOSE_ROOT to a directory of your own");
	}
	r = open_top(n.root, make, &n.root_fd, e);
	if (r == 0)
		r = settle_root(&n, e);
	if (r == 0 && moved)
		n.run = xasprintf("%s/run", n.root);
	if (r == 0)             /* RUN goes with every boot, so it is made even by a command that only looks */
		r = open_top(n.run, true, &n.run_fd, e);
	if (r)
		paths_done(&n);
	else
		*p = n;
	return r;
}

void paths_done(struct paths *p)
{
	if (p->root) {                  /* a struct of zeros owns no descriptor 0 */
		mem_closep(&p->root_fd);
		mem_closep(&p->run_fd);
	}
	free(p->root);
	free(p->run);
	*p = (struct paths){ .root_fd = -1, .run_fd = -1 };
}

/* One component of our own: a name from a command line must not climb. */
static bool plain(const char *s, size_t n)
{
	return n && n <= NAME_MAX && !(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.');
}

int paths_dir(int base_fd, const char *rel, bool make)
{
	auto_close int at = -1;

	while (*rel) {
		size_t n = strcspn(rel, "/");
		char name[NAME_MAX + 1];
		int next;

		if (!plain(rel, n)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(name, rel, n);
		name[n] = '\0';
		rel += n + (rel[n] == '/');
		if (make && mkdirat(at < 0 ? base_fd : at, name, 0700) < 0 && errno != EEXIST)
			return -1;
		next = openat(at < 0 ? base_fd : at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return -1;
		mem_closep(&at);
		at = next;
	}
	return at < 0 ? openat(base_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : take_fd(at);
}
