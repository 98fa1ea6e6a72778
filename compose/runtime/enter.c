/* SPDX-License-Identifier: Apache-2.0 */
/* enter.c - one more process in a container that runs.
 *
 * On entry of the new process (enter_run):
 *   pid      the container's: the maker was there for its children while it cloned
 *   all else the maker's; joined below in one setns() through the container's pidfd, so that the container
 *            cannot change between two of them
 *   cgroup   v2: the container's, by CLONE_INTO_CGROUP; v1: joined below
 *   rights   the maker's, not dumpable, so that the container's processes cannot trace us (CVE-2016-9962) */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/sys.h"
#include "compose/runtime/process.h"
#include "compose/runtime/runtime_impl.h"
#include "compose/runtime/steps.h"
#include "compose/runtime/tty.h"

struct enter {
	const struct spec *s;
	const struct rt_exec_args *a;
	struct process proc;
	struct cgroup_join join;
	int sync;
};

static int ns_flags(const struct spec *s)
{
	static const int flag[SPEC_NS_N] = { CLONE_NEWUSER, CLONE_NEWNS, 0, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
		CLONE_NEWCGROUP };
	int flags = 0;

	for (int i = 0; i < SPEC_NS_N; i++)
		flags |= s->ns[i].on ? flag[i] : 0;
	return flags;
}

static int join(struct enter *x, struct err *e)
{
	(void)prctl(PR_SET_NAME, "compose-exec", 0, 0, 0);
	if (process_label(x->proc.p, e) < 0)
		return -1;
	if (setsid() < 0 && errno != EPERM)
		return err_set(e, ERR_SYS, errno, "start a session");
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
		return err_set(e, ERR_SYS, errno, "make a session keyring");
	if (cgroup_join_self(&x->join, e) < 0)
		return -1;
	if (setns(x->a->pidfd, ns_flags(x->s)) < 0) {
		err_set(e, errno == ESRCH ? ERR_MISSING : ERR_SYS, errno, "join the container's namespaces");
		return errno == ESRCH ? err_hint(e, "the container has ended") : -1;
	}
	if (x->s->ns[SPEC_NS_USER].on && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_set(e, ERR_SYS, errno, "become root of the user namespace");
	return 0;
}

static int terminal(struct enter *x, struct err *e)
{
	auto_close int root = -1, master = -1;

	if (x->proc.p->terminal) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (root < 0)
			return err_set(e, ERR_SYS, errno, "open the container's root");
		if (tty_open(root, x->proc.p->rows, x->proc.p->cols, &master, &x->proc.tty, e) < 0)
			return -1;
	}
	return step_send(x->sync, STEP_READY, master, e);
}

_Noreturn static void enter_run(struct enter *x)
{
	struct err e = {0};

	if (join(x, &e) < 0 || process_prepare(&x->proc, &e) < 0 || terminal(x, &e) < 0 ||
	    process_exec(&x->proc, &e) < 0)
		err_wrap(&e, "run a command in the container");
	step_fail(x->sync, &e);
	_exit(err_status(&e));
}

static int open_pid_ns(const struct enter *x, int *ret, struct err *e)
{
	*ret = -1;
	if (!x->s->ns[SPEC_NS_PID].on)
		return 0;
	/* setns() takes the pidfd itself for the children's pid namespace too */
	*ret = x->a->pidfd;
	return *ret < 0 ? err_set(e, ERR_MISSING, 0, "the container does not run") : 0;
}

static int answer(struct rt_ctr *c, struct err *e)
{
	return step_wait(c->sync_fd, STEP_READY, &c->master_fd, e) < 0 || step_wait_exec(c->sync_fd, e) < 0 ? -1 : 0;
}

int rt_exec(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct spec_process *p,
	    const struct rt_exec_args *a, struct err *e)
{
	struct enter x = { .s = s, .a = a, .join = { .into_fd = -1 }, .sync = -1,
			   .proc = { .p = p, .tty = -1, .stdio = { a->stdio[0], a->stdio[1], a->stdio[2] } } };
	struct rt_clone how = { .sibling = a->sibling };
	struct rt_ctr c = RT_CTR_INIT;
	int pair[2], r;

	if (seccomp_filter_get(rt->filters, s, p->caps.bounding, &x.proc.filter, e) < 0 ||
	    open_pid_ns(&x, &how.pid_ns, e) < 0 || rt_open_join(rt, a->cgroup_path, &x.join, e) < 0)
		return -1;
	if (step_socketpair(pair, e) < 0) {
		cgroup_join_done(&x.join);
		return -1;
	}
	how.into_cgroup = x.join.into_fd;
	c.pid = rt_clone(&how, &c.pidfd, e);
	if (c.pid == 0) {
		close(pair[0]);
		x.sync = x.proc.sync = pair[1];
		enter_run(&x);
	}
	close(pair[1]);
	cgroup_join_done(&x.join);
	c.sync_fd = pair[0];
	r = c.pid < 0 ? -1 : answer(&c, e);
	if (r < 0) {
		rt_discard(&c, a->sibling);
		return -1;
	}
	mem_closep(&c.sync_fd);
	c.sync_fd = -1;
	*ret = c;
	return 0;
}
