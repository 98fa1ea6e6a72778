/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c - `compose logs`: what the containers have printed, and with --follow what they print. */
#include <errno.h>
#include <poll.h>
#include <time.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/log_view.h"
#include "compose/cmd/when.h"
#include "compose/state/lock.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"

struct logs_args {
	bool follow, no_color, no_prefix, timestamps;
	int64_t index;
	const char *since, *until, *tail;
	char **services;
};

static const struct opt logs_opts[] = {
	OPT_FLAG('f', "follow", struct logs_args, follow, "go on as more is printed, also by containers that come later"),
	OPT_INT(0, "index", struct logs_args, index, "N", "replica number, of one service"),
	OPT_FLAG(0, "no-color", struct logs_args, no_color, "no colours"),
	OPT_FLAG(0, "no-log-prefix", struct logs_args, no_prefix, "lines as they are"),
	OPT_STR(0, "since", struct logs_args, since, "TIME", "lines after a time (2026-01-31T13:23:37Z) or span (42m)"),
	OPT_STR(0, "until", struct logs_args, until, "TIME", "lines before a time or span"),
	OPT_STR('n', "tail", struct logs_args, tail, "N", "the last N lines of each container (default: all)"),
	OPT_FLAG('t', "timestamps", struct logs_args, timestamps, "the time in front of each line"),
	OPT_REST(struct logs_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

enum { AT_WORK_MS = 50 };                 /* between looks at whether a command is still at work */

struct show {
	struct ctx *c;
	const struct logs_args *a;
	struct log_view *view;
	struct sup *sup;                  /* NULL: none lives */
	struct err *e;
	bool stale, run, busy;            /* time to look again; some container runs; some command is at work */
};

static bool wanted(const struct show *s, const struct ctr_record *r)
{
	const struct service *v;
	char *const *name = s->a->services;

	if (s->a->index && r->number != s->a->index)
		return false;
	if (name && *name) {
		for (; *name; name++)
			if (str_eq(*name, r->service))
				return true;
		return false;
	}
	v = s->c->project ? project_service(s->c->project, r->service) : NULL;
	return !v || v->attach;
}

static int add(void *arg, int dir, struct ctr_record *r, struct ctr_status *st)
{
	struct show *s = arg;

	(void)st;
	if (!wanted(s, r) || log_view_has(s->view, r->id))
		return 0;
	if (str_eq(r->log_driver, "none")) {
		ui_warn(s->c->ui, "%s: logging driver none keeps no output", r->name);
		return 0;
	}
	if (r->log_elsewhere) {
		ui_warn(s->c->ui, "%s: its output is kept by %s at %s alone (cache-disabled)", r->name, r->log_driver, r->ship.address);
		return 0;
	}
	return log_view_add(s->view, dir, r, s->e) < 0 ? -1 : 0;
}

static int add_all(struct show *s)
{
	return record_each(&s->c->paths, s->c->name, add, s, s->e) < 0 || s->e->n ? -1 : 0;
}

static int look(void *arg, int dir, struct ctr_record *r, struct ctr_status *st)
{
	struct show *s = arg;

	(void)dir;
	s->run |= wanted(s, r) && (st->state == CTR_RUNNING || st->state == CTR_PAUSED || st->state == CTR_RESTARTING);
	return 0;
}

/* None of the containers runs, nor will by its restart policy; and no command is at work that has stopped them to start them
 * again. ret: 1 when following is over; 0; -1 */
static int is_over(struct show *s)
{
	if (!s->stale)
		return 0;
	s->stale = s->run = false;
	s->busy = lock_is_held(&s->c->paths, s->c->name);        /* asked first: what that command does is seen below */
	if (record_each(&s->c->paths, s->c->name, look, s, s->e) < 0)
		return -1;
	return !s->busy && (!s->run || !s->sup);
}

/* The supervisor tells of containers that come and go. It may be about to come itself. */
static int connect_sup(struct show *s)
{
	int r = s->sup ? 0 : sup_open(&s->sup, &s->c->paths, s->c->name, false, s->e);

	if (r)
		return r < 0 ? -1 : 0;
	if (sup_call(s->sup, "subscribe", NULL, NULL, 0, NULL, s->e) < 0)
		return -1;
	return add_all(s);              /* what came between the last look and the subscription */
}

static int on_events(struct show *s)
{
	for (;;) {
		auto_json json_t *ev = NULL;
		auto_err struct err gone = {0};
		int64_t id;
		int r = sup_recv(s->sup, &id, &ev, &gone);

		if (r == 0)
			return 0;
		s->stale = true;
		if (r < 0) {                     /* it was killed */
			sup_close(s->sup);
			s->sup = NULL;
			return 0;
		}
		if (str_eq(json_str(ev, "event", ""), "start") && add_all(s) < 0)
			return -1;
		if (str_eq(json_str(ev, "event", ""), "die"))
			log_view_exited(s->view, json_str(ev, "ctr", ""));
	}
}

/* Half a line is known to be all of it now. */
static int print_rest(struct show *s)
{
	log_view_end(s->view);
	return log_view_print(s->view, s->e) < 0 ? -1 : 1;
}

/* Print what there is until there may be more. ret: 1 when it is over; 0; -1 */
static int turn(struct show *s, struct log_reader *reader)
{
	struct pollfd p[3] = { { .fd = log_reader_fd(reader), .events = POLLIN }, { .fd = intr_fd(), .events = POLLIN }, { .fd = -1 } };
	int r, over;

	if (s->stale && !s->sup && connect_sup(s) < 0)
		return -1;
	over = is_over(s);
	if (over)
		return over < 0 ? -1 : print_rest(s);
	r = log_view_print(s->view, s->e);
	if (r)
		return r;
	if (s->sup)
		p[2] = (struct pollfd){ .fd = sup_fd(s->sup), .events = POLLIN };
	r = poll(p, 3, s->run && s->sup ? -1 : AT_WORK_MS);
	if (r < 0 && errno != EINTR)
		return err_set(s->e, ERR_SYS, errno, "wait for output");
	s->stale |= r == 0;
	return p[2].revents ? on_events(s) : 0;
}

static int follow(struct show *s, struct log_reader *reader)
{
	int r = 0;

	s->stale = true;
	while (r == 0 && !intr_count())
		r = turn(s, reader);
	sup_close(s->sup);
	return r < 0 ? -1 : 0;
}

static int logs_run(struct ctx *c, const void *args, struct err *e)
{
	const struct logs_args *a = args;
	struct log_want want = { .tail = -1, .follow = a->follow };
	auto_log_reader struct log_reader *reader = NULL;
	struct show s = { .c = c, .a = a, .e = e };
	int r;

	if (act_check_names(c, a->services, e) < 0 || when_parse(a->since, "--since", &want.since_ns, e) < 0 ||
	    when_parse(a->until, "--until", &want.until_ns, e) < 0)
		return -1;
	if (a->index && (!a->services[0] || a->services[1]))
		return err_set(e, ERR_USAGE, 0, "--index needs one service, whose replica it is");
	if (a->index && !act_ctr(c, a->services[0], a->index, false, e))
		return -1;
	if (a->tail && !str_eq(a->tail, "all") && (!str_to_i64(a->tail, &want.tail) || want.tail < 0))
		return err_set(e, ERR_USAGE, 0, "--tail: \"%s\" is neither a number nor all", a->tail);
	if (log_reader_new(&reader, &want, e) < 0)
		return -1;
	s.view = log_view_new(&(struct log_view_opts){ .no_prefix = a->no_prefix, .timestamps = a->timestamps,
					.colour = !a->no_color && ui_colour(c->ui) }, reader);
	r = add_all(&s);
	log_reader_tail_done(reader);
	if (r == 0 && a->follow)
		r = follow(&s, reader);
	else if (r == 0)
		r = log_view_print(s.view, e);
	log_view_free(s.view);
	if (intr_count())
		c->status = 130;
	return r < 0 ? act_wrap(e, "cannot show logs") : 0;
}

const struct cmd cmd_logs = { .name = "logs", .usage = "[OPTION...] [SERVICE...]", .summary = "Show what containers have printed",
	.opts = logs_opts, .args_size = sizeof(struct logs_args), .services_off = offsetof(struct logs_args, services),
	.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES, .run = logs_run };
