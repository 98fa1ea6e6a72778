/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_join.c - "container:ID": namespaces of other containers, of this project or another one of the installation, and with the
 * ipc namespace their /dev/shm. The process that is joined is held by a pidfd while its namespaces are opened by its number. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/state/lock.h"
#include "compose/supervisor/ctr.h"

enum { PATIENCE_MS = 5000 };

/* Whose directory has this file had its network namespace joined by a container of another project. */
static const char mark[] = "joined";

struct peer {
	pid_t pid;
	int   pidfd;               /* ours */
	uint64_t start;            /* sys_start_time() */
	char *name;
};

static void peer_done(struct peer *p)
{
	mem_closep(&p->pidfd);
	free(p->name);
}
#define auto_peer __attribute__((cleanup(peer_done)))

/* ---- who it is --------------------------------------------------------------------------------------------------- */

static int not_there(const char *name, const char *what, const struct ctr *c, const char *hint, struct err *e)
{
	err_set(e, ERR_CONFLICT, 0, "container %s, whose %s namespace %s shares, does not run", name, what, c->rec.name);
	return hint ? err_hint(e, "%s", hint) : -1;
}

static int peer_here(const struct ctr *c, const struct ctr *other, const char *what, struct peer *ret, struct err *e)
{
	*ret = (struct peer){ .pid = other->rt.pid, .pidfd = -1, .name = xstrdup(other->rec.name) };
	if (other->rt.pid > 0)
		ret->pidfd = fcntl(other->rt.pidfd, F_DUPFD_CLOEXEC, 3);
	if (ret->pidfd < 0)
		return not_there(ret->name, what, c, NULL, e);
	ret->start = sys_start_time(ret->pid);
	return 0;
}

/* Another project's: its files tell, as long as its supervisor lives and the process began when they say. */
static int peer_elsewhere(const struct ctr *c, const char *id, const char *what, struct peer *ret, struct err *e)
{
	auto_free char *project = NULL, *hint = NULL;
	auto_close int dir = record_find(&c->w->paths, id, &project);
	struct ctr_record r = {0};
	struct ctr_status st = {0};
	int rc = -1;

	*ret = (struct peer){ .pidfd = -1 };
	if (dir < 0) {
		err_set(e, ERR_MISSING, 0, "container %.12s, whose %s namespace %s shares, is gone", id, what, c->rec.name);
		return err_hint(e, "`compose up -d %s` looks for it again", c->rec.service);
	}
	if (record_read(dir, &r, e) == 0 && status_read(dir, &st, e) == 0) {
		ret->name = xstrdup(r.name);
		ret->pid = st.pid;
		ret->start = st.pid_start;
		hint = xasprintf("start service %s of project %s first", r.service, project);
		if ((st.state == CTR_RUNNING || st.state == CTR_PAUSED) && st.pid > 0 && lock_is_alive(&c->w->paths, project))
			ret->pidfd = (int)syscall(SYS_pidfd_open, st.pid, 0);
		if (ret->pidfd >= 0)
			(void)fcntl(ret->pidfd, F_SETFD, FD_CLOEXEC);
		rc = ret->pidfd >= 0 && sys_start_time(ret->pid) == ret->start ? 0 : not_there(ret->name, what, c, hint, e);
	}
	record_done(&r);
	status_done(&st);
	if (rc == 0 && str_eq(what, "net"))
		rc = fs_write(dir, mark, "", 0, 0600, false, e);
	return rc;
}

bool ctr_is_joined(const struct ctr *c)
{
	auto_free char *mode = xasprintf("container:%s", c->rec.id);

	for (size_t i = 0; i < c->w->ctrs.n; i++)
		if (c->w->ctrs.v[i]->rt.pid > 0 && str_eq(c->w->ctrs.v[i]->rec.network_mode, mode))
			return true;
	return faccessat(c->dir, mark, F_OK, 0) == 0;
}

/* ---- /dev/shm ---------------------------------------------------------------------------------------------------- */

/* In a process of its own: into the other's mount namespace, whose root becomes ours, and take what is mounted there. Nothing of
 * it is looked up outside of that root. ret: a detached mount, or -1 with errno */
static int take_shm(const struct peer *p)
{
	struct statx sx;
	int fd;

	if (setns(p->pidfd, CLONE_NEWNS) < 0)
		return -1;
	fd = open("/dev/shm", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, 0, &sx) < 0)
		return -1;
	if (!(sx.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
		errno = ENXIO;
		return -1;
	}
	return open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

static void child(int sock, const struct peer *p)
{
	struct keep_msg m = {0};
	int fd = take_shm(p);

	m.status = fd < 0 ? errno : 0;
	_exit(keep_send(sock, &m, fd) < 0);
}

static int receive(int sock, int *ret_fd)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	struct keep_msg m;

	if (poll(&pfd, 1, PATIENCE_MS) <= 0) {
		errno = ETIMEDOUT;
		return -1;
	}
	if (keep_recv(sock, &m, ret_fd) <= 0)
		return -1;
	errno = m.status;
	return *ret_fd < 0 ? -1 : 0;
}

/* ret: 0 with *ret_fd, a detached mount of the other's /dev/shm */
static int shm_of(const struct peer *p, int *ret_fd, struct err *e)
{
	int pair[2], pidfd = -1, sysno;
	struct clone_args a = { .flags = CLONE_PARENT | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd };
	pid_t pid;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, ERR_SYS, errno, "make a socket pair");
	pid = sys_clone3(&a);
	if (pid == 0)
		child(pair[1], p);
	mem_closep(&pair[1]);
	r = pid < 0 ? -1 : receive(pair[0], ret_fd);
	sysno = errno;
	if (pid > 0 && r < 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	mem_closep(&pair[0]);
	mem_closep(&pidfd);
	return r < 0 ? err_set(e, ERR_SYS, sysno, "take /dev/shm of container %s", p->name) : 0;
}

/* What the service itself mounts there stays. */
static bool has_default_shm(const struct spec *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->mounts.n; i++)
		n += str_eq(s->mounts.v[i].dest, "/dev/shm");
	return n == 1;
}

/* ---- joining ----------------------------------------------------------------------------------------------------- */

static void note(struct ctr *c, const char *id, const struct peer *p)
{
	auto_free char *text = xasprintf("%s %llu", id, (unsigned long long)p->start);

	if (!strv_has(&c->st.joined, text))
		strv_add(&c->st.joined, text);
}

/* mode "container:ID": ret: 0 with a descriptor in args, or nothing to do; -1 with e */
static int join(struct ctr *c, enum spec_ns_kind kind, const char *mode, const char *file, struct err *e)
{
	const char *id = str_starts(mode, "container:") ? mode + strlen("container:") : NULL;
	const struct ctr *other = id ? ctr_known(c->w, id) : NULL;
	auto_peer struct peer p = { .pidfd = -1 };
	char path[48];
	int fd;

	if (!id)
		return 0;
	if ((other ? peer_here(c, other, file, &p, e) : peer_elsewhere(c, id, file, &p, e)) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)p.pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || sys_pidfd_send_signal(p.pidfd, 0) < 0) {
		mem_closep(&fd);
		return err_set(e, ERR_SYS, errno, "open the %s namespace of container %s", file, p.name);
	}
	c->making->args.ns_fd[kind] = fd;
	c->making->spec.ns[kind].on = true;
	note(c, id, &p);
	return kind == SPEC_NS_IPC && has_default_shm(&c->making->spec) ? shm_of(&p, &c->making->args.shm_fd, e) : 0;
}

int ctr_join(struct ctr *c, struct err *e)
{
	strv_done(&c->st.joined);
	return join(c, SPEC_NS_NET, c->rec.network_mode, "net", e) < 0 || join(c, SPEC_NS_PID, c->rec.pid_mode, "pid", e) < 0 ||
	       join(c, SPEC_NS_IPC, c->rec.ipc_mode, "ipc", e) < 0 || join(c, SPEC_NS_UTS, c->rec.uts_mode, "uts", e) < 0 ? -1 : 0;
}
