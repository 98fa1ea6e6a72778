/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - probes: a command in the container, every now and then; what they say is the container's health.
 * spec: compose-spec 05-services "healthcheck". The next pause begins when the last probe has ended. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctr.h"

enum { OUTPUT_MAX = 4096, RETRIES_DEFAULT = 3 };
#define SECONDS(n) ((n) * 1000000000LL)

struct health {
	struct ctr *c;
	int64_t start_ns;               /* when the container came to run */
	struct loop_src *timer;         /* the next probe, or the running one's time-out */
	struct loop_src *on_end, *on_output;
	struct rt_ctr probe;            /* pid -1: none runs */
	int    out;
	struct str text;
	bool   timed_out;
};

static int64_t or_default(int64_t v, int64_t dflt)
{
	return v > 0 ? v : dflt;
}

static void schedule(struct health *h);

static void forget_probe(struct health *h)
{
	loop_del(h->timer);
	loop_del(h->on_end);
	loop_del(h->on_output);
	h->timer = h->on_end = h->on_output = NULL;
	mem_closep(&h->out);
	h->out = -1;
	rt_ctr_done(&h->probe);
	str_done(&h->text);
	h->text = STR_MAX(OUTPUT_MAX);
	h->timed_out = false;
}

static bool in_start_period(const struct health *h)
{
	return h->c->st.health == HEALTH_STARTING && sys_mono_ns() - h->start_ns < h->c->rec.health.start_period_ns;
}

static void set_output(struct ctr *c, const char *text)
{
	free(c->st.health_output);
	c->st.health_output = str_printable(text);
}

/* One result. ok: the probe ended with 0. */
static void judge(struct health *h, bool ok)
{
	struct ctr *c = h->c;
	enum ctr_health before = c->st.health;
	unsigned limit = c->rec.health.retries > 0 ? (unsigned)c->rec.health.retries : RETRIES_DEFAULT;

	if (ok) {
		c->st.health = HEALTH_HEALTHY;
		c->st.health_fails = 0;
	} else if (!in_start_period(h)) {
		c->st.health_fails++;
		if (c->st.health_fails >= limit)
			c->st.health = HEALTH_UNHEALTHY;
	}
	if (c->st.health == before && ok)
		return;                 /* nothing that is worth a write */
	ctr_save(c);
	if (c->st.health == before)
		return;
	ctr_tell(c, "health_status", -1);
	if (c->st.health == HEALTH_HEALTHY) {
		ctr_answer(c, WAIT_HEALTHY, NULL);
	} else {
		struct err e = {0};

		err_set(&e, ERR_CONFLICT, 0, "container %s is unhealthy", c->rec.name);
		err_hint(&e, "its last probe said: %.200s", *c->st.health_output ? c->st.health_output : "nothing");
		ctr_answer(c, WAIT_HEALTHY, &e);
		err_done(&e);
	}
}

static void read_output(struct health *h)
{
	char buf[OUTPUT_MAX];
	ssize_t n;

	while (h->out >= 0 && (n = read(h->out, buf, sizeof(buf))) > 0)
		if (h->text.len < OUTPUT_MAX)
			str_addn(&h->text, buf, (size_t)n < OUTPUT_MAX - h->text.len ? (size_t)n : OUTPUT_MAX - h->text.len);
}

static void on_probe_output(void *arg, uint32_t events)
{
	struct health *h = arg;

	read_output(h);
	if (events & EPOLLHUP) {
		loop_del(h->on_output);
		h->on_output = NULL;
	}
}

static void on_probe_end(void *arg, uint32_t events)
{
	struct health *h = arg;
	siginfo_t info = {0};
	bool ok;

	(void)events;
	if (waitid(P_PIDFD, (id_t)h->probe.pidfd, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
		return;
	read_output(h);
	ok = info.si_code == CLD_EXITED && info.si_status == 0 && !h->timed_out;
	if (h->timed_out) {
		auto_free char *t = xasprintf("no answer within %lld ms%s%s",
			(long long)(or_default(h->c->rec.health.timeout_ns, SECONDS(30)) / 1000000), h->text.len ? ": " : "", str_cstr(&h->text));

		set_output(h->c, t);
	} else {
		set_output(h->c, str_cstr(&h->text));
	}
	forget_probe(h);
	judge(h, ok);
	if (h->c->health == h)
		schedule(h);
}

static void on_timeout(void *arg)
{
	struct health *h = arg;

	h->timer = NULL;
	h->timed_out = true;
	/* it leads a session of its own: its children go with it */
	(void)kill(-h->probe.pid, SIGKILL);
	(void)sys_pidfd_send_signal(h->probe.pidfd, SIGKILL);
}

/* The probe's command over the container's own process settings. */
static void set_command(const struct ctr *c, struct spec_process *p)
{
	const struct strv *test = &c->rec.health.test;
	bool shell = str_eq(test->v[0], "CMD-SHELL");

	strv_done(&p->args);
	if (shell) {
		strv_add(&p->args, "/bin/sh");
		strv_add(&p->args, "-c");
	}
	for (size_t i = str_eq(test->v[0], "CMD") || shell; i < test->n; i++)
		strv_add(&p->args, test->v[i]);
	p->terminal = false;
}

static int run_probe(struct health *h, struct err *e)
{
	struct rt_exec_args a = RT_EXEC_ARGS_INIT;
	auto_spec struct spec s = {0};
	int fd[2], r;

	if (spec_read(&s, h->c->dir, e) < 0)
		return -1;
	set_command(h->c, &s.process);
	if (pipe2(fd, O_CLOEXEC) < 0)
		return err_set(e, ERR_SYS, errno, "make a pipe");
	a.id = h->c->rec.name;
	a.pidfd = h->c->rt.pidfd;
	a.stdio[1] = a.stdio[2] = fd[1];
	a.cgroup_path = h->c->cgroup;
	r = rt_exec(h->c->w->rt, &h->probe, &s, &s.process, &a, e);
	close(fd[1]);
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	h->out = fd[0];
	return r;
}

static void on_due(void *arg)
{
	struct health *h = arg;
	struct err e = {0};

	h->timer = NULL;
	if (h->c->state != FSM_RUNNING) {       /* a frozen container cannot answer, one that ends need not */
		schedule(h);
		return;
	}
	if (run_probe(h, &e) < 0) {
		set_output(h->c, e.frame[0]);
		err_done(&e);
		forget_probe(h);
		judge(h, false);
		if (h->c->health == h)
			schedule(h);
		return;
	}
	h->on_output = loop_add(h->c->w->loop, h->out, EPOLLIN, on_probe_output, h);
	h->on_end = loop_add(h->c->w->loop, h->probe.pidfd, EPOLLIN, on_probe_end, h);
	h->timer = loop_at(h->c->w->loop, sys_mono_ns() + or_default(h->c->rec.health.timeout_ns, SECONDS(30)), on_timeout, h);
}

static void schedule(struct health *h)
{
	const struct rec_health *r = &h->c->rec.health;
	int64_t pause = in_start_period(h) ? or_default(r->start_interval_ns, SECONDS(5)) : or_default(r->interval_ns, SECONDS(30));

	h->timer = loop_at(h->c->w->loop, sys_mono_ns() + pause, on_due, h);
}

void health_start(struct ctr *c)
{
	struct health *h;

	if (!c->rec.health.set || !c->rec.health.test.n || str_eq(c->rec.health.test.v[0], "NONE"))
		return;
	h = xcalloc(1, sizeof(*h));
	*h = (struct health){ .c = c, .start_ns = sys_mono_ns(), .probe = RT_CTR_INIT, .out = -1, .text = STR_MAX(OUTPUT_MAX) };
	c->health = h;
	schedule(h);
}

/* A probe that nobody asks any more: taken from the process table when it is dead, however long that takes. */
struct corpse { int pidfd; struct loop_src *src; };

static void on_corpse(void *arg, uint32_t events)
{
	struct corpse *k = arg;
	siginfo_t info;

	(void)events;
	(void)waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED | WNOHANG);
	loop_del(k->src);
	close(k->pidfd);
	free(k);
}

static void abandon(struct health *h)
{
	struct corpse *k = xcalloc(1, sizeof(*k));

	(void)kill(-h->probe.pid, SIGKILL);
	(void)sys_pidfd_send_signal(h->probe.pidfd, SIGKILL);
	loop_del(h->on_end);
	h->on_end = NULL;
	k->pidfd = take_fd(h->probe.pidfd);
	k->src = loop_add(h->c->w->loop, k->pidfd, EPOLLIN, on_corpse, k);
	if (!k->src) {
		close(k->pidfd);
		free(k);
	}
}

void health_stop(struct ctr *c)
{
	struct health *h = c->health;

	if (!h)
		return;
	c->health = NULL;
	if (h->probe.pidfd >= 0)
		abandon(h);
	forget_probe(h);
	free(h);
}
