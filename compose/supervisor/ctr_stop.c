/* SPDX-License-Identifier: Apache-2.0 */
/* ctr_stop.c - asking a container to end, and ending it; freezing. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"

enum { STATUS_MAX = 16 * 1024 };
static const int64_t grace_default_ns = 10LL * 1000000000;

static struct cgroup_host *cgroups(const struct ctr *c, struct err *e)
{
	return rt_cgroups(c->w->rt, e);
}

/* A set of signals from /proc/PID/status. */
static uint64_t signal_set(const char *status, const char *field)
{
	const char *p = strstr(status, field);
	uint64_t v = 0;

	for (p = p ? p + strlen(field) : ""; *p == '\t' || *p == ' '; p++)
		;
	for (; ; p++) {
		const char *digit = *p ? strchr("0123456789abcdef", *p) : NULL;

		if (!digit)
			return v;
		v = v << 4 | (uint64_t)(digit - "0123456789abcdef");
	}
}

/* Is it PID 1 of a namespace below ours? "NSpid:\t812\t1" */
static bool is_init(const char *status)
{
	const char *p = strstr(status, "\nNSpid:"), *end = p ? strchr(p + 1, '\n') : NULL;

	return end && end - p > 9 && !strncmp(end - 2, "\t1", 2);
}

/* Is it fetching signals right now (sigwait)? Meanwhile the kernel does not show them as held back. */
static bool fetches(pid_t pid)
{
	struct err ignored = {0};
	auto_free char *text = NULL, *waiting = xasprintf("%d ", SYS_rt_sigtimedwait);
	char path[40];

	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	if (fs_read(AT_FDCWD, path, STATUS_MAX, &text, NULL, &ignored) < 0) {
		err_done(&ignored);
		return true;            /* it cannot be told here: ask politely */
	}
	return str_starts(text, waiting) || str_starts(text, "running");
}

/* The kernel drops a signal for PID 1 of a namespace unless it has a handler, or holds it back to fetch it (sigwait). */
bool ctr_reacts(const struct ctr *c, int sig)
{
	struct err ignored = {0};
	auto_free char *status = NULL;
	char path[40];
	uint64_t bit = 1ULL << (sig - 1);

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)c->rt.pid);
	if (fs_read(AT_FDCWD, path, STATUS_MAX, &status, NULL, &ignored) < 0) {
		err_done(&ignored);
		return true;            /* it is just ending */
	}
	if (!is_init(status) || sig == SIGKILL || sig == SIGSTOP)
		return true;
	return (signal_set(status, "\nSigCgt:") | signal_set(status, "\nSigBlk:")) & bit || fetches(c->rt.pid);
}

static void on_grace(void *arg)
{
	struct ctr *c = arg;

	c->timer = NULL;
	ctr_event(c, EV_GRACE, NULL);
}

void ctr_stop(struct ctr *c, int64_t timeout_ns)
{
	int sig = c->rec.stop_signal > 0 && c->rec.stop_signal < NSIG ? c->rec.stop_signal : SIGTERM;

	if (timeout_ns < 0)
		timeout_ns = c->rec.stop_grace_ns >= 0 ? c->rec.stop_grace_ns : grace_default_ns;
	loop_del(c->timer);
	c->timer = NULL;
	if (timeout_ns > 0 && sig != SIGKILL && !ctr_reacts(c, sig)) {
		c->escalated = true;
		timeout_ns = 0;
	}
	if (timeout_ns == 0 || sig == SIGKILL) {
		ctr_kill_all(c);
		return;
	}
	if (sys_pidfd_send_signal(c->rt.pidfd, sig) < 0 && errno != ESRCH)
		ctr_kill_all(c);
	c->timer = loop_at(c->w->loop, sys_mono_ns() + timeout_ns, on_grace, c);
}

void ctr_stop_now(struct ctr *c, int64_t timeout_ns)
{
	c->st.stopped_by_user = true;
	ctr_save(c);
	ctr_stop(c, timeout_ns);
}

void ctr_kill_all(struct ctr *c)
{
	struct err e = {0};
	struct cgroup_host *h = cgroups(c, &e);

	if (c->rt.pidfd >= 0)
		(void)sys_pidfd_send_signal(c->rt.pidfd, SIGKILL);
	if (!h || cgroup_kill(h, c->cgroup, &e) < 0)
		worker_note(&e, "kill container %s", c->rec.name);
}

void ctr_signal(struct ctr *c, int sig, struct err *e)
{
	if (sys_pidfd_send_signal(c->rt.pidfd, sig) < 0) {
		err_set(e, ERR_SYS, errno, "send signal %d to container %s", sig, c->rec.name);
		return;
	}
	if (sig == SIGKILL)
		ctr_kill_all(c);
}

int ctr_freeze(struct ctr *c, bool on, struct err *e)
{
	struct cgroup_host *h = cgroups(c, e);

	if (!h || cgroup_freeze(h, c->cgroup, on, e) < 0)
		return err_wrap(e, "%s container %s", on ? "pause" : "continue", c->rec.name);
	return 0;
}
