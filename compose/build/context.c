/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/build/context.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "parser/glob.h"

enum { LINKS_MAX = 40, DEPTH_MAX = 1024, NAMES_MAX = 1 << 22, XATTRS_MAX = 64 << 10 };

/* -- paths -- */

/* Append one component to a clean path: "" and "." are nothing, ".." goes up but not above the root. */
static void path_step(struct str *out, const char *comp, size_t n)
{
	if (!n || (n == 1 && *comp == '.'))
		return;
	if (n == 2 && comp[0] == '.' && comp[1] == '.') {
		size_t len = out->len;

		while (len && out->s[len - 1] != '/')
			len--;
		str_cut(out, len ? len - 1 : 0);
		return;
	}
	if (out->len)
		str_addc(out, '/');
	str_addn(out, comp, n);
}

char *path_clean(const char *path)
{
	auto_str struct str out = {0};

	while (*path) {
		size_t n = strcspn(path, "/");

		path_step(&out, path, n);
		path += n;
		path += *path == '/';
	}
	return str_take(&out);
}

/* Open a path that has no links in it; one that got a link meanwhile is refused. */
static int open_plain(int root, const char *rel, int flags)
{
	return sys_openat2(root, *rel ? rel : ".", (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW), 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* Follow one link: its target goes before what is left of the path. */
static int follow(int fd, struct str *done, char **rest)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target) - 1);
	char *joined;

	if (n < 0)
		return -1;
	target[n] = '\0';
	if (*target == '/')
		str_clear(done);
	joined = xasprintf("%s/%s", target, *rest);
	free(*rest);
	*rest = joined;
	return strlen(joined) < 16 * PATH_MAX ? 0 : (errno = ENAMETOOLONG, -1);
}

/* Resolve links within root, as chroot would. ret: 0 with *ret (caller frees), or -1 with errno */
static int resolve(int root, const char *path, char **ret)
{
	auto_free char *rest = xstrdup(path);
	auto_str struct str done = {0};
	int links = 0;

	while (*rest) {
		auto_str struct str next = {0};
		auto_close int fd = -1;
		size_t n = strcspn(rest, "/"), skip = n + (rest[n] == '/');
		struct stat st;

		str_add(&next, str_cstr(&done));
		path_step(&next, rest, n);
		fd = open_plain(root, str_cstr(&next), O_PATH);
		if (fd < 0 || fstat(fd, &st) < 0)
			return -1;
		memmove(rest, rest + skip, strlen(rest + skip) + 1);
		if (S_ISLNK(st.st_mode)) {
			if (++links > LINKS_MAX)
				return errno = ELOOP, -1;
			if (follow(fd, &done, &rest) < 0)
				return -1;
			continue;
		}
		str_clear(&done);
		str_add(&done, str_cstr(&next));
	}
	*ret = str_take(&done);
	return 0;
}

/* -- finding -- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in the directory fd (which is consumed), sorted. */
static int list(int fd, const char *what, struct strv *ret, struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;

	if (!d) {
		int saved = errno;

		close(fd);
		return err_set(e, ERR_SYS, saved, "read directory %s", what);
	}
	for (errno = 0; (de = readdir(d)); errno = 0) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		if (ret->n >= NAMES_MAX)
			break;
		strv_add(ret, de->d_name);
	}
	if (errno || de) {
		err_set(e, ERR_SYS, de ? 0 : errno, "read directory %s%s", what, de ? ": too many names" : "");
		closedir(d);
		return -1;
	}
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_names);
	return 0;
}

static char *unescaped(const char *s, size_t n)
{
	char *r = xstrndup(s, n), *out = r;

	for (const char *in = r; *in; in++) {
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in;
	}
	*out = '\0';
	return r;
}

static int expand(const struct source *s, const char *base, const char *pattern, enum glob_mode mode, struct strv *ret,
		  int depth, struct err *e);

/* One segment with wildcards: each matching name in base, then the rest of the pattern below it. */
static int expand_magic(const struct source *s, const char *base, const char *seg, const char *rest, enum glob_mode mode,
			struct strv *ret, int depth, struct err *e)
{
	auto_strv struct strv names = {0};
	auto_free char *dir = NULL;
	int fd;

	if (resolve(s->root, base, &dir) < 0)
		return 0;
	fd = open_plain(s->root, dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return errno == ENOTDIR || errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open %s", dir);
	if (list(fd, dir, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = NULL;

		if (!glob_match(seg, names.v[i], strlen(names.v[i]), GLOB_FLAT))
			continue;
		path = xasprintf("%s%s%s", dir, *dir ? "/" : "", names.v[i]);
		if (expand(s, path, rest, mode, ret, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

/* The segment **: what is behind it is looked for here and in every directory below; links are not entered. */
static int expand_deep(const struct source *s, const char *base, const char *pattern, const char *rest, struct strv *ret,
		       int depth, struct err *e)
{
	auto_strv struct strv names = {0};
	auto_close int dir = -1;
	int fd;

	while (str_starts(rest, "**/") || str_eq(rest, "**"))
		rest += rest[2] ? 3 : 2;
	if (expand(s, base, rest, GLOB_DEEP, ret, depth + 1, e) < 0)
		return -1;
	dir = *rest ? open_plain(s->root, base, O_RDONLY | O_DIRECTORY) : -1;     /* nothing behind it: all of base is taken */
	fd = dir < 0 ? -1 : fcntl(dir, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (list(fd, base, &names, e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = xasprintf("%s%s%s", base, *base ? "/" : "", names.v[i]);
		struct stat st;

		if (fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
		    expand(s, path, pattern, GLOB_DEEP, ret, depth + 1, e) < 0)
			return -1;
	}
	return 0;
}

static int expand(const struct source *s, const char *base, const char *pattern, enum glob_mode mode, struct strv *ret,
		  int depth, struct err *e)
{
	size_t n = strcspn(pattern, "/");
	const char *rest = pattern + n + (pattern[n] == '/');
	auto_free char *seg = xstrndup(pattern, n), *plain = NULL, *path = NULL;
	struct stat st;
	auto_close int fd = -1;

	if (depth > DEPTH_MAX)
		return err_set(e, ERR_USAGE, 0, "the pattern is too deep");
	if (mode == GLOB_DEEP && str_eq(seg, "**"))
		return expand_deep(s, base, pattern, rest, ret, depth, e);
	if (*pattern && strpbrk(seg, "*?["))
		return expand_magic(s, base, seg, rest, mode, ret, depth, e);
	if (*pattern) {
		plain = unescaped(seg, n);
		path = xasprintf("%s%s%s", base, *base ? "/" : "", plain);
		return expand(s, path, rest, mode, ret, depth + 1, e);
	}
	if (resolve(s->root, base, &path) < 0)
		return 0; /* a dangling link, or a plain segment behind a wildcard that is not there */
	fd = open_plain(s->root, path, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (ignore_check(s->ignore, base, S_ISDIR(st.st_mode)) != IGNORE_SKIP &&
	    ignore_check(s->ignore, path, S_ISDIR(st.st_mode)) != IGNORE_SKIP && !strv_has(ret, path))
		strv_take(ret, take_ptr(path));
	return 0;
}

int context_find(const struct source *s, const char *pattern, enum glob_mode mode, struct strv *ret, bool *ret_ignored,
		 struct err *e)
{
	auto_free char *clean = path_clean(pattern), *path = NULL;
	size_t before = ret->n;

	*ret_ignored = false;
	if (strpbrk(clean, "*?[") && !glob_valid(clean))
		return err_set(e, ERR_USAGE, 0, "syntax error in pattern `%s`", pattern);
	if (expand(s, "", clean, mode, ret, 0, e) < 0)
		return -1;
	if (ret->n > before || strpbrk(clean, "*?["))
		return 0;
	*ret_ignored = s->ignore && resolve(s->root, clean, &path) == 0;
	return 1;
}

/* -- one pick -- */

int pick_open(const struct pick *p, int flags)
{
	return open_plain(p->s->root, p->rel, flags);
}

int pick_open_parent(const struct pick *p, char **ret_name)
{
	const char *slash = strrchr(p->rel, '/');
	auto_free char *dir = slash ? xstrndup(p->rel, (size_t)(slash - p->rel)) : xstrdup("");
	int fd = open_plain(p->s->root, dir, O_RDONLY | O_DIRECTORY);

	if (fd >= 0)
		*ret_name = xstrdup(slash ? slash + 1 : p->rel);
	return fd;
}

enum copy_want pick_filter(void *arg, const char *path, bool is_dir)
{
	static const enum copy_want want[] = {
		[IGNORE_TAKE] = COPY_TAKE, [IGNORE_SKIP] = COPY_SKIP, [IGNORE_DESCEND] = COPY_DESCEND
	};
	const struct pick *p = arg;
	enum ignore_verdict ctx = IGNORE_TAKE, excl = IGNORE_TAKE;

	if (!*path)
		return COPY_TAKE;             /* the user named it */
	if (p->s->ignore) {
		auto_free char *full = *p->rel ? xasprintf("%s/%s", p->rel, path) : xstrdup(path);

		ctx = ignore_check(p->s->ignore, full, is_dir);
	}
	if (p->exclude)
		excl = ignore_check(p->exclude, path, is_dir);
	if (ctx == IGNORE_SKIP || excl == IGNORE_SKIP)
		return COPY_SKIP;
	return want[ctx == IGNORE_DESCEND ? ctx : excl];
}

/* -- digest -- */

struct walk {
	const struct pick *p;
	struct sha256     *h;
	struct str         path;          /* relative to the pick */
	struct err        *e;
};

static void add_line(struct walk *w, const struct stat *st, const char *content)
{
	char buf[256];
	int n;

	sha256_add(w->h, str_cstr(&w->path), w->path.len + 1);
	n = snprintf(buf, sizeof(buf), "%o %u %u %lld %s", (unsigned)st->st_mode, w->p->s->keep ? st->st_uid : 0,
		     w->p->s->keep ? st->st_gid : 0, S_ISREG(st->st_mode) ? (long long)st->st_size : 0LL, content);
	sha256_add(w->h, buf, (size_t)n + 1);
}

/* Attributes of a kept file: file capabilities, ACLs; not the overlay's own. */
static int add_xattrs(struct walk *w, int fd)
{
	auto_free char *names = NULL, *val = NULL;
	ssize_t len = flistxattr(fd, NULL, 0);

	if (len <= 0)
		return 0;                     /* none, or a file system that has none */
	names = xmalloc(XATTRS_MAX);
	val = xmalloc(XATTRS_MAX);
	len = flistxattr(fd, names, XATTRS_MAX);
	if (len < 0)
		return err_set(w->e, ERR_SYS, errno, "list attributes of %s", str_cstr(&w->path));
	for (const char *n = names; n < names + len; n += strlen(n) + 1) {
		ssize_t size;

		if (str_starts(n, "trusted.overlay.") || str_starts(n, "user.overlay."))
			continue;
		size = fgetxattr(fd, n, val, XATTRS_MAX);
		if (size < 0)
			return err_set(w->e, ERR_SYS, errno, "read attribute %s of %s", n, str_cstr(&w->path));
		sha256_add(w->h, n, strlen(n) + 1);
		sha256_add(w->h, val, (size_t)size);
	}
	return 0;
}

static int digest_file(struct walk *w, int dir, const char *name, const struct stat *st)
{
	struct statcache *sc = w->p->s->stats;
	char hex[SHA256_HEX_SIZE];
	auto_close int fd = -1;

	if (sc && !w->p->s->keep && statcache_get(sc, st, hex)) {
		add_line(w, st, hex);
		return 0;
	}
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(w->e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "open %s", str_cstr(&w->path));
	if (statcache_digest(sc, fd, str_cstr(&w->path), hex, w->e) < 0)
		return -1;
	add_line(w, st, hex);
	return w->p->s->keep ? add_xattrs(w, fd) : 0;
}

static int digest_entry(struct walk *w, int dir, const char *name, int depth);

static int digest_dir(struct walk *w, int fd, int depth)
{
	auto_strv struct strv names = {0};
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len = w->path.len;

	if (copy < 0)
		return err_set(w->e, ERR_SYS, errno, "open %s", str_cstr(&w->path));
	if (depth > DEPTH_MAX)
		return close(copy),
		       err_set(w->e, ERR_SYS, ELOOP, "%s: directories are nested too deeply", str_cstr(&w->path));
	if (list(copy, str_cstr(&w->path), &names, w->e) < 0 || intr_check(w->e) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (len)
			str_addc(&w->path, '/');
		str_add(&w->path, names.v[i]);
		if (digest_entry(w, fd, names.v[i], depth + 1) < 0)
			return -1;
		str_cut(&w->path, len);
	}
	return 0;
}

static int enter_dir(struct walk *w, int dir, const char *name, const struct stat *st, enum copy_want want, int depth)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return err_set(w->e, errno == EACCES ? ERR_DENIED : ERR_SYS, errno, "open %s", str_cstr(&w->path));
	add_line(w, st, want == COPY_DESCEND ? "if needed" : "");
	if (w->p->s->keep && add_xattrs(w, fd) < 0)
		return -1;
	return digest_dir(w, fd, depth);
}

static int digest_entry(struct walk *w, int dir, const char *name, int depth)
{
	char target[PATH_MAX];
	enum copy_want want;
	struct stat st;
	ssize_t n;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(w->e, ERR_SYS, errno, "read %s", str_cstr(&w->path));
	want = pick_filter((void *)w->p, str_cstr(&w->path), S_ISDIR(st.st_mode));
	if (want == COPY_SKIP)
		return 0;
	switch (st.st_mode & S_IFMT) {
	case S_IFDIR:
		return enter_dir(w, dir, name, &st, want, depth);
	case S_IFREG:
		return want == COPY_TAKE ? digest_file(w, dir, name, &st) : 0;
	case S_IFLNK:
		n = readlinkat(dir, name, target, sizeof(target) - 1);
		if (n < 0)
			return err_set(w->e, ERR_SYS, errno, "read link %s", str_cstr(&w->path));
		target[n] = '\0';
		add_line(w, &st, "");
		sha256_add(w->h, target, (size_t)n + 1);
		return 0;
	case S_IFSOCK:
		return 0;                     /* never copied */
	default:
		(void)snprintf(target, sizeof(target), "%u:%u", major(st.st_rdev), minor(st.st_rdev));
		add_line(w, &st, target);
		return 0;
	}
}

int pick_digest(const struct pick *p, struct sha256 *h, struct err *e)
{
	struct walk w = { .p = p, .h = h, .e = e };
	auto_free char *name = NULL;
	auto_close int fd = -1;
	int r;

	if (!*p->rel) {
		r = digest_dir(&w, p->s->root, 0);
	} else {
		fd = pick_open_parent(p, &name);
		if (fd < 0)
			return err_set(e, ERR_SYS, errno, "open the directory of %s", p->rel);
		r = digest_entry(&w, fd, name, 0);
	}
	if (r < 0)
		err_wrap(e, "read %s", *p->rel ? p->rel : "the context");
	str_done(&w.path);
	return r;
}
