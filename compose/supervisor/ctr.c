/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/supervisor/ctr.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <unistd.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/supervisor/ctl.h"
#include "compose/supervisor/hooks.h"
#include "compose/supervisor/io.h"

#define CLIENTS_COME_NS 3000000000

/* ---- finding ----------------------------------------------------------------------------------------------------- */

struct ctr *ctr_known(struct worker *w, const char *id)
{
	for (size_t i = 0; i < w->ctrs.n; i++)
		if (!strcmp(w->ctrs.v[i]->rec.id, id))
			return w->ctrs.v[i];
	return NULL;
}

struct ctr *ctr_load(struct worker *w, const char *id, struct err *e)
{
	bool is_id = strlen(id) == ID_SIZE - 1 && strspn(id, "0123456789abcdef") == ID_SIZE - 1;
	int dir = is_id ? record_dir(&w->paths, w->project, id, false) : -1;
	struct ctr *c;

	if (dir < 0) {
		err_set(e, ERR_MISSING, 0, "project %s has no container %.64s", w->project, id);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	*c = (struct ctr){ .w = w, .dir = dir, .rt = RT_CTR_INIT };
	vec_push(&w->ctrs, c);
	if (record_read(dir, &c->rec, e) < 0 || status_read(dir, &c->st, e) < 0 || strcmp(c->rec.id, id) != 0) {
		if (!e->n)
			err_set(e, ERR_SYS, 0, "its record is another container's");
		err_wrap(e, "read container %.12s", id);
		ctr_free(c);
		return NULL;
	}
	c->cgroup = record_cgroup(&w->paths, &c->rec);
	worker_check_idle(w);
	return c;
}

struct ctr *ctr_get(struct worker *w, const char *id, struct err *e)
{
	struct ctr *c = ctr_known(w, id);

	return c ? c : ctr_load(w, id, e);
}

void ctr_free(struct ctr *c)
{
	struct worker *w = c->w;

	for (size_t i = 0; i < w->ctrs.n; i++)
		if (w->ctrs.v[i] == c) {
			vec_remove(&w->ctrs, i);
			break;
		}
	loop_del(c->on_sync);
	loop_del(c->on_pidfd);
	loop_del(c->timer);
	loop_del(c->steady);
	loop_del(c->patience);
	health_stop(c);
	hooks_drop(c, "it was let go of");
	io_free(c->io);
	ctr_log_close(c);
	ctr_making_free(c);
	rt_ctr_done(&c->rt);
	vec_done(&c->waiters);
	vec_done(&c->listeners);
	for (size_t i = 0; i < c->vols.n; i++)  /* a worker after us holds them */
		mem_closep(&c->vols.v[i].fd);
	vec_done(&c->vols);
	err_done(&c->why);
	record_done(&c->rec);
	status_done(&c->st);
	free(c->cgroup);
	close(c->dir);
	free(c);
}

size_t ctr_sweep(struct worker *w)
{
	size_t active = 0;

	for (size_t i = w->ctrs.n; i-- > 0;) {
		struct ctr *c = w->ctrs.v[i];

		if (c->state != FSM_IDLE || c->timer)
			active++;
		else if (!c->waiters.n)
			ctr_free(c);
	}
	return active;
}

void ctr_phase(struct ctr *c, enum keep_phase phase)
{
	char text[KEEP_TEXT_MAX];

	(void)snprintf(text, sizeof(text), "%d %d %d %zu", c->rt.pid > 0 ? (int)c->rt.pid : 0, (int)c->parent, (int)phase,
		       c->n_listeners);
	hold_put(c->w, text, -1, "run.%s", c->rec.id);
}

/* ---- telling ----------------------------------------------------------------------------------------------------- */

/* ret: whether its directory was removed meanwhile: a build step's client does so at the first sign of its end */
static bool is_removed(const struct ctr *c)
{
	struct stat st;

	return fstat(c->dir, &st) == 0 && st.st_nlink == 0;
}

void ctr_save(struct ctr *c)
{
	struct err e = {0};

	if (status_write(c->dir, &c->st, &e) == 0)
		return;
	if (is_removed(c))
		err_done(&e);
	else
		worker_note(&e, "container %s", c->rec.name);
}

void ctr_tell_with(struct ctr *c, const char *event, json_t *attributes, int code)
{
	json_t *j = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:b,s:I}", "id", 0, "event", event, "ctr", c->rec.id, "name", c->rec.name,
			      "service", c->rec.service, "image", c->rec.image, "oneoff", c->rec.kind != KIND_SERVICE, "time_ns",
			      (json_int_t)sys_now_ns());

	if (code >= 0)
		(void)json_object_set_new(j, "exit_code", json_integer(code));
	if (str_eq(event, "health_status"))
		json_put(j, "health", c->st.health == HEALTH_HEALTHY ? "healthy" :
			 c->st.health == HEALTH_UNHEALTHY ? "unhealthy" : "starting");
	if (attributes)
		(void)json_object_set_new(j, "attributes", attributes);
	ctl_event(c->w, j);
}

void ctr_tell(struct ctr *c, const char *event, int code)
{
	ctr_tell_with(c, event, NULL, code);
}

void ctr_add_waiter(struct ctr *c, struct conn *conn, int64_t id, enum wait_for what)
{
	vec_push(&c->waiters, (struct waiter){ conn, id, what });
}

json_t *ctr_end(const struct ctr *c)
{
	return json_pack("{s:i,s:b,s:b,s:s}", "exit_code", c->st.exit_code, "oom", c->st.oom, "no_handler", c->escalated, "hook_error",
			 c->st.hook == HOOKS_FAILED ? c->st.hook_error : "");
}

static json_t *answer(const struct ctr *c, enum wait_for what)
{
	if (what == WAIT_STARTED || what == WAIT_RUNNING)
		return json_pack("{s:i}", "pid", (int)c->rt.pid);
	if (what == WAIT_EXITED || what == WAIT_STOPPED)
		return ctr_end(c);
	return NULL;
}

void ctr_answer(struct ctr *c, enum wait_for what, const struct err *e)
{
	for (size_t i = 0; i < c->waiters.n;) {
		struct waiter who = c->waiters.v[i];

		if (who.what != what) {
			i++;
			continue;
		}
		vec_remove(&c->waiters, i);
		if (e)
			ctl_fail(who.conn, who.id, e);
		else
			ctl_reply(who.conn, who.id, answer(c, what));
	}
}

static void on_steady(void *arg)
{
	struct ctr *c = arg;

	c->steady = NULL;
	if (c->st.state == CTR_RUNNING || c->st.state == CTR_PAUSED)      /* else when it runs again */
		ctr_answer_steady(c);
}

/* spec: `docker compose up --wait` looks for the first time after half a second */
void ctr_answer_steady(struct ctr *c)
{
	const int64_t steady_ns = c->run_ns + 500000000LL;
	bool asked = false;

	for (size_t i = 0; i < c->waiters.n; i++)
		asked = asked || c->waiters.v[i].what == WAIT_RUNNING;
	loop_del(c->steady);
	c->steady = NULL;
	if (asked && sys_mono_ns() < steady_ns)
		c->steady = loop_at(c->w->loop, steady_ns, on_steady, c);
	else
		ctr_answer(c, WAIT_RUNNING, NULL);
}

void ctr_forget_conn(struct worker *w, const struct conn *conn)
{
	static const struct ctr_ask at_once = { .timeout_ns = 0 };

	for (size_t i = 0; i < w->ctrs.n; i++) {
		struct ctr *c = w->ctrs.v[i];
		size_t had = c->waiters.n;

		for (size_t k = c->waiters.n; k-- > 0;)
			if (c->waiters.v[k].conn == conn)
				vec_remove(&c->waiters, k);
		if (c->rec.kind == KIND_BUILD && had && !c->waiters.n)
			ctr_event(c, EV_STOP, &at_once);      /* a build step is its client's alone */
	}
}

/* Those who waited for more than can come now. */
static void disappoint(struct ctr *c)
{
	struct err e = {0};

	if (fsm_is_done(&c->rec, &c->st))
		ctr_answer(c, WAIT_RUNNING, NULL);
	err_set(&e, ERR_CONFLICT, 0, "container %s has exited (%d)%s", c->rec.name, c->st.exit_code,
		c->st.oom ? ": out of memory" : "");
	if (!c->st.exit_code)
		err_hint(&e, "a service that has to end, not to stay, is waited for by its dependents: "
			     "condition: service_completed_successfully");
	ctr_answer(c, WAIT_HEALTHY, &e);
	ctr_answer(c, WAIT_RUNNING, &e);
	err_done(&e);
}

/* ---- the end of a life ------------------------------------------------------------------------------------------- */

static void end_cgroup(struct ctr *c)
{
	struct err e = {0};
	struct cgroup_host *h = rt_cgroups(c->w->rt, &e);

	if (!h) {
		worker_note(&e, "container %s", c->rec.name);
		return;
	}
	if (cgroup_oom_kills(h, c->cgroup) > 0)
		c->st.oom = true;
	if (cgroup_remove(h, c->cgroup, &e) < 0) {
		/* something outlived PID 1: it shares another's pid namespace */
		err_done(&e);
		if (cgroup_freeze(h, c->cgroup, false, &e) < 0)
			err_done(&e);
		if (cgroup_kill(h, c->cgroup, &e) < 0 || cgroup_wait_empty(h, c->cgroup, 2000, &e) < 0 ||
		    cgroup_remove(h, c->cgroup, &e) < 0)
			worker_note(&e, "container %s: its control group stays", c->rec.name);
	}
	cgroup_remove_parents(h, c->cgroup, 2);   /* the project's and the installation's, once nothing else is in them */
}

/* Nothing of its process is left after this but its log and what it published. */
static void end_process(struct ctr *c)
{
	loop_del(c->on_sync);
	loop_del(c->on_pidfd);
	loop_del(c->timer);
	loop_del(c->steady);
	loop_del(c->patience);
	c->on_sync = c->on_pidfd = c->timer = c->steady = c->patience = NULL;
	health_stop(c);
	hooks_drop(c, "the container ended");
	end_cgroup(c);
	io_end(c);
	ctr_log_close(c);
	ctr_making_free(c);
	ctr_net_down(c);
	rt_ctr_done(&c->rt);
	c->st.pid = 0;
	c->st.pid_start = 0;
	c->orphan = false;
}

/* Its end is on disk: the keeper need not remember it. */
static void acknowledge(struct ctr *c)
{
	if (c->reaped)
		(void)keep_tell(c->w->keep, KEEP_ACK, c->reaped_pid, 0);
	c->reaped = false;
}

static void on_nobody_came(void *arg)
{
	struct ctr *c = arg;

	c->timer = NULL;
	ctr_remove_files(c);
	worker_check_idle(c->w);
}

/* A process of its own removes the files, for that may take long. */
void ctr_remove_files(struct ctr *c)
{
	struct clone_args a = { .flags = CLONE_PARENT };
	int64_t patient_ns = c->w->born_ns + CLIENTS_COME_NS;
	struct err e = {0};
	pid_t pid;

	if (!c->rec.auto_remove || c->waiters.n || c->state != FSM_IDLE || c->timer)
		return;
	if (sys_mono_ns() < patient_ns) {       /* its client may have lost us for another worker, and will ask for the exit code */
		c->timer = loop_at(c->w->loop, patient_ns, on_nobody_came, c);
		return;
	}
	pid = sys_clone3(&a);
	if (pid) {
		if (pid < 0)
			worker_note(&e, "container %s: cannot remove it: %s", c->rec.name, strerror(errno));
		return;
	}
	for (size_t i = 0; i < c->rec.anon_volumes.n; i++)
		if (vol_record_remove(&c->w->paths, c->rec.anon_volumes.v[i], &e) < 0)
			err_done(&e);
	{
		auto_free char *dir = xasprintf("projects/%s/%s", c->w->project, c->rec.id);

		_exit(fs_rm_rf(c->w->paths.root_fd, dir) < 0);
	}
}

/* It does not run and will not by itself: on disk. */
static void settle_down(struct ctr *c)
{
	ports_close(c);
	vols_let_go(c);
	c->st.finished_ns = sys_now_ns();
	c->st.health = HEALTH_NONE;
	c->delay_ms = 0;
	ctr_save(c);                    /* first of all: a worker that comes after us must find one or the other */
	hold_drop(c->w, "sync.%s", c->rec.id);  /* not before: it tells again how a start failed, */
	hold_drop(c->w, "pid.%s", c->rec.id);   /* and this how it ended */
	hold_drop(c->w, "run.%s", c->rec.id);
	acknowledge(c);
}

/* Those who wait. why: it never ran; NULL: it has ended. After all else: who asked may remove the container at once. */
static void answer_all(struct ctr *c, const struct err *why)
{
	ctr_remove_files(c);
	if (why) {
		ctr_answer(c, WAIT_STARTED, why);
		ctr_answer(c, WAIT_RUNNING, why);
		ctr_answer(c, WAIT_HEALTHY, why);
	}
	ctr_answer(c, WAIT_EXITED, NULL);
	ctr_answer(c, WAIT_STOPPED, NULL);
	disappoint(c);
	worker_check_idle(c->w);
}

static void tell_end(struct ctr *c)
{
	if (c->st.oom)
		ctr_tell(c, "oom", -1);
	ctr_tell(c, "die", c->st.exit_code);
	if (c->st.stopped_by_user)
		ctr_tell(c, "stop", -1);
}

static void act_end(struct ctr *c)
{
	bool again = c->again && !c->w->ending;

	c->again = false;
	end_process(c);
	c->st.state = CTR_EXITED;
	settle_down(c);
	tell_end(c);                    /* not before: who hears of it reads status.json */
	answer_all(c, NULL);
	if (again)
		ctr_event(c, EV_START, NULL);
}

static void on_delay(void *arg)
{
	struct ctr *c = arg;

	c->timer = NULL;
	c->by_policy = true;
	c->st.restarts++;
	ctr_event(c, EV_DELAY, NULL);
}

static void wait_delay(struct ctr *c)
{
	ports_point(c, "-");
	ctr_phase(c, PHASE_WAITS);
	c->st.state = CTR_RESTARTING;
	c->st.finished_ns = sys_now_ns();
	c->timer = loop_at(c->w->loop, sys_mono_ns() + c->delay_ms * 1000000, on_delay, c);
	ctr_save(c);
	hold_drop(c->w, "sync.%s", c->rec.id);
	hold_drop(c->w, "pid.%s", c->rec.id);
	acknowledge(c);
}

static void act_end_delay(struct ctr *c)
{
	c->delay_ms = fsm_delay_ms(c->delay_ms, sys_mono_ns() - c->run_ns);
	end_process(c);
	wait_delay(c);
	tell_end(c);
}

static int exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

void ctr_exited(struct ctr *c, int wait_status)
{
	c->reaped = true;
	c->reaped_pid = c->rt.pid;
	c->reaped_status = wait_status;
	if (c->state == FSM_CREATING || c->state == FSM_STARTING) {
		ctr_event(c, EV_EXIT, NULL);
		return;
	}
	c->st.exit_code = exit_code(wait_status);
	ctr_event(c, fsm_wants_back(&c->rec, &c->st) && !c->w->ending ? EV_EXIT_AGAIN : EV_EXIT, NULL);
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

/* "outermost: ...: cause" */
static char *in_one_line(const struct err *e)
{
	struct str b = {0};

	for (unsigned i = e->n; i-- > 0;)
		str_addf(&b, "%s%s", b.len ? ": " : "", e->frame[i]);
	return str_take(&b);
}

static void act_fail(struct ctr *c, bool again)
{
	int code = err_status(&c->why);
	bool ran = code == 126 || code == 127;

	end_process(c);
	free(c->st.error);
	c->st.error = in_one_line(&c->why);
	c->st.exit_code = ran ? code : 128;
	err_wrap(&c->why, "start container %s", c->rec.name);
	if (again) {
		c->delay_ms = fsm_delay_ms(c->delay_ms, 0);
		wait_delay(c);
		return;
	}
	/* docker: a command that cannot be run leaves an exited container, any other failure one that was never started */
	c->st.state = c->ran_before || ran ? CTR_EXITED : CTR_CREATED;
	if (!c->ran_before)
		c->st.started_ns = 0;
	settle_down(c);
	answer_all(c, &c->why);
}

static void act_run(struct ctr *c)
{
	ctr_phase(c, PHASE_RUNS);
	hold_drop(c->w, "sync.%s", c->rec.id);
	c->run_ns = sys_mono_ns();
	io_run(c);
	ports_point(c, ctr_net_target(c));
	health_start(c);
	ctr_tell(c, "start", -1);
	if (c->st.hook != HOOKS_RUN || c->hooks_aside)
		ctr_answer(c, WAIT_STARTED, NULL);
	ctr_answer_steady(c);
	if (c->reaped)
		ctr_exited(c, c->reaped_status);
	else if (c->st.hook == HOOKS_RUN)
		hooks_post_start(c);
}

/* Who wanted it back after the stop that is under way hears that somebody wants it stopped after that. */
static void not_again(struct ctr *c)
{
	struct err e = {0};

	if (!c->again)
		return;
	c->again = false;
	err_set(&e, ERR_CONFLICT, 0, "container %s was stopped again before it could be started", c->rec.name);
	ctr_answer(c, WAIT_STARTED, &e);
	err_done(&e);
}

/* sooner: it is being stopped already, and its pre_stop hooks have had their time */
static void act_stop(struct ctr *c, const struct ctr_ask *who, bool sooner)
{
	int64_t timeout_ns = who ? who->timeout_ns : -1;
	struct err e = {0};

	if (c->st.state == CTR_PAUSED && ctr_freeze(c, false, &e) < 0)
		worker_note(&e, "stop container %s", c->rec.name);
	c->st.state = CTR_RUNNING;
	hooks_drop(c, "the container was stopped");
	not_again(c);
	if (who && who->conn)
		ctr_add_waiter(c, who->conn, who->id, WAIT_STOPPED);
	c->st.stopped_by_user = true;   /* on disk when the signal goes */
	if (sooner || !who || !who->conn || !hooks_pre_stop(c, timeout_ns))
		ctr_stop_now(c, timeout_ns);
}

/* A pre_stop hook failed. */
static void act_spare(struct ctr *c)
{
	c->st.stopped_by_user = false;
	ctr_save(c);            /* it may have been paused before */
	if (c->again)
		ctr_answer(c, WAIT_STARTED, NULL);
	c->again = false;
}

static void act_abort(struct ctr *c, const struct ctr_ask *who)
{
	c->st.stopped_by_user = true;
	if (who && who->conn)
		ctr_add_waiter(c, who->conn, who->id, WAIT_STOPPED);
	ctr_kill_all(c);
}

static void reply(const struct ctr_ask *who, struct err *e, json_t *j)
{
	if (!who || !who->conn) {
		json_decref(j);
	} else if (e->n) {
		json_decref(j);
		ctl_fail(who->conn, who->id, e);
	} else {
		ctl_reply(who->conn, who->id, j);
	}
	err_done(e);
}

static void act_signal(struct ctr *c, const struct ctr_ask *who)
{
	struct err e = {0};

	if (who->signal == SIGKILL) {
		c->st.stopped_by_user = true;
		ctr_save(c);
		if (c->state == FSM_PAUSED && ctr_freeze(c, false, &e) < 0)
			err_done(&e);
	}
	ctr_signal(c, who->signal, &e);
	if (!e.n)
		ctr_tell_with(c, "kill", json_pack("{s:o}", "signal", json_sprintf("%d", who->signal)), -1);
	reply(who, &e, NULL);
}

static void act_freeze(struct ctr *c, bool on, const struct ctr_ask *who)
{
	struct err e = {0};

	if (ctr_freeze(c, on, &e) < 0) {
		c->state = on ? FSM_RUNNING : FSM_PAUSED;
	} else {
		c->st.state = on ? CTR_PAUSED : CTR_RUNNING;
		ctr_save(c);
		ctr_tell(c, on ? "pause" : "unpause", -1);
	}
	reply(who, &e, NULL);
}

/* Stopped while it waited to be started again. */
static void act_cancel(struct ctr *c, const struct ctr_ask *who)
{
	struct err none = {0};

	c->st.stopped_by_user = true;
	loop_del(c->timer);
	c->timer = NULL;
	c->st.state = CTR_EXITED;
	settle_down(c);
	answer_all(c, NULL);
	reply(who, &none, json_pack("{s:i}", "exit_code", c->st.exit_code));
}

static void act_refuse(struct ctr *c, enum fsm_event ev, const struct ctr_ask *who)
{
	struct err e = {0};

	err_set(&e, ERR_CONFLICT, 0, "cannot %s container %s: it is %s", fsm_event_name(ev), c->rec.name, fsm_state_name(c->state));
	reply(who, &e, NULL);
}

static void act_create(struct ctr *c, enum fsm_event ev, const struct ctr_ask *who)
{
	loop_del(c->timer);
	c->timer = NULL;
	if (ev == EV_START) {
		c->by_policy = c->st.stopped_by_user = false;
		c->st.restarts = 0;
		c->delay_ms = 0;
	}
	if (who && who->conn)
		ctr_add_waiter(c, who->conn, who->id, WAIT_STARTED);
	ctr_create(c);
}

static void act_done(struct ctr *c, enum fsm_event ev, const struct ctr_ask *who)
{
	struct err none = {0};

	if (ev == EV_START && c->st.hook == HOOKS_RUN) {
		if (who && who->conn)
			ctr_add_waiter(c, who->conn, who->id, WAIT_STARTED);
		return;
	}
	if (ev == EV_START && c->st.hook == HOOKS_FAILED) {
		err_set(&none, ERR_CONFLICT, 0, "container %s runs, but: %s", c->rec.name, c->st.hook_error);
		err_hint(&none, "`compose restart %s` runs its hooks again", c->rec.service);
	}
	reply(who, &none, answer(c, ev == EV_START ? WAIT_STARTED : WAIT_EXITED));
}

void ctr_event(struct ctr *c, enum fsm_event ev, const struct ctr_ask *who)
{
	struct fsm_cell cell = fsm(c->state, ev);

	c->state = cell.next;
	switch (cell.action) {
	case ACT_REFUSE: act_refuse(c, ev, who); break;
	case ACT_DONE: act_done(c, ev, who); break;
	case ACT_AGAIN:
		c->again = true;
		__attribute__((fallthrough));
	case ACT_WAIT:
		if (who && who->conn)
			ctr_add_waiter(c, who->conn, who->id, WAIT_STARTED);
		break;
	case ACT_CREATE: act_create(c, ev, who); break;
	case ACT_EXEC: ctr_exec(c); break;
	case ACT_RUN: act_run(c); break;
	case ACT_FAIL: act_fail(c, false); break;
	case ACT_FAIL_DELAY: act_fail(c, true); break;
	case ACT_SETTLE: ctr_settle(c); break;
	case ACT_ABORT: act_abort(c, who); break;
	case ACT_END: act_end(c); break;
	case ACT_END_DELAY: act_end_delay(c); break;
	case ACT_STOP:
	case ACT_THAW_STOP: act_stop(c, who, false); break;
	case ACT_STOP_SOONER: act_stop(c, who, true); break;
	case ACT_SPARE: act_spare(c); break;
	case ACT_SIGNAL: act_signal(c, must(who)); break;
	case ACT_KILL_ALL: ctr_kill_all(c); break;
	case ACT_FREEZE: act_freeze(c, true, who); break;
	case ACT_THAW: act_freeze(c, false, who); break;
	case ACT_CANCEL: act_cancel(c, who); break;
	case ACT_NOTHING:
	case ACT_HOLE:
	case ACT_N: break;
	}
}
