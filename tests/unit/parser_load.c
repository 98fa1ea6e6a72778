/* SPDX-License-Identifier: Apache-2.0 */
/* Files, environment, project name, documents: the whole load on files in memory. */
#include "parser/load.h"
#include "tests/unit/parser_help.h"

struct run { struct load_result r; struct errs errs; int rc; };

static const char *const no_env[] = { "HOME=/home/me", NULL };

static void load(struct run *t, const char *const *files, const struct load_opts *given)
{
	static struct load_io io;
	struct load_opts o = *given;

	io = (struct load_io){ (void *)files, mem_read, mem_kind, NULL, NULL };
	o.io = &io;
	o.cwd = o.cwd ? o.cwd : "/p/app";
	o.environ_kv = o.environ_kv ? o.environ_kv : no_env;
	*t = (struct run){0};
	t->rc = load_project_tree(&o, &t->r, &t->errs);
}

static void done(struct run *t)
{
	load_result_done(&t->r);
	errs_done(&t->errs);
}

static char *files_text(const struct strv *v)
{
	struct str b = {0};

	for (size_t i = 0; i < v->n; i++)
		str_addf(&b, "%s%s", i ? " " : "", v->v[i]);
	return str_take(&b);
}

#define S "services: {s: {image: x}}\n"
#define F(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void test_lookup(void)
{
	const struct {
		const char *what; const char *const *files; struct load_opts o; const char *want, *dir, *warn;
	} rows[] = {
		{ "compose.yaml", F("/p/app/compose.yaml", S), { 0 }, "/p/app/compose.yaml", "/p/app", NULL },
		{ "order of names",
		  F("/p/app/docker-compose.yml", S, "/p/app/compose.yml", S),
		  { 0 },
		  "/p/app/compose.yml",
		  "/p/app",
		  "the directory has more than one compose file: compose.yml is used, not docker-compose.yml" },
		{ "a parent", F("/p/docker-compose.yaml", S), {0}, "/p/docker-compose.yaml", "/p", NULL },
		{ "the root", F("/compose.yaml", S), { .project_name = "r" }, "/compose.yaml", "/", NULL },
		{ "override",
		  F("/p/app/compose.yaml", S, "/p/app/compose.override.yaml", S, "/p/app/docker-compose.override.yml",
		    S),
		  { 0 },
		  "/p/app/compose.yaml /p/app/compose.override.yaml",
		  "/p/app",
		  "the directory has more than one compose file: compose.override.yaml is used, not "
		  "docker-compose.override.yml" },
		{ "-f leaves the override out",
		  F("/p/app/compose.yaml", S, "/p/app/compose.override.yaml", S),
		  { .files = F("compose.yaml") },
		  "/p/app/compose.yaml",
		  "/p/app",
		  NULL },
		{ "-f elsewhere",
		  F("/p/b/x.yml", S, "/p/app/y.yml", S),
		  { .files = F("../b/x.yml", "y.yml") },
		  "/p/b/x.yml /p/app/y.yml",
		  "/p/b",
		  NULL },
		{ "-f -", F("-", S), { .files = F("-") }, "-", "/p/app", NULL },
		{ "--project-directory",
		  F("/q/compose.yaml", S),
		  { .project_dir = "/q" },
		  "/q/compose.yaml",
		  "/q",
		  NULL },
		{ "--project-directory with -f",
		  F("/p/app/x.yaml", S),
		  { .project_dir = "../q", .files = F("x.yaml") },
		  "/p/app/x.yaml",
		  "/p/q",
		  NULL },
		{ "COMPOSE_FILE",
		  F("/p/b/x.yml", S, "/p/app/y.yml", S),
		  { .environ_kv = F("COMPOSE_FILE=../b/x.yml:y.yml") },
		  "/p/b/x.yml /p/app/y.yml",
		  "/p/b",
		  NULL },
		{ "COMPOSE_PATH_SEPARATOR",
		  F("/p/app/x.yml", S, "/p/app/y.yml", S),
		  { .environ_kv = F("COMPOSE_FILE=x.yml,,y.yml", "COMPOSE_PATH_SEPARATOR=,,") },
		  "/p/app/x.yml /p/app/y.yml",
		  "/p/app",
		  NULL },
		{ "COMPOSE_FILE in .env",
		  F("/p/app/.env", "COMPOSE_FILE=z.yml", "/p/app/z.yml", S, "/p/app/compose.yaml", S),
		  { 0 },
		  "/p/app/z.yml",
		  "/p/app",
		  NULL },
		{ "-f beats COMPOSE_FILE",
		  F("/p/app/x.yml", S),
		  { .environ_kv = F("COMPOSE_FILE=none"), .files = F("x.yml") },
		  "/p/app/x.yml",
		  "/p/app",
		  NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		auto_free char *got = NULL, *bad = NULL;

		load(&t, rows[i].files, &rows[i].o);
		got = files_text(&t.r.files);
		bad = errs_text(&t.errs);
		is_str(got, rows[i].want, "files: %s", rows[i].what);
		is_str(t.r.dir, rows[i].dir, "directory: %s", rows[i].what);
		is_str(t.r.warns.n ? t.r.warns.v[0].text : NULL, rows[i].warn, "warning: %s", rows[i].what);
		is_str(bad, "", "no mistake: %s", rows[i].what);
		done(&t);
	}
}

static void test_lookup_mistakes(void)
{
	const struct {
		const char *what;
		const char *const *files;
		struct load_opts o;
		const char *want;
	} rows[] = {
		{ "no file", F("/x", "y"), { 0 }, "no compose file in /p/app or a directory above it" },
		{ "-f absent",
		  F("/x", "y"),
		  { .files = F("a.yaml") },
		  "the compose file a.yaml, named by -f, does not exist" },
		{ "COMPOSE_FILE absent",
		  F("/x", "y"),
		  { .environ_kv = F("COMPOSE_FILE=/q/a.yaml") },
		  "the compose file /q/a.yaml, named by COMPOSE_FILE, does not exist" },
		{ "-f is a directory",
		  F("/p/app/d", NULL),
		  { .files = F("d") },
		  "d is a directory, not a compose file" },
		{ "--env-file absent",
		  F("/p/app/compose.yaml", S),
		  { .env_files = F("no.env") },
		  "the env file no.env does not exist" },
		{ "-p invalid",
		  F("/p/app/compose.yaml", S),
		  { .project_name = "A b" },
		  "the name given by -p is no valid project name: \"A b\"" },
		{ "COMPOSE_PROJECT_NAME invalid",
		  F("/p/app/compose.yaml", S),
		  { .environ_kv = F("COMPOSE_PROJECT_NAME=_x") },
		  "COMPOSE_PROJECT_NAME is no valid project name: \"_x\"" },
		{ "no name",
		  F("/p/-/compose.yaml", S),
		  { .cwd = "/p/-" },
		  "the project has no name: - has no letter or digit" },
		{ "COMPOSE_DISABLE_ENV_FILE",
		  F("/p/app/compose.yaml", S),
		  { .environ_kv = F("COMPOSE_DISABLE_ENV_FILE=maybe") },
		  "COMPOSE_DISABLE_ENV_FILE is neither true nor false: maybe" },
		{ "remote",
		  F("/x", "y"),
		  { .files = F("oci://x/y:1") },
		  "the remote file oci://x/y:1 cannot be fetched here" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		auto_free char *bad = NULL;

		load(&t, rows[i].files, &rows[i].o);
		bad = errs_text(&t.errs);
		is_str(bad, rows[i].want, "refused: %s", rows[i].what);
		is_int(t.rc, -1, "fails: %s", rows[i].what);
		done(&t);
	}
}

static void test_no_file_allowed(void)
{
	struct run t;
	const struct load_opts o = { .allow_no_file = true, .project_name = "n" };

	load(&t, F("/x", "y"), &o);
	is_int(t.rc, 0, "no file can be allowed");
	is_str(t.r.name, "n", "then there is a name");
	ok(!t.r.root, "and no tree");
	done(&t);
}

static void test_name(void)
{
	const struct { const char *what; const char *const *files; struct load_opts o; const char *want; } rows[] = {
		{ "directory", F("/p/My.App_1/compose.yaml", S), { .cwd = "/p/My.App_1" }, "myapp_1" },
		{ "leading signs", F("/p/_-x/compose.yaml", S), { .cwd = "/p/_-x" }, "x" },
		{ "name:", F("/p/app/compose.yaml", "name: Web Shop\n" S), { 0 }, "webshop" },
		{ "name: with a variable", F("/p/app/compose.yaml", "name: a${X:-b}\n" S), { 0 }, "ab" },
		{ "name: of the last file",
		  F("/p/app/compose.yaml", "name: a\n" S, "/p/app/compose.override.yaml", "name: b\n" S),
		  { 0 },
		  "b" },
		{ "name: of the last document", F("/p/app/compose.yaml", "name: a\n---\nname: c\n" S), { 0 }, "c" },
		{ "COMPOSE_PROJECT_NAME",
		  F("/p/app/compose.yaml", "name: a\n" S),
		  { .environ_kv = F("COMPOSE_PROJECT_NAME=e") },
		  "e" },
		{ "in .env",
		  F("/p/app/compose.yaml", "name: a\n" S, "/p/app/.env", "COMPOSE_PROJECT_NAME=f"),
		  { 0 },
		  "f" },
		{ "-p",
		  F("/p/app/compose.yaml", "name: a\n" S),
		  { .environ_kv = F("COMPOSE_PROJECT_NAME=e"), .project_name = "g" },
		  "g" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		auto_free char *bad = NULL;

		load(&t, rows[i].files, &rows[i].o);
		bad = errs_text(&t.errs);
		is_str(t.r.name, rows[i].want, "name: %s", rows[i].what);
		is_str(load_env(&t.r, "COMPOSE_PROJECT_NAME"), rows[i].want, "as a variable: %s", rows[i].what);
		is_str(node_text(node_get(t.r.root, "name")), rows[i].want, "in the tree: %s", rows[i].what);
		is_str(bad, "", "no mistake: %s", rows[i].what);
		done(&t);
	}
}

static void test_environment(void)
{
	static const char *const files[] = { "/p/compose.yaml",
					     "services: {s: {image: \"$A-$B-$C-$D-$PWD-$COMPOSE_PROJECT_NAME\"}}\n",
					     "/p/.env",
					     "A=project\nB=project\nC=project\n",
					     "/p/app/.env",
					     "A=here\nB=here\n",
					     "/p/app/1.env",
					     "A=1\nC=1\nD=$A\n",
					     "/p/app/2.env",
					     "A=2\n",
					     NULL };
	const struct {
		const char *what;
		struct load_opts o;
		const char *want, *env_files;
	} rows[] = {
		{ "process, current directory, project directory",
		  { .environ_kv = F("A=process") },
		  "process-here-project--/p/app-p",
		  "/p/app/.env /p/.env" },
		{ "--env-file", { .env_files = F("1.env", "2.env") }, "2--1-1-/p/app-p", "/p/app/1.env /p/app/2.env" },
		{ "COMPOSE_ENV_FILES",
		  { .environ_kv = F("COMPOSE_ENV_FILES=1.env,2.env") },
		  "2--1-1-/p/app-p",
		  "/p/app/1.env /p/app/2.env" },
		{ "COMPOSE_DISABLE_ENV_FILE",
		  { .environ_kv = F("COMPOSE_DISABLE_ENV_FILE=1", "PWD=/link") },
		  "----/link-p",
		  "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		auto_free char *got = NULL;

		load(&t, files, &rows[i].o);
		got = files_text(&t.r.env_files);
		is_str(node_text(node_path(t.r.root, "services.s.image")), rows[i].want, "variables: %s", rows[i].what);
		is_str(got, rows[i].env_files, "env files: %s", rows[i].what);
		done(&t);
	}
}

static void test_documents(void)
{
	struct run t;
	const struct load_opts o = {0};
	auto_free char *got = NULL;

	load(&t,
	     F("/p/app/compose.yaml",
	       "version: '3'\nservices: {s: {image: a, command: [x], dns: ['', 1.1.1.1]}}\n---\n"
	       "services: {s: {image: b, ports: !reset []}, t: {image: $NONE$NONE}}\n",
	       "/p/app/compose.override.yaml", "services: {s: {command: !reset , environment: [HOME, NONE, A=b]}}\n"),
	     &o);
	got = flow(node_path(t.r.root, "services"));
	is_str(got,
	       "{s: {image: \"b\", dns: [\"1.1.1.1\"], environment: {HOME: \"/home/me\", NONE: null, A: \"b\"}}, t: "
	       "{image: \"\"}}",
	       "later documents and files merge over earlier ones");
	ok(!node_get(t.r.root, "version"), "version is dropped");
	is_int((intmax_t)t.r.warns.n, 2, "two warnings");
	is_str(t.r.warns.n ? t.r.warns.v[0].text : NULL,
	       "compose.yaml: the key version has no effect any more; it can be removed", "with a warning");
	has_str(t.r.warns.n > 1 ? t.r.warns.v[1].text : NULL, "NONE is not set", "an unset variable is warned of once");
	done(&t);
}

static void test_mistakes(void)
{
	static const struct { const char *what, *yaml, *want; } rows[] = {
		{ "empty", "", "compose.yaml:1:1: the compose file is empty" },
		{ "only a comment", "# x\n", "compose.yaml:1:1: the compose file is empty" },
		{ "no mapping", "- a\n",
		  "compose.yaml:1:1: the top level of a compose file must be a mapping, this is a list" },
		{ "null document", "---\n...\n",
		  "compose.yaml:2:1: the top level of a compose file must be a mapping, this is a null" },
		{ "several of one run", "name: ${A?}\nservices:\n  s: {image: '${', user: \"${B?b}\"}\n",
		  "compose.yaml:1:7 name: required variable A is missing a value\n"
		  "compose.yaml:3:15 services.s.image: invalid variable: ${\n"
		  "compose.yaml:3:27 services.s.user: required variable B is missing a value: b" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct run t;
		const struct load_opts o = {0};
		auto_free char *bad = NULL;

		load(&t, F("/p/app/compose.yaml", rows[i].yaml), &o);
		bad = errs_text(&t.errs);
		is_str(bad, rows[i].want, "refused: %s", rows[i].what);
		is_int(t.rc, -1, "fails: %s", rows[i].what);
		done(&t);
	}
}

static void test_report(void)
{
	struct run t;
	const struct load_opts o = {0};
	auto_free char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int status;

	load(&t, F("/p/app/compose.yaml", "services:\n  s:\n    user: \"\xc3\xa9 ${A?no a}\"\n"), &o);
	status = diag_report(&t.errs, &t.r.src, f, false);
	fclose(f);
	is_int(status, 3, "exit status of a model mistake");
	has_str(text, "compose: required variable A is missing a value: no a\n"
		      "       at: compose.yaml:3:14 services.s.user\n"
		      "     hint: set A in the environment or in .env\n"
		      "     3 |     user: \"\xc3\xa9 ${A?no a}\"\n"
		      "       |              ^\n", "cause, place, hint, line and caret");
	done(&t);
}

static void test_modes(void)
{
	struct run t;
	const struct load_opts raw = { .no_interpolate = true, .no_path_resolution = true };
	auto_free char *got = NULL;

	load(&t, F("/p/app/compose.yaml", "services: {s: {image: '${X?}', env_file: ./a.env, scale: '${N}'}}\n"), &raw);
	got = flow(node_path(t.r.root, "services.s"));
	is_int(t.rc, 0, "nothing is wrong");
	has_str(got, "image: \"${X?}\"", "no_interpolate leaves variables");
	has_str(got, "path: \"./a.env\"", "no_path_resolution leaves paths");
	is_int((intmax_t)t.r.vars.n, 2, "variables are listed");
	done(&t);
}

static void test_normal_names(void)
{
	static const char *const good[] = { "a", "0", "a-b_c", NULL }, *const bad[] = { "",    "A",   "-a", "_a",
											"a.b", "a b", NULL };

	for (size_t i = 0; good[i]; i++)
		ok(project_name_valid(good[i]), "'%s' is a project name", good[i]);
	for (size_t i = 0; bad[i]; i++)
		ok(!project_name_valid(bad[i]), "'%s' is none", bad[i]);
}

int main(void)
{
	test_lookup();
	test_lookup_mistakes();
	test_no_file_allowed();
	test_name();
	test_environment();
	test_documents();
	test_mistakes();
	test_report();
	test_modes();
	test_normal_names();
	return done_testing();
}
