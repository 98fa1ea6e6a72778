/* SPDX-License-Identifier: Apache-2.0 */
/* health.c - probes: a command in the container, every now and then; what they say is the container's health.
 * spec: compose-spec 05-services "healthcheck". The next pause begins when the last probe has ended. */
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/aside.h"

enum { OUTPUT_MAX = 4096, RETRIES_DEFAULT = 3 };
#define SECONDS(n) ((n) * 1000000000LL)

struct health {
	struct ctr *c;
	int64_t start_ns;               /* when the container came to run */
	struct loop_src *timer;         /* the next probe, or the running one's time-out */
	struct aside *probe;            /* NULL: none runs */
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
	h->timer = NULL;
	h->probe = NULL;
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

int health_failed(const struct ctr *c, struct err *e)
{
	const char *said = *c->st.health_output ? c->st.health_output : "nothing";

	err_set(e, ERR_CONFLICT, 0, "container %s is unhealthy", c->rec.name);
	return err_hint(e, "its last probe said: %.*s", (int)strcspn(said, "\n"), said);
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
		auto_err struct err e = {0};

		(void)health_failed(c, &e);
		ctr_answer(c, WAIT_HEALTHY, &e);
	}
}

static void on_probe_output(void *arg, const char *p, size_t n)
{
	struct health *h = arg;

	if (h->text.len < OUTPUT_MAX)
		str_addn(&h->text, p, n < OUTPUT_MAX - h->text.len ? n : OUTPUT_MAX - h->text.len);
}

static void on_probe_end(void *arg, int status)
{
	struct health *h = arg;
	bool ok = status == 0 && !h->timed_out;

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
	aside_kill(h->probe);
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
	static const struct aside_calls calls = { on_probe_output, on_probe_end };
	auto_spec struct spec s = {0};

	if (spec_read(&s, h->c->dir, e) < 0)
		return -1;
	set_command(h->c, &s.process);
	return aside_start(&h->probe, h->c, &s, &calls, h, e);
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
	*h = (struct health){ .c = c, .start_ns = sys_mono_ns(), .text = STR_MAX(OUTPUT_MAX) };
	c->health = h;
	schedule(h);
}

void health_stop(struct ctr *c)
{
	struct health *h = c->health;

	if (!h)
		return;
	c->health = NULL;
	aside_abandon(h->probe);
	forget_probe(h);
	free(h);
}
