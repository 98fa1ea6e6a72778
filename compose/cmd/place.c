/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/place.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"

enum { LINKS_MAX = 40 };

/* The host's paths are the user's own, relative ones begin where the user stands; a container's begin at its root. */
static int open_at(const struct place *p, const char *path, int flags)
{
	if (p->root >= 0)
		return fs_open_in(p->root, *path ? path : "/", flags, 0);
	return open(*path ? path : ".", flags | O_CLOEXEC);
}

static int fail(const struct place *p, int sysno, struct err *e)
{
	const char *where = p->root >= 0 ? " in the container" : "";

	if (sysno == ENOENT || sysno == ENOTDIR)
		return err_set(e, ERR_MISSING, sysno, "%s%s", p->path, where);
	return err_set(e, sysno == EACCES || sysno == EPERM ? ERR_DENIED : ERR_SYS, sysno, "%s%s", p->path, where);
}

/* "a/b/c" to "a/b" and "c"; "c" to "" and "c"; "/c" to "/" and "c". */
static void split(const char *path, char **dir, char **name)
{
	const char *slash = strrchr(path, '/');

	*name = xstrdup(slash ? slash + 1 : path);
	*dir = !slash ? xstrdup("") : slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* Without slashes at the end. ret: caller frees; *ret_slashes: there were some */
static char *trimmed(const char *path, bool *ret_slashes)
{
	size_t n = strlen(path);

	*ret_slashes = false;
	while (n > 1 && path[n - 1] == '/') {
		n--;
		*ret_slashes = true;
	}
	return xstrndup(path, n);
}

static bool is_dots(const char *name)
{
	return !*name || str_eq(name, ".") || str_eq(name, "..");
}

/* ---- links ----------------------------------------------------------------------------------- */

struct spot { int dir; char *path, *name; struct stat st; bool exists; };

static void spot_done(struct spot *s)
{
	mem_closep(&s->dir);
	free(s->path);
	free(s->name);
	*s = (struct spot){ .dir = -1 };
}

/* The directory that path is in, and what is there. ret: 0; or -1 with errno */
static int look(const struct place *p, const char *path, struct spot *s)
{
	auto_free char *dir = NULL;

	spot_done(s);
	s->path = xstrdup(path);
	split(path, &dir, &s->name);
	if (is_dots(s->name)) {
		errno = EISDIR;
		return -1;
	}
	s->dir = open_at(p, dir, O_RDONLY | O_DIRECTORY);
	if (s->dir < 0)
		return -1;
	s->exists = fstatat(s->dir, s->name, &s->st, AT_SYMLINK_NOFOLLOW) == 0;
	return s->exists || errno == ENOENT ? 0 : -1;
}

/* Where the link s leads, as a path from the same beginning. */
static char *led_to(const struct spot *s)
{
	char target[4096];
	ssize_t n = readlinkat(s->dir, s->name, target, sizeof(target) - 1);
	auto_free char *dir = NULL, *name = NULL;

	if (n < 0)
		return NULL;
	target[n] = '\0';
	split(s->path, &dir, &name);
	if (*target == '/' || !*dir)
		return xstrdup(target);
	return xasprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", target);
}

/* Go on until s is no link. Each step is resolved below the root again, so none leaves it. */
static int follow_links(const struct place *p, struct spot *s)
{
	for (int i = 0; s->exists && S_ISLNK(s->st.st_mode); i++) {
		auto_free char *to = led_to(s), *clean = NULL;
		bool slashes;

		if (!to || i == LINKS_MAX) {
			errno = to ? ELOOP : errno;
			return -1;
		}
		clean = trimmed(to, &slashes);
		if (look(p, clean, s) < 0)
			return -1;
	}
	return 0;
}

/* ---- source ---------------------------------------------------------------------------------- */

static int whole_dir(struct place_src *ret, const struct place *p, const char *path, const char *base, struct err *e)
{
	int fd = open_at(p, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fail(p, errno, e);
	*ret = (struct place_src){ .dir = fd, .name = xstrdup(""), .base = xstrdup(base), .is_dir = true };
	return 0;
}

int place_source(struct place_src *ret, const struct place *p, bool follow, struct err *e)
{
	bool slashes;
	auto_free char *path = trimmed(p->path, &slashes), *dir = NULL, *name = NULL;
	struct spot s = { .dir = -1 };
	int r;

	split(path, &dir, &name);
	if (is_dots(name))                        /* "/", "dir/.": the contents */
		return whole_dir(ret, p, path, "", e);
	if (slashes)                              /* "link/" is the directory behind it */
		return whole_dir(ret, p, path, name, e);
	r = look(p, path, &s);
	if (r == 0 && follow)
		r = follow_links(p, &s);
	if (r < 0 && errno == EISDIR && follow) {
		spot_done(&s);
		return whole_dir(ret, p, path, name, e);
	}
	if (r < 0 || !s.exists) {
		r = fail(p, r < 0 ? errno : ENOENT, e);
		spot_done(&s);
		return r;
	}
	*ret = (struct place_src){.dir = take_fd(s.dir),
				  .name = take_ptr(s.name),
				  .base = take_ptr(name),
				  .is_dir = S_ISDIR(s.st.st_mode)};
	spot_done(&s);
	return 0;
}

void place_src_done(struct place_src *s)
{
	mem_closep(&s->dir);
	free(s->name);
	free(s->base);
	*s = (struct place_src){ .dir = -1 };
}

/* ---- target ---------------------------------------------------------------------------------- */

int place_dir(const struct place *p, struct err *e)
{
	int fd = open_at(p, p->path, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		return fd;
	(void)fail(p, errno, e);
	return err_hint(e, "it must be a directory that is there");
}

/* Contents go into a directory: make it. */
static int make_dir(struct place_dst *d, const struct place *p, struct err *e)
{
	int fd;

	if (mkdirat(d->dir, d->name, 0755) < 0)
		return fail(p, errno, e);
	fd = openat(d->dir, d->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(p, errno, e);
	close(d->dir);
	d->dir = fd;
	*d->name = '\0';
	return 0;
}

static int onto_file(const struct place *p, struct err *e)
{
	err_set(e, ERR_CONFLICT, 0, "%s is a file, and a directory cannot take its place", p->path);
	return err_hint(e, "name a directory, or a name that is not taken");
}

static int new_name(struct place_dst *ret, const struct place *p, const char *path, const struct place_src *src,
		    struct err *e)
{
	struct spot s = { .dir = -1 };

	if (look(p, path, &s) < 0 || follow_links(p, &s) < 0) {
		(void)fail(p, errno, e);
		spot_done(&s);
		return -1;
	}
	if (s.exists && src->is_dir) {
		spot_done(&s);
		return onto_file(p, e);
	}
	*ret = (struct place_dst){ .dir = take_fd(s.dir), .name = take_ptr(s.name) };
	spot_done(&s);
	return src->is_dir && !*src->name && make_dir(ret, p, e) < 0 ? -1 : 0;
}

int place_target(struct place_dst *ret, const struct place *p, const struct place_src *src, struct err *e)
{
	bool slashes;
	auto_free char *path = trimmed(p->path, &slashes);
	int fd = open_at(p, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
		return fail(p, errno, e);
	if (fd < 0 && slashes && !src->is_dir) {
		(void)fail(p, errno, e);
		return err_hint(e, "make the directory first, or leave the last / out");
	}
	if (fd < 0)
		return new_name(ret, p, path, src, e);
	*ret = (struct place_dst){ .dir = fd, .name = xstrdup(src->base) };
	if (!*src->base || *src->name)
		return 0;
	/* a directory that is known by its descriptor alone ("link/") is copied into one of its name */
	if (mkdirat(fd, ret->name, 0755) < 0 && errno != EEXIST)
		return fail(p, errno, e);
	ret->dir = openat(fd, ret->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	close(fd);
	*ret->name = '\0';
	return ret->dir < 0 ? fail(p, errno, e) : 0;
}

void place_dst_done(struct place_dst *d)
{
	mem_closep(&d->dir);
	free(d->name);
	*d = (struct place_dst){ .dir = -1 };
}
