/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/session.h"
#include <signal.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/supervisor/client.h"

struct running { const struct session *s; int64_t wait_id; int status; bool signalled; struct err *e; };

/* ret: 1 when j, an answer or event, tells that the container has ended */
static int is_end(struct running *r, int64_t id, const json_t *j)
{
	bool event = id == 0 && !r->s->start && str_eq(json_str(j, "event", ""), "die") &&
		     str_eq(json_str(j, "ctr", ""), r->s->id);

	if (!event && (!r->wait_id || id != r->wait_id)) {
		err_done(r->e);
		return 0;
	}
	if (!j)
		return -1;
	r->status = (int)json_int(j, "exit_code", 255);
	if (!event && !r->status && *json_str(j, "hook_error", ""))
		return err_set(r->e, ERR_SYS, 0, "%s", json_str(j, "hook_error", ""));
	return 1;
}

static int on_message(void *arg)
{
	struct running *r = arg;

	for (;;) {
		auto_json json_t *j = NULL;
		int64_t id = 0;
		int got = sup_recv(r->s->sup, &id, &j, r->e);

		if (got <= 0)
			return got;
		got = is_end(r, id, j);
		if (got)
			return got;
	}
}

static void on_size(void *arg)
{
	struct running *r = arg;
	auto_err struct err ignored = {0};
	unsigned short rows, cols;

	pump_size(&rows, &cols);
	(void)!sup_send(r->s->sup, "resize", json_pack("{s:s,s:i,s:i}", "ctr", r->s->id, "rows", rows, "cols", cols),
			NULL, 0, &ignored);
}

/* Ctrl-C without a terminal of its own: hand the signal on. */
static void on_signal(void *arg, int sig)
{
	struct running *r = arg;
	auto_err struct err ignored = {0};

	if (r->signalled && r->s->kill_second)
		sig = SIGKILL;
	(void)!sup_send(r->s->sup, "kill", json_pack("{s:s,s:i}", "ctr", r->s->id, "signal", sig), NULL, 0, &ignored);
	r->signalled = true;
}

static json_t *join_args(const struct session *s, const struct pump *p, int *fds, size_t *n)
{
	static const char *const names[] = { "stdin", "stdout", "stderr" };
	json_t *j = json_pack("{s:s,s:[]}", "ctr", s->id, "attach"), *list = json_object_get(j, "attach");
	unsigned short rows, cols;

	*n = 0;
	for (int i = 0; i < 3; i++)
		if (p->child[i] >= 0 && !(s->tty && i == 2)) {
			(void)json_array_append_new(list, json_string(names[i]));
			fds[(*n)++] = p->child[i];
		}
	if (s->tty) {
		pump_size(&rows, &cols);
		(void)json_object_set_new(j, "rows", json_integer(rows));
		(void)json_object_set_new(j, "cols", json_integer(cols));
	}
	return j;
}

/* A started container is waited for to its last end; of one attached to, this life is what counts. */
static int join(struct running *r, struct pump *p)
{
	const struct session *s = r->s;
	int fds[3];
	size_t n;
	json_t *args;

	if (pump_pipes(p, s->with_stdin, r->e) < 0)
		return -1;
	if (!s->start && sup_call(s->sup, "subscribe", NULL, NULL, 0, NULL, r->e) < 0)
		return -1;
	args = join_args(s, p, fds, &n);
	if (s->start)                   /* its output is to be read while its hooks run */
		(void)json_object_set_new(args, "hooks_aside", json_true());
	if (sup_call(s->sup, s->start ? "start" : "attach", args, fds, n, NULL, r->e) < 0)
		return -1;
	pump_handed(p);
	if (s->start)
		r->wait_id =
			sup_send(s->sup, "wait", json_pack("{s:s,s:s}", "ctr", s->id, "for", "exited"), NULL, 0, r->e);
	if (r->wait_id < 0 || (s->tty && s->with_stdin && pump_raw(p, r->e) < 0))
		return -1;
	if (s->tty && !s->start)
		on_size(r);
	p->keys = s->tty ? s->keys : NULL;
	return 0;
}

int session_run(const struct session *s, int *ret_status, struct err *e)
{
	struct running r = { .s = s, .e = e };
	const struct pump_calls calls = {
		.on_end = on_message, .on_size = on_size, .on_signal = s->no_sig_proxy ? NULL : on_signal, .arg = &r};
	struct pump p = { .child = { -1, -1, -1 }, .winch_fd = -1, .in.to = -1, .out.from = -1, .err.from = -1 };
	int got = join(&r, &p);

	if (got == 0)
		got = pump_loop(&p, sup_fd(s->sup), &calls, e);
	pump_done(&p);
	if (got == 0)
		*ret_status = r.status;
	return got < 0 ? -1 : got == 0 ? SESSION_EXITED : got == 1 ? SESSION_CLOSED : SESSION_DETACHED;
}
