/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/settings.h"
#include "compose/base/str.h"
#include "parser/level.h"
#include "parser/locate.h"

#define PREFIX "COMPOSE_"

/* wide: read by the whole program, not only by the loader. why: it has no effect here unless it says no; NULL: it has
 */
static const struct setting {
	const char *name;
	bool wide;
	const char *why;
} settings[] = {
	{.name = PREFIX "ANSI", .wide = true},
	{.name = PREFIX "COMPATIBILITY", .wide = true},
	{.name = PREFIX "CONVERT_WINDOWS_PATHS", .why = "paths are those of Linux"},
	{.name = PREFIX "DISABLE_ENV_FILE"},
	{.name = PREFIX "ENV_FILES"},
	{.name = PREFIX "EXPERIMENTAL"},
	{.name = PREFIX "EXPERIMENTAL_GIT_REMOTE"},
	{.name = PREFIX "EXPERIMENTAL_OCI_REMOTE"},
	{.name = PREFIX "EXPERIMENTAL_WATCH_TAR", .why = "files are copied one by one"},
	{.name = PREFIX "FILE"},
	{.name = PREFIX "IGNORE_ORPHANS", .wide = true},
	{.name = PREFIX "MENU", .wide = true},
	{.name = PREFIX "PARALLEL_LIMIT", .wide = true},
	{.name = PREFIX "PATH_SEPARATOR"},
	{.name = PREFIX "PROFILES"},
	{.name = PREFIX "PROGRESS", .wide = true},
	{.name = PREFIX "PROJECT_NAME"},
	{.name = PREFIX "REMOVE_ORPHANS", .wide = true},
	{.name = PREFIX "ROOT"},
	{.name = PREFIX "STATUS_STDOUT", .wide = true},
	{.name = PREFIX "WITHOUT"},
};

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

static bool says_no(const char *val)
{
	bool yes = true;

	return !*val || (str_to_bool(val, &yes) && !yes);
}

/* What follows the prefix decides, or everything would be near. */
static const char *nearest(const char *name)
{
	const char *names[ARRAY_LEN(settings) + 1] = {NULL};

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		names[i] = settings[i].name + strlen(PREFIX);
	return str_nearest(name + strlen(PREFIX), names);
}

static void check(struct load_result *r, const char *name, const char *val)
{
	const struct setting *s = find(name);
	const char *near;

	if (map_has(&r->vars.by_name, name) || (s && (!s->why || says_no(val))))
		return;
	near = s ? NULL : nearest(name);
	if (s)
		warns_add(&r->warns, (struct srcpos){0}, "the variable %s has no effect here: %s", name, s->why);
	else if (near)
		warns_add(&r->warns, (struct srcpos){0}, "the variable %s has no effect here; did you mean " PREFIX "%s?",
			  name, near);
	else
		warns_add(&r->warns, (struct srcpos){0}, "the variable %s has no effect here", name);
}

/* Variables of docker's that point to what there is not here. what: how its value begins when it means nothing special */
static const struct elsewhere {
	const char *name, *what, *why;
} elsewhere[] = {
	{"DOCKER_HOST", "unix://", "there is no daemon to reach, containers run on this host"},
	{"DOCKER_CONTEXT", "default", "there is no daemon to reach, containers run on this host"},
	{"BUILDX_BUILDER", "default", "there is one builder, and it is built in"},
};

static void check_elsewhere(struct load_result *r)
{
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		const char *val = load_env(r, elsewhere[i].name);

		if (val && *val && !str_starts(val, elsewhere[i].what))
			warns_add(&r->warns, (struct srcpos){0}, "the variable %s has no effect here: %s", elsewhere[i].name,
				  elsewhere[i].why);
	}
}

void settings_check(struct load_result *r)
{
	check_elsewhere(r);
	for (size_t i = 0; i < r->env.n; i++)
		if (str_starts(r->env.e[i].key, PREFIX) && !str_starts(r->env.e[i].key, "COMPOSE_TEST_"))
			check(r, r->env.e[i].key, r->env.e[i].val);
}

void settings_from_files(const struct load_opts *o, void (*set)(const char *name, const char *val))
{
	auto_load struct load_result ret = {0};
	auto_errs struct errs errs = {0};
	struct loading l = {.o = o, .ret = &ret, .errs = &errs};

	(void)!locate_files(&l);
	strv_done(&l.tops);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *val = settings[i].wide ? load_env(&ret, settings[i].name) : NULL;

		if (val)
			set(settings[i].name, val);
	}
}
