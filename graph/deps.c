/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/deps.h"
#include <fnmatch.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"

enum mark { UNSEEN, ON_PATH, DONE };

static size_t index_of(const struct map *names, const char *name)
{
	return (size_t)(uintptr_t)map_get(names, name) - 1;      /* stored + 1; absent gives SIZE_MAX */
}

static void connect(struct deps *d, const struct map *names)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct service *s = &d->project->services[i];

		d->on[i] = xcalloc(s->n_deps, sizeof(**d->on));
		for (size_t k = 0; k < s->n_deps; k++) {
			size_t to = index_of(names, s->deps[k].service);

			if (to == SIZE_MAX)
				continue;
			d->on[i][d->n_on[i]++] = to;
			d->n_by[to]++;
		}
	}
	for (size_t i = 0; i < d->n; i++) {
		d->by[i] = xcalloc(d->n_by[i], sizeof(**d->by));
		d->n_by[i] = 0;
	}
	for (size_t i = 0; i < d->n; i++)
		for (size_t k = 0; k < d->n_on[i]; k++) {
			size_t to = d->on[i][k];

			d->by[to][d->n_by[to]++] = i;
		}
}

/* path[0..n-1] is the walk so far, and path[n-1] needs `again`, which is on it. */
static int report_cycle(const struct deps *d, const size_t *path, size_t n, size_t again, struct err *e)
{
	auto_str struct str text = {0};
	const struct service *last = &d->project->services[path[n - 1]];
	size_t from = 0;

	while (path[from] != again)
		from++;
	for (size_t i = from; i < n; i++)
		str_addf(&text, "%s -> ", d->project->services[path[i]].name);
	str_add(&text, d->project->services[again].name);
	err_set(e, ERR_MODEL, 0, "dependency cycle detected: %s", str_cstr(&text));
	for (size_t k = 0; k < last->n_deps; k++)
		if (!strcmp(last->deps[k].service, d->project->services[again].name))
			err_at(e, last->deps[k].pos, last->name);
	return err_hint(e, "remove one of these dependencies");
}

/* Depth first without recursion: a chain may be thousands of services long. */
static int visit(struct deps *d, size_t root, enum mark *mark, size_t *path, size_t *next, size_t *n_order, struct err *e)
{
	size_t depth = 0;

	path[depth++] = root;
	mark[root] = ON_PATH;
	while (depth) {
		size_t i = path[depth - 1];

		if (next[i] == d->n_on[i]) {
			mark[i] = DONE;
			d->order[(*n_order)++] = i;
			depth--;
			continue;
		}
		size_t to = d->on[i][next[i]++];

		if (mark[to] == ON_PATH)
			return report_cycle(d, path, depth, to, e);
		if (mark[to] == UNSEEN) {
			mark[to] = ON_PATH;
			path[depth++] = to;
		}
	}
	return 0;
}

static int sort(struct deps *d, struct err *e)
{
	auto_free enum mark *mark = xcalloc(d->n, sizeof(*mark));
	auto_free size_t *path = xcalloc(d->n, sizeof(*path)), *next = xcalloc(d->n, sizeof(*next));
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (mark[i] == UNSEEN && visit(d, i, mark, path, next, &n, e) < 0)
			return -1;
	return 0;
}

int deps_make(struct deps *d, const struct project *p, struct err *e)
{
	auto_map struct map names = {0};

	*d = (struct deps){ .project = p, .n = p->n_services };
	d->on = xcalloc(d->n, sizeof(*d->on));
	d->n_on = xcalloc(d->n, sizeof(*d->n_on));
	d->by = xcalloc(d->n, sizeof(*d->by));
	d->n_by = xcalloc(d->n, sizeof(*d->n_by));
	d->order = xcalloc(d->n, sizeof(*d->order));
	for (size_t i = 0; i < d->n; i++)
		map_set(&names, p->services[i].name, (void *)(uintptr_t)(i + 1));
	connect(d, &names);
	if (sort(d, e) < 0) {
		deps_done(d);
		return -1;
	}
	return 0;
}

void deps_done(struct deps *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->on[i]);
		free(d->by[i]);
	}
	free(d->on);
	free(d->n_on);
	free(d->by);
	free(d->n_by);
	free(d->order);
	*d = (struct deps){0};
}

/* Mark what the marked services need, directly or not. */
static void spread(const struct deps *d, bool *sel)
{
	auto_free size_t *todo = xcalloc(d->n, sizeof(*todo));
	size_t n_todo = 0;

	for (size_t i = 0; i < d->n; i++)
		if (sel[i])
			todo[n_todo++] = i;
	while (n_todo) {
		size_t i = todo[--n_todo];

		for (size_t k = 0; k < d->n_on[i]; k++)
			if (!sel[d->on[i][k]]) {
				sel[d->on[i][k]] = true;
				todo[n_todo++] = d->on[i][k];
			}
	}
}

int deps_select(const struct deps *d, char *const *names, bool no_deps, bool *sel, struct err *e)
{
	bool all = !names || !*names;

	for (size_t i = 0; all && i < d->n; i++)
		sel[i] = true;
	for (; names && *names; names++) {
		bool hit = false;

		for (size_t i = 0; i < d->n; i++)
			if (fnmatch(*names, d->project->services[i].name, 0) == 0)
				sel[i] = hit = true;
		if (!hit)
			return project_no_service(d->project, *names, e);
	}
	if (!no_deps)
		spread(d, sel);
	return 0;
}
