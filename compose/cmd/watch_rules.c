/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/cmd/watch_rules.h"
#include <fcntl.h>
#include "compose/base/fs.h"
#include "compose/base/str.h"
#include "compose/cli/ui.h"
#include "compose/cmd/list.h"
#include "parser/dockerignore.h"

/* What version control and editors keep beside the files that people mean. */
static const char *const never[] = { "**/.git", "**/.hg", "**/.svn", "**/.idea", "**/.DS_Store", "**/*~", "**/.*.sw[a-z]", "**/.*.swpx",
	"**/4913", "**/.#*", "**/#*#", "**/*___jb_tmp___", "**/*___jb_old___", "**/.*.kate-swp" };

struct rule_ignore {
	const char *path, *context;     /* the rule's, the build's; context NULL: no .dockerignore */
	struct ignore *own, *include, *docker;
};

/* ---- which files count ----------------------------------------------------------------------- */

/* Where a path below the rule is in the build's context. ret: caller frees; NULL: outside of it */
static char *in_context(const struct rule_ignore *g, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", g->path, path);
	size_t n = g->context ? strlen(g->context) : 0;

	if (!g->context || strncmp(full, g->context, n) != 0 || full[n] != '/')
		return NULL;
	return xstrdup(full + n + 1);
}

static enum copy_want worse(enum copy_want a, enum ignore_verdict v)
{
	if (a == COPY_SKIP || v == IGNORE_SKIP)
		return COPY_SKIP;
	return v == IGNORE_DESCEND ? COPY_DESCEND : a;
}

static enum copy_want wanted(void *arg, const char *path, bool is_dir)
{
	const struct rule_ignore *g = arg;
	enum copy_want want = worse(COPY_TAKE, ignore_check(g->own, path, is_dir));
	auto_free char *there = g->docker ? in_context(g, path) : NULL;

	if (there)
		want = worse(want, ignore_check(g->docker, there, is_dir));
	if (want != COPY_TAKE || !g->include || ignore_check(g->include, path, is_dir) == IGNORE_SKIP)
		return want;
	return is_dir ? COPY_DESCEND : COPY_SKIP;
}

static int add_patterns(struct ignore **ig, const struct pstrs *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (ignore_add(ig, l->v[i], e) < 0)
			return -1;
	return 0;
}

/* As the build has it: beside its Dockerfile, else in the context. */
static int read_dockerignore(struct rule_ignore *g, const struct build *b, struct err *e)
{
	auto_free char *own = xasprintf("%s%s%s.dockerignore", *b->dockerfile == '/' ? "" : b->context, *b->dockerfile == '/' ? "" : "/",
					*b->dockerfile ? b->dockerfile : "Dockerfile");
	auto_free char *plain = xasprintf("%s/.dockerignore", b->context);
	const char *const names[] = { own, plain };

	g->context = b->context;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_free char *text = NULL;
		size_t len;

		if (fs_read(AT_FDCWD, names[i], IGNORE_TEXT_MAX, &text, &len, e) == 0)
			return ignore_parse(&g->docker, names[i], text, len, e);
		if (e->kind != ERR_MISSING)
			return -1;
		err_done(e);
	}
	return 0;
}

static int read_ignore(struct rule *r, struct err *e)
{
	const struct build *b = r->service->build;
	struct rule_ignore *g = r->ignore = xcalloc(1, sizeof(*g));

	g->path = r->path;
	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (ignore_add(&g->own, never[i], e) < 0)
			return -1;
	if (add_patterns(&g->own, &r->trigger->ignore, e) < 0 || add_patterns(&g->include, &r->trigger->include, e) < 0)
		return -1;
	return b && *b->context == '/' ? read_dockerignore(g, b, e) : 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void rule_free(struct rule *r)
{
	fswatch_free(r->watch);
	fsw_changes_done(&r->changes);
	if (r->ignore) {
		ignore_free(r->ignore->own);
		ignore_free(r->ignore->include);
		ignore_free(r->ignore->docker);
		free(r->ignore);
	}
	free(r->path);
	free(r);
}

void rules_done(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		rule_free(r->v[i]);
	vec_done(r);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

static bool syncs(const struct trigger *t)
{
	return t->action != WATCH_REBUILD && t->action != WATCH_RESTART;
}

/* The container sees the files already, and we would copy them onto themselves. */
static bool is_mounted(const struct service *s, const struct trigger *t)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].kind == MOUNT_BIND && below(t->path, s->mounts[i].source))
			return true;
	return false;
}

static int check(const struct service *s, const struct trigger *t, struct err *e)
{
	if (t->action == WATCH_REBUILD && !s->build) {
		err_set(e, ERR_MODEL, 0, "service %s has no build section, so nothing can be rebuilt", s->name);
		return err_at(e, t->pos, "develop.watch");
	}
	if (t->action == WATCH_SYNC_EXEC && !t->exec.command.n) {
		err_set(e, ERR_MODEL, 0, "action sync+exec needs exec.command");
		return err_at(e, t->pos, "develop.watch");
	}
	return 0;
}

static int add(struct rules *ret, struct ctx *c, const struct service *s, const struct trigger *t, struct err *e)
{
	struct rule *r;
	size_t n = strlen(t->path);

	if (check(s, t, e) < 0)
		return -1;
	if (syncs(t) && is_mounted(s, t)) {
		ui_warn(c->ui, "path '%s' also declared by a bind mount volume, this path won't be monitored!", t->path);
		return 0;
	}
	while (n > 1 && t->path[n - 1] == '/')
		n--;
	r = xcalloc(1, sizeof(*r));
	r->service = s;
	r->trigger = t;
	r->path = xstrndup(t->path, n);
	vec_push(ret, r);
	if (read_ignore(r, e) == 0 && fswatch_new(&r->watch, r->path, wanted, r->ignore, e) == 0)
		return 0;
	return err_at(e, t->pos, "develop.watch.path");
}

bool rules_any(const struct project *p, char *const *services)
{
	for (size_t i = 0; i < p->n_services; i++)
		if (p->services[i].n_watch && list_named(services, p->services[i].name))
			return true;
	return false;
}

int rules_check(const struct project *p, char *const *services, struct err *e)
{
	for (char *const *name = services; name && *name; name++)
		if (!project_service(p, *name))
			return project_no_service(p, *name, e);
	if (rules_any(p, services))
		return 0;
	err_set(e, ERR_MISSING, 0, "none of the selected services is configured for watch");
	return err_hint(e, "add a develop.watch section to a service");
}

int rules_open(struct rules *ret, struct ctx *c, char *const *services, struct err *e)
{
	const struct project *p = c->project;

	if (rules_check(p, services, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; list_named(services, p->services[i].name) && k < p->services[i].n_watch; k++)
			if (add(ret, c, &p->services[i], &p->services[i].watch[k], e) < 0)
				return -1;
	return 0;
}

int rules_collect(struct rules *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		if (fswatch_changes(r->v[i]->watch, &r->v[i]->changes, e) < 0)
			return -1;
	return 0;
}

void rules_clear(struct rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		fsw_changes_done(&r->v[i]->changes);
}
