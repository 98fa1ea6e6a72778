/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/attach_view.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/menu.h"
#include "compose/cmd/watch_child.h"
#include "compose/cmd/watch_rules.h"
#include "compose/state/lock.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"

enum phase { STARTING, RUNNING, STOPPING, ENDED };
enum { AT_WORK_MS = 50 };                 /* between looks at whether a command is still at work */

struct attached {
	struct ctx *c;
	const struct attach_opts *o;
	struct log_reader *reader;
	struct log_view *view;
	struct sup *sup;
	struct menu *menu;                /* NULL: no keys */
	struct watch_child watch;
	struct err *e;
	enum phase phase;
	/* the engine's thread */
	struct engine *en;
	const struct plan *plan;
	struct errs errs;
	pthread_t thread;
	bool thread_runs;
	int done_fd;
	/* why it ends */
	bool interrupted, forced, detached;
	bool busy;                        /* nothing runs, but a command is at work that may start it again */
	int first_code;                   /* of the container whose end stops all; -1: none */
};

static bool listed(char *const *v, const char *s)
{
	for (; v && *v; v++)
		if (str_eq(*v, s))
			return true;
	return false;
}

/* docker compose: the named services, or all but attach: false; --attach and --no-attach on top. */
static bool wanted(const struct attached *a, const struct service *s)
{
	bool all = !a->o->services || !*a->o->services || a->o->attach_deps;

	if (!s || strv_has(a->o->no_attach, s->name))
		return false;
	if (a->o->attach->n)
		return strv_has(a->o->attach, s->name);
	return listed(a->o->services, s->name) || (all && s->attach);
}

static void expect_all(const struct attached *a, const struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i]->kind == OP_CTR_START && wanted(a, p->ops[i]->service))
			log_view_expect(a->view, a->c->name, p->ops[i]->service->name, p->ops[i]->object);
}

static int by_text(const void *x, const void *y)
{
	return strverscmp(*(char *const *)x, *(char *const *)y);
}

static void add_name(const struct attached *a, const struct service *s, const char *name, struct strv *out)
{
	if (wanted(a, s))
		strv_take(out, log_view_name(a->c->name, s->name, name));
}

/* "Attaching to db-1, web-1": those that are started, and those that run already */
static void announce(const struct attached *a, const struct plan *p)
{
	auto_strv struct strv names = {0};
	auto_str struct str line = {0};

	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i]->kind == OP_CTR_START)
			add_name(a, p->ops[i]->service, p->ops[i]->object, &names);
	for (size_t i = 0; i < p->n_unchanged; i++)
		for (size_t k = 0; k < a->c->observed->n_ctrs; k++) {
			const struct observed_ctr *o = &a->c->observed->ctrs[k];

			if (str_eq(o->name, p->unchanged[i]))
				add_name(a, project_service(a->c->project, o->service), o->name, &names);
		}
	if (!names.n)
		return;
	qsort(names.v, names.n, sizeof(*names.v), by_text);
	for (size_t i = 0; i < names.n; i++)
		str_addf(&line, "%s%s", i ? ", " : "Attaching to ", names.v[i]);
	ui_line(a->c->ui, str_cstr(&line));
}

struct visit { struct attached *a; unsigned alive, n; bool add; };

static int visit_ctr(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct visit *v = arg;
	bool runs = s->state == CTR_RUNNING || s->state == CTR_PAUSED || s->state == CTR_RESTARTING;

	if (r->kind != KIND_SERVICE || !wanted(v->a, project_service(v->a->c->project, r->service)))
		return 0;
	v->n++;
	v->alive += runs;
	/* also one that has ended already: its output since we began is wanted */
	if (!v->add || !s->started_ns || log_view_has(v->a->view, r->id))
		return 0;
	if (str_eq(r->log_driver, "none"))      /* what is shown is read from the log */
		ui_warn(v->a->c->ui, "%s: logging driver none keeps no output: `compose attach %s` shows it", r->name, r->service);
	return log_view_add(v->a->view, dir, r, v->a->e) < 0 ? -1 : 0;
}

static int look(struct attached *a, struct visit *v)
{
	*v = (struct visit){ .a = a, .add = true };
	return record_each(&a->c->paths, a->c->name, visit_ctr, v, a->e) < 0 || a->e->n ? -1 : 0;
}

/* ---- the engine's thread --------------------------------------------------------------------------------------- */

static void *engine_main(void *arg)
{
	struct attached *a = arg;
	uint64_t one = 1;

	(void)!engine_run(a->en, a->plan, &a->errs);
	(void)!write(a->done_fd, &one, sizeof(one));
	return NULL;
}

static int engine_begin(struct attached *a, const struct plan *p, const struct act_opts *ao)
{
	int r;

	a->plan = p;
	a->en = act_engine(a->c, ao);
	r = pthread_create(&a->thread, NULL, engine_main, a);
	if (r)
		return err_set(a->e, ERR_SYS, r, "start a thread");
	a->thread_runs = true;
	return 0;
}

static void engine_end(struct attached *a)
{
	uint64_t n;

	if (a->thread_runs)
		(void)pthread_join(a->thread, NULL);
	a->thread_runs = false;
	(void)!read(a->done_fd, &n, sizeof(n));
	engine_free(a->en);
	a->en = NULL;
}

/* ---- stopping ----------------------------------------------------------------------------------------------------- */

static int stop_all(struct attached *a, struct plan **ret)
{
	const struct goal g = { .verb = GOAL_STOP, .timeout_ns = a->o->timeout_ns };

	if (a->interrupted) {
		ui_line(a->c->ui, "Gracefully stopping... (press Ctrl+C again to force)");
		intr_reset();
	}
	watch_child_stop(&a->watch);
	a->phase = STOPPING;
	act_unlock(a->c);
	if (lock_project(&a->c->paths, a->c->name, "up (stopping)", true, &a->c->lock_fd, a->e) < 0 || act_observe(a->c, a->e) < 0 ||
	    plan_make(ret, a->c->project, a->c->observed, &g, a->e) < 0)
		return -1;
	return engine_begin(a, *ret, NULL);
}

/* Second Ctrl-C: SIGKILL to all that runs; the stops that wait are answered by it. */
static void force(struct attached *a)
{
	auto_err struct err ignored = {0};

	a->forced = true;
	for (size_t i = 0; i < a->c->observed->n_ctrs && a->sup; i++) {
		const struct observed_ctr *o = &a->c->observed->ctrs[i];

		if (o->state == CTR_RUNNING || o->state == CTR_PAUSED || o->state == CTR_RESTARTING)
			(void)!sup_send(a->sup, "kill", json_pack("{s:s,s:i}", "ctr", o->id, "signal", SIGKILL), NULL, 0, &ignored);
	}
}

/* ---- events --------------------------------------------------------------------------------------------------------- */

/* By its restart policy; docker compose does not count that as an end. */
static bool comes_back(const struct attached *a, const char *id)
{
	auto_close int dir = record_dir(&a->c->paths, a->c->name, id, false);
	auto_err struct err gone = {0};
	struct ctr_status st = {0};
	bool back = dir >= 0 && status_read(dir, &st, &gone) == 0 && (st.state == CTR_RESTARTING || st.state == CTR_RUNNING);

	status_done(&st);
	return back;
}

static void on_die(struct attached *a, const char *id, int code)
{
	auto_free char *text = xasprintf("exited with code %d", code);

	log_view_exited(a->view, id);
	if (log_view_print(a->view, a->e) < 0)
		err_done(a->e);
	log_view_note(a->view, id, text);
	if (a->first_code < 0 && log_view_has(a->view, id) && a->phase != STOPPING && !a->interrupted &&
	    (a->o->abort_on_exit || (a->o->abort_on_failure && code)) && !comes_back(a, id))
		a->first_code = code;
}

static int on_events(struct attached *a)
{
	for (;;) {
		auto_json json_t *ev = NULL;
		struct visit v;
		int64_t id;
		int r = sup_recv(a->sup, &id, &ev, a->e);
		const char *what = json_str(ev, "event", "");

		if (r == 0)
			return 0;
		if (r < 0) {                     /* it goes when nothing runs any more */
			err_done(a->e);
			sup_close(a->sup);
			a->sup = NULL;
			return 0;
		}
		err_done(a->e);                  /* the answer to a kill that found nothing */
		if (str_eq(what, "start") && look(a, &v) < 0)
			return -1;
		if (str_eq(what, "die"))
			on_die(a, json_str(ev, "ctr", ""), (int)json_int(ev, "exit_code", 0));
	}
}

/* ret: 1 when the phase is over and nothing is left to wait for */
static int advance(struct attached *a, struct plan **stop_plan)
{
	struct visit v;

	if (a->phase == STARTING && !a->thread_runs) {
		if (a->errs.n && !a->interrupted)
			return 1;
		a->phase = RUNNING;
		act_unlock(a->c);         /* while it only shows output, other commands may act on the project */
		if (a->o->watch && watch_child_start(&a->watch, a->c, a->o->services, a->o->quiet_watch, a->e) < 0)
			return -1;
	}
	if (a->phase == STOPPING)
		return !a->thread_runs;
	if (a->phase != RUNNING)
		return 0;
	if (a->detached)
		return 1;
	if (a->interrupted && intr_signal() == SIGHUP)    /* the terminal is gone, the containers need none */
		return 1;
	if (a->interrupted || a->first_code >= 0)
		return stop_all(a, stop_plan) < 0 ? -1 : 0;
	a->busy = lock_is_held(&a->c->paths, a->c->name);        /* asked first: what that command does is seen below */
	if (look(a, &v) < 0)
		return -1;
	a->busy &= !v.alive;
	return !v.alive && !a->busy && !a->watch.pid;    /* one that watches may be about to make a container anew */
}

static void toggle_watch(struct attached *a)
{
	auto_err struct err e = {0};

	if (a->watch.pid) {
		watch_child_stop(&a->watch);
		ui_line(a->c->ui, "Watch disabled");
	} else if (!rules_any(a->c->project, a->o->services)) {
		ui_warn(a->c->ui, "Watch is not configured: no service has a develop.watch section");
	} else if (watch_child_start(&a->watch, a->c, a->o->services, a->o->quiet_watch, &e) < 0) {
		ui_warn(a->c->ui, "%s", e.frame[0]);
	}
}

static void on_key(struct attached *a)
{
	char key = menu_key(a->menu);

	if (key == 'd')
		a->detached = true;
	if (key == 'w')
		toggle_watch(a);
	if (key == '\n')                 /* as people do to set off what comes next */
		ui_line(a->c->ui, "");
}

/* One turn: wait for news, and take them in. */
static int turn(struct attached *a)
{
	bool running = a->phase == RUNNING;
	struct pollfd p[6] = {
		{ .fd = log_reader_fd(a->reader), .events = POLLIN }, { .fd = a->sup ? sup_fd(a->sup) : -1, .events = POLLIN },
		{ .fd = (a->interrupted && a->phase != STOPPING) || a->forced ? -1 : intr_fd(), .events = POLLIN },
		{ .fd = a->thread_runs ? a->done_fd : -1, .events = POLLIN },
		{ .fd = running ? menu_fd(a->menu) : -1, .events = POLLIN }, { .fd = a->watch.fd, .events = POLLIN },
	};

	if (running)
		menu_show(a->menu, !rules_any(a->c->project, a->o->services) ? "d Detach"
				   : a->watch.pid			     ? "w Disable Watch   d Detach"
									     : "w Enable Watch   d Detach");
	if (poll(p, 6, running && a->busy ? AT_WORK_MS : -1) < 0 && errno != EINTR)
		return err_set(a->e, ERR_SYS, errno, "wait for output");
	menu_hide(a->menu);
	if (p[4].revents)
		on_key(a);
	if (p[5].revents && !watch_child_tell(&a->watch))
		watch_child_stop(&a->watch);
	if (p[1].revents && on_events(a) < 0)
		return -1;
	if (p[3].revents)
		engine_end(a);
	if (intr_count() && a->phase == STOPPING && !a->forced && a->interrupted)
		force(a);
	else if (intr_count() && a->phase != STOPPING)
		a->interrupted = true;
	return 0;
}

static int loop(struct attached *a, struct plan **stop_plan)
{
	for (;;) {
		int r = log_view_print(a->view, a->e);

		if (r < 0)
			return -1;
		a->detached |= r > 0;     /* nobody reads any more: no reason to stop anything */
		r = advance(a, stop_plan);
		if (r)
			return r < 0 ? -1 : 0;
		if (turn(a) < 0)
			return -1;
	}
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */

struct find_code { const char *service; int code; };

static int find_code(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct find_code *f = arg;

	(void)dir;
	if (r->kind == KIND_SERVICE && str_eq(r->service, f->service) && s->exit_code)
		f->code = s->exit_code;
	return 0;
}

static int conclude(struct attached *a)
{
	struct find_code f = { .service = a->o->exit_code_from };
	struct errs *to = &a->c->errs;

	if (a->sup && (sup_catch_up(a->sup, a->e) < 0 || on_events(a) < 0))      /* the ends that the files tell of already */
		err_done(a->e);
	if (log_view_print(a->view, a->e) < 0)
		err_done(a->e);
	for (size_t i = 0; i < a->errs.n; i++) {
		if (a->errs.v[i].kind != ERR_INTR || !a->interrupted)
			errs_add(to, &a->errs.v[i]);
		err_done(&a->errs.v[i]);
	}
	a->errs.n = 0;
	errs_done(&a->errs);
	if (a->interrupted)
		a->c->status = 128 + intr_signal();
	else if (a->o->exit_code_from && record_each(&a->c->paths, a->c->name, find_code, &f, a->e) >= 0)
		a->c->status = f.code;
	else if (a->first_code >= 0)
		a->c->status = a->first_code;
	if (to->n) {
		err_move(a->e, &to->v[--to->n]);
		return -1;
	}
	return 0;
}

int attach_run(struct ctx *c, const struct plan *p, const struct act_opts *ao, const struct attach_opts *o, struct err *e)
{
	const struct log_want want = { .tail = -1, .follow = true, .since_ns = sys_now_ns() };
	auto_log_reader struct log_reader *reader = NULL;
	auto_sup struct sup *sup = NULL;
	auto_plan struct plan *stop_plan = NULL;
	auto_menu struct menu *menu = o->menu ? menu_new() : NULL;
	struct attached a = { .c = c, .o = o, .menu = menu, .e = e, .first_code = -1, .watch = WATCH_CHILD_NONE,
		 .done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct visit v;
	int r;

	if (log_reader_new(&reader, &want, e) < 0 || sup_open(&sup, &c->paths, c->name, true, e) < 0 ||
	    sup_call(sup, "subscribe", NULL, NULL, 0, NULL, e) < 0)
		return -1;
	ui_set_plain(c->ui);
	a.reader = reader;
	a.sup = take_ptr(sup);
	a.view = log_view_new(&o->view, reader);
	expect_all(&a, p);
	announce(&a, p);
	r = look(&a, &v) < 0 || engine_begin(&a, p, ao) < 0 ? -1 : loop(&a, &stop_plan);
	watch_child_stop(&a.watch);
	if (a.thread_runs)
		engine_end(&a);
	if (r == 0)
		r = conclude(&a);
	errs_done(&a.errs);
	log_view_free(a.view);
	sup_close(a.sup);
	close(a.done_fd);
	return r;
}
