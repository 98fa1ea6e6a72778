/* SPDX-License-Identifier: Apache-2.0 */
/* top.c - `compose top`: the processes of running containers, as the host sees them. */
#include <time.h>
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/engine/processes.h"

struct top_args { char **services; };

static const struct opt top_opts[] = { OPT_REST(struct top_args, services, "SERVICE", "services (default: all)"), OPT_END };

static char *clock_text(int64_t seconds)
{
	return xasprintf("%02lld:%02lld:%02lld", (long long)seconds / 3600, (long long)seconds / 60 % 60, (long long)seconds % 60);
}

static void row(struct table *t, const struct observed_ctr *o, const struct process *p)
{
	auto_free char *number = xasprintf("%u", o->number), *uid = xasprintf("%u", p->uid), *pid = xasprintf("%d", p->pid),
		*ppid = xasprintf("%d", p->ppid), *cpu = clock_text(p->cpu_s);
	char started[16] = "";
	time_t at = (time_t)p->started_s;
	struct tm tm;

	if (localtime_r(&at, &tm))
		(void)strftime(started, sizeof(started), "%H:%M", &tm);
	table_row(t, o->service, number, uid, pid, ppid, "0", started, p->tty, cpu, p->command, NULL);
}

static int top_run(struct ctx *c, const void *args, struct err *e)
{
	const struct top_args *a = args;
	struct table t = {0};

	if (act_check_names(c, a->services, e) < 0)
		return -1;
	table_row(&t, "SERVICE", "#", "UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD", NULL);
	for (size_t i = 0; i < c->observed->n_ctrs; i++) {
		const struct observed_ctr *o = &c->observed->ctrs[i];
		struct processes ps = {0};

		if ((o->state != CTR_RUNNING && o->state != CTR_PAUSED) || !list_named(a->services, o->service))
			continue;
		if (processes_of(&c->paths, c->name, o->id, &ps, e) < 0) {
			table_done(&t);
			return err_wrap(e, "cannot list the processes of %s", o->name);
		}
		for (size_t k = 0; k < ps.n; k++)
			row(&t, o, &ps.v[k]);
		processes_done(&ps);
	}
	table_print(&t, stdout);
	table_done(&t);
	return 0;
}

const struct cmd cmd_top = { .name = "top", .usage = "[SERVICE...]", .summary = "List the processes of containers", .opts = top_opts,
	.args_size = sizeof(struct top_args), .services_off = offsetof(struct top_args, services),
	.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | NEED_STATE | ALL_PROFILES, .run = top_run };
