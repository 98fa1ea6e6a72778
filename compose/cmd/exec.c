/* SPDX-License-Identifier: Apache-2.0 */
/* exec.c - `compose exec`: run a process in a running container. This process joins the container itself: no supervisor is
 * asked, nothing is loaded that would start a thread (setns fails with a second one). */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cmd/act.h"
#include "compose/cmd/pump.h"
#include "compose/cmd/run_service.h"
#include "compose/engine/enter.h"
#include "compose/base/json.h"
#include "compose/state/record.h"
#include "compose/supervisor/client.h"

struct exec_args {
	bool detach, no_tty, interactive, privileged;
	struct strv env;
	int64_t index;
	const char *user, *workdir, *service;
	char **command;
};

enum { COMMAND_TOLD = 4096 };       /* bytes of a command that are told */

static const struct opt exec_opts[] = {
	OPT_FLAG('d', "detach", struct exec_args, detach, "in the background, without output"),
	OPT_STRS('e', "env", struct exec_args, env, "KEY=VALUE", "set a variable; a bare KEY takes the environment's value; repeatable"),
	OPT_INT(0, "index", struct exec_args, index, "N", "replica number"),
	OPT_FLAG('T', "no-tty", struct exec_args, no_tty, "no terminal (default: one where input and output are terminals)"),
	OPT_FLAGX(0, "no-TTY", struct exec_args, no_tty, OPT_HIDDEN, ""),
	OPT_FLAGX('t', "tty", struct exec_args, no_tty, OPT_HIDDEN | OPT_INVERT, ""),
	OPT_FLAGX('i', "interactive", struct exec_args, interactive, OPT_HIDDEN, ""),
	OPT_FLAG(0, "privileged", struct exec_args, privileged, "with all capabilities"),
	OPT_STR('u', "user", struct exec_args, user, "USER[:GROUP]", "run as"),
	OPT_STR('w', "workdir", struct exec_args, workdir, "DIR", "working directory"),
	OPT_HEAD(struct exec_args, service, "SERVICE", ""),
	OPT_RESTX(struct exec_args, command, "COMMAND", OPT_NEED, ""),
	OPT_END
};

/* Tell those who listen to `events`; nobody is waited for. */
static void note(const struct ctx *c, const char *event, const struct observed_ctr *ctr, const struct exec_args *a, int code)
{
	auto_str struct str b = {0};
	json_t *j = json_pack("{s:s,s:s,s:o,s:i}", "ctr", ctr->id, "event", event, "exec", json_sprintf("%d", (int)getpid()),
			      "exit_code", code);

	for (char **v = a->command; *v && code < 0; v++)
		str_addf(&b, "%s%s", b.len ? " " : "", *v);
	if (b.len)
		(void)json_object_set_new(j, "command", json_stringn(b.s, b.len < COMMAND_TOLD ? b.len : COMMAND_TOLD));
	sup_note(&c->paths, c->name, j);
}

struct running { struct enter *en; struct pump *pump; int status; struct err *e; };

static int on_end(void *arg)
{
	struct running *r = arg;

	r->status = enter_wait(r->en, r->e);
	return r->status < 0 ? -1 : 1;
}

static void on_size(void *arg)
{
	struct running *r = arg;
	struct winsize w = {0};

	pump_size(&w.ws_row, &w.ws_col);
	(void)ioctl(enter_master(r->en), TIOCSWINSZ, &w);
}

static void on_signal(void *arg, int sig)
{
	struct running *r = arg;

	(void)sys_pidfd_send_signal(enter_pidfd(r->en), sig);
}

static int go(struct ctx *c, const struct exec_args *a, const struct observed_ctr *ctr, struct pump *pump, struct err *e)
{
	bool tty = !a->detach && !a->no_tty && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	struct enter_want want = { .args = a->command, .env = &a->env, .user = a->user, .workdir = a->workdir, .tty = tty,
		.privileged = a->privileged, .stdio = pump->child };
	struct running r = { .pump = pump, .e = e };
	const struct pump_calls calls = { .on_end = on_end, .on_size = on_size, .on_signal = on_signal, .arg = &r };
	int ret;

	if (tty)
		pump_size(&want.rows, &want.cols);
	if (!a->detach && !tty && pump_pipes(pump, a->interactive, e) < 0)
		return -1;
	note(c, "exec_create", ctr, a, -1);
	if (enter_start(&r.en, &c->paths, c->name, ctr->id, &want, e) < 0)
		return -1;
	note(c, "exec_start", ctr, a, -1);
	if (a->detach) {
		enter_free(r.en);
		return 0;
	}
	pump_handed(pump);
	if (tty) {
		pump_master(pump, enter_master(r.en));
		on_size(&r);
		if (pump_raw(pump, e) < 0)
			return -1;
	}
	ret = pump_loop(pump, enter_pidfd(r.en), &calls, e);
	if (ret >= 0)
		c->status = ret > 0 ? 0 : r.status;
	if (ret == 0)
		note(c, "exec_die", ctr, a, r.status);
	enter_free(r.en);
	return ret < 0 ? -1 : 0;
}

static void exec_defaults(void *args)
{
	((struct exec_args *)args)->interactive = true;
}

static int exec_run(struct ctx *c, const void *args, struct err *e)
{
	const struct exec_args *a = args;
	const struct observed_ctr *ctr = act_ctr(c, a->service, a->index, true, e);
	struct pump pump = { .child = { -1, -1, -1 }, .winch_fd = -1, .in.to = -1, .out.from = -1, .err.from = -1 };
	int r;

	if (!ctr || run_check_env(&a->env, e) < 0)
		return -1;
	if (c->g->dry_run) {
		act_would(c, "run %s in container %s", a->command[0], ctr->name);
		return 0;
	}
	r = go(c, a, ctr, &pump, e);
	pump_done(&pump);
	return r < 0 ? err_wrap(e, "cannot run %s in %s", a->command[0], ctr->name) : 0;
}

const struct cmd cmd_exec = { .name = "exec", .usage = "[OPTION...] SERVICE COMMAND [ARGUMENT...]",
	.summary = "Run a command in a running container", .opts = exec_opts, .args_size = sizeof(struct exec_args), .defaults = exec_defaults,
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | OPTS_STOP | ALL_PROFILES, .run = exec_run };
