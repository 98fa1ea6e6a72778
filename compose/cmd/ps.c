/* SPDX-License-Identifier: Apache-2.0 */
/* ps.c - `compose ps`: the containers of the project. Field names are docker compose's. */
#include <time.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"

struct ps_args { bool all, no_trunc, orphans, quiet, services_only; const char *format, *filter; struct strv status; char **services; };

static const struct opt ps_opts[] = {
	OPT_FLAG('a', "all", struct ps_args, all, "also containers that have ended, and one-offs"),
	OPT_STR(0, "filter", struct ps_args, filter, "status=WORD", "only containers in that state"),
	OPT_CHOICE(0, "format", struct ps_args, format, "table json", "output form"),
	OPT_FLAG(0, "no-trunc", struct ps_args, no_trunc, "whole commands and ids"),
	OPT_FLAG(0, "orphans", struct ps_args, orphans, "also containers of services not in the file (default true)"),
	OPT_FLAG('q', "quiet", struct ps_args, quiet, "ids only"),
	OPT_FLAG(0, "services", struct ps_args, services_only, "service names only"),
	OPT_STRS(0, "status", struct ps_args, status, "WORD", "only containers in that state; repeatable"),
	OPT_REST(struct ps_args, services, "SERVICE", "services (default: all)"),
	OPT_END
};

static void ps_defaults(void *args)
{
	((struct ps_args *)args)->orphans = true;
}

static bool shown(const struct ctx *c, const struct ps_args *a, const struct listed *l)
{
	bool runs = l->s.state == CTR_RUNNING || l->s.state == CTR_PAUSED || l->s.state == CTR_RESTARTING;

	if (!list_named(a->services, l->r.service))
		return false;
	if (!a->orphans && c->project && !project_service(c->project, l->r.service))
		return false;
	if (a->status.n)
		return strv_has(&a->status, ctr_state_name(l->s.state));
	if (l->r.kind == KIND_ONEOFF && !a->all)
		return false;
	return runs || a->all;
}

static void add_row(struct table *t, const struct ps_args *a, const struct listed *l)
{
	auto_free char *ago = ui_ago((sys_now_ns() - l->r.created_ns) / 1000000000), *created = xasprintf("%s ago", ago),
		*status = list_status(l), *ports = list_ports(l), *quoted = NULL;

	if (!a->no_trunc && strlen(l->r.command) > 20)
		quoted = xasprintf("\"%.19s…\"", l->r.command);
	else
		quoted = xasprintf("\"%s\"", l->r.command);
	table_row(t, l->r.name, l->r.image, quoted, l->r.service, created, status, ports, NULL);
}

static json_t *publishers(const struct listed *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->s.bound.n; i++)
		(void)json_array_append_new(a, json_pack("{s:s,s:i,s:i,s:s}", "URL", l->s.bound.v[i].host_ip, "TargetPort", l->s.bound.v[i].target,
							"PublishedPort", l->s.bound.v[i].host_port, "Protocol", l->s.bound.v[i].proto));
	return a;
}

static char *joined_labels(const struct listed *l)
{
	auto_str struct str b = {0};

	for (size_t i = 0; i < l->r.labels.n; i++)
		str_addf(&b, "%s%s=%s", i ? "," : "", l->r.labels.v[i].key, l->r.labels.v[i].val);
	return str_take(&b);
}

static char *created_at(int64_t ns)
{
	time_t t = ns / 1000000000;
	char buf[48] = "";
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return xstrdup(buf);
}

static void print_json(const struct listed *l)
{
	auto_free char *ago = ui_ago((sys_now_ns() - l->r.created_ns) / 1000000000), *status = list_status(l), *ports = list_ports(l),
		*labels = joined_labels(l), *at = created_at(l->r.created_ns), *text = NULL;
	auto_str struct str nets = {0};
	json_t *j;

	for (size_t i = 0; i < l->r.nets.n; i++)
		str_addf(&nets, "%s%s", i ? "," : "", l->r.nets.v[i].network);
	j = json_object();
	json_put(j, "Command", l->r.command);
	json_put(j, "CreatedAt", at);
	(void)json_object_set_new(j, "ExitCode", json_integer(l->s.exit_code));
	json_put(j, "Health", ctr_health_name(l->s.health));
	json_put(j, "ID", l->r.id);
	json_put(j, "Image", l->r.image);
	json_put(j, "Labels", labels);
	json_put(j, "LocalVolumes", "0");
	json_put(j, "Mounts", l->r.mounts);
	json_put(j, "Name", l->r.name);
	json_put(j, "Names", l->r.name);
	json_put(j, "Networks", str_cstr(&nets));
	json_put(j, "Ports", ports);
	json_put(j, "Project", l->r.project);
	(void)json_object_set_new(j, "Publishers", publishers(l));
	(void)json_object_set_new(j, "RunningFor", json_sprintf("%s ago", ago));
	json_put(j, "Service", l->r.service);
	json_put(j, "Size", "0B");
	json_put(j, "State", ctr_state_name(l->s.state));
	json_put(j, "Status", status);
	(void)json_object_set_new(j, "OOMKilled", json_boolean(l->s.oom));
	text = json_dumps(j, JSON_COMPACT);
	puts(text ? text : "{}");
	json_decref(j);
}

static int filter_status(struct ps_args *a, struct err *e)
{
	if (!a->filter)
		return 0;
	if (!str_starts(a->filter, "status=")) {
		err_set(e, ERR_USAGE, 0, "--filter: \"%s\" is not known here", a->filter);
		return err_hint(e, "use status=running, status=exited ...");
	}
	strv_add(&a->status, a->filter + 7);
	return 0;
}

static int ps_run(struct ctx *c, const void *args, struct err *e)
{
	struct ps_args *a = (struct ps_args *)(uintptr_t)args;
	auto_list struct list l = {0};
	struct table t = {0};
	const char *last = NULL;

	if (filter_status(a, e) < 0 || list_read(c, &l, e) < 0 || list_check_names(c, &l, a->services, e) < 0)
		return -1;
	table_row(&t, "NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS", NULL);
	for (size_t i = 0; i < l.n; i++) {
		if (!shown(c, a, l.v[i]))
			continue;
		if (a->quiet) {
			puts(l.v[i]->r.id);
		} else if (a->services_only) {
			if (!str_eq(last, l.v[i]->r.service))
				puts(l.v[i]->r.service);
			last = l.v[i]->r.service;
		} else if (str_eq(a->format, "json")) {
			print_json(l.v[i]);
		} else {
			add_row(&t, a, l.v[i]);
		}
	}
	if (!a->quiet && !a->services_only && !str_eq(a->format, "json"))
		table_print(&t, stdout);
	table_done(&t);
	return 0;
}

const struct cmd cmd_ps = { .name = "ps", .usage = "[OPTION...] [SERVICE...]", .summary = "List containers", .opts = ps_opts,
	.args_size = sizeof(struct ps_args), .defaults = ps_defaults, .services_off = offsetof(struct ps_args, services),
	.needs = NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | ALL_PROFILES, .run = ps_run };
