/* SPDX-License-Identifier: Apache-2.0 */
/* ps.c - `compose ps`: the containers of the project. Field names are docker compose's. */
#include <time.h>
#include "compose/base/fs.h"
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/base/sys.h"
#include "compose/cli/template.h"
#include "compose/cli/ui.h"
#include "compose/cmd/act.h"
#include "compose/cmd/list.h"

struct ps_args { bool all, no_trunc, orphans, quiet, services_only; const char *format, *filter; struct strv status; char **services; };

static const struct opt ps_opts[] = {
	OPT_FLAG('a', "all", struct ps_args, all, "also containers that have ended, and one-offs"),
	OPT_STR(0, "filter", struct ps_args, filter, "status=WORD", "only containers in that state"),
	OPT_STR(0, "format", struct ps_args, format, "FORMAT", "table, json, or a template such as 'table {{.Name}}\\t{{.Status}}'"),
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

/* Bytes of the first n characters of s. */
static size_t chars(const char *s, size_t n)
{
	size_t i = 0;

	while (s[i] && (n || ((unsigned char)s[i] & 0xc0) == 0x80))
		n -= ((unsigned char)s[i++] & 0xc0) != 0x80;
	return i;
}

/* As people read it: quoted, and short. */
static char *shown_command(const struct ps_args *a, const struct listed *l)
{
	const char *s = l->r.command;
	size_t whole = strlen(s), len = a->no_trunc || chars(s, 20) == whole ? whole : chars(s, 19);
	auto_str struct str b = {0};

	for (size_t i = 0; i < len; i++)
		if (s[i] == '\n')
			str_add(&b, "\\n");
		else
			str_addf(&b, "%s%c", s[i] == '"' || s[i] == '\\' ? "\\" : "", s[i]);
	return xasprintf("\"%s%s\"", str_cstr(&b), len < whole ? "…" : "");
}

static json_t *publishers(const struct listed *l)
{
	struct port_spans v = list_spans(l);
	json_t *a = json_array();

	for (size_t i = 0; i < v.n; i++)
		for (unsigned k = 0; k < v.v[i].n; k++)
			(void)json_array_append_new(a, json_pack("{s:s,s:i,s:i,s:s}", "URL", v.v[i].ip, "TargetPort", v.v[i].target + k,
				"PublishedPort", v.v[i].host ? v.v[i].host + k : 0, "Protocol", v.v[i].proto));
	vec_done(&v);
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

/* What the container itself has written; its volumes and its image are not counted. ret: caller frees */
static char *written(const struct ctx *c, const struct listed *l)
{
	auto_free char *rel = xasprintf("projects/%s/%s/%s", l->r.project, l->r.id, l->r.upper && *l->r.upper ? l->r.upper : "fs/upper");

	return ui_size(fs_du_bytes(c->paths.root_fd, l->r.upper && *l->r.upper == '/' ? l->r.upper : rel));
}

/* command: as it is shown, or NULL for the whole one; size: "12.3MB", or NULL where nobody asks */
static json_t *row_of(const struct listed *l, const char *command, const char *size)
{
	auto_free char *ago = ui_ago((sys_now_ns() - l->r.created_ns) / 1000000000), *status = list_status(l), *ports = list_ports(l),
		*labels = joined_labels(l), *at = created_at(l->r.created_ns);
	auto_str struct str nets = {0};
	json_t *j = json_object();

	for (size_t i = 0; i < l->r.nets.n; i++)
		str_addf(&nets, "%s%s", i ? "," : "", l->r.nets.v[i].network);
	json_put(j, "Command", command ? command : l->r.command);
	json_put(j, "CreatedAt", at);
	(void)json_object_set_new(j, "ExitCode", json_integer(l->s.exit_code));
	json_put(j, "Health", ctr_health_name(l->s.health));
	json_put(j, "ID", l->r.id);
	json_put(j, "Image", l->r.image);
	json_put(j, "Labels", labels);
	(void)json_object_set_new(j, "LocalVolumes", json_sprintf("%zu", l->r.volumes.n));
	json_put(j, "Mounts", l->r.mounts);
	json_put(j, "Name", l->r.name);
	json_put(j, "Names", l->r.name);
	json_put(j, "Networks", str_cstr(&nets));
	json_put(j, "Ports", ports);
	json_put(j, "Project", l->r.project);
	(void)json_object_set_new(j, "Publishers", publishers(l));
	(void)json_object_set_new(j, "RunningFor", json_sprintf("%s ago", ago));
	json_put(j, "Service", l->r.service);
	json_put(j, "Size", size ? size : "0B");
	json_put(j, "State", ctr_state_name(l->s.state));
	json_put(j, "Status", status);
	(void)json_object_set_new(j, "OOMKilled", json_boolean(l->s.oom));
	return j;
}

static json_t *headers(void)
{
	static const char *const v[][2] = { { "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" }, { "ExitCode", "EXIT CODE" },
		{ "Health", "HEALTH" }, { "ID", "CONTAINER ID" }, { "Image", "IMAGE" }, { "Labels", "LABELS" },
		{ "LocalVolumes", "LOCAL VOLUMES" }, { "Mounts", "MOUNTS" }, { "Name", "NAME" }, { "Names", "NAMES" },
		{ "Networks", "NETWORKS" }, { "Ports", "PORTS" }, { "Project", "PROJECT" }, { "Publishers", "PUBLISHERS" },
		{ "RunningFor", "CREATED" }, { "Service", "SERVICE" }, { "Size", "SIZE" }, { "State", "STATE" }, { "Status", "STATUS" },
		{ "OOMKilled", "OOM KILLED" } };
	json_t *j = json_object();

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		json_put(j, v[i][0], v[i][1]);
	return j;
}

static int add_row(const struct ctx *c, struct rows *rows, const struct ps_args *a, const struct listed *l, struct err *e)
{
	bool sized = rows_json(rows) || (a->format && strstr(a->format, ".Size"));
	auto_free char *command = rows_json(rows) ? NULL : shown_command(a, l), *size = sized ? written(c, l) : NULL;
	auto_json json_t *row = row_of(l, command, size), *labels = json_object();

	if (!rows_json(rows) && !a->no_trunc)
		(void)json_object_set_new(row, "ID", json_stringn(l->r.id, 12));
	for (size_t i = 0; i < l->r.labels.n; i++)
		json_put(labels, l->r.labels.v[i].key, l->r.labels.v[i].val);
	return rows_add(rows, row, labels, e);
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

/* "removing" is a state of docker's that none is in here. */
static int check_status(const struct ps_args *a, struct err *e)
{
	for (size_t i = 0; i < a->status.n; i++) {
		bool known = str_eq(a->status.v[i], "removing");

		for (int s = CTR_CREATED; s <= CTR_DEAD && !known; s++)
			known = str_eq(a->status.v[i], ctr_state_name((enum ctr_state)s));
		if (!known) {
			err_set(e, ERR_USAGE, 0, "--status: \"%s\" is no state of a container", a->status.v[i]);
			return err_hint(e, "use one of: created running paused restarting exited dead");
		}
	}
	return 0;
}

static int ps_run(struct ctx *c, const void *args, struct err *e)
{
	struct ps_args *a = (struct ps_args *)(uintptr_t)args;
	auto_list struct list l = {0};
	auto_json json_t *head = headers();
	const struct rows_opts o = { .format = a->format, .headers = head, .columns =
		"{{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}" };
	auto_rows struct rows *rows = NULL;
	const char *last = NULL;

	if (filter_status(a, e) < 0 || check_status(a, e) < 0 || rows_new(&rows, &o, e) < 0 || list_read(c, &l, e) < 0 || list_check_names(c, &l, a->services, e) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		if (!shown(c, a, l.v[i]))
			continue;
		if (a->quiet) {
			puts(l.v[i]->r.id);
		} else if (a->services_only) {
			if (!str_eq(last, l.v[i]->r.service))
				puts(l.v[i]->r.service);
			last = l.v[i]->r.service;
		} else if (add_row(c, rows, a, l.v[i], e) < 0) {
			return -1;
		}
	}
	if (!a->quiet && !a->services_only)
		rows_print(rows, stdout);
	return 0;
}

const struct cmd cmd_ps = { .name = "ps", .usage = "[OPTION...] [SERVICE...]", .summary = "List containers", .opts = ps_opts,
	.args_size = sizeof(struct ps_args), .defaults = ps_defaults, .services_off = offsetof(struct ps_args, services),
	.needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS | ALL_PROFILES, .run = ps_run };
