/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/sync.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

struct sync { const struct ctr_root *root; const char *host, *target; uid_t uid; gid_t gid; };

static char *join(const char *top, const char *rel)
{
	if (!*rel)
		return xstrdup(top);
	return xasprintf("%s%s%s", top, str_ends(top, "/") ? "" : "/", rel);
}

/* Who the container's first process is, as this host counts users. */
static int find_owner(struct sync *s, struct err *e)
{
	struct ctr_status st = {0};
	auto_free char *text = NULL, *path = NULL;
	unsigned uid, gid;
	const char *u, *g;

	if (status_read(s->root->dir, &st, e) < 0)
		return -1;
	path = xasprintf("/proc/%d/status", (int)st.pid);
	status_done(&st);
	if (fs_read(AT_FDCWD, path, 64 << 10, &text, NULL, e) < 0)
		return err_wrap(e, "find the user of container %s", s->root->r.name);
	u = strstr(text, "\nUid:");
	g = strstr(text, "\nGid:");
	if (!u || !g || sscanf(u + 5, "%*u %u", &uid) != 1 || sscanf(g + 5, "%*u %u", &gid) != 1)
		return err_set(e, ERR_SYS, 0, "%s does not tell the user", path);
	s->uid = uid;
	s->gid = gid;
	return 0;
}

static int fail(const struct sync *s, const char *path, struct err *e)
{
	int sysno = errno;

	err_set(e, sysno == EACCES || sysno == EPERM ? ERR_DENIED : ERR_SYS, sysno, "%s in container %s", path, s->root->r.name);
	if (sysno == EROFS)
		return err_hint(e, "what is mounted or read only in the container cannot be written to from outside either");
	return -1;
}

static int take_away(const struct sync *s, const char *path, struct err *e)
{
	char *name = NULL;
	auto_close int dir = fs_open_parent_in(s->root->fd, path, false, &name);
	int r = 0;

	if (dir < 0)
		r = errno == ENOENT || errno == ENOTDIR ? 0 : fail(s, path, e);
	else if (*name && fs_rm_rf(dir, name) < 0)   /* "": the root itself, which stays */
		r = fail(s, path, e);
	free(name);
	return r;
}

static int put_dir(const struct sync *s, int dir, const char *name, const struct stat *st, const char *path, struct err *e)
{
	auto_close int fd = -1;
	struct stat now;

	if (!*name)
		return 0;
	if (fstatat(dir, name, &now, 0) == 0 && S_ISDIR(now.st_mode))
		return 0;
	if (fs_rm_rf(dir, name) < 0 || mkdirat(dir, name, 0700) < 0)
		return fail(s, path, e);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);     /* the name may be another thing any time */
	if (fd < 0 || fchown(fd, s->uid, s->gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0)
		return fail(s, path, e);
	return 0;
}

static int put_file(const struct sync *s, const char *host, int dir, const char *name, const char *path, struct err *e)
{
	const struct copy_opts o = { .set_owner = true, .uid = s->uid, .gid = s->gid, .no_special = true };
	const char *slash = strrchr(host, '/');
	auto_free char *from = slash == host ? xstrdup("/") : xstrndup(host, (size_t)(slash - host));
	auto_close int src = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat now;

	if (src < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s", from);
	if (!*name) {
		err_set(e, ERR_USAGE, 0, "the file %s cannot become the container's root", host);
		return err_hint(e, "let target: name a file");
	}
	if (fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(now.st_mode) && fs_rm_rf(dir, name) < 0)
		return fail(s, path, e);
	return fs_copy_tree(src, slash + 1, dir, name, &o, e) < 0 ? err_wrap(e, "copy %s to %s:%s", host, s->root->r.name, path) : 0;
}

static int one(const struct sync *s, const struct fsw_change *c, struct err *e)
{
	auto_free char *host = join(s->host, c->path), *path = join(s->target, c->path);
	char *name = NULL;
	auto_close int dir = -1;
	struct stat st;
	int r;

	if (c->removed || lstat(host, &st) < 0)      /* or removed since: that is told of next */
		return c->removed ? take_away(s, path, e) : 0;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return 0;
	dir = fs_open_parent_in(s->root->fd, path, true, &name);
	if (dir < 0)
		r = fail(s, path, e);
	else if (S_ISDIR(st.st_mode))
		r = put_dir(s, dir, name, &st, path, e);
	else
		r = put_file(s, host, dir, name, path, e);
	free(name);
	return r;
}

int sync_into(const struct ctr_root *root, const char *host, const char *target, const struct fsw_changes *changes, struct err *e)
{
	struct sync s = { .root = root, .host = host, .target = target };
	int r = 0;

	if (find_owner(&s, e) < 0)
		return -1;
	for (size_t i = 0; i < changes->n; i++) {
		auto_err struct err why = {0};

		if (one(&s, &changes->v[i], &why) == 0)
			continue;
		if (r == 0)
			err_move(e, &why);
		r = -1;
	}
	return r;
}
