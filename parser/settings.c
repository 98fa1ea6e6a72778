/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/settings.h"
#include "compose/base/str.h"
#include "parser/level.h"
#include "parser/locate.h"

/* wide: read by the whole program, not only by the loader. why: what is said when it is set without effect; off: the values
 * that ask for what happens anyway */
static const struct setting { const char *name; bool wide; const char *why, *const *off; } settings[] = {
	{ "COMPOSE_ANSI", true, NULL, NULL },
	{ "COMPOSE_COMPATIBILITY", false, "names are always joined with -", (const char *const[]){ "0", "false", NULL } },
	{ "COMPOSE_CONVERT_WINDOWS_PATHS", false, "paths are those of Linux", (const char *const[]){ "0", "false", NULL } },
	{ "COMPOSE_DISABLE_ENV_FILE", false, NULL, NULL },
	{ "COMPOSE_ENV_FILES", false, NULL, NULL },
	{ "COMPOSE_EXPERIMENTAL", false, "nothing here is experimental", (const char *const[]){ "0", "1", "false", "true", NULL } },
	{ "COMPOSE_EXPERIMENTAL_GIT_REMOTE", false, NULL, NULL },
	{ "COMPOSE_EXPERIMENTAL_OCI_REMOTE", false, NULL, NULL },
	{ "COMPOSE_EXPERIMENTAL_WATCH_TAR", false, "files are copied one by one", (const char *const[]){ "0", "false", NULL } },
	{ "COMPOSE_FILE", false, NULL, NULL },
	{ "COMPOSE_IGNORE_ORPHANS", true, NULL, NULL },
	{ "COMPOSE_MENU", false, "there is no menu", (const char *const[]){ "0", "false", NULL } },
	{ "COMPOSE_PARALLEL_LIMIT", true, NULL, NULL },
	{ "COMPOSE_PATH_SEPARATOR", false, NULL, NULL },
	{ "COMPOSE_PROFILES", false, NULL, NULL },
	{ "COMPOSE_PROGRESS", true, NULL, NULL },
	{ "COMPOSE_PROJECT_NAME", false, NULL, NULL },
	{ "COMPOSE_REMOVE_ORPHANS", true, NULL, NULL },
	{ "COMPOSE_ROOT", false, NULL, NULL },
	{ "COMPOSE_STATUS_STDOUT", false, "progress goes to standard error", (const char *const[]){ "0", "false", NULL } },
	{ "COMPOSE_WITHOUT", false, NULL, NULL },
};

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

static bool one_of(const char *s, const char *const *words)
{
	for (; words && *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

#define PREFIX "COMPOSE_"

/* What follows the prefix decides, or everything would be near. */
static const char *nearest(const char *name)
{
	const char *names[ARRAY_LEN(settings) + 1] = { NULL };

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		names[i] = settings[i].name + strlen(PREFIX);
	return str_nearest(name + strlen(PREFIX), names);
}

static void check(struct load_result *r, const char *name, const char *val)
{
	const struct setting *s = find(name);
	const char *near;

	if (map_has(&r->vars.by_name, name) || (s && !s->why) || (s && (!*val || one_of(val, s->off))))
		return;
	near = s ? NULL : nearest(name);
	warns_add(&r->warns, (struct srcpos){0}, "the variable %s has no effect here%s%s%s", name,
		  s ? ": " : near ? "; did you mean " PREFIX : "", s ? s->why : near ? near : "", near ? "?" : "");
}

void settings_check(struct load_result *r)
{
	for (size_t i = 0; i < r->env.n; i++)
		if (str_starts(r->env.e[i].key, PREFIX) && !str_starts(r->env.e[i].key, "COMPOSE_TEST_"))
			check(r, r->env.e[i].key, r->env.e[i].val);
}

void settings_from_files(const struct load_opts *o, void (*set)(const char *name, const char *val))
{
	auto_load struct load_result ret = {0};
	auto_errs struct errs errs = {0};
	struct loading l = { .o = o, .ret = &ret, .errs = &errs };

	(void)!locate_files(&l);
	strv_done(&l.tops);
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *val = settings[i].wide ? load_env(&ret, settings[i].name) : NULL;

		if (val)
			set(settings[i].name, val);
	}
}
