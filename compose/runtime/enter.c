/* SPDX-License-Identifier: Apache-2.0 */
/* enter.c - one more process in a container that runs.
 *
 * The maker clones a helper (enter_run), which on entry has:
 *   all namespaces  the maker's; joined below in one setns() through the container's pidfd, so that the container
 *            cannot change between two of them. The helper itself stays out of the pid namespace
 *   cgroup   v2: the container's, by CLONE_INTO_CGROUP; v1: joined below
 *   rights   the maker's, not dumpable, so that the container's processes cannot trace us (CVE-2016-9962)
 * It prepares all and gives up its rights; only then a sibling of it is born inside, which execs. So a container that may
 * trace (cap_add: SYS_PTRACE) meets no process there that has more than the command. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
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
	static const int flag[SPEC_NS_N] = { CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC,
		CLONE_NEWUTS, CLONE_NEWCGROUP };
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
	int pidfd = -1;

	if (join(x, &e) == 0 && process_prepare(&x->proc, &e) == 0 && terminal(x, &e) == 0 &&
	    process_bear(&x->proc, &pidfd, &e) == 0 && step_send(x->proc.sync, STEP_BORN, pidfd, &e) == 0)
		_exit(0);
	err_wrap(&e, "run a command in the container");
	step_fail(x->proc.sync, &e);
	_exit(err_status(&e));
}

/* ret: the number that pidfd's process has here; -1 when it has ended and been waited for */
static pid_t pid_of(int pidfd)
{
	auto_free char *path = xasprintf("/proc/self/fdinfo/%d", pidfd), *text = NULL;
	auto_err struct err ignored = {0};
	const char *line;

	if (fs_read(AT_FDCWD, path, 4096, &text, NULL, &ignored) < 0 || !(line = strstr(text, "\nPid:\t")))
		return -1;
	return (pid_t)strtol(line + 6, NULL, 10);
}

/* The helper's place in c is taken by the process that it has borne. */
static int answer(struct rt_ctr *c, bool sibling, struct err *e)
{
	int pidfd = -1;

	if (step_wait(c->sync_fd, STEP_READY, &c->master_fd, e) < 0 ||
	    step_wait(c->sync_fd, STEP_BORN, &pidfd, e) < 0)
		return -1;
	if (pidfd < 0)
		return err_set(e, ERR_BUG, 0, "\"%s\" came without a descriptor", step_text(STEP_BORN));
	if (!sibling && rt_wait(c, e) < 0) {
		close(pidfd);
		return -1;
	}
	close(c->pidfd);
	c->pidfd = pidfd;
	c->pid = pid_of(pidfd);
	return step_wait_exec(c->sync_fd, e);
}

int rt_exec(struct rt *rt, struct rt_ctr *ret, const struct spec *s, const struct spec_process *p,
	    const struct rt_exec_args *a, struct err *e)
{
	struct enter x = { .s = s, .a = a, .join = { .into_fd = -1 }, .sync = -1,
			   .proc = { .p = p, .enters = true, .tty = -1, .stdio = { a->stdio[0], a->stdio[1], a->stdio[2] } } };
	struct rt_clone how = { .pid_ns = -1, .sibling = a->sibling };
	struct rt_ctr c = RT_CTR_INIT;
	int pair[2], r;

	if (seccomp_filter_get(rt->filters, s, p->caps.bounding, &x.proc.filter, e) < 0 ||
	    rt_open_join(rt, a->cgroup_path, &x.join, e) < 0)
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
	r = c.pid < 0 ? -1 : answer(&c, a->sibling, e);
	if (r < 0) {
		rt_discard(&c, a->sibling);
		return -1;
	}
	mem_closep(&c.sync_fd);
	c.sync_fd = -1;
	*ret = c;
	return 0;
}
