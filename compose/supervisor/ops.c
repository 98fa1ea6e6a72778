/* SPDX-License-Identifier: Apache-2.0 */
/* ops.c - the operations of the control socket (client.h): a table, and a function for each row. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#include "compose/base/buildid.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctl.h"
#include "compose/supervisor/ctr.h"
#include "compose/supervisor/io.h"

/* Removing networks takes the kernel as long for many as for one: those asked for in one round go together. */
struct removal { struct conn *conn; int64_t id; char net[ID_SIZE]; };
static struct { VEC(struct removal) v; struct loop_src *timer; } removals;

/* ret: 0 when it answered or will; -1 with e */
typedef int op_fn(struct worker *w, struct request *r, struct err *e);

static struct ctr *the_ctr(struct worker *w, const struct request *r, struct err *e)
{
	const char *id = json_str(r->args, "ctr", NULL);

	if (id)
		return ctr_get(w, id, e);
	err_set(e, ERR_USAGE, 0, "no container is named");
	return NULL;
}

/* ret: the descriptor that attach calls name, the caller's; -1 when there is none */
static int attached(struct request *r, const char *name)
{
	const json_t *list = json_object_get(r->args, "attach"), *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (i < r->n_fds && str_eq(json_string_value(v), name))
			return take_fd(r->fds[i]);
	return -1;
}

static void attach_all(struct ctr *c, struct request *r, bool once)
{
	int in = attached(r, "stdin"), out = attached(r, "stdout"), err = attached(r, "stderr");

	io_attach(c, in, out, err, json_flag(r->args, "stdin_once", once));
}

static int op_ping(struct worker *w, struct request *r, struct err *e)
{
	(void)w;
	(void)e;
	ctl_reply(r->conn, r->id, json_pack("{s:s,s:s,s:i}", "version", COMPOSE_VERSION, "build", build_id(), "pid", (int)getpid()));
	return 0;
}

/* What happened while a client had no connection, as far as the files tell: the last start and end of each container. */
struct missed { struct conn *conn; int64_t since_ns, until_ns; };

static int tell_missed(void *arg, int dir, struct ctr_record *rec, struct ctr_status *st)
{
	const struct missed *m = arg;

	(void)dir;
	if (st->started_ns > m->since_ns && st->started_ns < m->until_ns)
		ctl_send(m->conn, json_pack("{s:i,s:s,s:s,s:s,s:I}", "id", 0, "event", "start", "ctr", rec->id, "name", rec->name,
					    "time_ns", (json_int_t)st->started_ns));
	if (st->finished_ns > m->since_ns && st->finished_ns < m->until_ns && st->finished_ns > st->started_ns)
		ctl_send(m->conn, json_pack("{s:i,s:s,s:s,s:s,s:I,s:i}", "id", 0, "event", "die", "ctr", rec->id, "name", rec->name,
					    "time_ns", (json_int_t)st->finished_ns, "exit_code", st->exit_code));
	return 0;
}

/* Containers on their way, which no file tells. */
static int op_busy(struct worker *w, struct request *r, struct err *e)
{
	json_t *starting = json_array(), *stopping = json_array();

	(void)e;
	for (size_t i = 0; i < w->ctrs.n; i++) {
		const struct ctr *c = w->ctrs.v[i];

		if (c->state == FSM_STOPPING)
			(void)json_array_append_new(stopping, json_string(c->rec.id));
		else if (c->state == FSM_CREATING || c->state == FSM_STARTING)
			(void)json_array_append_new(starting, json_string(c->rec.id));
	}
	ctl_reply(r->conn, r->id, json_pack("{s:o,s:o}", "starting", starting, "stopping", stopping));
	return 0;
}

static int op_subscribe(struct worker *w, struct request *r, struct err *e)
{
	struct missed m = { .conn = r->conn, .since_ns = json_int(r->args, "since_ns", 0), .until_ns = INT64_MAX };
	int64_t replay_ns = json_int(r->args, "replay_ns", 0);

	(void)e;
	ctl_subscribe(r->conn);
	ctl_reply(r->conn, r->id, NULL);
	if (replay_ns) {                /* what is remembered, and before that what the files tell */
		m.since_ns = replay_ns;
		m.until_ns = ctl_remembers_since(w);
	}
	if (m.since_ns)
		(void)record_each(&w->paths, w->project, tell_missed, &m, NULL);
	if (replay_ns)
		ctl_replay(r->conn, replay_ns);
	return 0;
}

static int op_net_create(struct worker *w, struct request *r, struct err *e)
{
	auto_strv struct strv warn = {0};
	struct net_info info;

	if (ctr_net_make(w, json_str(r->args, "network", ""), &info, &warn, e) < 0)
		return -1;
	ctl_reply(r->conn, r->id, json_pack("{s:s,s:s,s:o}", "subnet", info.subnet, "gateway", info.gateway, "warnings",
					    json_from_strv(warn.v, warn.n)));
	return 0;
}

/* Whoever is on one of them may be long gone, if a worker before us was killed at the wrong moment: look a second time. */
static int remove_all(struct worker *w, char *const *ids, struct err *e)
{
	if (net_remove(&w->net, ids, removals.v.n, e) == 0)
		return 0;
	if (e->kind != ERR_CONFLICT)
		return -1;
	err_done(e);
	ctr_clean_rest(w);
	return net_remove(&w->net, ids, removals.v.n, e);
}

static void remove_networks(void *arg)
{
	struct worker *w = arg;
	auto_free char **ids = xcalloc(removals.v.n + 1, sizeof(*ids));
	struct err e = {0};

	removals.timer = NULL;
	for (size_t i = 0; i < removals.v.n; i++)
		ids[i] = removals.v.v[i].net;
	if (remove_all(w, ids, &e) == 0) {
		for (size_t i = 0; i < removals.v.n; i++)
			ctl_reply(removals.v.v[i].conn, removals.v.v[i].id, NULL);
	} else {                        /* one after the other, to see which it was: those that went are absent now */
		for (size_t i = 0; i < removals.v.n; i++)
			if (net_remove(&w->net, &ids[i], 1, &e) < 0)
				ctl_fail(removals.v.v[i].conn, removals.v.v[i].id, &e);
			else
				ctl_reply(removals.v.v[i].conn, removals.v.v[i].id, NULL);
	}
	err_done(&e);
	vec_done(&removals.v);
}

static int op_net_remove(struct worker *w, struct request *r, struct err *e)
{
	struct net_record rec = {0};
	struct removal one = { .conn = r->conn, .id = r->id };
	int got = net_record_read(&w->paths, json_str(r->args, "network", ""), &rec, e);

	if (got < 0)
		return -1;
	if (got == 1) {
		ctl_reply(r->conn, r->id, NULL);
		return 0;
	}
	(void)snprintf(one.net, sizeof(one.net), "%s", rec.id);
	net_record_done(&rec);
	vec_push(&removals.v, one);
	if (!removals.timer)
		removals.timer = loop_at(w->loop, 0, remove_networks, w);
	return 0;
}

void ops_forget_conn(const struct conn *c)
{
	for (size_t i = 0; i < removals.v.n; i++)
		if (removals.v.v[i].conn == c)
			removals.v.v[i].conn = NULL;
}

static int op_start(struct worker *w, struct request *r, struct err *e)
{
	const struct ctr_ask who = { .conn = r->conn, .id = r->id };
	struct ctr *c = the_ctr(w, r, e);
	int64_t rows = json_int(r->args, "rows", 0), cols = json_int(r->args, "cols", 0);

	if (!c)
		return -1;
	if (w->ending)
		return err_set(e, ERR_CONFLICT, 0, "the supervisor is ending");
	if (c->state == FSM_IDLE && c->st.started_ns > json_int(r->args, "asked_ns", INT64_MAX)) {
		/* asked before, done, and the answer was lost with a worker */
		if (*c->st.error)
			return err_set(e, ERR_SYS, 0, "%s", c->st.error);
		ctl_reply(r->conn, r->id, json_pack("{s:i}", "pid", 0));
		return 0;
	}
	c->rows = rows > 0 && rows < 10000 ? (unsigned short)rows : 0;
	c->cols = cols > 0 && cols < 10000 ? (unsigned short)cols : 0;
	c->hooks_aside = json_is_true(json_object_get(r->args, "hooks_aside"));
	ctr_event(c, EV_START, &who);
	attach_all(c, r, true);
	return 0;
}

static int op_attach(struct worker *w, struct request *r, struct err *e)
{
	struct ctr *c = the_ctr(w, r, e);

	if (!c)
		return -1;
	if (!c->io)
		return err_set(e, ERR_CONFLICT, 0, "cannot attach to container %s: it is %s", c->rec.name, fsm_state_name(c->state));
	attach_all(c, r, false);
	ctl_reply(r->conn, r->id, NULL);
	return 0;
}

static int op_resize(struct worker *w, struct request *r, struct err *e)
{
	struct ctr *c = the_ctr(w, r, e);
	int64_t rows = json_int(r->args, "rows", 0), cols = json_int(r->args, "cols", 0);

	if (!c)
		return -1;
	if (rows < 1 || rows > 9999 || cols < 1 || cols > 9999)
		return err_set(e, ERR_USAGE, 0, "no size for a terminal: %lld rows, %lld columns", (long long)rows, (long long)cols);
	if (io_resize(c, (unsigned short)rows, (unsigned short)cols, e) < 0)
		return -1;
	ctr_tell_with(c, "resize", json_pack("{s:o,s:o}", "height", json_sprintf("%lld", (long long)rows), "width",
					     json_sprintf("%lld", (long long)cols)), -1);
	ctl_reply(r->conn, r->id, NULL);
	return 0;
}

/* A client tells what it does in a container by itself, for those who listen. */
static int op_note(struct worker *w, struct request *r, struct err *e)
{
	static const char *const events[] = { "exec_create", "exec_start", "exec_die" };
	const char *what = json_str(r->args, "event", ""), *command = json_str(r->args, "command", NULL);
	struct ctr *c = the_ctr(w, r, e);
	auto_free char *action = command ? xasprintf("%s: %s", what, command) : xstrdup(what);

	if (!c)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (str_eq(what, events[i])) {
			ctr_tell_with(c, action, json_pack("{s:s}", "execID", json_str(r->args, "exec", "")),
				      (int)json_int(r->args, "exit_code", -1));
			ctl_reply(r->conn, r->id, NULL);
			return 0;
		}
	return err_set(e, ERR_USAGE, 0, "nothing is called \"%s\" that could be noted", what);
}

static int event(struct worker *w, struct request *r, enum fsm_event ev, int sig, struct err *e)
{
	const struct ctr_ask who = { .conn = r->conn, .id = r->id, .signal = sig,
		.timeout_ns = json_int(r->args, "timeout_ns", -1) };
	struct ctr *c = the_ctr(w, r, e);

	if (!c)
		return -1;
	ctr_event(c, ev, &who);
	return 0;
}

static int op_stop(struct worker *w, struct request *r, struct err *e)
{
	return event(w, r, EV_STOP, 0, e);
}

static int op_kill(struct worker *w, struct request *r, struct err *e)
{
	int64_t sig = json_int(r->args, "signal", SIGKILL);

	if (sig < 1 || sig >= NSIG)
		return err_set(e, ERR_USAGE, 0, "%lld is no signal", (long long)sig);
	return event(w, r, EV_KILL, (int)sig, e);
}

static int op_pause(struct worker *w, struct request *r, struct err *e)
{
	return event(w, r, EV_PAUSE, 0, e);
}

static int op_unpause(struct worker *w, struct request *r, struct err *e)
{
	return event(w, r, EV_UNPAUSE, 0, e);
}

static int wait_exited(struct ctr *c, struct request *r)
{
	if (c->state == FSM_IDLE)
		ctl_reply(r->conn, r->id, ctr_end(c));
	else
		ctr_add_waiter(c, r->conn, r->id, WAIT_EXITED);
	return 0;
}

static int not_running(const struct ctr *c, struct err *e)
{
	return err_set(e, ERR_CONFLICT, 0, "container %s is %s (%d)", c->rec.name, fsm_state_name(c->state), c->st.exit_code);
}

static int wait_running(struct ctr *c, struct request *r, struct err *e)
{
	if (c->state == FSM_IDLE && fsm_is_done(&c->rec, &c->st)) {
		ctl_reply(r->conn, r->id, NULL);
		return 0;
	}
	if (c->state == FSM_IDLE)
		return not_running(c, e);
	ctr_add_waiter(c, r->conn, r->id, WAIT_RUNNING);
	if (c->st.state == CTR_RUNNING || c->st.state == CTR_PAUSED)
		ctr_answer_steady(c);
	return 0;
}

static int wait_healthy(struct ctr *c, struct request *r, struct err *e)
{
	if (!c->rec.health.set) {
		err_set(e, ERR_CONFLICT, 0, "container %s has no healthcheck", c->rec.name);
		return err_hint(e, "give service %s a healthcheck, or wait for it with condition: service_started", c->rec.service);
	}
	if (c->state == FSM_IDLE)
		return not_running(c, e);
	if (c->st.health == HEALTH_UNHEALTHY)
		return health_failed(c, e);
	if (c->st.health == HEALTH_HEALTHY)
		ctl_reply(r->conn, r->id, NULL);
	else
		ctr_add_waiter(c, r->conn, r->id, WAIT_HEALTHY);
	return 0;
}

static int op_wait(struct worker *w, struct request *r, struct err *e)
{
	const char *what = json_str(r->args, "for", "exited");
	struct ctr *c = the_ctr(w, r, e);

	if (!c)
		return -1;
	if (str_eq(what, "exited"))
		return wait_exited(c, r);
	if (str_eq(what, "running"))
		return wait_running(c, r, e);
	if (str_eq(what, "healthy"))
		return wait_healthy(c, r, e);
	return err_set(e, ERR_USAGE, 0, "nothing is called \"%s\" that could be waited for", what);
}

/* Continue as the executable that came along: all processes of the supervisor, no container. */
static int op_renew(struct worker *w, struct request *r, struct err *e)
{
	struct keep_msg m = { .op = KEEP_RENEW };

	if (r->n_fds != 1 || (fcntl(r->fds[0], F_GETFL) & O_ACCMODE) != O_RDONLY)
		return err_set(e, ERR_USAGE, 0, "one descriptor of an executable is needed");
	ctl_reply(r->conn, r->id, NULL);
	(void)keep_send(w->keep, &m, r->fds[0]);
	return 0;
}

static const struct { const char *name; op_fn *fn; } ops[] = {
	{ "ping", op_ping }, { "busy", op_busy }, { "net_create", op_net_create }, { "net_remove", op_net_remove }, { "start", op_start },
	{ "attach", op_attach }, { "resize", op_resize }, { "stop", op_stop }, { "kill", op_kill }, { "pause", op_pause },
	{ "unpause", op_unpause }, { "wait", op_wait }, { "subscribe", op_subscribe }, { "renew", op_renew }, { "note", op_note },
};

void ops_run(struct worker *w, struct request *r)
{
	const char *name = json_str(r->args, "op", "");
	struct err e = {0};
	size_t i = 0;

	while (i < ARRAY_LEN(ops) && strcmp(ops[i].name, name) != 0)
		i++;
	if (i == ARRAY_LEN(ops)) {
		err_set(&e, ERR_USAGE, 0, "the supervisor knows no operation \"%s\"", name);
		err_hint(&e, "the supervisor is compose %s; stop the project to let go of it", COMPOSE_VERSION);
	}
	if (e.n || ops[i].fn(w, r, &e) < 0)
		ctl_fail(r->conn, r->id, &e);
	err_done(&e);
}
