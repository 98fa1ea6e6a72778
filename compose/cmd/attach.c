/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c - `compose attach`: this terminal becomes that of a running container, until it ends or the user leaves it.
 */
#include "compose/base/str.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/cmd/session.h"
#include "compose/supervisor/client.h"

struct attach_args { bool no_stdin, sig_proxy; int64_t index; const char *detach_keys, *service; };

static const struct opt attach_opts[] = {
	OPT_STR(0, "detach-keys", struct attach_args, detach_keys, "KEYS",
		"leave the container running (default: ctrl-p,ctrl-q)"),
	OPT_INT(0, "index", struct attach_args, index, "N", "replica number"),
	OPT_FLAG(0, "no-stdin", struct attach_args, no_stdin, "output only"),
	OPT_FLAG(0, "sig-proxy", struct attach_args, sig_proxy, "hand signals on to the container (default true)"),
	OPT_HEAD(struct attach_args, service, "SERVICE", ""),
	OPT_END
};

static void attach_defaults(void *args)
{
	struct attach_args *a = args;

	a->sig_proxy = true;
	a->detach_keys = "ctrl-p,ctrl-q";
}

/* How the container was made. */
static int describe(struct ctx *c, const char *id, struct session *s, struct err *e)
{
	auto_close int dir = record_dir(&c->paths, c->name, id, false);
	struct ctr_record r = {0};

	if (dir < 0 || record_read(dir, &r, e) < 0)
		return e->n ? -1 : err_set(e, ERR_MISSING, 0, "container %.12s is gone", id);
	s->tty = r.tty;
	s->with_stdin = s->with_stdin && r.stdin_open;
	record_done(&r);
	return 0;
}

static int attach_go(struct ctx *c, const struct attach_args *a, const char *id, struct err *e)
{
	struct pump_keys keys;
	auto_sup struct sup *sup = NULL;
	struct session s = { .id = id, .with_stdin = !a->no_stdin, .no_sig_proxy = !a->sig_proxy, .keys = &keys };
	int r;

	if (pump_keys_parse(&keys, a->detach_keys, e) < 0 || describe(c, id, &s, e) < 0)
		return -1;
	if (c->g->dry_run) {
		act_would(c, "attach to container %.12s", id);
		return 0;
	}
	r = sup_open(&sup, &c->paths, c->name, false, e);
	if (r)
		return r < 0 ? -1 : err_set(e, ERR_CONFLICT, 0, "the project has no supervisor, so nothing runs");
	s.sup = sup;
	r = session_run(&s, &c->status, e);
	if (r == SESSION_DETACHED)
		fputs("\r\nread escape sequence\r\n", stderr);
	return r < 0 ? -1 : 0;
}

static int attach_cmd(struct ctx *c, const void *args, struct err *e)
{
	const struct attach_args *a = args;
	const struct observed_ctr *ctr = act_ctr(c, a->service, a->index, true, e);

	if (!ctr)
		return -1;
	if (attach_go(c, a, ctr->id, e) == 0)
		return 0;
	if (e->kind != ERR_INTR)
		return err_wrap(e, "cannot attach to %s", ctr->name);
	err_done(e);                              /* Ctrl-C without --sig-proxy is how one leaves */
	c->status = 130;
	return 0;
}

const struct cmd cmd_attach = {.name = "attach",
			       .usage = "[OPTION...] SERVICE",
			       .summary = "Attach this terminal to a running container",
			       .opts = attach_opts,
			       .args_size = sizeof(struct attach_args),
			       .defaults = attach_defaults,
			       .needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES,
			       .run = attach_cmd};
