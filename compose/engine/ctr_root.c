/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/engine/ctr_root.h"
#include <errno.h>
#include <fcntl.h>
#include "compose/base/overlay.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/state/lock.h"

enum { PATH_BYTES = 4096 };

static int busy(struct ctr_root *c, struct err *e)
{
	err_set(e, ERR_CONFLICT, 0, "container %s is being started again and again", c->r.name);
	return err_hint(e, "`compose stop %s` ends that", c->r.service);
}

int ctr_root_find(struct ctr_root *ret, const struct paths *p, const char *project, const char *id, struct err *e)
{
	struct ctr_status st = {0};
	bool alive = lock_is_alive(p, project), again;

	ret->dir = record_dir(p, project, id, false);
	if (ret->dir < 0)
		return err_set(e, ERR_MISSING, errno, "open container %.12s", id);
	if (record_read(ret->dir, &ret->r, e) < 0 || spec_read(&ret->spec, ret->dir, e) < 0 ||
	    status_read(ret->dir, &st, e) < 0)
		return err_wrap(e, "read container %.12s", id);
	ret->live = alive && (st.state == CTR_RUNNING || st.state == CTR_PAUSED);
	again = alive && st.state == CTR_RESTARTING;
	status_done(&st);
	return again ? busy(ret, e) : 0;
}

/* The one magic link that is followed, and it is ours: named by a number, then proven. */
static int open_live(struct ctr_root *c, struct err *e)
{
	struct ctr_status st = {0};
	char path[40];
	uint64_t start;
	pid_t pid;

	if (status_read(c->dir, &st, e) < 0)
		return -1;
	pid = st.pid;
	start = st.pid_start;
	status_done(&st);
	(void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	c->fd = pid > 0 ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (c->fd >= 0 && sys_start_time(pid) == start)
		return 0;
	return err_set(e, ERR_CONFLICT, 0, "container %s ended just now", c->r.name);
}

static int open_part(struct ctr_root *c, const char *given, const char *dflt, struct err *e)
{
	const char *path = *given ? given : dflt;
	int fd = openat(c->dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : err_set(e, ERR_SYS, errno, "open %s of container %s", path, c->r.name);
}

/* ret: how many layers are open in fd, uppermost first; -1 with e */
static int open_layers(const struct ctr_root *c, const struct paths *p, int fd[FS_OVERLAY_LAYERS_MAX], struct err *e)
{
	int n = 0;

	if (c->r.layers.n > FS_OVERLAY_LAYERS_MAX)
		return err_set(e, ERR_MODEL, 0, "image %s has more than %d layers", c->r.image, FS_OVERLAY_LAYERS_MAX);
	for (size_t i = c->r.layers.n; i-- > 0; n++) {
		auto_free char *rel = xasprintf("layers/%s", c->r.layers.v[i]);

		fd[n] = openat(p->root_fd, rel, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd[n] >= 0)
			continue;
		err_set(e, ERR_MISSING, errno, "open layer %.12s of image %s", c->r.layers.v[i], c->r.image);
		while (n-- > 0)
			close(fd[n]);
		return -1;
	}
	return n;
}

static int open_at_rest(struct ctr_root *c, const struct paths *p, bool write, struct err *e)
{
	auto_close int upper = open_part(c, c->r.upper, "fs/upper", e);
	auto_close int work = upper < 0 ? -1 : open_part(c, c->r.work, "fs/work", e);
	int lower[FS_OVERLAY_LAYERS_MAX], n;

	n = work < 0 ? -1 : open_layers(c, p, lower, e);
	if (n < 0)
		return -1;
	if (n == 0) {                             /* FROM scratch: the upper is all there is */
		c->fd = take_fd(upper);
		return 0;
	}
	c->fd = fs_overlay(
		&(struct fs_overlay){.lower = lower, .n = (size_t)n, .upper = upper, .work = work, .ro = !write}, e);
	while (n-- > 0)
		close(lower[n]);
	return c->fd < 0 ? -1 : 0;
}

int ctr_root_open(struct ctr_root *c, const struct paths *p, bool write, struct err *e)
{
	if (c->live ? open_live(c, e) < 0 : open_at_rest(c, p, write, e) < 0)
		return err_wrap(e, "open the file system of container %s", c->r.name);
	return 0;
}

void ctr_root_done(struct ctr_root *c)
{
	mem_closep(&c->fd);
	mem_closep(&c->dir);
	record_done(&c->r);
	spec_done(&c->spec);
	*c = (struct ctr_root)CTR_ROOT_INIT;
}

/* The kernel tells the path of a descriptor from another mount namespace, or from a detached mount, from that one's
 * root. */
char *ctr_root_path(int fd)
{
	char link[40], path[PATH_BYTES];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	return n < 0 ? NULL : xstrndup(path, (size_t)n);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

const struct spec_mount *ctr_root_hidden(const struct ctr_root *c, const char *path)
{
	for (size_t i = c->spec.mounts.n; !c->live && i-- > 0;)
		if (below(path, c->spec.mounts.v[i].dest))
			return &c->spec.mounts.v[i];
	return NULL;
}

/* ret: what follows dir in path, "" or "/...", NULL when path is not below it */
static const char *behind(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return n > 1 && below(path, dir) ? path + n : NULL;
}

static bool says_parent(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

int ctr_root_volume(const struct ctr_root *c, const char *path, bool write, int *ret_fd, const char **ret_rest, struct err *e)
{
	const struct spec_mount *best = NULL;
	int fd;

	for (size_t i = 0; !c->live && !says_parent(path) && i < c->spec.mounts.n; i++) {
		const struct spec_mount *m = &c->spec.mounts.v[i];

		if (behind(path, m->dest) && (!best || strlen(m->dest) >= strlen(best->dest)))
			best = m;
	}
	if (!best || !str_eq(best->type, "bind") || !best->source || *best->source != '/')
		return 0;
	fd = open(best->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)                               /* a single file, or gone: ctr_root_hidden() says so */
		return 0;
	if (write && strv_has(&best->options, "ro")) {
		close(fd);
		return err_set(e, ERR_DENIED, 0, "%s is mounted read only", best->dest);
	}
	*ret_fd = fd;
	*ret_rest = *must(behind(path, best->dest)) ? behind(path, best->dest) : "/";
	return 1;
}

enum copy_want ctr_root_no_kernel(void *arg, const char *path, bool is_dir)
{
	static const char *const kernel[] = { "/proc", "/sys", "/dev" };
	const struct ctr_root_filter *f = arg;
	auto_free char *whole = NULL;

	if (!f->c->live || !is_dir || !*path)
		return COPY_TAKE;
	whole = xasprintf("%s/%s", str_eq(f->top, "/") ? "" : f->top, path);
	for (size_t i = 0; i < ARRAY_LEN(kernel); i++)
		if (str_eq(whole, kernel[i]))
			return COPY_SKIP;
	return COPY_TAKE;
}
