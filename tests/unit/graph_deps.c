/* SPDX-License-Identifier: Apache-2.0 */
/* graph_deps.c - order, cycles told as paths, selection by name and pattern. */
#include "graph/deps.h"
#include "compose/base/str.h"
#include "tests/tap.h"

enum { SERVICES_MAX = 8 };

struct edge {
	const char *from, *to;
};

static struct service services[SERVICES_MAX];
static struct dep dep_room[SERVICES_MAX][SERVICES_MAX];
static struct project project = {.services = services};

/* names: NULL-terminated and sorted; edges end with a NULL */
static void make(const char *const *names, const struct edge *edges)
{
	project.n_services = 0;
	for (; *names; names++) {
		size_t i = project.n_services++;

		services[i] = (struct service){.name = *names, .deps = dep_room[i]};
		for (const struct edge *x = edges; x->from; x++)
			if (!strcmp(x->from, *names)) {
				dep_room[i][services[i].n_deps] =
					(struct dep){.service = x->to,
						     .required = true,
						     .pos = {"compose.yaml", (unsigned)(x - edges) + 1, 5}};
				services[i].n_deps++;
			}
	}
}

static char *order_text(const struct deps *d)
{
	struct str b = {0};

	for (size_t i = 0; i < d->n; i++)
		str_addf(&b, "%s%s", i ? " " : "", services[d->order[i]].name);
	return str_take(&b);
}

static void ordered(const char *const *names, const struct edge *edges, const char *want, const char *what)
{
	auto_err struct err e = {0};
	auto_free char *got = NULL;
	struct deps d;

	make(names, edges);
	if (!ok(deps_make(&d, &project, &e) == 0, "%s", what))
		return;
	got = order_text(&d);
	is_str(got, want, "%s: the order", what);
	deps_done(&d);
}

static void cyclic(const char *const *names, const struct edge *edges, const char *path, const char *at)
{
	auto_err struct err e = {0};
	auto_free char *want = xasprintf("dependency cycle detected: %s", path);
	struct deps d;

	make(names, edges);
	is_int(deps_make(&d, &project, &e), -1, "%s is refused", path);
	is_int(e.kind, ERR_MODEL, "as a fault of the model");
	is_str(e.n ? e.frame[0] : NULL, want, "with its path");
	is_str(e.at, at, "at the edge that closes it");
	ok(e.hint, "and a hint");
}

static const char *const abcd[] = {"a", "b", "c", "d", NULL};

static void orders(void)
{
	ordered((const char *const[]){NULL}, (const struct edge[]){{NULL, NULL}}, "", "no services");
	ordered(abcd, (const struct edge[]){{NULL, NULL}}, "a b c d", "no edges: by name");
	ordered(abcd, (const struct edge[]){{"a", "d"}, {"b", "c"}, {"d", "c"}, {NULL, NULL}}, "c d a b",
		"each after what it needs");
	ordered(abcd, (const struct edge[]){{"a", "b"}, {"a", "c"}, {"b", "d"}, {"c", "d"}, {NULL, NULL}}, "d b c a",
		"a diamond");
	ordered(abcd, (const struct edge[]){{"a", "nobody"}, {"a", "b"}, {NULL, NULL}}, "b a c d",
		"an edge to a service that is not there");
}

static void cycles(void)
{
	cyclic(abcd, (const struct edge[]){{"a", "a"}, {NULL, NULL}}, "a -> a", "compose.yaml:1:5 a");
	cyclic(abcd, (const struct edge[]){{"a", "b"}, {"b", "a"}, {NULL, NULL}}, "a -> b -> a", "compose.yaml:2:5 b");
	cyclic(abcd, (const struct edge[]){{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "b"}, {NULL, NULL}},
	       "b -> c -> d -> b", "compose.yaml:4:5 d");
}

/* A chain as long as a generated file may have it: neither slow nor deep. */
static void chain(void)
{
	enum { LONG = 20000 };
	struct service *s = xcalloc(LONG, sizeof(*s));
	struct dep *deps = xcalloc(LONG, sizeof(*deps));
	char(*names)[16] = xcalloc(LONG, sizeof(*names));
	struct project p = {.services = s, .n_services = LONG};
	auto_err struct err e = {0};
	struct deps d;
	bool right = true;

	for (size_t i = 0; i < LONG; i++) {
		snprintf(names[i], sizeof(names[i]), "s%06zu", i);
		s[i] = (struct service){.name = names[i], .deps = &deps[i], .n_deps = i + 1 < LONG};
		if (i + 1 < LONG)
			deps[i].service = names[i + 1];
	}
	if (ok(deps_make(&d, &p, &e) == 0, "a chain of 20000")) {
		for (size_t i = 0; i < LONG; i++)
			right = right && d.order[i] == LONG - 1 - i;
		ok(right, "is ordered");
		deps_done(&d);
	}
	s[LONG - 1].n_deps = 1;
	deps[LONG - 1].service = names[0];
	is_int(deps_make(&d, &p, &e), -1, "closed to a ring it is refused");
	free(s);
	free(deps);
	free(names);
}

static const char *const stack[] = {"api", "db", "web-1", "web-2", "worker", NULL};
static const struct edge stack_edges[] = {
	{"api", "db"}, {"web-1", "api"}, {"web-2", "api"}, {"worker", "db"}, {NULL, NULL}};

static char *selected(char *const *names, bool no_deps, struct err *e)
{
	struct str b = {0};
	bool sel[SERVICES_MAX] = {0};
	struct deps d;

	make(stack, stack_edges);
	if (deps_make(&d, &project, e) < 0)
		return xstrdup("no graph");
	if (deps_select(&d, names, no_deps, sel, e) < 0)
		str_add(&b, "refused");
	else
		for (size_t i = 0; i < d.n; i++)
			if (sel[i])
				str_addf(&b, "%s%s", b.len ? " " : "", services[i].name);
	deps_done(&d);
	return str_take(&b);
}

static void selects(char *const *names, bool no_deps, const char *want, const char *what)
{
	auto_err struct err e = {0};
	auto_free char *got = selected(names, no_deps, &e);

	is_str(got, want, "%s", what);
}

#define NAMES(...)                                                                                                     \
	(char *const[])                                                                                                \
	{                                                                                                              \
		__VA_ARGS__, NULL                                                                                      \
	}

static void selection(void)
{
	static char web1[] = "web-1", glob[] = "web-*", worker[] = "worker", one[] = "w?b-[12]", dp[] = "bd",
		    typo[] = "workre", nothing[] = "x*";
	auto_err struct err e = {0};
	auto_free char *got = NULL;

	selects(NULL, false, "api db web-1 web-2 worker", "no names: all");
	selects((char *const[]){NULL}, true, "api db web-1 web-2 worker", "an empty list: all");
	selects(NAMES(web1), false, "api db web-1", "with what it needs, directly or not");
	selects(NAMES(web1), true, "web-1", "without");
	selects(NAMES(glob), true, "web-1 web-2", "a pattern");
	selects(NAMES(one, worker), true, "web-1 web-2 worker", "another and a name");
	got = selected(NAMES(web1, typo), false, &e);
	is_str(got, "refused", "a name that is not there");
	is_int(e.kind, ERR_USAGE, "is wrong usage");
	is_str(e.frame[0], "no such service: workre", "and named");
	is_str(e.hint, "did you mean worker?", "with the nearest");
	free(got);
	got = selected(NAMES(dp), false, &e);
	has_str(e.hint, "did you mean db?", "two letters swapped");
	free(got);
	got = selected(NAMES(nothing), false, &e);
	is_str(got, "refused", "a pattern that matches nothing");
}

int main(void)
{
	orders();
	cycles();
	chain();
	selection();
	return done_testing();
}
