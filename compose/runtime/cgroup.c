/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/runtime/cgroup.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/runtime/cgroup_impl.h"

enum { DEPTH_MAX = 32, RETRY_MAX = 50, MOUNTINFO_MAX_BYTES = 8 << 20 };

static const struct { const char *name; unsigned bit; } controllers[] = {
	{ "cpu", CG_CPU }, { "cpuacct", CG_CPUACCT }, { "cpuset", CG_CPUSET }, { "memory", CG_MEMORY },
	{ "devices", CG_DEVICES }, { "freezer", CG_FREEZER }, { "blkio", CG_BLKIO }, { "pids", CG_PIDS },
	{ "name=systemd", CG_SYSTEMD },
};

static unsigned controllers_of(const char *options)
{
	unsigned set = 0;

	for (size_t n; *options; options += n + (options[n] == ',')) {
		n = strcspn(options, ",");
		for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
			if (strlen(controllers[i].name) == n && !memcmp(options, controllers[i].name, n))
				set |= controllers[i].bit;
	}
	return set ? set : CG_OTHER;
}

/* One line of mountinfo: ... ROOT MOUNTPOINT OPTIONS ... - TYPE SOURCE SUPER_OPTIONS */
static void take_line(struct cgroup_host *h, char *line)
{
	char *tail = strstr(line, " - cgroup"), *f[6] = { line }, *options;
	struct cg_hier *x = &h->v1[h->n];
	bool v2;

	if (!tail)
		return;
	*tail = '\0';
	v2 = str_starts(tail + 3, "cgroup2 ");
	options = strrchr(tail + 3, ' ');
	for (int i = 1; i < 6; i++) {
		f[i] = strchr(f[i - 1], ' ');
		if (!f[i])
			return;
		*f[i]++ = '\0';
	}
	if (v2 && h->v2 < 0) {
		h->v2 = open(f[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else if (!v2 && options && h->n < CGROUP_HIER_MAX) {
		x->ctrl = controllers_of(options + 1);
		(void)snprintf(x->name, sizeof(x->name), "%s", strrchr(f[4], '/') ? strrchr(f[4], '/') + 1 : "");
		x->fd = open(f[4], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (x->fd >= 0)
			h->n++;
	}
}

static int find_all(struct cgroup_host *h, struct err *e)
{
	auto_free char *text = NULL;
	struct statfs f;

	/* the usual v2 host is told without reading the whole mount table */
	if (statfs("/sys/fs/cgroup", &f) == 0 && f.f_type == CGROUP2_SUPER_MAGIC) {
		h->v2 = open("/sys/fs/cgroup", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return h->v2 < 0 ? err_set(e, ERR_SYS, errno, "open /sys/fs/cgroup") : 0;
	}
	if (fs_read(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX_BYTES, &text, NULL, e) < 0)
		return -1;
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		take_line(h, line);
	}
	return 0;
}

int cgroup_host_open(struct cgroup_host **ret, struct err *e)
{
	struct cgroup_host *h = xcalloc(1, sizeof(*h));

	h->v2 = -1;
	if (find_all(h, e) < 0) {
		cgroup_host_close(h);
		return -1;
	}
	if (h->n == 0 && h->v2 < 0) {
		cgroup_host_close(h);
		err_set(e, ERR_MISSING, 0, "no control groups are mounted");
		return err_hint(e, "mount them: mount -t cgroup2 none /sys/fs/cgroup");
	}
	h->ops = h->n ? &cg_v1_ops : &cg_v2_ops;
	h->freeze = h->v2 >= 0;                               /* 5.2, older than anything else here needs */
	h->kill = h->v2 >= 0 && !sys_without("cgroup-kill");  /* 5.14; its absence is met where it is used */
	*ret = h;
	return 0;
}

void cgroup_host_close(struct cgroup_host *h)
{
	if (!h)
		return;
	for (int i = 0; i < h->n; i++)
		close(h->v1[i].fd);
	mem_closep(&h->v2);
	free(h);
}

/* ret: path without its leading slashes, NULL with e when it could leave the hierarchy */
static const char *checked(const char *path, struct err *e)
{
	const char *p = path + strspn(path, "/");

	if (!*p || strlen(p) > 1024 || strstr(p, "//"))
		goto bad;
	for (const char *s = p; *s; s += strcspn(s, "/"), s += *s == '/')
		if (*s == '.' && (s[1] == '/' || !s[1] || (s[1] == '.' && (s[2] == '/' || !s[2]))))
			goto bad;
	return p;
bad:
	err_set(e, ERR_MODEL, 0, "cgroup path %s: not a plain path", path);
	return NULL;
}

int cgroup_create(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	struct err ignored = {0};
	const char *p = checked(path, e);

	if (!p)
		return -1;
	if (h->ops->create(h, p, r, e) == 0 && h->ops->limit(h, p, r, e) == 0)
		return 0;
	if (e->kind != ERR_CONFLICT && cgroup_remove(h, p, &ignored) < 0)
		err_done(&ignored);
	return err_wrap(e, "cgroup %s", p);
}

int cgroup_update(struct cgroup_host *h, const char *path, const struct spec_resources *r, struct err *e)
{
	const char *p = checked(path, e);

	if (!p)
		return -1;
	return h->ops->limit(h, p, r, e) < 0 ? err_wrap(e, "cgroup %s", p) : 0;
}

unsigned cgroup_lacks(struct cgroup_host *h, const struct spec_resources *r)
{
	return h->ops->lacks(h, r);
}

/* Calls fn on each hierarchy in which the group can be. */
static int each_root(struct cgroup_host *h, int fn(int root, const char *path, void *arg), const char *path, void *arg)
{
	int r = 0;

	for (int i = 0; i < h->n; i++)
		r |= fn(h->v1[i].fd, path, arg);
	if (h->v2 >= 0)
		r |= fn(h->v2, path, arg);
	return r;
}

/* A hierarchy in which every process of a container is. */
static int main_root(const struct cgroup_host *h)
{
	return h->v2 >= 0 ? h->v2 : cg_v1_fd(h, CG_PIDS) >= 0 ? cg_v1_fd(h, CG_PIDS) : h->v1[0].fd;
}

/* Call fn on every child group. fd: an open directory, consumed. */
static void each_child(int fd, void fn(int dir, const char *name, void *arg), void *arg)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		mem_closep(&fd);
		return;
	}
	while ((de = readdir(d)))
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			fn(dirfd(d), de->d_name, arg);
	closedir(d);
}

struct removal { int depth, sysno; };

/* A group whose last process is only just gone is busy for a moment; that alone is waited for. */
static int rmdir_soon(int dir, const char *name)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; unlinkat(dir, name, AT_REMOVEDIR) < 0; i++) {
		char procs[64];
		auto_free char *path = xasprintf("%s/cgroup.procs", name);
		auto_close int fd = -1;

		if (errno != EBUSY || i == RETRY_MAX)
			return errno == ENOENT ? 0 : -1;
		fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, procs, sizeof(procs)) > 0) {
			errno = EBUSY;
			return -1;
		}
		(void)nanosleep(&ms, NULL);
	}
	return 0;
}

static void remove_tree(int dir, const char *name, void *arg)
{
	struct removal *r = arg;

	if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return;
	if (r->depth++ < DEPTH_MAX)
		each_child(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), remove_tree, r);
	r->depth--;
	if (rmdir_soon(dir, name) < 0)
		r->sysno = errno;
}

static int remove_one(int root, const char *path, void *arg)
{
	remove_tree(root, path, arg);
	return 0;
}

int cgroup_remove(struct cgroup_host *h, const char *path, struct err *e)
{
	struct removal r = {0};
	const char *p = checked(path, e);

	if (!p)
		return -1;
	each_root(h, remove_one, p, &r);
	if (!r.sysno)
		return 0;
	err_set(e, r.sysno == EBUSY ? ERR_CONFLICT : ERR_SYS, r.sysno, "remove cgroup %s", p);
	return r.sysno == EBUSY ? err_hint(e, "processes are still in it; see its cgroup.procs") : -1;
}

static int rmdir_one(int root, const char *path, void *arg)
{
	(void)arg;
	return unlinkat(root, path, AT_REMOVEDIR);
}

void cgroup_remove_parents(struct cgroup_host *h, const char *path, int levels)
{
	auto_free char *p = xstrdup(path + strspn(path, "/"));
	char *slash;

	for (each_root(h, rmdir_one, p, NULL); levels > 0 && (slash = strrchr(p, '/')); levels--) {
		*slash = '\0';
		each_root(h, rmdir_one, p, NULL);
	}
}

bool cgroup_exists(struct cgroup_host *h, const char *path)
{
	return faccessat(main_root(h), path + strspn(path, "/"), F_OK, 0) == 0;
}

struct gather { struct cgroup_pids *pids; int depth; };

static void gather_tree(int dir, const char *name, void *arg)
{
	struct gather *g = arg;
	auto_free char *path = xasprintf("%s/cgroup.procs", name);
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "re");
	char line[32];
	int64_t pid;

	if (!f) {
		mem_closep(&fd);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (str_to_i64(line, &pid) && pid > 0)
			vec_push(g->pids, (pid_t)pid);
	}
	(void)fclose(f);
	if (g->depth++ < DEPTH_MAX)
		each_child(openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), gather_tree, g);
	g->depth--;
}

int cgroup_pids(struct cgroup_host *h, const char *path, struct cgroup_pids *ret, struct err *e)
{
	const char *p = checked(path, e);

	if (!p)
		return -1;
	gather_tree(main_root(h), p, &(struct gather){ ret, 0 });
	return 0;
}

int cgroup_signal(struct cgroup_host *h, const char *path, int sig, struct err *e)
{
	struct cgroup_pids pids = {0};
	int sysno = 0;

	if (cgroup_pids(h, path, &pids, e) < 0)
		return -1;
	for (size_t i = 0; i < pids.n; i++)
		if (kill(pids.v[i], sig) < 0 && errno != ESRCH)
			sysno = errno;
	vec_done(&pids);
	return sysno ? err_set(e, ERR_SYS, sysno, "signal the processes of cgroup %s", path) : 0;
}

/* Frozen processes can neither fork away from the signal nor run on. */
static int kill_frozen(struct cgroup_host *h, const char *path, struct err *e)
{
	struct err thaw = {0};
	int r;

	if (cgroup_freeze(h, path, true, e) < 0)
		err_done(e);                 /* no freezer: the signals alone then */
	r = cgroup_signal(h, path, SIGKILL, e);
	if (cgroup_freeze(h, path, false, &thaw) < 0)
		err_done(&thaw);
	return r;
}

int cgroup_kill(struct cgroup_host *h, const char *path, struct err *e)
{
	const char *p = checked(path, e);

	if (!p)
		return -1;
	if (!cgroup_exists(h, p))
		return 0;
	if (h->v2 < 0 || !h->kill || cg_write(h->v2, p, "cgroup.kill", "1") < 0)
		return kill_frozen(h, p, e);
	return 0;
}

/* Wait until key in cgroup.events has the value. ret: 1 it has, 0 time is over, -1 failed */
static int wait_event(int root, const char *path, const char *key, int64_t value, int timeout_ms, struct err *e)
{
	auto_free char *file = xasprintf("%s/cgroup.events", path);
	auto_close int fd = openat(root, file, O_RDONLY | O_CLOEXEC);
	int64_t until = sys_mono_ns() + (int64_t)timeout_ms * 1000000, left;
	struct pollfd p = { fd, POLLPRI, 0 };
	char buf[256], *s;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 1 : err_set(e, ERR_SYS, errno, "open %s", file);
	for (;;) {
		n = pread(fd, buf, sizeof(buf) - 1, 0);
		if (n < 0)
			return errno == ENODEV ? 1 : err_set(e, ERR_SYS, errno, "read %s", file);
		buf[n] = '\0';
		s = strstr(buf, key);
		if (s && s[strlen(key)] == ' ' && s[strlen(key) + 1] - '0' == value)
			return 1;
		left = until - sys_mono_ns();
		if (left <= 0)
			return 0;
		if (poll(&p, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
			return err_set(e, ERR_SYS, errno, "wait for %s", file);
	}
}

/* Without a v2 hierarchy: wait for each process. ret: as cgroup_wait_empty */
static int wait_pids(struct cgroup_host *h, const char *path, int timeout_ms, struct err *e)
{
	int64_t until = sys_mono_ns() + (int64_t)timeout_ms * 1000000;
	struct cgroup_pids pids = {0};
	int r = 0;

	while (r == 0 && sys_mono_ns() < until) {
		auto_close int fd = -1;
		struct pollfd p;

		pids.n = 0;
		if (cgroup_pids(h, path, &pids, e) < 0)
			r = -1;
		else if (!pids.n)
			r = 1;
		else if ((fd = (int)syscall(SYS_pidfd_open, pids.v[0], 0)) >= 0) {
			p = (struct pollfd){ fd, POLLIN, 0 };
			(void)poll(&p, 1, (int)((until - sys_mono_ns()) / 1000000) + 1);
		}
	}
	vec_done(&pids);
	return r;
}

int cgroup_wait_empty(struct cgroup_host *h, const char *path, int timeout_ms, struct err *e)
{
	const char *p = checked(path, e);

	if (!p)
		return -1;
	if (h->v2 < 0)
		return wait_pids(h, p, timeout_ms, e);
	return wait_event(h->v2, p, "populated", 0, timeout_ms, e);
}

/* v1: FREEZING becomes FROZEN as the file is read, so it has to be read again. */
static int freeze_v1(int root, const char *path, bool on, struct err *e)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	const char *want = on ? "FROZEN" : "THAWED";
	char now[32];

	for (int i = 0; i < RETRY_MAX * 20; i++) {
		if (cg_write(root, path, "freezer.state", want) < 0)
			return err_set(e, ERR_SYS, errno, "freeze cgroup %s", path);
		if (cg_read(root, path, "freezer.state", now, sizeof(now)) > 0 && str_starts(now, want))
			return 0;
		(void)nanosleep(&ms, NULL);
	}
	return err_set(e, ERR_SYS, ETIMEDOUT, "freeze cgroup %s", path);
}

int cgroup_freeze(struct cgroup_host *h, const char *path, bool on, struct err *e)
{
	const char *p = checked(path, e);
	int freezer = cg_v1_fd(h, CG_FREEZER), r;

	if (!p)
		return -1;
	if (h->v2 >= 0 && h->freeze) {
		if (cg_write(h->v2, p, "cgroup.freeze", on ? "1" : "0") < 0)
			return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "freeze cgroup %s", p);
		r = wait_event(h->v2, p, "frozen", on, 10000, e);
		return r > 0 ? 0 : r < 0 ? -1 : err_set(e, ERR_SYS, ETIMEDOUT, "freeze cgroup %s", p);
	}
	if (freezer < 0)
		return err_set(e, ERR_MISSING, 0, "this host has no freezer");
	return freeze_v1(freezer, p, on, e);
}

bool cgroup_is_frozen(struct cgroup_host *h, const char *path)
{
	const char *p = path + strspn(path, "/");
	char state[32];

	if (h->v2 >= 0 && h->freeze)
		return cg_read_key(h->v2, p, "cgroup.events", "frozen") == 1;
	return cg_v1_fd(h, CG_FREEZER) >= 0 &&
	       cg_read(cg_v1_fd(h, CG_FREEZER), p, "freezer.state", state, sizeof(state)) > 0 &&
	       str_starts(state, "FR");
}

int64_t cgroup_oom_kills(struct cgroup_host *h, const char *path)
{
	return h->ops->oom_kills(h, path + strspn(path, "/"));
}

void cgroup_stats(struct cgroup_host *h, const char *path, struct cgroup_stats *ret)
{
	memset(ret, -1, sizeof(*ret));
	h->ops->stats(h, path + strspn(path, "/"), ret);
}

static int add_v1(const struct cg_hier *x, const char *p, struct cgroup_join *ret, struct err *e)
{
	int dir = openat(x->fd, p, O_PATH | O_DIRECTORY | O_CLOEXEC), tasks;

	if (dir < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_SYS, errno, "open cgroup %s", p);
	tasks = openat(dir, "tasks", O_WRONLY | O_CLOEXEC);
	if (tasks < 0) {
		err_set(e, ERR_SYS, errno, "open cgroup %s/%s/tasks", x->name, p);
		close(dir);
		return -1;
	}
	ret->dir_fd[ret->n] = dir;
	ret->tasks_fd[ret->n] = tasks;
	memcpy(ret->name[ret->n++], x->name, sizeof(x->name));
	return 0;
}

int cgroup_join_open(struct cgroup_host *h, const char *path, struct cgroup_join *ret, struct err *e)
{
	const char *p = checked(path, e);

	*ret = (struct cgroup_join){ .into_fd = -1 };
	if (!p)
		return -1;
	for (int i = 0; i < h->n; i++)
		if (add_v1(&h->v1[i], p, ret, e) < 0)
			goto out;
	if (h->v2 >= 0)
		ret->into_fd = openat(h->v2, p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->n || ret->into_fd >= 0)
		return 0;
	err_set(e, ERR_MISSING, errno, "open cgroup %s", p);
out:
	cgroup_join_done(ret);
	return -1;
}

int cgroup_join_self(const struct cgroup_join *j, struct err *e)
{
	for (int i = 0; i < j->n; i++)
		if (write(j->tasks_fd[i], "0", 1) != 1)
			return err_set(e, ERR_SYS, errno, "join the %s cgroup", j->name[i]);
	return 0;
}

void cgroup_join_done(struct cgroup_join *j)
{
	for (int i = 0; i < j->n; i++) {
		mem_closep(&j->tasks_fd[i]);
		mem_closep(&j->dir_fd[i]);
	}
	mem_closep(&j->into_fd);
	*j = (struct cgroup_join){ .into_fd = -1 };
}
