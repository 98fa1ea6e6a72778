/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/rootfs.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { LINKS_MAX = 40, ACCOUNTS_MAX = 4 << 20 };

static int mkdir_one(int parent, const char *name, struct owner o, mode_t mode)
{
	if (mkdirat(parent, name, 0700) < 0)
		return errno == EEXIST ? 0 : -1;
	if (fchownat(parent, name, o.uid, o.gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(parent, name, mode, 0) < 0)
		return -1;
	return 1;
}

/* Where the dangling link name in dir leads, with what was to come behind it. ret: caller frees; NULL with errno */
static char *past_link(int dir, const char *name, const char *parent, const char *rest)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	if ((size_t)n + strlen(parent) + strlen(rest) > 16 * PATH_MAX)
		return errno = ENAMETOOLONG, NULL;
	return *target == '/' ? xasprintf("%s/%s", target, rest) : xasprintf("%s/%s/%s", parent, target, rest);
}

struct walk { int root; struct owner o; mode_t mode; int links; bool made; };

/* Go down path from the root, making what is missing. ret: descriptor; -1 with errno and *ret_at, the place */
static int walk_down(struct walk *w, const char *path, char **ret_at)
{
	auto_close int fd = fs_open_in(w->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	auto_str struct str sofar = {0};
	int next = fd;

	for (const char *p = path + strspn(path, "/"); *p && fd >= 0; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/"), parent = sofar.len;
		int made = 0;

		str_addc(&sofar, '/');
		str_addn(&sofar, p, n);
		p += n;
		next = fs_open_in(w->root, sofar.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		if (next < 0 && errno == ENOENT) {
			made = mkdir_one(fd, sofar.s + parent + 1, w->o, w->mode);
			next = made < 0 ? -1 : fs_open_in(w->root, sofar.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
		}
		if (next < 0 && errno == ENOENT && made == 0 && w->links++ < LINKS_MAX) {
			auto_free char *up = xstrndup(sofar.s, parent),
				       *on = past_link(fd, sofar.s + parent + 1, up, p);

			return on ? walk_down(w, on, ret_at) : -1;
		}
		w->made = made > 0;
		if (next < 0)
			break;
		close(fd);
		fd = next;
	}
	if (next < 0)
		*ret_at = xstrdup(str_cstr(&sofar));
	return next < 0 ? -1 : take_fd(fd);
}

int rootfs_mkdir(int root, const char *path, struct owner o, mode_t mode, bool *ret_made, struct err *e)
{
	struct walk w = { .root = root, .o = o, .mode = mode };
	auto_free char *at = NULL;
	int fd = walk_down(&w, path, &at);

	if (fd < 0)
		return err_set(e, errno == ENOTDIR ? ERR_CONFLICT : ERR_SYS, errno, "make directory %s in the image",
			       at ? at : path);
	*ret_made = w.made;
	return fd;
}

/* ret: 1 with *path replaced by where the link name in dir leads; 0 when it is no link; -1 with errno */
static int follow(int dir, const char *name, const char *parent, char **path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	char *next;

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -1;
	target[n] = '\0';
	next = *target == '/' ? xstrdup(target) : xasprintf("%s/%s", parent, target);
	free(*path);
	*path = next;
	return strlen(next) < 16 * PATH_MAX ? 1 : (errno = ENAMETOOLONG, -1);
}

int rootfs_target(int root, const char *path, struct owner o, mode_t dir_mode, char **ret_name, struct err *e)
{
	auto_free char *at = xstrdup(path);
	bool made;

	for (int links = 0; links < LINKS_MAX; links++) {
		auto_free char *parent = NULL, *name = NULL;
		auto_close int dir = -1;
		size_t n = strlen(at);
		int r;

		while (n && at[n - 1] == '/')
			n--;
		while (n && at[n - 1] != '/')
			n--;
		parent = xstrndup(at, n);
		name = xstrndup(at + n, strcspn(at + n, "/"));
		if (!*name || str_eq(name, ".") || str_eq(name, ".."))
			return err_set(e, ERR_CONFLICT, EISDIR, "write file %s in the image", path);
		dir = rootfs_mkdir(root, parent, o, dir_mode, &made, e);
		if (dir < 0)
			return -1;
		r = follow(dir, name, parent, &at);
		if (r < 0)
			return err_set(e, ERR_SYS, errno, "follow link %s in the image", at);
		if (r == 0) {
			*ret_name = take_ptr(name);
			return take_fd(dir);
		}
	}
	return err_set(e, ERR_SYS, ELOOP, "write file %s in the image", path);
}

bool rootfs_is_dir(int root, const char *path)
{
	auto_close int fd = fs_open_in(root, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	return fd >= 0;
}

int rootfs_write(int dir, const char *name, const char *text, struct owner o, mode_t mode, struct err *e)
{
	auto_close int fd = -1;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno == EISDIR ? ERR_CONFLICT : ERR_SYS, errno, "replace %s in the image", name);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fs_write_all(fd, text, strlen(text)) < 0 || fchown(fd, o.uid, o.gid) < 0 || fchmod(fd, mode) < 0)
		return err_set(e, ERR_SYS, errno, "write %s in the image", name);
	return 0;
}

/* -- names of users and groups -- */

/* ret: the file's text ("" when it is missing or no regular file: then it has no names), or NULL with e */
static char *accounts(int root, const char *path, struct err *e)
{
	auto_close int fd = fs_open_in(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return xstrdup("");
	return fs_read_fd(fd, path, ACCOUNTS_MAX, &text, NULL, e) < 0 ? NULL : text;
}

/* Field i (from 0) of a colon-separated line. ret: its length, *ret points to it; 0 when it is not there */
static size_t field(const char *line, size_t len, unsigned i, const char **ret)
{
	const char *end = line + len, *stop;

	for (; i && line < end; line++)
		i -= *line == ':';
	*ret = line;
	stop = memchr(line, ':', (size_t)(end - line));
	return i ? 0 : (size_t)((stop ? stop : end) - line);
}

static bool number(const char *s, size_t n, uint32_t *ret)
{
	auto_free char *t = xstrndup(s, n);
	uint64_t v;

	if (n > 10 || !str_to_u64(t, &v) || v > INT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* Find the line whose first field is name. ret: true with the numbers in fields 2 and 3 (3 only where asked for) */
static bool find_name(const char *text, const char *name, uint32_t *second, uint32_t *third)
{
	size_t want = strlen(name);

	for (const char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n"), n;
		const char *f;

		next = line + len + (line[len] == '\n');
		n = field(line, len, 0, &f);
		if (n != want || memcmp(f, name, n) != 0)
			continue;
		n = field(line, len, 2, &f);
		if (!number(f, n, second))
			continue;
		n = field(line, len, 3, &f);
		return !third || number(f, n, third);
	}
	return false;
}

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static int one_name(int root, const char *file, const char *name, uint32_t *id, uint32_t *primary, bool *known,
		    struct err *e)
{
	auto_free char *text = NULL;

	*known = true;
	if (is_number(name)) {
		if (number(name, strlen(name), id))
			return 0;
		return err_set(e, ERR_USAGE, 0, "`%s` is no user or group number (0 to 2147483647)", name);
	}
	text = accounts(root, file, e);
	if (!text)
		return -1;
	*known = find_name(text, name, id, primary);
	return 0;
}

int rootfs_owner(int root, const char *spec, struct owner *ret, char **ret_unknown, struct err *e)
{
	const char *colon = strchr(spec, ':');
	auto_free char *user = xstrndup(spec, colon ? (size_t)(colon - spec) : strlen(spec));
	const char *group = colon && colon[1] ? colon + 1 : NULL;
	uint32_t uid = 0, gid = 0, primary = 0;
	bool user_ok = true, group_ok = true;

	if (*user && one_name(root, "/etc/passwd", user, &uid, &primary, &user_ok, e) < 0)
		return -1;
	gid = is_number(user) ? uid : primary;
	if (group && one_name(root, "/etc/group", group, &gid, NULL, &group_ok, e) < 0)
		return -1;
	*ret = (struct owner){ user_ok ? uid : 0, group_ok ? gid : 0 };
	if (user_ok && group_ok)
		return 0;
	*ret_unknown = xstrdup(user_ok ? group : user);
	return 1;
}
