/* SPDX-License-Identifier: Apache-2.0 */
/* why.c - `compose why`: why services are as they are. The cause comes first, then what can be done, then the last
 * output. */
#include "compose/base/str.h"
#include "compose/cmd/cause.h"
#include "compose/logs/read.h"

enum { TAIL_BYTES_MAX = 256 << 10 };

struct why_args { int64_t tail; char **services; };

static const struct opt why_opts[] = {
	OPT_INT('n', "tail", struct why_args, tail, "N", "lines of the last output (default 10)"),
	OPT_REST(struct why_args, services, "SERVICE", "services (default: those that are not well)"),
	OPT_END
};

static void why_defaults(void *args)
{
	((struct why_args *)args)->tail = 10;
}

/* Its last lines, each with a newline; "" when there are none. */
static int last_output(struct ctx *c, const struct listed *l, int64_t lines, struct str *out, struct err *e)
{
	const struct log_want want = { .tail = lines };
	auto_close int dir = record_dir(&c->paths, c->name, l->r.id, false);
	auto_log_reader struct log_reader *r = NULL;
	struct log_line line;
	int got;

	if (dir < 0 || log_reader_new(&r, &want, e) < 0 || log_reader_add(r, dir, NULL, e) < 0)
		return dir < 0 ? 0 : -1;
	while ((got = log_reader_next(r, &line, e)) > 0) {
		if (!line.cont && out->len && out->s[out->len - 1] != '\n')
			str_addc(out, '\n');
		str_addn(out, line.data, line.len);
		if (line.newline)
			str_addc(out, '\n');
	}
	return got;
}

static void print_cause(const char *name, const char *status, const struct cause *k)
{
	auto_free char *text = str_printable(k->text);

	printf("%s: %s\n  because: %s\n", name, status, text);
	for (size_t i = 0; i < k->more.n; i++)
		printf("     also: %s\n", k->more.v[i]);
	if (k->hint)
		printf("     hint: %s\n", k->hint);
}

static void print_output(const char *text)
{
	auto_free char *clean = str_printable(text);
	char *line = clean, *end;

	if (!*clean)
		return;
	puts("   output:");
	for (; *line; line = end + 1) {
		end = strchr(line, '\n');
		printf("    | %.*s\n", (int)(end ? (size_t)(end - line) : strlen(line)), line);
		if (!end)
			break;
	}
}

static int explain(struct ctx *c, const struct list *all, const struct listed *l, const struct why_args *a, bool named,
		   struct err *e)
{
	auto_str struct str tail = STR_MAX(TAIL_BYTES_MAX);
	auto_free char *status = list_status(l);
	struct cause k = {0};

	if (last_output(c, l, a->tail < 0 ? -1 : a->tail, &tail, e) < 0)
		return err_wrap(e, "read the output of %s", l->r.name);
	cause_of(c, all, l, str_cstr(&tail), &k);
	if (named || !k.fine) {
		print_cause(l->r.name, status, &k);
		if (!k.fine)
			print_output(str_cstr(&tail));
	}
	cause_done(&k);
	return 0;
}

static void explain_none(struct ctx *c, const struct list *all, const char *service)
{
	struct cause k = {0};

	cause_of_none(c, all, service, &k);
	print_cause(service, "not there", &k);
	cause_done(&k);
}

static bool has_container(const struct list *all, const char *service)
{
	for (size_t i = 0; i < all->n; i++)
		if (str_eq(all->v[i]->r.service, service))
			return true;
	return false;
}

static int why_run(struct ctx *c, const void *args, struct err *e)
{
	const struct why_args *a = args;
	auto_list struct list all = {0};
	bool named = *a->services;

	if (list_read(c, &all, e) < 0 || list_check_names(c, &all, a->services, e) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		if (list_named(a->services, all.v[i]->r.service) && (named || all.v[i]->r.kind == KIND_SERVICE) &&
		    explain(c, &all, all.v[i], a, named, e) < 0)
			return -1;
	for (size_t i = 0; c->project && i < c->project->n_services; i++) {
		const char *service = c->project->services[i].name;

		if (list_named(a->services, service) && !has_container(&all, service) && (named || all.n))
			explain_none(c, &all, service);
	}
	return 0;
}

const struct cmd cmd_why = {.name = "why",
			    .usage = "[OPTION...] [SERVICE...]",
			    .summary = "Tell why services are as they are",
			    .opts = why_opts,
			    .args_size = sizeof(struct why_args),
			    .defaults = why_defaults,
			    .services_off = offsetof(struct why_args, services),
			    .needs = ONLY_LOOKS | NEED_PROJECT | MAY_LACK_FILE | NEED_PATHS,
			    .run = why_run};
