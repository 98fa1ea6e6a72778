/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/image/tar_out.h"
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/base/coll.h"
#include "compose/base/dl.h"
#include "compose/base/intr.h"
#include "compose/base/str.h"
#include "compose/image/archive.h"

enum { DEPTH_MAX = 1000, XATTR_MAX = 64 << 10, CHUNK = 64 << 10, RECORD = 10240 };

static struct {
	struct archive *(*write_new)(void);
	int (*write_free)(struct archive *), (*write_close)(struct archive *);
	int (*format_pax)(struct archive *), (*open_fd)(struct archive *, int);
	int (*last_block)(struct archive *, int);
	int (*open)(struct archive *, void *, archive_open_callback *, archive_write_callback *, archive_close_callback *);
	void (*filetype)(struct archive_entry *, unsigned);
	int (*header)(struct archive *, struct archive_entry *), (*finish)(struct archive *);
	la_ssize_t (*data)(struct archive *, const void *, size_t);
	const char *(*error)(struct archive *);
	int (*error_no)(struct archive *);
	struct archive_entry *(*entry_new)(void);
	void (*entry_free)(struct archive_entry *);
	void (*copy_stat)(struct archive_entry *, const struct stat *);
	void (*pathname)(struct archive_entry *, const char *), (*symlink)(struct archive_entry *, const char *),
	     (*hardlink)(struct archive_entry *, const char *);
	void (*set_size)(struct archive_entry *, la_int64_t);
	void (*xattr)(struct archive_entry *, const char *, const void *, size_t);
} la;
static struct err load_error;
static bool loaded;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	const struct dl_sym syms[] = {
		{"archive_write_new", &la.write_new},
		{"archive_write_free", &la.write_free},
		{"archive_write_close", &la.write_close},
		{"archive_write_set_format_pax_restricted", &la.format_pax},
		{"archive_write_open_fd", &la.open_fd},
		{"archive_write_open", &la.open},
		{"archive_entry_set_filetype", &la.filetype},
		{"archive_write_set_bytes_in_last_block", &la.last_block},
		{"archive_write_header", &la.header},
		{"archive_write_finish_entry", &la.finish},
		{"archive_write_data", &la.data},
		{"archive_error_string", &la.error},
		{"archive_errno", &la.error_no},
		{"archive_entry_new", &la.entry_new},
		{"archive_entry_free", &la.entry_free},
		{"archive_entry_copy_stat", &la.copy_stat},
		{"archive_entry_copy_pathname", &la.pathname},
		{"archive_entry_copy_symlink", &la.symlink},
		{"archive_entry_copy_hardlink", &la.hardlink},
		{"archive_entry_set_size", &la.set_size},
		{"archive_entry_xattr_add_entry", &la.xattr},
		{NULL, NULL},
	};

	loaded = dl_load("libarchive.so.13", "libarchive13", syms, &load_error) == 0;
}

struct tar_out {
	struct archive *a;
	struct map links;           /* "dev:ino" -> name in the archive */
	const struct tar_out_opts *o;
	struct str path;            /* in the archive */
	size_t skip;                /* of path: what the filter does not see */
	uint64_t mount;             /* of the tree's top */
	tar_out_write_fn *write;    /* instead of a descriptor */
	void *arg;
	struct err *e;
	char *buf;
};

static int fail(struct tar_out *t, int sysno, const char *why)
{
	auto_free char *shown = str_printable(t->path.len ? t->path.s : ".");

	return err_set(t->e, ERR_SYS, sysno, "archive %.500s%s%s", shown, why ? ": " : "", why ? why : "");
}

/* ARCHIVE_WARN: a name that is no UTF-8 is stored as it is. */
static int check(struct tar_out *t, int rc)
{
	int sysno = la.error_no(t->a);

	if (rc >= ARCHIVE_WARN)
		return 0;
	return sysno > 0 ? fail(t, sysno, NULL) : fail(t, 0, la.error(t->a));
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *buf, size_t len)
{
	struct tar_out *t = arg;

	(void)a;
	return t->write(t->arg, buf, len) < 0 ? -1 : (la_ssize_t)len;
}

static int make(struct tar_out **ret, int fd, tar_out_write_fn *write, void *arg, struct err *e)
{
	struct tar_out *t;

	(void)pthread_once(&once, load);
	if (!loaded) {
		err_set(e, ERR_MISSING, 0, "%s", load_error.frame[0]);
		return load_error.hint ? err_hint(e, "%s", load_error.hint) : -1;
	}
	if (!libarchive_load(e))                  /* for the names' locale */
		return -1;
	t = xcalloc(1, sizeof(*t));
	*t = (struct tar_out){ .a = la.write_new(), .write = write, .arg = arg, .e = e, .buf = xmalloc(CHUNK) };
	if (la.format_pax(t->a) != ARCHIVE_OK || la.last_block(t->a, RECORD) != ARCHIVE_OK ||
	    (write ? la.open(t->a, t, NULL, on_write, NULL) : la.open_fd(t->a, fd)) != ARCHIVE_OK) {
		tar_out_free(t);
		return err_set(e, ERR_SYS, 0, "libarchive cannot write tar archives");
	}
	*ret = t;
	return 0;
}

int tar_out_new(struct tar_out **ret, int fd, struct err *e)
{
	return make(ret, fd, NULL, NULL, e);
}

int tar_out_new_fn(struct tar_out **ret, tar_out_write_fn *write, void *arg, struct err *e)
{
	return make(ret, -1, write, arg, e);
}

static void put_xattrs(struct archive_entry *en, int fd)
{
	auto_free char *names = xmalloc(XATTR_MAX), *value = xmalloc(XATTR_MAX);
	ssize_t len = flistxattr(fd, names, XATTR_MAX);

	for (const char *n = names; len > 0 && n < names + len; n += strlen(n) + 1) {
		ssize_t vlen = str_starts(n, "trusted.overlay.") || str_starts(n, "user.overlay.")
				       ? -1
				       : fgetxattr(fd, n, value, XATTR_MAX);

		if (vlen >= 0)
			la.xattr(en, n, value, (size_t)vlen);
	}
}

/* Another name of a file that is in the archive already. */
static bool seen_before(struct tar_out *t, struct archive_entry *en, const struct stat *st)
{
	char key[64];
	const char *first;

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return false;
	(void)snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	first = map_get(&t->links, key);
	if (!first) {
		(void)map_set(&t->links, key, xstrdup(t->path.s));
		return false;
	}
	la.hardlink(en, first);
	la.set_size(en, 0);
	return true;
}

static int put_header(struct tar_out *t, struct archive_entry *en, const struct stat *st)
{
	auto_free char *name = xasprintf("%s%s", t->path.s, S_ISDIR(st->st_mode) ? "/" : "");
	void *names = archive_names_begin();
	int rc;

	la.pathname(en, name);
	rc = la.header(t->a, en);
	archive_names_end(names);
	return check(t, rc);
}

/* What is not there any more counts as zeros: the length has been told. */
static int put_data(struct tar_out *t, int fd, off_t size)
{
	for (off_t at = 0; at < size;) {
		size_t want = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		ssize_t n = pread(fd, t->buf, want, at);

		if (intr_check(t->e) < 0)
			return -1;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(t, errno, NULL);
		if (n == 0)
			break;
		if (la.data(t->a, t->buf, (size_t)n) < 0)
			return check(t, ARCHIVE_FATAL);
		at += n;
	}
	return check(t, la.finish(t->a));
}

static int put_file(struct tar_out *t, struct archive_entry *en, int dir, const char *name, bool empty)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(t, errno, NULL);
	if (!S_ISREG(st.st_mode))
		return fail(t, 0, "it changed while it was read");
	if (empty)
		st.st_size = 0;
	la.copy_stat(en, &st);
	if (seen_before(t, en, &st))
		return put_header(t, en, &st);
	put_xattrs(en, fd);
	return put_header(t, en, &st) < 0 || put_data(t, fd, st.st_size) < 0 ? -1 : 0;
}

static int put_link(struct tar_out *t, struct archive_entry *en, int dir, const char *name, const struct stat *st)
{
	char target[4097];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return fail(t, errno, NULL);
	target[n] = '\0';
	la.copy_stat(en, st);
	la.set_size(en, 0);
	if (!seen_before(t, en, st))
		la.symlink(en, target);
	return put_header(t, en, st);
}

/* ---- marks of an overlay's layer ---- */

/* An empty file called ".wh.NAME": NAME, of a layer below, is gone; ".wh..wh..opq": all of the directory's are. */
static int put_mark(struct tar_out *t, const char *dir, const char *name)
{
	struct archive_entry *en = la.entry_new();
	auto_free char *path = xasprintf("%s%s.wh.%s", dir, *dir ? "/" : "", name);
	void *names = archive_names_begin();
	int rc;

	la.pathname(en, path);
	la.filetype(en, S_IFREG);
	la.set_size(en, 0);
	rc = la.header(t->a, en);
	archive_names_end(names);
	la.entry_free(en);
	return check(t, rc);
}

static int put_whiteout(struct tar_out *t, const char *name)
{
	size_t dir = t->path.len - strlen(name);
	auto_free char *parent = xstrndup(t->path.s, dir ? dir - 1 : 0);

	return put_mark(t, parent, name);
}

static bool is_opaque(int fd)
{
	char v[2];

	return fgetxattr(fd, "trusted.overlay.opaque", v, sizeof(v)) == 1 && *v == 'y';
}

static int entry(struct tar_out *t, int dir, const char *name, int depth);

static int children(struct tar_out *t, int fd, int depth)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const size_t len = t->path.len;
	struct dirent *de;

	if (!d) {
		mem_closep(&copy);
		return fail(t, errno, NULL);
	}
	while (rc == 0 && (errno = 0, de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		str_addf(&t->path, "%s%s", len ? "/" : "", de->d_name);
		rc = entry(t, fd, de->d_name, depth + 1);
		str_cut(&t->path, len);
	}
	if (rc == 0 && errno)
		rc = fail(t, errno, NULL);
	closedir(d);
	return rc;
}

static int put_dir(struct tar_out *t, struct archive_entry *en, int dir, const char *name, bool empty, int depth)
{
	auto_close int fd = openat(dir, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (depth > DEPTH_MAX)
		return fail(t, ELOOP, NULL);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(t, errno, NULL);
	la.copy_stat(en, &st);
	la.set_size(en, 0);
	put_xattrs(en, fd);
	if (t->path.len && put_header(t, en, &st) < 0)
		return -1;
	if (t->o->whiteouts && is_opaque(fd) && put_mark(t, t->path.len ? t->path.s : "", ".wh..opq") < 0)
		return -1;
	return empty ? 0 : children(t, fd, depth);
}

/* Is it on the mount that the tree began on? */
static bool elsewhere(const struct tar_out *t, int dir, const char *name)
{
	struct statx x;

	return t->o->one_mount && statx(dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &x) == 0 &&
	       x.stx_mask & STATX_MNT_ID && x.stx_mnt_id != t->mount;
}

static int put(struct tar_out *t, struct archive_entry *en, int dir, const char *name, const struct stat *st, int depth)
{
	bool empty = elsewhere(t, dir, name);

	if (S_ISDIR(st->st_mode))
		return put_dir(t, en, dir, name, empty, depth);
	if (S_ISREG(st->st_mode))
		return put_file(t, en, dir, name, empty);
	if (S_ISLNK(st->st_mode))
		return put_link(t, en, dir, name, st);
	if (S_ISSOCK(st->st_mode))
		return 0;
	if (t->o->whiteouts && S_ISCHR(st->st_mode) && st->st_rdev == 0)
		return put_whiteout(t, name);
	la.copy_stat(en, st);
	la.set_size(en, 0);
	(void)seen_before(t, en, st);
	return put_header(t, en, st);
}

static int entry(struct tar_out *t, int dir, const char *name, int depth)
{
	struct archive_entry *en;
	struct stat st;
	int rc;

	if (intr_check(t->e) < 0)
		return -1;
	if (fstatat(dir, *name ? name : ".", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (depth && errno == ENOENT)
			return 0;                 /* it went away meanwhile */
		return fail(t, errno, NULL);
	}
	if (t->o->filter &&
	    t->o->filter(t->o->arg, t->path.len > t->skip ? t->path.s + t->skip : "", S_ISDIR(st.st_mode)) == COPY_SKIP)
		return 0;
	en = la.entry_new();
	rc = put(t, en, dir, name, &st, depth);
	la.entry_free(en);
	return rc;
}

int tar_out_tree(struct tar_out *t, int dirfd, const char *name, const char *as, const struct tar_out_opts *o,
		 struct err *e)
{
	static const struct tar_out_opts plain;
	struct statx x = {0};

	t->o = o ? o : &plain;
	t->e = e;
	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &x) == 0)
		t->mount = x.stx_mnt_id;
	str_clear(&t->path);
	str_add(&t->path, as);
	t->skip = *as ? strlen(as) + 1 : 0;
	return entry(t, dirfd, name, 0);
}

int tar_out_end(struct tar_out *t, struct err *e)
{
	t->e = e;
	str_clear(&t->path);
	return check(t, la.write_close(t->a));
}

void tar_out_free(struct tar_out *t)
{
	if (!t)
		return;
	if (t->a)
		(void)la.write_free(t->a);
	for (size_t i = 0; i < t->links.n; i++)
		free(t->links.e[i].val);
	map_done(&t->links);
	str_done(&t->path);
	free(t->buf);
	free(t);
}
