/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the files of a group. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/cgroup_impl.h"

enum { MKDIR_FAST = 20, MKDIR_PAUSE_MS = 2, MKDIR_TRIES = 1000 };

int cg_write(int root, const char *path, const char *file, const char *value)
{
	auto_free char *p = xasprintf("%s/%s", path, file);
	auto_close int fd = openat(root, p, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(value);

	return fd >= 0 && write(fd, value, n) == (ssize_t)n ? 0 : -1;
}

int cg_writef(int root, const char *path, const char *file, const char *fmt, ...)
{
	auto_free char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	value = xvasprintf(fmt, ap);
	va_end(ap);
	return cg_write(root, path, file, value);
}

long cg_read(int root, const char *path, const char *file, char *buf, size_t size)
{
	auto_free char *p = xasprintf("%s/%s", path, file);
	auto_close int fd = openat(root, p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (n >= 0)
		buf[n] = '\0';
	return n;
}

int64_t cg_read_num(int root, const char *path, const char *file)
{
	char buf[64];
	int64_t v;

	if (cg_read(root, path, file, buf, sizeof(buf)) <= 0)
		return -1;
	buf[strcspn(buf, "\n")] = '\0';
	return str_to_i64(buf, &v) ? v : -1;
}

int64_t cg_read_key(int root, const char *path, const char *file, const char *key)
{
	char buf[8192], *p = buf;
	size_t n = strlen(key);
	int64_t v;

	if (cg_read(root, path, file, buf, sizeof(buf)) <= 0)
		return -1;
	for (; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, key, n) && p[n] == ' ') {
			p[strcspn(p, "\n")] = '\0';
			return str_to_i64(p + n + 1, &v) ? v : -1;
		}
	return -1;
}

static int mkdir_p(int root, const char *path, int each(int root, const char *path, void *arg), void *arg, bool *ret_new)
{
	auto_free char *p = xstrdup(path);
	bool last = false;

	for (char *s = p; !last; s++) {
		s += strcspn(s, "/");
		last = !*s;
		*s = '\0';
		*ret_new = mkdirat(root, p, 0755) == 0;
		if ((!*ret_new && errno != EEXIST) || (each && each(root, p, arg) < 0))
			return -1;
		if (!last)
			*s = '/';
	}
	return 0;
}

int cg_mkdir_p(int root, const char *path, int each(int root, const char *path, void *arg), void *arg, bool *ret_new)
{
	const struct timespec pause = { .tv_nsec = MKDIR_PAUSE_MS * 1000000 };

	/* another project's supervisor may remove an empty parent between two of our calls, and stand still in the middle of it */
	for (int tries = 0; ; tries++) {
		int r = mkdir_p(root, path, each, arg, ret_new);

		if (r == 0 || tries == MKDIR_TRIES || (errno != ENOENT && errno != ENODEV && errno != ENOTDIR))
			return r;
		if (tries >= MKDIR_FAST)
			(void)nanosleep(&pause, NULL);
	}
}

bool cg_probe(int root, const char *const *files)
{
	auto_free char *group = xasprintf("compose-probe.%d", (int)getpid());
	bool found = false;

	if (mkdirat(root, group, 0755) < 0)
		return false;
	for (; *files && !found; files++) {
		auto_free char *path = xasprintf("%s/%s", group, *files);

		found = faccessat(root, path, F_OK, 0) == 0;
	}
	(void)unlinkat(root, group, AT_REMOVEDIR);
	return found;
}

int cg_write_blk(int root, const char *path, const char *file, const struct spec_blk *b)
{
	return cg_writef(root, path, file, "%u:%u %llu", b->major, b->minor, (unsigned long long)b->value);
}

int cg_weight_fail(struct err *e, const char *file, const struct spec_blk *b)
{
	int sysno = errno;

	if (sysno != EOPNOTSUPP)
		return cg_fail(e, file, "weigh block I/O");
	err_set(e, ERR_MODEL, 0, "block device %u:%u has a scheduler that knows no weights", b->major, b->minor);
	return err_hint(e, "choose bfq: echo bfq > /sys/dev/block/%u:%u/queue/scheduler", b->major, b->minor);
}

bool cg_has_weight(const struct spec_resources *r)
{
	return r->blkio_weight || r->weight_device.n;
}

bool cg_has_throttle(const struct spec_resources *r)
{
	return r->read_bps.n || r->write_bps.n || r->read_iops.n || r->write_iops.n;
}

int cg_fail(struct err *e, const char *file, const char *what)
{
	int sysno = errno;
	enum err_kind kind = ERR_SYS;

	if (sysno == ENOENT)
		return err_set(e, ERR_MODEL, 0, "%s: this host's kernel has no %s", what, file);
	if (sysno == EINVAL || sysno == ERANGE)
		kind = ERR_MODEL;
	else if (sysno == EACCES || sysno == EPERM || sysno == EROFS)
		kind = ERR_DENIED;
	return err_set(e, kind, sysno, "%s (%s)", what, file);
}
