/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/layer.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/base/coll.h"
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/image/archive.h"

enum { ENTRIES_MAX = 4000000, PATH_LEN_MAX = 4000, NAME_LEN_MAX = 255, DEPTH_MAX = 400 };
#define BYTES_MAX (4ULL << 40)
#define WH ".wh."

struct dir_time { char *path; struct timespec t[2]; };

struct untar {
	const struct libarchive *la;
	struct archive *a;
	struct archive_entry *ae;
	const struct layer_opts *o;
	struct layer_stats *st;
	layer_read_fn *read;
	void *read_arg;
	int  root;
	bool are_root;               /* what we make belongs to 0:0 by itself */
	/* the current entry */
	char path[PATH_LEN_MAX + 1]; /* relative to the root, clean; "" is the root itself */
	const char *name;            /* its last component */
	mode_t perm;
	uid_t uid;
	gid_t gid;
	struct timespec t[2];
	/* the parent of the last entry: archives go directory by directory */
	int  dir;
	bool dir_gid0;
	char *dir_path;              /* NULL: nothing known */
	VEC(struct dir_time) dirs;   /* directories' times are set last */
};

static int fail(struct untar *u, int sysno, const char *why, struct err *e)
{
	auto_free char *shown = str_printable(*u->path ? u->path : "/");

	err_set(e, ERR_SYS, sysno, "unpack %.300s%s%s", shown, *why ? ": " : "", why);
	if (sysno == ENOSPC || sysno == EDQUOT)
		err_hint(e, "free some disk space and try again");
	return -1;
}

/* -- names -- */

/* Write the relative form without ".", doubled or trailing slashes to out. ret: NULL, or what is wrong with it */
static const char *clean(const char *raw, char out[PATH_LEN_MAX + 1])
{
	size_t n = 0, depth = 0;

	for (;;) {
		size_t len;

		raw += strspn(raw, "/");
		len = strcspn(raw, "/");
		if (!len)
			break;
		if (len == 2 && raw[0] == '.' && raw[1] == '.')
			return "the name has a \"..\"";
		if (len > NAME_LEN_MAX || n + len + 1 > PATH_LEN_MAX || depth++ >= DEPTH_MAX)
			return "the name is too long";
		if (len != 1 || raw[0] != '.') {
			if (n)
				out[n++] = '/';
			memcpy(out + n, raw, len);
			n += len;
		}
		raw += len;
	}
	out[n] = '\0';
	return NULL;
}

static void forget_dir(struct untar *u)
{
	free(u->dir_path);
	u->dir_path = NULL;
	mem_closep(&u->dir);
	u->dir = -1;
}

/* Keep fd (consumed) as the directory that path names. */
static int remember_dir(struct untar *u, int fd, const char *path, size_t len)
{
	struct stat st;

	forget_dir(u);
	u->dir = fd;
	u->dir_path = xstrndup(path, len);
	if (fstat(fd, &st) < 0)
		return -1;
	u->dir_gid0 = st.st_gid == 0;
	return 0;
}

/* Make u->dir the directory that holds the entry, u->name the name in it. */
static int enter_parent(struct untar *u, struct err *e)
{
	char *slash = strrchr(u->path, '/');
	size_t len = slash ? (size_t)(slash - u->path) : 0;
	int fd;

	u->name = slash ? slash + 1 : u->path;
	if (u->dir_path && strlen(u->dir_path) == len && !memcmp(u->dir_path, u->path, len))
		return 0;
	if (slash)
		*slash = '\0';
	fd = fs_open_in(u->root, len ? u->path : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0 && errno == ENOENT)
		fd = fs_mkdir_p_in(u->root, u->path, 0755);
	if (slash)
		*slash = '/';
	if (fd < 0)
		return fail(u, errno, "its directory", e);
	if (remember_dir(u, fd, u->path, len) < 0)
		return fail(u, errno, "its directory", e);
	return 0;
}

/* -- attributes -- */

static bool xattr_wanted(const char *name, bool is_dir)
{
	if (str_starts(name, "user."))
		return !str_starts(name, "user.overlay.") && !str_starts(name, "user.fuseoverlayfs.") &&
		       !str_starts(name, "user.containers.");
	if (!strcmp(name, "security.capability"))
		return !is_dir;
	return !strcmp(name, "system.posix_acl_access");
}

static int put_xattrs(struct untar *u, int fd, bool is_dir, struct err *e)
{
	const char *name;
	const void *value;
	size_t size;

	if (!u->la->xattr_reset(u->ae))
		return 0;
	while (u->la->xattr_next(u->ae, &name, &value, &size) == ARCHIVE_OK) {
		if (!name)
			continue;
		if (!xattr_wanted(name, is_dir)) {
			u->st->xattrs_left_out++;
		} else if (fsetxattr(fd, name, value, size, 0) < 0) {
			if (errno != ENOTSUP && errno != EPERM && errno != EINVAL)
				return fail(u, errno, "extended attribute", e);
			u->st->xattrs_left_out++;
		}
	}
	return 0;
}

static bool owner_differs(const struct untar *u)
{
	return !(u->are_root && u->dir_gid0 && u->uid == 0 && u->gid == 0);
}

/* Owner first: a change of owner clears set-id bits and capabilities. */
static int put_attrs_fd(struct untar *u, int fd, bool is_dir, bool mode_too, struct err *e)
{
	if (owner_differs(u) && fchown(fd, u->uid, u->gid) < 0)
		return fail(u, errno, "owner", e);
	if ((mode_too || u->perm & 07000) && fchmod(fd, u->perm) < 0)
		return fail(u, errno, "mode", e);
	return put_xattrs(u, fd, is_dir, e);
}

/* Of an entry without content of its own: link, device, FIFO. */
static int put_attrs_at(struct untar *u, bool is_link, struct err *e)
{
	if (owner_differs(u) && fchownat(u->dir, u->name, u->uid, u->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "owner", e);
	if (!is_link && u->perm & 07000 && fchmodat(u->dir, u->name, u->perm, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "mode", e);
	if (utimensat(u->dir, u->name, u->t, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "time", e);
	return 0;
}

/* -- kinds of entries -- */

/* The entry's place is taken by an earlier one: the later one wins. */
static int make_room(struct untar *u, struct err *e)
{
	int dir = take_fd(u->dir), rc;

	free(take_ptr(u->dir_path));             /* what other names meant may have gone with it */
	rc = fs_rm_rf(dir, u->name);
	if (rc < 0)
		fail(u, errno, "replace the earlier entry", e);
	u->dir = dir;
	return rc < 0 ? -1 : 0;
}

static int put_data(struct untar *u, int fd, struct err *e)
{
	const int64_t size = u->la->size(u->ae);
	int64_t end = 0, at;
	const void *buf;
	size_t len;
	int rc;

	while ((rc = u->la->data_block(u->a, &buf, &len, &at)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		for (size_t done = 0; done < len;) {
			ssize_t n = pwrite(fd, (const char *)buf + done, len - done, at + (int64_t)done);

			if (n < 0 && errno != EINTR)
				return fail(u, errno, "", e);
			done += n > 0 ? (size_t)n : 0;
		}
		if (len)
			end = at + (int64_t)len;
	}
	if (rc != ARCHIVE_EOF) {
		const char *why = u->la->error_string(u->a);

		return fail(u, 0, why ? why : "the archive ends in the middle of it", e);
	}
	if (end < size && ftruncate(fd, size) < 0)
		return fail(u, errno, "", e);
	return 0;
}

static int make_file(struct untar *u, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	auto_close int fd = openat(u->dir, u->name, flags, u->perm);

	if (fd < 0 && errno == EEXIST) {
		if (make_room(u, e) < 0)
			return -1;
		fd = openat(u->dir, u->name, flags, u->perm);
	}
	if (fd < 0)
		return fail(u, errno, "", e);
	if (u->la->size(u->ae) > 0 && put_data(u, fd, e) < 0)
		return -1;
	if (put_attrs_fd(u, fd, false, false, e) < 0)
		return -1;
	if (futimens(fd, u->t) < 0)
		return fail(u, errno, "time", e);
	return 0;
}

static int set_opaque(struct untar *u, int dir, const char *name, struct err *e)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, u->o->user_xattr ? "user.overlay.opaque" : "trusted.overlay.opaque", "y", 1, 0) < 0)
		return fail(u, errno, "mark the directory as opaque", e);
	return 0;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == 0;
}

/* A directory joins one that is there; in the place of a whiteout it hides what is below; anything else it replaces.
 * ret: 1 when it was there, 0 when it is new */
static int make_dir_node(struct untar *u, struct err *e)
{
	struct stat st;

	if (mkdirat(u->dir, u->name, u->perm) == 0)
		return 0;
	if (errno != EEXIST || fstatat(u->dir, u->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "", e);
	if (S_ISDIR(st.st_mode))
		return 1;
	if (make_room(u, e) < 0)
		return -1;
	if (mkdirat(u->dir, u->name, u->perm) < 0)
		return fail(u, errno, "", e);
	return u->o->whiteouts && is_whiteout(&st) ? set_opaque(u, u->dir, u->name, e) : 0;
}

static void note_dir_time(struct untar *u)
{
	vec_push(&u->dirs, (struct dir_time){ xstrdup(u->path), { u->t[0], u->t[1] } });
}

static int make_dir(struct untar *u, struct err *e)
{
	int there = make_dir_node(u, e), fd;

	if (there < 0)
		return -1;
	fd = openat(u->dir, u->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(u, errno, "", e);
	if (there)
		u->dir_gid0 = false;             /* its owner is not known: set it */
	if (put_attrs_fd(u, fd, true, true, e) < 0) {      /* the mode too: a set-gid parent hands its bit down */
		close(fd);
		return -1;
	}
	note_dir_time(u);
	if (remember_dir(u, fd, u->path, strlen(u->path)) < 0)
		return fail(u, errno, "", e);
	return 0;
}

/* The layer's own "/" */
static int make_root(struct untar *u, mode_t type, struct err *e)
{
	if (type != AE_IFDIR)
		return fail(u, 0, "the root must be a directory", e);
	forget_dir(u);
	u->dir_gid0 = false;
	if (put_attrs_fd(u, u->root, true, true, e) < 0)
		return -1;
	note_dir_time(u);
	return 0;
}

static int make_symlink(struct untar *u, struct err *e)
{
	const char *target = u->la->symlink(u->ae);

	if (!target)
		return fail(u, 0, "a symbolic link without a target", e);
	if (symlinkat(target, u->dir, u->name) < 0) {
		if (errno != EEXIST)
			return fail(u, errno, "", e);
		if (make_room(u, e) < 0)
			return -1;
		if (symlinkat(target, u->dir, u->name) < 0)
			return fail(u, errno, "", e);
	}
	return put_attrs_at(u, true, e);
}

/* The target is a name inside the layer; a link that it ends in is linked itself, not followed. */
static int make_hardlink(struct untar *u, const char *raw, struct err *e)
{
	auto_free char *name = NULL;
	auto_close int from = -1;
	char target[PATH_LEN_MAX + 1];
	struct stat a, b;

	if (clean(raw, target) || !*target)
		return fail(u, 0, "the hard link's target has a bad name", e);
	from = fs_open_parent_in(u->root, target, false, &name);
	if (from < 0 || fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "the hard link's target", e);
	if (S_ISDIR(a.st_mode))
		return fail(u, 0, "a hard link to a directory", e);
	if (fstatat(u->dir, u->name, &b, AT_SYMLINK_NOFOLLOW) == 0) {
		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 0;
		if (make_room(u, e) < 0)
			return -1;
	}
	if (linkat(from, name, u->dir, u->name, 0) < 0)
		return fail(u, errno, "hard link", e);
	return 0;
}

static int make_node(struct untar *u, mode_t type, struct err *e)
{
	const dev_t dev = makedev(u->la->rdevmajor(u->ae), u->la->rdevminor(u->ae));
	int tries = 2;

	if (type != AE_IFIFO && u->o->no_devices) {
		u->st->devices_left_out++;
		return 0;
	}
	while (mknodat(u->dir, u->name, type | (u->perm & 0777), dev) < 0) {
		if (errno == EPERM && type != AE_IFIFO) {
			u->st->devices_left_out++;
			return 0;
		}
		if (errno != EEXIST || !--tries)
			return fail(u, errno, "", e);
		if (make_room(u, e) < 0)
			return -1;
	}
	return put_attrs_at(u, false, e);
}

/* Of lower layers only: what this layer itself brings under that name stays, and hides what is below. */
static int make_whiteout(struct untar *u, struct err *e)
{
	const char *victim = u->name + strlen(WH);
	struct stat st;

	if (!strcmp(u->name, WH WH ".opq"))
		return set_opaque(u, u->dir, ".", e);
	if (str_starts(victim, WH))
		return 0;                        /* aufs's own records */
	if (!*victim || !strcmp(victim, ".") || !strcmp(victim, ".."))
		return fail(u, 0, "a whiteout of no name", e);
	if (mknodat(u->dir, victim, S_IFCHR, 0) == 0)
		return 0;
	if (errno != EEXIST || fstatat(u->dir, victim, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, errno, "whiteout", e);
	return S_ISDIR(st.st_mode) ? set_opaque(u, u->dir, victim, e) : 0;
}

/* -- the archive -- */

static int read_ids(struct untar *u, struct err *e)
{
	const int64_t uid = u->la->uid(u->ae), gid = u->la->gid(u->ae);

	/* the last value means "leave it" to chown: the file would stay root's */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return fail(u, 0, "the owner is out of range", e);
	u->uid = (uid_t)uid;
	u->gid = (gid_t)gid;
	return 0;
}

static int read_entry(struct untar *u, struct err *e)
{
	const char *raw = u->la->pathname(u->ae), *wrong;
	long ns = u->la->mtime_nsec(u->ae);
	const int64_t size = u->la->size(u->ae);

	u->path[0] = '\0';
	if (!raw)
		return err_set(e, ERR_SYS, 0, "unpack: entry %llu has a name that is not UTF-8",
			       (unsigned long long)u->st->entries);
	wrong = clean(raw, u->path);
	if (wrong) {
		(void)snprintf(u->path, sizeof(u->path), "%.200s", raw);
		return fail(u, 0, wrong, e);
	}
	u->perm = u->la->perm(u->ae) & 07777;
	u->t[0].tv_sec = u->t[1].tv_sec = u->la->mtime(u->ae);
	u->t[0].tv_nsec = u->t[1].tv_nsec = ns < 0 || ns > 999999999 ? 0 : ns;
	if (size < 0 || (uint64_t)size > u->o->max_bytes - u->st->bytes)
		return fail(u, 0, "the archive's files are larger than allowed", e);
	return read_ids(u, e);
}

static int make_entry(struct untar *u, struct err *e)
{
	const mode_t type = u->la->filetype(u->ae);
	const char *link = u->la->hardlink(u->ae);

	if (!*u->path)
		return make_root(u, type, e);
	if (enter_parent(u, e) < 0)
		return -1;
	if (u->o->whiteouts && str_starts(u->name, WH))
		return make_whiteout(u, e);
	if (link)
		return make_hardlink(u, link, e);
	switch (type) {
	case AE_IFREG:
		u->st->bytes += (uint64_t)u->la->size(u->ae);
		return make_file(u, e);
	case AE_IFDIR:
		return make_dir(u, e);
	case AE_IFLNK:
		return make_symlink(u, e);
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		return make_node(u, type, e);
	default:
		return fail(u, 0, "an entry of unknown type", e);
	}
}

static int all_entries(struct untar *u, struct err *e)
{
	for (;;) {
		int rc = u->la->next_header(u->a, &u->ae);

		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
			const char *why = u->la->error_string(u->a);

			return err_set(e, ERR_SYS, 0, "unpack: the archive is broken%s%s", why ? ": " : "",
				       why ? why : "");
		}
		if (++u->st->entries > u->o->max_entries)
			return err_set(e, ERR_SYS, 0, "unpack: more than %llu entries",
				       (unsigned long long)u->o->max_entries);
		if (read_entry(u, e) < 0 || make_entry(u, e) < 0)
			return -1;
	}
}

/* Last, because making an entry changes its directory's time. One that was replaced on the way has none to set. */
static void put_dir_times(struct untar *u)
{
	for (size_t i = u->dirs.n; i-- > 0;) {
		const struct dir_time *d = &u->dirs.v[i];
		auto_close int fd = fs_open_in(u->root, *d->path ? d->path : ".",
					       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

		if (fd >= 0)
			(void)futimens(fd, d->t);
	}
}

static la_ssize_t feed(struct archive *a, void *arg, const void **buf)
{
	struct untar *u = arg;

	(void)a;
	return u->read(u->read_arg, buf);
}

static int open_archive(struct untar *u, struct err *e)
{
	u->a = u->la->read_new();
	if (!u->a || u->la->format_tar(u->a) != ARCHIVE_OK || u->la->format_empty(u->a) != ARCHIVE_OK)
		return err_set(e, ERR_SYS, 0, "libarchive cannot read tar archives");
	if (u->o->compressed && archive_filters(u->la, u->a, e) < 0)
		return -1;
	if (u->la->read_open(u->a, u, NULL, feed, NULL) != ARCHIVE_OK) {
		const char *why = u->la->error_string(u->a);

		return err_set(e, ERR_SYS, 0, "unpack: %s", why ? why : "the archive cannot be read");
	}
	return 0;
}

static int untar(struct untar *u, struct err *e)
{
	void *names = archive_names_begin();
	int rc;

	rc = open_archive(u, e);
	if (rc == 0)
		rc = all_entries(u, e);
	if (rc == 0)
		put_dir_times(u);
	if (u->a)
		(void)u->la->read_free(u->a);
	archive_names_end(names);
	return rc;
}

int layer_untar(int dirfd, layer_read_fn *read, void *arg, const struct layer_opts *o, struct layer_stats *st,
		struct err *e)
{
	struct layer_opts opts = *o;
	struct untar u = { .o = &opts, .st = st, .read = read, .read_arg = arg, .root = dirfd, .dir = -1,
			   .are_root = geteuid() == 0 && getegid() == 0 };
	mode_t mask;
	int rc;

	memset(st, 0, sizeof(*st));
	if (!opts.max_entries)
		opts.max_entries = ENTRIES_MAX;
	if (!opts.max_bytes)
		opts.max_bytes = BYTES_MAX;
	u.la = libarchive_load(e);
	if (!u.la)
		return -1;
	if (unshare(CLONE_FS) < 0)               /* the umask is this thread's own from here */
		return err_set(e, ERR_SYS, errno, "unshare the file mode mask");
	mask = umask(0);
	rc = untar(&u, e);
	(void)umask(mask);
	forget_dir(&u);
	for (size_t i = 0; i < u.dirs.n; i++)
		free(u.dirs.v[i].path);
	vec_done(&u.dirs);
	return rc;
}
