/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/fs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"

enum { REMOVE_DEPTH_MAX = 64, LINKS_MAX = 40 };

int fs_open_in(int root, const char *path, int flags, mode_t mode)
{
	int fd;

	do {
		fd = sys_openat2(root, path, (uint64_t)(unsigned)flags, flags & (O_CREAT | O_TMPFILE) ? mode : 0,
				 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	} while (fd < 0 && (errno == EAGAIN || errno == EINTR));   /* EAGAIN: a rename raced with ".." */
	return fd;
}

/* The path that a dangling link named name in dir (itself at dirpath) leads to, with rest behind it; NULL with errno. */
static char *dangling(int dir, const char *dirpath, const char *name, const char *rest)
{
	char target[4096];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);

	if (n < 0)
		return NULL;
	target[n] = '\0';
	return xasprintf("%s/%s/%s", *target == '/' ? "" : dirpath, target, rest);
}

/* Walk path component by component so that each missing one is made exactly where resolution says it is missing. */
static int mkdir_p(int root, const char *path, mode_t mode, int links)
{
	auto_free char *sofar = xmalloc(strlen(path) + 2), *onward = NULL;
	size_t n = 0;
	int fd = fs_open_in(root, ".", O_PATH | O_DIRECTORY, 0), saved;

	sofar[0] = '\0';
	while (fd >= 0) {
		int next;
		size_t len;

		while (*path == '/')
			path++;
		if (!*path)
			return fd;
		len = strcspn(path, "/");
		sofar[n++] = '/';
		memcpy(sofar + n, path, len);
		sofar[n + len] = '\0';
		next = fs_open_in(root, sofar, O_PATH | O_DIRECTORY, 0);
		if (next < 0 && errno == ENOENT && mkdirat(fd, sofar + n, mode) == 0)
			next = fs_open_in(root, sofar, O_PATH | O_DIRECTORY, 0);
		else if (next < 0 && errno == EEXIST) {
			/* made meanwhile by another, or a link to what is not there yet */
			next = fs_open_in(root, sofar, O_PATH | O_DIRECTORY, 0);
			if (next < 0 && errno == ENOENT && links > 0) {
				sofar[n - 1] = '\0';
				onward = dangling(fd, sofar, sofar + n, path + len);
				break;
			}
		}
		close(fd);
		fd = next;
		n += len;
		path += len;
	}
	saved = errno;
	mem_closep(&fd);
	errno = saved;
	return onward ? mkdir_p(root, onward, mode, links - 1) : -1;
}

int fs_mkdir_p_in(int root, const char *path, mode_t mode)
{
	return mkdir_p(root, path, mode, LINKS_MAX);
}

int fs_open_parent_in(int root, const char *path, bool make, char **ret_name)
{
	auto_free char *copy = xstrdup(path);
	size_t n = strlen(copy);
	char *slash, *name;
	int fd;

	while (n && copy[n - 1] == '/')
		copy[--n] = '\0';
	slash = strrchr(copy, '/');
	name = xstrdup(slash ? slash + 1 : copy);
	if (slash)
		*slash = '\0';
	else
		copy[0] = '\0';
	if (!strcmp(name, "..") || !strcmp(name, ".")) {
		free(name);
		errno = EINVAL;
		return -1;
	}
	fd = make ? fs_mkdir_p_in(root, copy, 0755) : fs_open_in(root, *copy ? copy : ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		free(name);
	else
		*ret_name = name;
	return fd;
}

static int make_file(int root, const char *path, mode_t mode, int links)
{
	const char *slash = strrchr(path, '/');
	auto_free char *name = NULL, *onward = NULL, *above = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	auto_close int dir = fs_open_parent_in(root, path, true, &name);
	int fd;

	if (dir < 0)
		return -1;
	fd = openat(dir, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd >= 0 || errno != EEXIST)
		return fd;
	fd = fs_open_in(root, path, O_PATH, 0);      /* made meanwhile by another, or a link to what is not there yet */
	if (fd >= 0 || errno != ENOENT || links == 0)
		return fd;
	onward = dangling(dir, above, name, "");
	if (!onward)
		return -1;
	onward[strlen(onward) - 1] = '\0';            /* the slash before the rest, which is empty */
	return make_file(root, onward, mode, links - 1);
}

int fs_make_file_in(int root, const char *path, mode_t mode)
{
	return make_file(root, path, mode, LINKS_MAX);
}

int fs_open_again(int fd)
{
	char link[40], path[4096];
	struct stat a, b;
	ssize_t n;
	int again;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -1;
	path[n] = '\0';
	again = open(path, O_PATH | O_CLOEXEC);
	if (again < 0)
		return -1;
	if (fstat(fd, &a) == 0 && fstat(again, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		return again;
	close(again);
	errno = ESTALE;
	return -1;
}

int fs_mkdir_p(const char *path, mode_t mode)
{
	auto_free char *p = xstrdup(path);

	for (char *s = p + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return -1;
		*s = '/';
	}
	return mkdir(p, mode) < 0 && errno != EEXIST ? -1 : 0;
}

int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_free char *buf = NULL;
	size_t len = 0, cap;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_SYS, errno, "read %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_SYS, S_ISDIR(st.st_mode) ? EISDIR : EINVAL, "read %s: not a regular file", name);
	/* a file in /proc says 0; one that grows while it is read is met by the loop */
	cap = st.st_size > 0 && (size_t)st.st_size < max ? (size_t)st.st_size + 1 : 4096;
	buf = xmalloc(cap + 1);
	for (;;) {
		ssize_t n = pread(fd, buf + len, cap - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_SYS, errno, "read %s", name);
		if (!n)
			break;
		len += (size_t)n;
		if (len > max)
			return err_set(e, ERR_SYS, 0, "read %s: larger than the %zu bytes allowed", name, max);
		if (len == (size_t)st.st_size)
			break;                  /* there was room for more: this is all of it */
		if (len == cap) {
			cap *= 2;
			buf = xrealloc(buf, cap + 1);
		}
	}
	buf[len] = '\0';
	*ret = take_ptr(buf);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fs_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	auto_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set(e, errno == ENOENT || errno == ENOTDIR ? ERR_MISSING :
			       errno == EACCES || errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "open %s", path);
	return fs_read_fd(fd, path, max, ret, ret_len, e);
}

int fs_write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_write(int dirfd, const char *path, const void *buf, size_t len, mode_t mode, bool sync, struct err *e)
{
	static unsigned serial;
	auto_free char *tmp = xasprintf("%s.%d.%u.tmp", path, (int)getpid(), __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED));
	auto_close int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return err_set(e, ERR_SYS, errno, "write %s", path);
	if (fchmod(fd, mode) < 0 || fs_write_all(fd, buf, len) < 0 || (sync && fsync(fd) < 0) ||
	    renameat(dirfd, tmp, dirfd, path) < 0) {
		err_set(e, ERR_SYS, errno, "write %s", path);
		(void)unlinkat(dirfd, tmp, 0);
		return -1;
	}
	return 0;
}

/* ---- removing a tree: its names and its depth may be a container's work ----------------------------------------- */

struct removal { int top; unsigned moved; int first; };    /* first: errno of the first failure */

static void failed(struct removal *r)
{
	if (!r->first && errno != ENOENT)
		r->first = errno;
}

/* NO_XDEV: also a bind mount of the same file system is another mount. */
static int open_to_empty(int dirfd, const char *name)
{
	return sys_openat2(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_NO_XDEV);
}

/* What lies too deep is hung into the top directory, to be met there again: few descriptors are open at any depth. */
static void hang_up(struct removal *r, int dir, const char *name)
{
	char fresh[32];
	int rc;

	do {
		(void)snprintf(fresh, sizeof(fresh), ".deep-%u", ++r->moved);
		rc = renameat2(dir, name, r->top, fresh, RENAME_NOREPLACE);
	} while (rc < 0 && errno == EEXIST);
	if (rc < 0)
		failed(r);
}

static void empty_dir(struct removal *r, int fd, int depth);

static void remove_entry(struct removal *r, int dir, const struct dirent *de, int depth)
{
	int sub;

	if (de->d_type != DT_DIR) {
		if (unlinkat(dir, de->d_name, 0) == 0)
			return;
		if (errno != EISDIR) {
			failed(r);
			return;
		}
	}
	if (depth == REMOVE_DEPTH_MAX) {
		hang_up(r, dir, de->d_name);
		return;
	}
	sub = open_to_empty(dir, de->d_name);
	if (sub < 0) {
		failed(r);
		return;
	}
	empty_dir(r, sub, depth + 1);
	if (unlinkat(dir, de->d_name, AT_REMOVEDIR) < 0)
		failed(r);
}

/* fd is consumed. */
static void empty_dir(struct removal *r, int fd, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;

	if (!d) {
		failed(r);
		close(fd);
		return;
	}
	while ((de = readdir(d)))
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			remove_entry(r, dirfd(d), de, depth);
	closedir(d);
}

static void empty_top(struct removal *r)
{
	unsigned moved;
	int fd;

	do {
		moved = r->moved;
		fd = openat(r->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			failed(r);
		else
			empty_dir(r, fd, 0);
	} while (r->moved != moved);
}

/* ret: the directory that holds name's last component, which *ret_last points to, or -1 with errno */
static int open_holder(int dirfd, const char *name, const char **ret_last)
{
	const char *slash = strrchr(name, '/');
	auto_free char *dir = slash ? xstrndup(name, slash == name ? 1 : (size_t)(slash - name)) : xstrdup(".");

	*ret_last = slash ? slash + 1 : name;
	return openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

int fs_rm_rf(int dirfd, const char *name)
{
	const char *last;
	auto_close int dir = open_holder(dirfd, name, &last);
	struct removal r = { .top = -1 };

	if (dir < 0)
		return errno == ENOENT ? 0 : -1;
	if (unlinkat(dir, last, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -1;
	r.top = open_to_empty(dir, last);
	if (r.top < 0)
		return errno == ENOENT ? 0 : -1;
	empty_top(&r);
	close(r.top);
	if (unlinkat(dir, last, AT_REMOVEDIR) < 0)
		failed(&r);
	errno = r.first;
	return r.first ? -1 : 0;
}

unsigned long long fs_du_bytes(int dirfd_, const char *name)
{
	int fd = openat(dirfd_, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	unsigned long long sum = 0;
	struct dirent *de;
	struct stat st;
	DIR *d;

	if (fd < 0)
		return fstatat(dirfd_, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (unsigned long long)st.st_blocks * 512 : 0;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return 0;
	}
	while ((de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		if (de->d_type == DT_DIR)
			sum += fs_du_bytes(dirfd(d), de->d_name);
		else if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += (unsigned long long)st.st_size;
	}
	closedir(d);
	return sum;
}
