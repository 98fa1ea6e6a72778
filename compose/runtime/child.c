/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - the way from clone to exec.
 *
 * On entry (child_run):
 *   user     new when the spec maps ids (no maps written yet), else the maker's
 *   mount    new, a copy of the host's; "/" is the host's root
 *   pid      new (we are pid 1), or joined through the maker's setns, or the host's
 *   network, ipc, uts   new, empty; or the host's, joined in a stage below
 *   cgroup   the host's namespace; on v2 (and the v2 side of hybrid) we are in the container's group,
 *            by CLONE_INTO_CGROUP
 *   descriptors  copies of the maker's, all to be closed by the exec
 *   rights   the maker's, not dumpable: nothing in the container can look into us or our descriptors
 * Each stage below says what it changes. Messages to and from the maker: steps.h. */
#include "compose/runtime/child.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/runtime/hook.h"
#include "compose/runtime/limits.h"
#include "compose/runtime/rootfs.h"
#include "compose/runtime/steps.h"
#include "compose/runtime/tty.h"

/* Become root of the new user namespace; before the maps are written we are nobody. */
static int stage_identity(struct child *c, struct err *e)
{
	(void)prctl(PR_SET_NAME, "compose-create", 0, 0, 0);
	if (setsid() < 0 && errno != EPERM)
		return err_set(e, ERR_SYS, errno, "start a session");
	if (!c->made[SPEC_NS_USER])
		return 0;
	if (step_wait(c->sync, STEP_MAPPED, NULL, e) < 0)
		return -1;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, ERR_SYS, errno, "become root of the user namespace");
	return 0;
}

/* The host's /proc is still ours. */
static int stage_labels(struct child *c, struct err *e)
{
	return process_label(&c->s->process, e);
}

/* A new session keyring: the host's keys are not the container's. */
static int stage_keyring(struct child *c, struct err *e)
{
	(void)c;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS && errno != EPERM)
		return err_set(e, ERR_SYS, errno, "make a session keyring");
	return 0;
}

/* Into the container's cgroup, then a cgroup namespace of which it is the top. */
static int stage_cgroup(struct child *c, struct err *e)
{
	if (cgroup_join_self(&c->join, e) < 0)
		return -1;
	if (c->made[SPEC_NS_CGROUP] && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, ERR_SYS, errno, "make a cgroup namespace");
	return 0;
}

/* Namespaces of others; the pid namespace was joined by the maker, a mount namespace cannot be. */
static int stage_join(struct child *c, struct err *e)
{
	static const char *const words[SPEC_NS_N] = { "user", "mount", "pid", "network", "ipc", "uts", "cgroup" };

	for (int i = 0; i < SPEC_NS_N; i++)
		if (c->ns_fd[i] >= 0 && i != SPEC_NS_PID && setns(c->ns_fd[i], 0) < 0)
			return err_set(e, ERR_SYS, errno, "join the %s namespace", words[i]);
	return 0;
}

/* lo up in a new network namespace; its other interfaces are the maker's business. */
static int stage_loopback(struct child *c, struct err *e)
{
	auto_close int s = -1;
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };

	if (!c->made[SPEC_NS_NET])
		return 0;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &r) < 0)
		return err_set(e, ERR_SYS, errno, "bring up lo");
	return 0;
}

static int stage_names(struct child *c, struct err *e)
{
	const struct spec *s = c->s;

	if ((!s->hostname && !s->domainname) || !s->ns[SPEC_NS_UTS].on)
		return 0;
	if (s->hostname && sethostname(s->hostname, strlen(s->hostname)) < 0)
		return err_set(e, ERR_SYS, errno, "set the host name %s", s->hostname);
	if (s->domainname && setdomainname(s->domainname, strlen(s->domainname)) < 0)
		return err_set(e, ERR_SYS, errno, "set the domain name %s", s->domainname);
	return 0;
}

/* prestart and createRuntime hooks want the namespaces, and the host's view of files. */
static int stage_hooks(struct child *c, struct err *e)
{
	if (!c->hooks)
		return 0;
	return step_send(c->sync, STEP_SPACES, -1, e) < 0 || step_wait(c->sync, STEP_HOOKED, NULL, e) < 0 ? -1 : 0;
}

/* Nothing mounted from here on reaches the host. What the host mounts below a bind mount later may still arrive
 * (slave); only a root asked to be shared keeps its mounts in the host's peer groups, and needs a private top to be
 * pivoted. */
static int stage_mounts(struct child *c, struct err *e)
{
	const char *word = c->s->root_propagation;
	bool shared = str_eq(word, "shared") || str_eq(word, "rshared");

	if (mount(NULL, "/", NULL, shared ? MS_PRIVATE : MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, ERR_SYS, errno, "separate the mounts from the host's");
	return rootfs_build(c, e);
}

static int stage_sysctls(struct child *c, struct err *e)
{
	return limits_set_sysctls(c->s, c->procfs, e);
}

static int stage_terminal(struct child *c, struct err *e)
{
	const struct spec_process *p = &c->s->process;

	if (!p->terminal)
		return 0;
	return tty_open(c->root, p->rows, p->cols, &c->master, &c->proc.tty, e) < 0 ||
	       tty_console(c->root, c->proc.tty, e) < 0 ? -1 : 0;
}

static int stage_protect(struct child *c, struct err *e)
{
	return hook_run(&c->s->hooks, SPEC_HOOK_CREATE_CONTAINER, c->a->state_json, e) < 0 ? -1 : rootfs_protect(c, e);
}

/* From here "/" is the container's; no descriptor of a host directory is used any more. */
static int stage_pivot(struct child *c, struct err *e)
{
	return rootfs_pivot(c, e);
}

static int stage_command(struct child *c, struct err *e)
{
	return process_prepare(&c->proc, e);
}

/* Take the first connection that says go; one that closes without a word is forgotten. */
static int accept_start(struct child *c, struct err *e)
{
	for (;;) {
		int conn = accept4(c->a->start_fd, NULL, NULL, SOCK_CLOEXEC);
		struct ucred peer;
		socklen_t n = sizeof(peer);
		struct err ignored = {0};

		if (conn < 0 && errno == EINTR)
			continue;
		if (conn < 0)
			return err_set(e, ERR_SYS, errno, "await the start");
		if (getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
		    (peer.uid == 0 || peer.uid == geteuid()) && step_wait(conn, STEP_GO, NULL, &ignored) == 0) {
			close(c->sync);
			c->sync = c->proc.sync = conn;
			return 0;
		}
		err_done(&ignored);
		close(conn);
	}
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The wait may be long: hold nothing of the maker's meanwhile. Others wait for the end of its pipes, and with a terminal
 * also for that of its standard streams. */
static int keep_only_needed(struct child *c, struct err *e)
{
	struct process *p = &c->proc;
	int keep[] = { -1, 0, 1, 2, c->sync, c->a->start_fd, c->master, p->tty, p->stdio[0], p->stdio[1], p->stdio[2] };

	for (int i = 0; i < 3 && p->tty >= 0; i++)
		if (dup2(p->tty, i) < 0)
			return err_set(e, ERR_SYS, errno, "standard stream %d", i);
	qsort(keep, ARRAY_LEN(keep), sizeof(*keep), by_value);
	for (size_t i = 0; i < ARRAY_LEN(keep); i++) {
		unsigned from = (unsigned)(keep[i] + 1), to = i + 1 < ARRAY_LEN(keep) ? (unsigned)(keep[i + 1] - 1) : ~0U;

		if ((i + 1 == ARRAY_LEN(keep) || keep[i + 1] > keep[i] + 1) && close_range(from, to, 0) < 0)
			return err_set(e, ERR_SYS, errno, "close the maker's descriptors");
	}
	return 0;
}

/* Hand over the terminal's master, then wait until told to run the command. */
static int stage_ready(struct child *c, struct err *e)
{
	int r;

	(void)prctl(PR_SET_NAME, "compose-ready", 0, 0, 0);
	if (keep_only_needed(c, e) < 0 || step_send(c->sync, STEP_READY, c->master, e) < 0)
		return -1;
	mem_closep(&c->master);
	c->master = -1;
	r = c->a->start_fd >= 0 ? accept_start(c, e) : step_wait(c->sync, STEP_GO, NULL, e);
	return r < 0 ? -1 : hook_run(&c->s->hooks, SPEC_HOOK_START_CONTAINER, c->a->state_json, e);
}

static int stage_exec(struct child *c, struct err *e)
{
	return process_exec(&c->proc, e);
}

static const struct { const char *name; int (*run)(struct child *c, struct err *e); } stages[] = {
	{ "take on an identity", stage_identity },
	{ "set labels", stage_labels },
	{ "make a keyring", stage_keyring },
	{ "enter the cgroup", stage_cgroup },
	{ "join namespaces", stage_join },
	{ "set up the network namespace", stage_loopback },
	{ "set names", stage_names },
	{ "run hooks", stage_hooks },
	{ "build the file system", stage_mounts },
	{ "set kernel parameters", stage_sysctls },
	{ "open a terminal", stage_terminal },
	{ "protect paths", stage_protect },
	{ "change the root", stage_pivot },
	{ "prepare the command", stage_command },
	{ "await the start", stage_ready },
	{ "run the command", stage_exec },
};

_Noreturn void child_run(struct child *c)
{
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_LEN(stages); i++)
		if (stages[i].run(c, &e) < 0) {
			err_wrap(&e, "%s", stages[i].name);
			step_fail(c->sync, &e);
			_exit(err_status(&e));
		}
	_exit(1);
}
