/* SPDX-License-Identifier: Apache-2.0 */
/* spawn.c - the maker's side of a container: clone, id maps, hooks, answers. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/intr.h"
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/runtime/child.h"
#include "compose/runtime/hook.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/runtime_impl.h"
#include "compose/runtime/steps.h"
#include "compose/runtime/userns.h"

static const unsigned long clone_flag[SPEC_NS_N] = {
	CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP,
};

int rt_open(struct rt **ret, struct err *e)
{
	struct rt *rt = xcalloc(1, sizeof(*rt));

	(void)e;
	rt->filters = seccomp_cache_new();
	*ret = rt;
	return 0;
}

void rt_close(struct rt *rt)
{
	if (!rt)
		return;
	cgroup_host_close(rt->cgroups);
	seccomp_cache_free(rt->filters);
	free(rt);
}

struct cgroup_host *rt_cgroups(struct rt *rt, struct err *e)
{
	if (!rt->cgroups && cgroup_host_open(&rt->cgroups, e) < 0)
		return NULL;
	return rt->cgroups;
}

int rt_open_join(struct rt *rt, const char *path, struct cgroup_join *ret, struct err *e)
{
	struct cgroup_host *h;

	*ret = (struct cgroup_join){ .into_fd = -1 };
	if (!path)
		return 0;
	h = rt_cgroups(rt, e);
	return h ? cgroup_join_open(h, path, ret, e) : -1;
}

/* ---- clone ------------------------------------------------------------------------------------------------------- */

/* Children are born in the namespace that the maker has chosen for them; it can go back to its own at any time. */
static int switch_pid_ns(int fd, struct err *e)
{
	if (setns(fd, CLONE_NEWPID) < 0)
		return err_set(e, errno == EPERM ? ERR_DENIED : ERR_SYS, errno, "join the pid namespace");
	return 0;
}

pid_t rt_clone(const struct rt_clone *c, int *ret_pidfd, struct err *e)
{
	struct clone_args a = {
		.flags = c->flags | CLONE_PIDFD | (c->sibling ? CLONE_PARENT : 0) |
			 (c->into_cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = c->sibling ? 0 : SIGCHLD,
		.cgroup = c->into_cgroup >= 0 ? (uint64_t)c->into_cgroup : 0,
	};
	auto_close int own = -1;
	int sysno;
	pid_t pid;

	/* inherited by the child: what it will see of the container must not see into it (CVE-2016-9962) */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, ERR_SYS, errno, "become undumpable");
	if (c->pid_ns >= 0) {
		own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (own < 0)
			return err_set(e, ERR_SYS, errno, "open the own pid namespace");
		if (switch_pid_ns(c->pid_ns, e) < 0)
			return -1;
	}
	pid = sys_clone3(&a);
	sysno = errno;
	if (pid == 0)
		return 0;
	if (own >= 0 && switch_pid_ns(own, e) < 0)
		return -1;
	if (pid < 0)
		return err_set(e, sysno == EPERM ? ERR_DENIED : ERR_SYS, sysno, "start a process in new namespaces");
	return pid;
}

void rt_discard(struct rt_ctr *c, bool sibling)
{
	if (c->pidfd >= 0) {
		siginfo_t info;

		(void)sys_pidfd_send_signal(c->pidfd, SIGKILL);
		while (!sibling && waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0 && errno == EINTR)
			;
	}
	rt_ctr_done(c);
}

/* ---- before the clone -------------------------------------------------------------------------------------------- */

static int open_namespaces(struct child *c, struct err *e)
{
	for (int i = 0; i < SPEC_NS_N; i++) {
		const struct spec_ns *n = &c->s->ns[i];

		c->ns_fd[i] = c->a->ns_fd[i] >= 0 ? fcntl(c->a->ns_fd[i], F_DUPFD_CLOEXEC, 3) :
			      n->on && n->path ? open(n->path, O_RDONLY | O_CLOEXEC) : -1;
		if (c->ns_fd[i] < 0 && (c->a->ns_fd[i] >= 0 || (n->on && n->path)))
			return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open the namespace %s",
				       n->path ? n->path : "");
		c->made[i] = n->on && c->ns_fd[i] < 0;
	}
	if (!c->made[SPEC_NS_MNT])
		return err_set(e, ERR_MODEL, 0, "a container needs a mount namespace of its own");
	return 0;
}

static int open_root(struct child *c, struct err *e)
{
	const char *path = c->s->root_path;

	if (c->a->root_fd >= 0) {
		c->root_fd = fcntl(c->a->root_fd, F_DUPFD_CLOEXEC, 3);
		return c->root_fd < 0 ? err_set(e, ERR_SYS, errno, "take the root") : 0;
	}
	if (!path)
		return err_set(e, ERR_MODEL, 0, "root.path: missing");
	c->root_fd = openat(c->a->bundle_fd >= 0 ? c->a->bundle_fd : AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->root_fd < 0)
		return err_set(e, errno == ENOENT ? ERR_MISSING : ERR_SYS, errno, "open the root %s", path);
	return 0;
}

static bool wants_hooks(const struct child *c)
{
	return c->a->state_json &&
	       (c->s->hooks.of[SPEC_HOOK_PRESTART].n || c->s->hooks.of[SPEC_HOOK_CREATE_RUNTIME].n);
}

static int prepare(struct rt *rt, struct child *c, struct err *e)
{
	struct cgroup_host *h;

	c->proc = (struct process){ .p = &c->s->process, .tty = -1, .init = c->s->init,
				    .stdio = { c->a->stdio[0], c->a->stdio[1], c->a->stdio[2] } };
	c->hooks = wants_hooks(c);
	for (size_t i = 0; i + 1 < c->s->sysctl.n; i += 2)
		if (limits_check_sysctl(c->s, c->s->sysctl.v[i], e) < 0)
			return -1;
	if (seccomp_filter_get(rt->filters, c->s, c->s->process.caps.bounding, &c->proc.filter, e) < 0 ||
	    open_namespaces(c, e) < 0 || open_root(c, e) < 0)
		return -1;
	if (c->a->cgroup_path && !c->a->cgroup_exists) {
		h = rt_cgroups(rt, e);
		if (!h || cgroup_create(h, c->a->cgroup_path, &c->s->resources, e) < 0)
			return -1;
	}
	return rt_open_join(rt, c->a->cgroup_path, &c->join, e);
}

static void child_done(struct child *c)
{
	for (int i = 0; i < SPEC_NS_N; i++)
		mem_closep(&c->ns_fd[i]);
	mem_closep(&c->root_fd);
	cgroup_join_done(&c->join);
}

static void drop_cgroup(struct rt *rt, const struct rt_args *a)
{
	struct err ignored = {0};

	if (!a->cgroup_path || a->cgroup_exists || !rt->cgroups)
		return;
	/* the failure that brought us here is the one to be told */
	if (cgroup_kill(rt->cgroups, a->cgroup_path, &ignored) < 0 ||
	    cgroup_wait_empty(rt->cgroups, a->cgroup_path, 1000, &ignored) < 0 ||
	    cgroup_remove(rt->cgroups, a->cgroup_path, &ignored) < 0)
		err_done(&ignored);
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static int spawn(struct child *c, struct rt_ctr *ctr, struct err *e)
{
	struct rt_clone how = { .pid_ns = c->ns_fd[SPEC_NS_PID],
				.into_cgroup = c->join.into_fd,
				.sibling = c->a->sibling };
	int pair[2];

	for (int i = 0; i < SPEC_NS_N; i++)
		if (c->made[i] && i != SPEC_NS_CGROUP)       /* that one after the cgroup is joined */
			how.flags |= clone_flag[i];
	if (step_socketpair(pair, e) < 0)
		return -1;
	ctr->pid = rt_clone(&how, &ctr->pidfd, e);
	if (ctr->pid == 0) {
		close(pair[0]);
		c->sync = c->proc.sync = pair[1];
		child_run(c);
	}
	close(pair[1]);
	ctr->sync_fd = pair[0];
	return ctr->pid < 0 ? -1 : 0;
}

static int after_clone(struct child *c, struct rt_ctr *ctr, struct err *e)
{
	if (!c->made[SPEC_NS_USER])
		return 0;
	return userns_map(c->s, ctr->pid, e) < 0 || step_send(ctr->sync_fd, STEP_MAPPED, -1, e) < 0 ? -1 : 0;
}

int rt_create_begin(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct rt_args *a, struct err *e)
{
	struct rt_ctr ctr = RT_CTR_INIT;
	struct child c = { .s = s, .a = a, .sync = -1, .root_fd = -1, .root = -1, .procfs = -1, .master = -1 };
	int r;

	memset(c.ns_fd, -1, sizeof(c.ns_fd));
	c.join.into_fd = -1;
	r = prepare(rt, &c, e);
	if (r == 0)
		r = spawn(&c, &ctr, e) < 0 || after_clone(&c, &ctr, e) < 0 ? -1 : 0;
	child_done(&c);
	if (r == 0) {
		ctr.making = a;
		ctr.spec = s;
		*ret = ctr;
		return 0;
	}
	rt_discard(&ctr, a->sibling);
	if (e->kind != ERR_CONFLICT)
		drop_cgroup(rt, a);
	return -1;
}

static int run_hooks(const struct rt_ctr *c, struct err *e)
{
	auto_free char *state = hook_state(c->making->state_json, c->pid, "creating");

	return hook_run(&c->spec->hooks, SPEC_HOOK_PRESTART, state, e) < 0 ||
	       hook_run(&c->spec->hooks, SPEC_HOOK_CREATE_RUNTIME, state, e) < 0 ||
	       step_send(c->sync_fd, STEP_HOOKED, -1, e) < 0 ? -1 : 0;
}

int rt_create_end(struct rt *rt, struct rt_ctr *c, struct err *e)
{
	const struct rt_args *a = c->making;
	int got = step_wait_either(c->sync_fd, STEP_READY, STEP_SPACES, &c->master_fd, e);

	if (got == STEP_SPACES && run_hooks(c, e) == 0)
		got = step_wait(c->sync_fd, STEP_READY, &c->master_fd, e) < 0 ? -1 : STEP_READY;
	c->making = NULL;
	c->spec = NULL;
	if (got == STEP_READY)
		return 0;
	rt_discard(c, a->sibling);
	drop_cgroup(rt, a);
	return -1;
}

int rt_create(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct rt_args *a, struct err *e)
{
	struct rt_ctr c = RT_CTR_INIT;

	if (rt_create_begin(rt, &c, s, a, e) < 0 || rt_create_end(rt, &c, e) < 0)
		return -1;
	*ret = c;
	return 0;
}

/* ---- start ------------------------------------------------------------------------------------------------------- */

int rt_start_begin(struct rt_ctr *c, struct err *e)
{
	return step_send(c->sync_fd, STEP_GO, -1, e);
}

int rt_start_end(struct rt_ctr *c, struct err *e)
{
	int r = step_wait_exec(c->sync_fd, e);

	mem_closep(&c->sync_fd);
	c->sync_fd = -1;
	return r;
}

int rt_start(struct rt_ctr *c, struct err *e)
{
	return rt_start_begin(c, e) < 0 ? -1 : rt_start_end(c, e);
}

int rt_netns(const struct rt_ctr *c, struct err *e)
{
	char path[40];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)c->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* the pid was still that process's if it lives on after the open */
	if (fd >= 0 && sys_pidfd_send_signal(c->pidfd, 0) == 0)
		return fd;
	mem_closep(&fd);
	return err_set(e, ERR_SYS, errno, "open the network namespace of process %d", (int)c->pid);
}

void rt_ctr_done(struct rt_ctr *c)
{
	mem_closep(&c->pidfd);
	mem_closep(&c->sync_fd);
	mem_closep(&c->master_fd);
	*c = (struct rt_ctr)RT_CTR_INIT;
}

int rt_wait(struct rt_ctr *c, struct err *e)
{
	siginfo_t info;

	/* a process of the container may trace it, and then keeps it from us even when it has ended */
	while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return err_set(e, ERR_SYS, errno, "wait for process %d", (int)c->pid);
		else if (intr_check(e) < 0)
			return err_wrap(e, "wait for process %d", (int)c->pid);
	return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}
