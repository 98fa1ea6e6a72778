/* SPDX-License-Identifier: Apache-2.0 */
/* stats.c - `compose stats`: what containers use, once or until Ctrl-C. Field names are docker's.
 * The share of the processor is what was used between two looks, a second apart. */
#include <errno.h>
#include <poll.h>
#include "compose/base/intr.h"
#include "compose/base/json.h"
#include "compose/base/sys.h"
#include "compose/cli/template.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"
#include "compose/engine/usage.h"

enum { INTERVAL_MS = 1000 };
static const char clear_screen[] = "\033[2J\033[H";

struct stats_args { bool all, no_stream, no_trunc; const char *format; char **services; };

static const struct opt stats_opts[] = {
	OPT_FLAG('a', "all", struct stats_args, all, "also containers that do not run"),
	OPT_STR(0, "format", struct stats_args, format, "FORMAT",
		"table, json, or a template such as '{{.Name}} {{.CPUPerc}}'"),
	OPT_FLAG(0, "no-stream", struct stats_args, no_stream, "once, instead of until Ctrl-C"),
	OPT_FLAG(0, "no-trunc", struct stats_args, no_trunc, "whole ids"),
	OPT_REST(struct stats_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

/* The last look at a container. */
struct seen { char id[ID_SIZE]; struct usage u; };
struct stats {
	struct ctx *c;
	const struct stats_args *a;
	struct usage_host *host;
	struct rows *rows;
	VEC(struct seen) seen;
	struct err *e;
};

static bool runs(const struct listed *l)
{
	return l->s.state == CTR_RUNNING || l->s.state == CTR_PAUSED;
}

/* ret: what was seen of it before, to be overwritten; at_ns is 0 the first time */
static struct usage *before(struct stats *s, const char *id)
{
	struct seen *one;

	for (size_t i = 0; i < s->seen.n; i++)
		if (!strcmp(s->seen.v[i].id, id))
			return &s->seen.v[i].u;
	vec_push(&s->seen, (struct seen){0});
	one = &s->seen.v[s->seen.n - 1];
	memcpy(one->id, id, ID_SIZE);
	return &one->u;
}

static char *pair(int64_t a, int64_t b)
{
	auto_free char *x = ui_size(a < 0 ? 0 : (uint64_t)a), *y = ui_size(b < 0 ? 0 : (uint64_t)b);

	return a < 0 || b < 0 ? xstrdup("--") : xasprintf("%s / %s", x, y);
}

/* Memory in powers of 1024, as docker shows it. */
static char *binary(int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1024 && i + 1 < ARRAY_LEN(units); i++)
		v /= 1024;
	return xasprintf("%.4g%s", v, units[i]);
}

static void put(json_t *row, const char *key, char *text)
{
	json_put(row, key, text);
	free(text);
}

static void measured(json_t *row, const struct usage *last, const struct usage *now)
{
	double span = (double)(now->at_ns - last->at_ns);
	bool cpu = last->at_ns && span > 0 && now->cpu_ns >= last->cpu_ns && last->cpu_ns >= 0;
	auto_free char *used = binary(now->memory_bytes < 0 ? 0 : now->memory_bytes),
		       *limit = binary(now->memory_limit_bytes);

	put(row, "BlockIO", pair(now->blk_read_bytes, now->blk_write_bytes));
	put(row, "CPUPerc",
	    cpu ? xasprintf("%.2f%%", (double)(now->cpu_ns - last->cpu_ns) * 100 / span) : xstrdup("--"));
	put(row, "MemPerc", now->memory_bytes < 0 ? xstrdup("--") :
	    xasprintf("%.2f%%", (double)now->memory_bytes * 100 / (double)now->memory_limit_bytes));
	put(row, "MemUsage", now->memory_bytes < 0 ? xstrdup("--") : xasprintf("%s / %s", used, limit));
	put(row, "NetIO", pair(now->net_rx_bytes, now->net_tx_bytes));
	put(row, "PIDs", now->pids < 0 ? xstrdup("--") : xasprintf("%lld", (long long)now->pids));
}

static json_t *row_of(struct stats *s, const struct listed *l)
{
	json_t *row = json_object();
	auto_free char *id = xasprintf("%.*s", s->a->no_trunc ? 64 : 12, l->r.id);
	struct usage none = {.at_ns = 0,
			     .cpu_ns = -1,
			     .memory_bytes = -1,
			     .memory_limit_bytes = 1,
			     .pids = -1,
			     .net_rx_bytes = -1,
			     .blk_read_bytes = -1},
		     now = none, *last = &none;

	json_put(row, "BlockIO", "");             /* the order in which docker has them */
	json_put(row, "CPUPerc", "");
	json_put(row, "Container", id);
	json_put(row, "ID", id);
	if (runs(l)) {
		last = before(s, l->r.id);
		usage_read(s->host, &l->r, &l->s, &now);
	}
	measured(row, last, &now);
	json_put(row, "Name", l->r.name);
	json_put(row, "Service", l->r.service);
	*last = now;
	return row;
}

/* Look once. in: show: and add rows */
static int look(struct stats *s, bool show)
{
	auto_list struct list l = {0};

	if (list_read(s->c, &l, s->e) < 0 || list_check_names(s->c, &l, s->a->services, s->e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		auto_json json_t *row = NULL;

		if (!list_named(s->a->services, l.v[i]->r.service) || !(runs(l.v[i]) || s->a->all))
			continue;
		row = row_of(s, l.v[i]);
		if (show && rows_add(s->rows, row, NULL, s->e) < 0)
			return -1;
	}
	return 0;
}

/* ret: 0 after the interval, -1 with ERR_INTR */
static int pause_for(struct stats *s)
{
	struct pollfd f = { .fd = intr_fd(), .events = POLLIN };

	if (poll(&f, 1, INTERVAL_MS) < 0 && errno != EINTR)
		return err_set(s->e, ERR_SYS, errno, "wait a second");
	return intr_check(s->e);
}

static int watch(struct stats *s)
{
	bool screen = isatty(STDOUT_FILENO) && !rows_json(s->rows);

	if (look(s, false) < 0)
		return -1;
	do {
		if (pause_for(s) < 0 || look(s, true) < 0)
			return -1;
		if (screen && !s->a->no_stream)
			fputs(clear_screen, stdout);
		rows_print(s->rows, stdout);
		if (fflush(stdout) != 0)
			return 0;                 /* nobody reads any more; main() tells a full disk */
	} while (!s->a->no_stream);
	return 0;
}

static int stats_run(struct ctx *c, const void *args, struct err *e)
{
	auto_json json_t *headers = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "BlockIO", "BLOCK I/O",
					      "CPUPerc", "CPU %", "Container", "CONTAINER", "ID", "CONTAINER ID",
					      "MemPerc", "MEM %", "MemUsage", "MEM USAGE / LIMIT", "Name", "NAME",
					      "NetIO", "NET I/O", "PIDs", "PIDS", "Service", "SERVICE");
	const struct stats_args *a = args;
	const struct rows_opts o = { .format = a->format, .headers = headers, .columns =
		"{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}" };
	struct stats s = { .c = c, .a = a, .e = e };
	int r = rows_new(&s.rows, &o, e);

	if (r == 0)
		r = usage_open(&s.host, &c->paths, e);
	if (r == 0)
		r = watch(&s);
	if (r < 0 && e->kind == ERR_INTR) {       /* the only way out of a stream */
		err_done(e);
		c->status = 130;
		r = 0;
	}
	usage_close(s.host);
	rows_free(s.rows);
	vec_done(&s.seen);
	return r < 0 ? act_wrap(e, "cannot show what containers use") : 0;
}

const struct cmd cmd_stats = {.name = "stats",
			      .usage = "[OPTION...] [SERVICE...]",
			      .summary = "Show what containers use",
			      .opts = stats_opts,
			      .args_size = sizeof(struct stats_args),
			      .services_off = offsetof(struct stats_args, services),
			      .needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | ALL_PROFILES,
			      .run = stats_run};
