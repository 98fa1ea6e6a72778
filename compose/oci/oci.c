/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/oci/oci.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "compose/base/json.h"
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "compose/oci/oci_priv.h"

static const struct oci_cmd *const commands[] = { &oci_create, &oci_start, &oci_run, &oci_state, &oci_kill, &oci_delete,
	&oci_exec, &oci_ps, &oci_list, &oci_pause, &oci_resume, &oci_update, &oci_spec, &oci_features };

static const struct opt global_opts[] = {
	OPT_STR(0, "root", struct oci, root, "DIR", "where containers are kept (default /run/compose-oci)"),
	OPT_STR(0, "log", struct oci, log, "FILE", "append errors to this file too"),
	OPT_CHOICE(0, "log-format", struct oci, log_format, "text json", "form of the log's lines"),
	OPT_FLAG(0, "systemd-cgroup", struct oci, systemd_cgroup, "cgroupsPath has the form SLICE:PREFIX:NAME"),
	OPT_FLAGX(0, "debug", struct oci, debug, OPT_HIDDEN, ""),
	{ .type = OPT_T_STR,
	  .name = "rootless",
	  .off = offsetof(struct oci, rootless),
	  .arg = "WORD",
	  .help = "",
	  .flags = OPT_HIDDEN },
	OPT_FLAG('v', "version", struct oci, version, "print the version"),
	OPT_REST(struct oci, rest, "COMMAND", "command and its arguments"),
	OPT_END
};

static void help_all(FILE *f)
{
	fputs("Usage: compose oci [OPTION...] COMMAND [ARGUMENT...]\n\nRun OCI bundles.\n\nCommands:\n", f);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(f, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\nOptions:\n", f);
	opt_help(global_opts, f);
}

/* The chain in one line, outermost first, as engines expect it. */
static char *one_line(const struct err *e)
{
	struct str b = {0};

	for (unsigned i = e->n; i-- > 0;)
		str_addf(&b, "%s%s", e->frame[i], i ? ": " : "");
	return str_take(&b);
}

static void write_log(const struct oci *o, const struct err *e)
{
	auto_close int fd = o->log ? open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	auto_free char *msg = one_line(e), *line = NULL, *text = NULL;
	auto_json json_t *j = NULL;
	char now[40];
	time_t t = time(NULL);
	struct tm tm;

	if (fd < 0)
		return;
	(void)strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
	if (str_eq(o->log_format, "json")) {
		j = json_object();
		json_put(j, "level", "error");
		json_put(j, "msg", msg);
		json_put(j, "time", now);
		text = json_dumps(j, JSON_COMPACT);
		line = xasprintf("%s\n", text ? text : "{}");
	} else {
		line = xasprintf("time=\"%s\" level=error msg=\"%s\"\n", now, msg);
	}
	if (write(fd, line, strlen(line)) < 0)
		fprintf(stderr, "compose-oci: write %s: %s\n", o->log, strerror(errno));
}

/* Engines show their user the last line of what we say. */
static int report(const struct err *e)
{
	auto_free char *msg = one_line(e), *shown = NULL;

	if (isatty(2))
		return err_report(e, stderr);
	shown = str_printable(msg);
	fprintf(stderr, "compose-oci: %s%s%s%s\n", shown, e->hint ? " (" : "", e->hint ? e->hint : "",
		e->hint ? ")" : "");
	return err_status(e);
}

/* After its own re-exec the program must find its way here again, whatever it was called as. */
static int protect(int argc, char **argv, struct err *e)
{
	auto_free char **v = xcalloc((size_t)argc + 1, sizeof(*v));

	memcpy(v, argv, (size_t)argc * sizeof(*v));
	v[0] = (char *)(uintptr_t)"compose-oci";
	return rt_reexec_protected(v, e);
}

static const struct oci_cmd *find(const char *name, struct err *e)
{
	const char *names[ARRAY_LEN(commands) + 1] = { NULL }, *near;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (str_eq(commands[i]->name, name))
			return commands[i];
		names[i] = commands[i]->name;
	}
	near = str_nearest(name, names);
	err_set(e, ERR_USAGE, 0, "unknown command \"%s\"", name);
	err_hint(e, near ? "did you mean `compose oci %s`?" : "`compose oci --help` lists the commands%s",
		 near ? near : "");
	return NULL;
}

static int run(struct oci *o, struct err *e)
{
	const struct oci_cmd *cmd = find(o->rest[0], e);
	auto_free void *args = NULL;
	int r;

	if (!cmd)
		return -1;
	args = xcalloc(1, cmd->args_size);
	r = opt_parse(cmd->opts, cmd->name, o->rest + 1, cmd->mode, args, e);
	if (r == 1) {
		printf("Usage: compose oci %s %s\n\n%s.\n\nOptions:\n", cmd->name, cmd->usage, cmd->summary);
		opt_help(cmd->opts, stdout);
	} else if (r == 0) {
		r = rt_open(&o->rt, e) < 0 ? -1 : cmd->run(o, args, e);
		rt_close(o->rt);
	}
	opt_done(cmd->opts, args);
	return r == 1 && !o->rt ? 0 : r;
}

static bool makes(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (str_eq(commands[i]->name, name))
			return commands[i]->makes;
	return false;
}

int oci_main(int argc, char **argv)
{
	struct oci o = { .root = "/run/compose-oci", .log_format = "text" };
	auto_err struct err e = {0};
	auto_free char **copy = xcalloc((size_t)argc + 1, sizeof(*copy));
	int r;

	memcpy(copy, argv, (size_t)argc * sizeof(*copy));        /* opt_parse reorders */
	r = opt_parse(global_opts, "oci", copy + 1, OPT_STOP, &o, &e);
	if (r == 1) {
		help_all(stdout);
		return 0;
	}
	if (r == 0 && o.version) {
		printf("compose-oci version %s\nspec: 1.0.2\n", COMPOSE_VERSION);
		return 0;
	}
	if (r == 0 && (!o.rest || !o.rest[0])) {
		help_all(stderr);
		return 2;
	}
	if (r == 0 && makes(o.rest[0]))
		r = protect(argc, argv, &e);
	if (r == 0)
		r = run(&o, &e);
	if (r >= 0)
		return r;
	write_log(&o, &e);
	return report(&e);
}
