/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/copy.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/base/coll.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { DEPTH_MAX = 1000, XATTR_MAX = 64 << 10, COPY_STEP = 8 << 20 };

/* A directory on the way down. dst is -1 until something inside is taken (COPY_DESCEND). */
struct frame { struct frame *up; int src, dst; const char *name; struct stat st; bool existed; };

struct copy {
	const struct copy_opts *o;
	int    dst_top;
	struct str path;             /* of the current entry, relative to the source */
	const char *dst_name;
	struct map links;            /* "dev:ino" -> its first name below dst_top */
	struct err *e;
};

static int fail(struct copy *c, int sysno, const char *why)
{
	auto_free char *shown = str_printable(c->path.len ? c->path.s : ".");

	err_set(c->e, ERR_SYS, sysno, "copy %.500s%s%s", shown, why ? ": " : "", why ? why : "");
	if (sysno == ENOSPC || sysno == EDQUOT)
		err_hint(c->e, "free some disk space and try again");
	return -1;
}

/* -- content -- */

static int copy_by_hand(int src, int dst, off_t from, off_t to)
{
	auto_free char *buf = xmalloc(256 << 10);

	while (from < to) {
		size_t want = to - from < (256 << 10) ? (size_t)(to - from) : 256 << 10;
		ssize_t n = pread(src, buf, want, from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(dst, buf + done, (size_t)(n - done), from + done);

			if (w < 0 && errno != EINTR)
				return -1;
			done += w > 0 ? w : 0;
		}
		from += n;
	}
	return 0;
}

static bool cannot_share(int err)
{
	return err == EXDEV || err == EINVAL || err == ENOSYS || err == EOPNOTSUPP || err == EPERM || err == EBADF;
}

static int copy_range(int src, int dst, off_t from, off_t to)
{
	while (from < to) {
		off_t in = from, out = from;
		size_t want = to - from < COPY_STEP ? (size_t)(to - from) : COPY_STEP;
		ssize_t n = copy_file_range(src, &in, dst, &out, want, 0);

		if (n < 0 && errno == EINTR)
			continue;
		/* 0 where there is data: some file systems cannot and do not say so */
		if (n == 0 || (n < 0 && cannot_share(errno)))
			return copy_by_hand(src, dst, from, to);
		if (n < 0)
			return -1;
		from += n;
	}
	return 0;
}

int fs_copy_data(int src, int dst)
{
	off_t at = 0;
	struct stat st;

	if (fstat(src, &st) < 0)
		return -1;
	while (at < st.st_size) {
		off_t data = lseek(src, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;                           /* a hole up to the end */
		if (data < 0)
			data = at;
		hole = lseek(src, data, SEEK_HOLE);
		if (hole <= data || hole > st.st_size)
			hole = st.st_size;
		if (copy_range(src, dst, data, hole) < 0)
			return -1;
		at = hole;
	}
	return ftruncate(dst, st.st_size);
}

/* -- attributes -- */

static bool xattr_wanted(const struct copy *c, const char *name)
{
	if (c->o->opaque && str_ends(name, ".overlay.opaque"))
		return true;
	return !str_starts(name, "trusted.overlay.") && !str_starts(name, "user.overlay.");
}

static int copy_xattrs(struct copy *c, int src, int dst)
{
	auto_free char *names = NULL, *value = NULL;
	ssize_t len;

	if (c->o->no_xattrs)
		return 0;
	len = flistxattr(src, NULL, 0);
	if (len <= 0)
		return 0;                                /* none, or a file system without */
	names = xmalloc(XATTR_MAX);
	len = flistxattr(src, names, XATTR_MAX);
	value = xmalloc(XATTR_MAX);
	for (const char *n = names; n < names + len; n += strlen(n) + 1) {
		ssize_t vlen = xattr_wanted(c, n) ? fgetxattr(src, n, value, XATTR_MAX) : -1;

		if (vlen >= 0 && fsetxattr(dst, n, value, (size_t)vlen, 0) < 0 && errno != ENOTSUP && errno != EPERM &&
		    errno != EINVAL)
			return fail(c, errno, "extended attribute");
	}
	return 0;
}

static void times(const struct copy *c, const struct stat *st, struct timespec t[2])
{
	t[0] = c->o->now ? (struct timespec){ .tv_nsec = UTIME_NOW } : st->st_atim;
	t[1] = c->o->now ? (struct timespec){ .tv_nsec = UTIME_NOW } : st->st_mtim;
	if (c->o->set_mtime)
		t[0] = t[1] = (struct timespec){ .tv_sec = c->o->mtime_s };
}

static uid_t owner(const struct copy *c, const struct stat *st)
{
	return c->o->set_owner && c->o->uid != (uid_t)-1 ? c->o->uid : st->st_uid;
}

static gid_t group(const struct copy *c, const struct stat *st)
{
	return c->o->set_owner && c->o->gid != (gid_t)-1 ? c->o->gid : st->st_gid;
}

static mode_t mode(const struct copy *c, const struct stat *st)
{
	return (c->o->mode ? c->o->mode(c->o->mode_arg, st->st_mode & 07777, S_ISDIR(st->st_mode)) : st->st_mode) & 07777;
}

/* Owner before mode and xattrs: a change of owner clears set-id bits and capabilities. */
static int copy_attrs(struct copy *c, int src, int dst, const struct stat *st)
{
	struct timespec t[2];

	if (fchown(dst, owner(c, st), group(c, st)) < 0)
		return fail(c, errno, "owner");
	if (copy_xattrs(c, src, dst) < 0)
		return -1;
	if (fchmod(dst, mode(c, st)) < 0)
		return fail(c, errno, "mode");
	times(c, st, t);
	return futimens(dst, t) < 0 ? fail(c, errno, "times") : 0;
}

static int attrs_at(struct copy *c, int dir, const char *name, const struct stat *st)
{
	struct timespec t[2];

	if (fchownat(dir, name, owner(c, st), group(c, st), AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, errno, "owner");
	if (!S_ISLNK(st->st_mode) && fchmodat(dir, name, mode(c, st), AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, errno, "mode");
	times(c, st, t);
	return utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW) < 0 ? fail(c, errno, "times") : 0;
}

/* -- entries -- */

/* Something is in the way: a file or link goes, a directory stays and is an error. */
static int make_room(struct copy *c, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)) {
		(void)fail(c, 0, "a directory is in its place");
		c->e->kind = ERR_CONFLICT;
		return -1;
	}
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? fail(c, errno, "replace the file in its place") : 0;
}

/* Is it another name of a file that was copied before? ret: 1 linked, 0 not, -1 */
static int link_again(struct copy *c, const struct stat *st, int dir, const char *name, const char *dst_path)
{
	char key[64];
	const char *first, *base;
	auto_free char *parent = NULL;
	auto_close int from = -1;
	int rc;

	if (c->o->split_links || st->st_nlink < 2)
		return 0;
	(void)snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	first = map_get(&c->links, key);
	if (!first) {
		(void)map_set(&c->links, key, xstrdup(dst_path));
		return 0;
	}
	base = strrchr(first, '/');
	parent = base ? xstrndup(first, (size_t)(base - first)) : xstrdup(".");
	from = sys_openat2(c->dst_top, parent, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
	if (from < 0)
		return fail(c, errno, "its other name");
	rc = linkat(from, base ? base + 1 : first, dir, name, 0);
	if (rc < 0 && errno == EEXIST) {
		if (make_room(c, dir, name) < 0)
			return -1;
		rc = linkat(from, base ? base + 1 : first, dir, name, 0);
	}
	return rc < 0 ? fail(c, errno, "hard link") : 1;
}

static int copy_file(struct copy *c, int sdir, const char *sname, int ddir, const char *dname)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	auto_close int src = openat(sdir, sname, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), dst = -1;
	struct stat st;

	if (src < 0 || fstat(src, &st) < 0)
		return fail(c, errno, NULL);
	if (!S_ISREG(st.st_mode))
		return fail(c, 0, "it changed while it was copied");
	dst = openat(ddir, dname, flags, 0600);
	if (dst < 0 && errno == EEXIST) {
		if (make_room(c, ddir, dname) < 0)
			return -1;
		dst = openat(ddir, dname, flags, 0600);
	}
	if (dst < 0 || fs_copy_data(src, dst) < 0)
		return fail(c, errno, NULL);
	return copy_attrs(c, src, dst, &st);
}

static int copy_link(struct copy *c, int sdir, const char *sname, int ddir, const char *dname, const struct stat *st)
{
	char target[4097];
	ssize_t n = readlinkat(sdir, sname, target, sizeof(target) - 1);

	if (n < 0)
		return fail(c, errno, NULL);
	target[n] = '\0';
	if (symlinkat(target, ddir, dname) < 0) {
		if (errno != EEXIST)
			return fail(c, errno, NULL);
		if (make_room(c, ddir, dname) < 0)
			return -1;
		if (symlinkat(target, ddir, dname) < 0)
			return fail(c, errno, NULL);
	}
	return attrs_at(c, ddir, dname, st);
}

static int copy_special(struct copy *c, int ddir, const char *dname, const struct stat *st)
{
	int tries = 2;

	if (S_ISSOCK(st->st_mode))
		return 0;                                /* without its listener it is nothing */
	if (c->o->no_special)
		return fail(c, 0, "devices and FIFOs are not copied");
	while (mknodat(ddir, dname, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0) {
		if (errno != EEXIST || !--tries)
			return fail(c, errno, NULL);
		if (make_room(c, ddir, dname) < 0)
			return -1;
	}
	return attrs_at(c, ddir, dname, st);
}

/* -- directories -- */

/* Make the directory of f, and those above it that are not there yet. */
static int need_dir(struct copy *c, struct frame *f)
{
	struct stat st;

	if (f->dst >= 0)
		return 0;
	if (need_dir(c, must(f->up)) < 0)       /* the first frame's directory is open */
		return -1;
	if (mkdirat(f->up->dst, f->name, 0700) < 0) {
		if (errno != EEXIST)
			return fail(c, errno, NULL);
		f->existed = true;
	}
	f->dst = openat(f->up->dst, f->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f->dst >= 0)
		return 0;
	if (errno == ENOTDIR && fstatat(f->up->dst, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		(void)fail(c, 0, "a file or link is in the place of the directory");
		c->e->kind = ERR_CONFLICT;
		return -1;
	}
	return fail(c, errno, NULL);
}

static int copy_entry(struct copy *c, struct frame *up, const char *sname, const char *dname, int depth);

static int copy_children(struct copy *c, struct frame *f, int depth)
{
	int fd = openat(f->src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const size_t len = c->path.len;
	struct dirent *de;

	if (!d) {
		mem_closep(&fd);
		return fail(c, errno, NULL);
	}
	while (rc == 0 && (errno = 0, de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		str_addf(&c->path, "%s%s", len ? "/" : "", de->d_name);
		rc = copy_entry(c, f, de->d_name, de->d_name, depth + 1);
		str_cut(&c->path, len);
	}
	if (rc == 0 && errno)
		rc = fail(c, errno, NULL);
	closedir(d);
	return rc;
}

static int copy_dir(struct copy *c, struct frame *up, const char *sname, const char *dname, enum copy_want want,
		    int depth)
{
	struct frame f = { .up = up, .src = -1, .dst = -1, .name = dname };
	int rc = -1;

	if (depth > DEPTH_MAX)
		return fail(c, ELOOP, NULL);
	f.src = openat(up->src, *sname ? sname : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (f.src < 0 || fstat(f.src, &f.st) < 0) {
		(void)fail(c, errno, NULL);
		goto out;
	}
	if (!*dname) {
		f.dst = openat(up->dst, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		f.existed = true;
	}
	if (want == COPY_TAKE && need_dir(c, &f) < 0)
		goto out;
	rc = copy_children(c, &f, depth);
	if (rc == 0 && f.dst >= 0 && !(f.existed && c->o->keep_dirs))
		rc = copy_attrs(c, f.src, f.dst, &f.st);
out:
	mem_closep(&f.src);
	mem_closep(&f.dst);
	return rc;
}

/* The entry's name below dst_top; caller frees. */
static char *dst_path(const struct copy *c)
{
	const bool inside = c->path.len > 0;

	return xasprintf("%s%s%s", c->dst_name, inside && *c->dst_name ? "/" : "", inside ? c->path.s : "");
}

static int copy_entry(struct copy *c, struct frame *up, const char *sname, const char *dname, int depth)
{
	enum copy_want want = COPY_TAKE;
	auto_free char *to = NULL;
	struct stat st;
	int rc;

	if (intr_check(c->e) < 0)
		return -1;
	if (fstatat(up->src, *sname ? sname : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(c, errno, NULL);
	if (c->o->filter)
		want = c->o->filter(c->o->arg, str_cstr(&c->path), S_ISDIR(st.st_mode));
	if (want == COPY_SKIP || (want == COPY_DESCEND && !S_ISDIR(st.st_mode)))
		return 0;
	if (S_ISDIR(st.st_mode))
		return copy_dir(c, up, sname, dname, want, depth);
	if (need_dir(c, up) < 0)
		return -1;
	to = dst_path(c);
	rc = link_again(c, &st, up->dst, dname, to);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (S_ISREG(st.st_mode))
		return copy_file(c, up->src, sname, up->dst, dname);
	if (S_ISLNK(st.st_mode))
		return copy_link(c, up->src, sname, up->dst, dname, &st);
	return copy_special(c, up->dst, dname, &st);
}

int fs_copy_tree(int src_dirfd, const char *src_name, int dst_dirfd, const char *dst_name, const struct copy_opts *o,
		 struct err *e)
{
	static const struct copy_opts plain;
	struct copy c = { .o = o ? o : &plain, .dst_top = dst_dirfd, .dst_name = dst_name, .e = e };
	struct frame top = { .src = src_dirfd, .dst = dst_dirfd };
	int rc = copy_entry(&c, &top, src_name, dst_name, 0);

	for (size_t i = 0; i < c.links.n; i++)
		free(c.links.e[i].val);
	map_done(&c.links);
	str_done(&c.path);
	return rc;
}
