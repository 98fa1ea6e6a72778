/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/locate.h"
#include <ctype.h>
#include "compose/base/str.h"
#include "parser/dotenv.h"
#include "parser/paths.h"

static const struct srcpos nowhere;

static int usage(struct loading *l, enum err_kind kind, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int usage(struct loading *l, enum err_kind kind, const char *hint, const char *fmt, ...)
{
	struct err e = {0};
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(&e, kind, 0, "%s", text);
	if (hint)
		err_hint(&e, "%s", hint);
	return errs_add(l->errs, &e);
}

static const char *env_get(const struct loading *l, const char *name)
{
	return map_get(&l->ret->env, name);
}

static void env_set(struct loading *l, const char *name, const char *val)
{
	map_set(&l->ret->env, name, arena_strdup(&l->ret->arena, val));
}

static void import_environ(struct loading *l)
{
	for (const char *const *kv = l->o->environ_kv; kv && *kv; kv++) {
		size_t n = strcspn(*kv, "=");
		auto_free char *key = xstrndup(*kv, n);

		if ((*kv)[n])
			env_set(l, key, *kv + n + 1);
	}
	if (!env_get(l, "PWD"))
		env_set(l, "PWD", l->o->cwd);
}

/* ---- directories and files */

static char *absolute(struct loading *l, const char *path)
{
	return path_join(&l->ret->arena, l->o->cwd, path);
}

/* --project-directory, else where the first file is, else the current directory. */
static const char *working_dir(struct loading *l)
{
	if (l->o->project_dir && *l->o->project_dir)
		return absolute(l, l->o->project_dir);
	for (size_t i = 0; i < l->ret->files.n; i++)
		if (strcmp(l->ret->files.v[i], "-") != 0)
			return path_dir(&l->ret->arena, l->ret->files.v[i]);
	return path_join(&l->ret->arena, l->o->cwd, "");
}

static int add_file(struct loading *l, const char *path, const char *named_by)
{
	const struct load_io *io = l->o->io;
	const char *abs;

	if (!strcmp(path, "-")) {
		strv_add(&l->ret->files, "-");
		return 0;
	}
	if (local_path(l, l->o->cwd, path, nowhere, &abs) < 0)
		return -1;
	if (io->kind(io->ctx, abs) == IO_ABSENT)
		return usage(l, ERR_MODEL, NULL, "the compose file %s, named by %s, does not exist", shown_path(l, abs),
			     named_by);
	strv_add(&l->ret->files, abs);
	return 0;
}

static int files_of_variable(struct loading *l)
{
	const char *list = env_get(l, "COMPOSE_FILE"), *sep = env_get(l, "COMPOSE_PATH_SEPARATOR");
	int bad = 0;

	if (!list || !*list)
		return 0;
	if (!sep || !*sep)
		sep = ":";
	for (const char *s = list;; s++) {
		const char *end = strstr(s, sep);
		auto_free char *one = end ? xstrndup(s, (size_t)(end - s)) : xstrdup(s);

		if (*one)
			bad |= add_file(l, one, "COMPOSE_FILE");
		if (!end)
			return bad;
		s = end + strlen(sep) - 1;
	}
}

/* The first of names that dir holds is taken; a warning tells of others. ret: whether there was one */
static bool take_first(struct loading *l, const char *dir, const char *const *names)
{
	const struct load_io *io = l->o->io;
	struct arena *a = &l->ret->arena;
	const char *hit = NULL;
	auto_str struct str also = {0};

	for (; *names; names++) {
		const char *path = path_join(a, dir, *names);

		if (io->kind(io->ctx, path) == IO_ABSENT)
			continue;
		if (hit)
			str_addf(&also, "%s%s", also.len ? ", " : "", *names);
		else
			hit = path;
	}
	if (!hit)
		return false;
	if (also.len)
		warns_add(&l->ret->warns, nowhere, "the directory has more than one compose file: %s is used, not %s",
			  path_base(hit), str_cstr(&also));
	strv_add(&l->ret->files, hit);
	return true;
}

static void default_files(struct loading *l)
{
	static const char *const names[] = { "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml",
					     NULL };
	static const char *const overrides[] = { "compose.override.yml", "compose.override.yaml",
						 "docker-compose.override.yml", "docker-compose.override.yaml", NULL };

	for (const char *dir = working_dir(l);; dir = path_dir(&l->ret->arena, dir)) {
		if (take_first(l, dir, names)) {
			(void)take_first(l, dir, overrides);
			return;
		}
		if (!strcmp(dir, "/"))
			return;
	}
}

/* ---- variables */

static int read_env_file(struct loading *l, const char *path, bool must_exist, struct map *vars)
{
	struct dotenv d = { &l->ret->arena, vars, { lookup_map, &l->ret->env }, &l->ret->warns, false };
	auto_err struct err e = {0};
	int r = dotenv_read(&d, l->o->io, path, &e);

	if (r < 0)
		return errs_add(l->errs, &e);
	if (r > 0)
		return !must_exist ? 0
				   : usage(l, ERR_MODEL, NULL, "the env file %s does not exist", shown_path(l, path));
	if (!strv_has(&l->ret->env_files, path))
		strv_add(&l->ret->env_files, path);
	return 0;
}

/* What is set already wins. */
static void adopt(struct loading *l, const struct map *vars)
{
	for (size_t i = 0; i < vars->n; i++)
		if (!map_has(&l->ret->env, vars->e[i].key))
			map_set(&l->ret->env, vars->e[i].key, vars->e[i].val);
}

static int given_env_files(struct loading *l)
{
	auto_map struct map vars = {0};
	int bad = 0;

	for (const char *const *f = l->o->env_files; f && *f; f++)
		bad |= read_env_file(l, absolute(l, *f), true, &vars);
	adopt(l, &vars);
	return bad;
}

static int listed_env_files(struct loading *l, const char *list)
{
	auto_map struct map vars = {0};
	int bad = 0;

	for (const char *s = list; *s; s += strcspn(s, ",")) {
		auto_free char *one = NULL;

		s += *s == ',';
		one = xstrndup(s, strcspn(s, ","));
		if (*one)
			bad |= read_env_file(l, absolute(l, one), true, &vars);
	}
	adopt(l, &vars);
	return bad;
}

/* ret: 1 yes, 0 no, -1 reported */
static int default_env_disabled(struct loading *l)
{
	const char *v = env_get(l, "COMPOSE_DISABLE_ENV_FILE");
	bool yes = false;

	if (!v || str_to_bool(v, &yes))
		return yes;
	return usage(l, ERR_USAGE, "set it to 1 or 0", "COMPOSE_DISABLE_ENV_FILE is neither true nor false: %s", v);
}

/* .env of dir. Called twice: before COMPOSE_FILE is known, and in the project's directory. */
static int default_env_file(struct loading *l, const char *dir)
{
	auto_map struct map vars = {0};
	const char *path = path_join(&l->ret->arena, dir, ".env");
	int r;

	if (l->o->io->kind(l->o->io->ctx, path) != IO_FILE || strv_has(&l->ret->env_files, path))
		return 0;
	r = read_env_file(l, path, false, &vars);
	adopt(l, &vars);
	return r;
}

static int no_file(struct loading *l)
{
	if (l->o->allow_no_file)
		return 0;
	if (l->o->project_dir && l->o->io->kind(l->o->io->ctx, working_dir(l)) != IO_DIR)
		return usage(l, ERR_MODEL, "name a directory that exists", "the project directory %s is none", working_dir(l));
	return usage(l, ERR_MODEL, "write a compose.yaml here, or name a file with -f",
		     "no compose file in %s or a directory above it", working_dir(l));
}

int locate_files(struct loading *l)
{
	const char *listed;
	bool use_default;
	int disabled, bad = 0;

	import_environ(l);
	listed = env_get(l, "COMPOSE_ENV_FILES");
	disabled = default_env_disabled(l);
	if (disabled < 0)
		return -1;
	for (const char *const *f = l->o->files; f && *f; f++)
		bad |= add_file(l, *f, "-f");
	if (bad)
		return -1;
	use_default = !disabled && !(l->o->env_files && *l->o->env_files) && !(listed && *listed);
	if (l->o->env_files && *l->o->env_files)
		bad = given_env_files(l);
	else if (listed && *listed)
		bad = listed_env_files(l, listed);
	else if (use_default)
		bad = default_env_file(l, working_dir(l));
	if (bad || (!l->ret->files.n && files_of_variable(l) < 0))
		return -1;
	if (!l->ret->files.n)
		default_files(l);
	l->ret->dir = working_dir(l);
	if (use_default && default_env_file(l, l->ret->dir) < 0)
		return -1;
	return l->ret->files.n ? 0 : no_file(l);
}

/* ---- name */

bool project_name_valid(const char *s)
{
	if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s))
		return false;
	return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(s);
}

char *project_name_normal(const char *s)
{
	struct str b = {0};

	for (; *s; s++) {
		char c = (char)tolower((unsigned char)*s);

		if (islower((unsigned char)c) || isdigit((unsigned char)c) || (b.len && (c == '_' || c == '-')))
			str_addc(&b, c);
	}
	return str_take(&b);
}

static int explicit_name(struct loading *l, const char *name, const char *from)
{
	if (!project_name_valid(name))
		return usage(l, ERR_USAGE, "use lower-case letters, digits, - and _, and start with a letter or digit",
			     "%s is no valid project name: \"%s\"", from, name);
	l->ret->name = arena_strdup(&l->ret->arena, name);
	return 0;
}

/* name: of the last document that has one, with its variables. A mistake in it is told when the document is read. */
static const char *name_in_files(struct loading *l, const struct compose_file *files, size_t n)
{
	struct node *name = NULL, *copy;
	auto_errs struct errs quiet = {0};
	struct interp_ctx c = { .arena = &l->ret->arena, .look = { lookup_map, &l->ret->env }, .errs = &quiet };

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < files[i].n; j++) {
			struct node *here = node_get(files[i].doc[j], "name");

			if (here && here->kind == NODE_STR && *here->text)
				name = here;
		}
	}
	if (!name)
		return NULL;
	copy = node_copy(&l->ret->arena, name);
	if (!l->o->no_interpolate && interp_tree(&c, copy, "name") < 0)
		return NULL;
	return copy->text;
}

static void warn_of_link(struct loading *l)
{
	const struct load_io *io = l->o->io;
	auto_free char *real = io->realpath ? io->realpath(io->ctx, l->ret->dir) : NULL;

	if (real && strcmp(path_base(real), path_base(l->ret->dir)) != 0)
		warns_add(&l->ret->warns, nowhere,
			  "the project is named after the link %s, not after the directory it leads to",
			  path_base(l->ret->dir));
}

static int find_name(struct loading *l, const struct compose_file *files, size_t n)
{
	const char *var = env_get(l, "COMPOSE_PROJECT_NAME"), *in_file;
	auto_free char *normal = NULL;

	if (l->o->project_name && *l->o->project_name)
		return explicit_name(l, l->o->project_name, "the name given by -p");
	if (var && *var)
		return explicit_name(l, var, "COMPOSE_PROJECT_NAME");
	in_file = name_in_files(l, files, n);
	if (in_file)
		normal = project_name_normal(in_file);
	if (!normal || !*normal) {
		free(normal);
		normal = project_name_normal(path_base(l->ret->dir));
		warn_of_link(l);
	}
	if (!*normal)
		return usage(l, ERR_MODEL,
			     "give one with -p or name:", "the project has no name: %s has no letter or digit",
			     path_base(l->ret->dir));
	l->ret->name = arena_strdup(&l->ret->arena, normal);
	return 0;
}

int locate_name(struct loading *l, const struct compose_file *files, size_t n)
{
	if (find_name(l, files, n) < 0)
		return -1;
	env_set(l, "COMPOSE_PROJECT_NAME", l->ret->name);
	return 0;
}
