/* SPDX-License-Identifier: Apache-2.0 */
/* ls.c - `compose ls`: all projects of this installation. */
#include <regex.h>
#include "compose/base/json.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/cmd.h"
#include "compose/state/lock.h"
#include "compose/state/record.h"

struct ls_args { bool all, quiet; const char *format, *filter; };

static const struct opt ls_opts[] = {
	OPT_FLAG('a', "all", struct ls_args, all, "also projects of which nothing runs"),
	OPT_STR(0, "filter", struct ls_args, filter, "name=REGEX", "only projects whose name matches the extended regular expression"),
	OPT_CHOICE(0, "format", struct ls_args, format, "table json", "output form"),
	OPT_FLAG('q', "quiet", struct ls_args, quiet, "names only"),
	OPT_END
};

struct found { char *name, *files; unsigned count[CTR_DEAD + 1]; bool alive; };
struct walk { struct ctx *c; VEC(struct found *) v; };

static struct found *project_of(struct walk *w, const struct ctr_record *r)
{
	struct found *f;

	for (size_t i = 0; i < w->v.n; i++)
		if (str_eq(w->v.v[i]->name, r->project))
			return w->v.v[i];
	f = xcalloc(1, sizeof(*f));
	f->name = xstrdup(r->project);
	f->alive = lock_is_alive(&w->c->paths, r->project);
	for (size_t i = 0; i < r->labels.n; i++)
		if (str_eq(r->labels.v[i].key, "com.docker.compose.project.config_files"))
			f->files = xstrdup(r->labels.v[i].val);
	vec_push(&w->v, f);
	return f;
}

static bool runs(enum ctr_state s)
{
	return s == CTR_RUNNING || s == CTR_PAUSED || s == CTR_RESTARTING;
}

static int add(void *arg, int dir, struct ctr_record *r, struct ctr_status *s)
{
	struct found *f = project_of(arg, r);

	(void)dir;
	f->count[runs(s->state) && !f->alive ? CTR_EXITED : s->state]++;
	return 0;
}

static int by_name(const void *x, const void *y)
{
	const struct found *const *a = x, *const *b = y;

	return strcmp((*a)->name, (*b)->name);
}

/* spec: docker compose sorts by the state's name, and without --all counts only what runs */
static char *status_text(const struct ls_args *a, const struct found *f)
{
	static const enum ctr_state sorted[] = { CTR_CREATED, CTR_DEAD, CTR_EXITED, CTR_PAUSED, CTR_RESTARTING, CTR_RUNNING };
	auto_str struct str b = {0};

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		if (f->count[sorted[i]] && (a->all || runs(sorted[i])))
			str_addf(&b, "%s%s(%u)", b.len ? ", " : "", ctr_state_name(sorted[i]), f->count[sorted[i]]);
	return str_take(&b);
}

static bool shown(const struct ls_args *a, const regex_t *name, const struct found *f)
{
	if (name && regexec(name, f->name, 0, NULL, 0) != 0)
		return false;
	return a->all || f->count[CTR_RUNNING] || f->count[CTR_PAUSED] || f->count[CTR_RESTARTING];
}

/* ret: the expression, for the caller to regfree; NULL when all names are wanted, or with e */
static regex_t *filter(const struct ls_args *a, regex_t *re, struct err *e)
{
	char why[128];
	int r;

	if (!a->filter)
		return NULL;
	if (!str_starts(a->filter, "name=")) {
		(void)err_set(e, ERR_USAGE, 0, "--filter: \"%s\" is not known here: only name=REGEX is", a->filter);
		return NULL;
	}
	r = regcomp(re, a->filter + 5, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return re;
	(void)regerror(r, re, why, sizeof(why));
	(void)err_set(e, ERR_USAGE, 0, "--filter: \"%s\" is no regular expression: %s", a->filter + 5, why);
	return NULL;
}

static int ls_run(struct ctx *c, const void *args, struct err *e)
{
	const struct ls_args *a = args;
	struct walk w = { .c = c };
	auto_json json_t *all = json_array();
	struct table t = {0};
	regex_t buf, *name = filter(a, &buf, e);
	int r = e->n ? -1 : record_each(&c->paths, NULL, add, &w, e);

	if (w.v.n)
		qsort(w.v.v, w.v.n, sizeof(*w.v.v), by_name);
	table_row(&t, "NAME", "STATUS", "CONFIG FILES", NULL);
	for (size_t i = 0; i < w.v.n; i++) {
		struct found *f = w.v.v[i];
		auto_free char *status = status_text(a, f);

		if (r == 0 && shown(a, name, f)) {
			if (a->quiet)
				puts(f->name);
			table_row(&t, f->name, status, f->files ? f->files : "", NULL);
			(void)json_array_append_new(all, json_pack("{s:s,s:s,s:s}", "Name", f->name, "Status", status, "ConfigFiles",
								  f->files ? f->files : ""));
		}
		free(f->name);
		free(f->files);
		free(f);
	}
	vec_done(&w.v);
	if (name)
		regfree(name);
	if (r < 0) {
		table_done(&t);
		return -1;
	}
	if (!a->quiet && str_eq(a->format, "json")) {
		auto_free char *text = json_dumps(all, JSON_COMPACT);

		puts(text ? text : "[]");
	} else if (!a->quiet) {
		table_print(&t, stdout);
	}
	table_done(&t);
	return 0;
}

const struct cmd cmd_ls = { .name = "ls", .usage = "[OPTION...]", .summary = "List projects", .opts = ls_opts,
	.args_size = sizeof(struct ls_args), .needs = ONLY_LOOKS | NEED_PATHS, .run = ls_run };
