/* SPDX-License-Identifier: Apache-2.0 */
/* include and extends, on files in memory. */
#include "parser/load.h"
#include "tests/unit/parser_help.h"

#define F(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct row { const char *what, *path; const char *const *files; const char *want; };

/* Load /p/compose.yaml of files. ret: the tree below path, or the mistakes; caller frees */
static char *load(const char *path, const char *const *files)
{
	const struct load_io io = { (void *)files, mem_read, mem_kind, NULL, NULL };
	const struct load_opts o = { .io = &io, .cwd = "/p", .environ_kv = F("HOME=/home/me", "OUTER=outer") };
	struct load_result r = {0};
	auto_errs struct errs errs = {0};
	char *text;

	if (load_project_tree(&o, &r, &errs) < 0)
		text = errs_text(&errs);
	else
		text = flow(node_path(r.root, path));
	load_result_done(&r);
	return text;
}

static void run(const struct row *rows, size_t n, const char *kind)
{
	for (size_t i = 0; i < n; i++) {
		auto_free char *got = load(rows[i].path, rows[i].files);

		is_str(got, rows[i].want, "%s: %s", kind, rows[i].what);
	}
}

static void test_extends(void)
{
	const struct row rows[] = {
		{ "same file, text", "services.b",
		  F("/p/compose.yaml", "services: {a: {image: i, user: u}, b: {extends: a, user: v}}"),
		  "{image: \"i\", user: \"v\"}" },
		{ "same file, mapping", "services.b",
		  F("/p/compose.yaml", "services: {b: {extends: {service: a}, user: v}, a: {image: i}}"),
		  "{image: \"i\", user: \"v\"}" },
		{ "chain", "services.c",
		  F("/p/compose.yaml", "services: {c: {extends: b, cap_add: [C]}, b: {extends: a, cap_add: [B]}, a: "
				       "{image: i, cap_add: [A]}}"),
		  "{image: \"i\", cap_add: [\"A\", \"B\", \"C\"]}" },
		{ "other file", "services.b",
		  F("/p/compose.yaml", "services: {b: {extends: {file: sub/base.yaml, service: a}, user: v}}",
		    "/p/sub/base.yaml",
		    "services: {a: {image: \"$OUTER\", env_file: ./x.env, volumes: [./d:/d], build: .}}"),
		  "{image: \"outer\", env_file: [{path: \"/p/sub/x.env\", required: true}], volumes: [{type: \"bind\", "
		  "source: \"/p/sub/d\", "
		  "target: \"/d\", bind: {create_host_path: true}}], build: {context: \"/p/sub\"}, user: \"v\"}" },
		{ "chain over files", "services.c",
		  F("/p/compose.yaml", "services: {c: {extends: {file: one/b.yaml, service: b}}}",
		    "/p/one/b.yaml", "services: {b: {extends: {file: ../two/a.yaml, service: a}, label_file: l}}",
		    "/p/two/a.yaml", "services: {a: {image: i, label_file: [k]}}"),
		  "{image: \"i\", label_file: [\"/p/two/k\", \"/p/one/l\"]}" },
		{ "a base file is not validated as a whole", "services.b",
		  F("/p/compose.yaml", "services: {b: {extends: {file: a.yaml, service: a}}}",
		    "/p/a.yaml", "unknown: 1\nservices: {a: {image: i}, z: {nonsense: 1}}"), "{image: \"i\"}" },
		{ "includes of a base file do not count", "services.b",
		  F("/p/compose.yaml", "services: {b: {extends: {file: a.yaml, service: a}}}",
		    "/p/a.yaml", "include: [none.yaml]\nservices: {a: {image: i}}"), "{image: \"i\"}" },
		{ "two services, one base", "services",
		  F("/p/compose.yaml",
		    "services: {b: {extends: {file: a.yaml, service: a}, user: b}, c: {extends: {file: a.yaml, "
		    "service: a}}}",
		    "/p/a.yaml", "services: {a: {image: i}}"),
		  "{b: {image: \"i\", user: \"b\"}, c: {image: \"i\"}}" },
		{ "!reset acts on what is inherited", "services.b",
		  F("/p/compose.yaml", "services: {a: {image: i, cap_add: [A], user: u}, b: {extends: a, cap_add: "
				       "!override [B], user: !reset }}"),
		  "{image: \"i\", cap_add: [\"B\"]}" },
		{ "an override file extends the base in the same file", "services.a",
		  F("/p/compose.yaml", "services: {a: {image: i, user: u}}",
		    "/p/compose.override.yaml", "services: {t: {image: t, domainname: d}, a: {extends: t}}"),
		  "{image: \"t\", user: \"u\", domainname: \"d\"}" },
		{ "unknown service", NULL, F("/p/compose.yaml", "services: {web: {image: i}, b: {extends: wbe}}"),
		  "compose.yaml:1:42 services.b.extends: the service wbe, which b extends, is not in compose.yaml" },
		{ "unknown service in a file", NULL,
		  F("/p/compose.yaml", "services: {b: {extends: {file: a.yaml, service: x}}}", "/p/a.yaml",
		    "services: {a: {image: i}}"),
		  "compose.yaml:1:49 services.b.extends: the service x, which b extends, is not in a.yaml" },
		{ "absent file", NULL, F("/p/compose.yaml", "services: {b: {extends: {file: a.yaml, service: x}}}"),
		  "compose.yaml:1:32: the compose file a.yaml does not exist" },
		{ "itself", NULL, F("/p/compose.yaml", "services: {a: {image: i, extends: a}}"),
		  "compose.yaml:1:35 services.a.extends: services extend each other: a (compose.yaml) -> a "
		  "(compose.yaml)" },
		{ "cycle", NULL,
		  F("/p/compose.yaml", "services:\n  a: {extends: b}\n  b: {extends: c}\n  c: {extends: a}\n"),
		  "compose.yaml:2:16 services.a.extends: services extend each other: a (compose.yaml) -> b "
		  "(compose.yaml) -> c (compose.yaml)"
		  " -> a (compose.yaml)" },
		{ "cycle over files", NULL,
		  F("/p/compose.yaml", "services: {a: {extends: {file: b.yaml, service: b}}}", "/p/b.yaml",
		    "services: {b: {extends: {file: compose.yaml, service: a}}}"),
		  "compose.yaml:1:25 services.a.extends: services extend each other: a (compose.yaml) -> b (b.yaml) -> "
		  "a (compose.yaml)" },
		{ "wrong form", NULL, F("/p/compose.yaml", "services: {b: {image: i, extends: [a]}}"),
		  "compose.yaml:1:35 services.b.extends: extends must be the name of a service, or a mapping with "
		  "service and file" },
		{ "unknown key", NULL, F("/p/compose.yaml", "services: {b: {image: i, extends: {services: a}}}"),
		  "compose.yaml:1:36 services.b.extends: extends does not know the key \"services\"" },
		{ "no service", NULL, F("/p/compose.yaml", "services: {b: {image: i, extends: {file: a}}}"),
		  "compose.yaml:1:35 services.b.extends: extends needs the name of a service" },
	};

	run(rows, ARRAY_LEN(rows), "extends");
}

static void test_include(void)
{
	const struct row rows[] = {
		{ "short", "services", F("/p/compose.yaml", "include: [sub/c.yaml]\nservices: {a: {image: i}}",
					 "/p/sub/c.yaml", "services: {b: {image: j, env_file: e}}"),
		  "{a: {image: \"i\"}, b: {image: \"j\", env_file: [{path: \"/p/sub/e\", required: true}]}}" },
		{ "every section", "",
		  F("/p/compose.yaml", "include: [c.yaml]\nname: n\nservices: {a: {image: i}}", "/p/c.yaml",
		    "name: other\nservices: {b: {image: j}}\nvolumes: {v: }\nnetworks: {w: }\nsecrets: {s: {file: f}}\n"
		    "configs: {c: {file: g}}\nx-y: 1\n"),
		  "" },
		{ "secrets", "secrets",
		  F("/p/compose.yaml", "include: [d/c.yaml]", "/p/d/c.yaml", "secrets: {s: {file: f}}"),
		  "{s: {file: \"/p/d/f\"}}" },
		{ "its name does not count", "name",
		  F("/p/compose.yaml", "include: [d/c.yaml]", "/p/d/c.yaml", "name: x\nservices: {b: {image: j}}"),
		  "\"p\"" },
		{ "long, several paths", "services.b",
		  F("/p/compose.yaml", "include: [{path: [d/a.yaml, o.yaml]}]", "/p/d/a.yaml",
		    "services: {b: {image: j, label_file: l}}", "/p/o.yaml",
		    "services: {b: {image: k, label_file: m}}"),
		  "{image: \"k\", label_file: [\"/p/d/l\", \"/p/d/m\"]}" },
		{ "project_directory", "services.b",
		  F("/p/compose.yaml", "include: [{path: d/a.yaml, project_directory: ./e}]", "/p/d/a.yaml",
		    "services: {b: {image: \"$V\", label_file: l}}", "/p/e/.env", "V=e", "/p/d/.env", "V=d"),
		  "{image: \"e\", label_file: [\"/p/e/l\"]}" },
		{ "its .env, and the outer one before it", "services.b.image",
		  F("/p/compose.yaml", "include: [d/a.yaml]", "/p/d/a.yaml", "services: {b: {image: \"$OUTER-$V-$W\"}}",
		    "/p/d/.env", "OUTER=inner\nV=v$OUTER\nW=inner", "/p/.env", "W=w"), "\"outer-vouter-w\"" },
		{ "env_file", "services.b.image",
		  F("/p/compose.yaml", "include: [{path: d/a.yaml, env_file: [one.env, /dev/null, /q/two.env]}]",
		    "/p/d/a.yaml", "services: {b: {image: \"$V-$W-$X\"}}", "/p/d/.env", "X=no", "/p/one.env",
		    "V=1\nW=1", "/q/two.env", "W=2"),
		  "\"1-2-\"" },
		{ "env_file /dev/null", "services.b.image",
		  F("/p/compose.yaml", "include: [{path: d/a.yaml, env_file: /dev/null}]", "/p/d/a.yaml",
		    "services: {b: {image: \"x$V\"}}", "/p/d/.env", "V=no"),
		  "\"x\"" },
		{ "a variable of its own for a service", "services.b.environment",
		  F("/p/compose.yaml", "include: [d/a.yaml]", "/p/d/a.yaml",
		    "services: {b: {image: i, environment: [V, NONE]}}", "/p/d/.env", "V=v"),
		  "{V: \"v\", NONE: null}" },
		{ "nested", "services.c",
		  F("/p/compose.yaml", "include: [d/a.yaml]", "/p/d/a.yaml", "include: [e/b.yaml]", "/p/d/e/b.yaml",
		    "services: {c: {image: i, label_file: ../l}}"),
		  "{image: \"i\", label_file: [\"/p/d/l\"]}" },
		{ "the same twice", "services",
		  F("/p/compose.yaml", "include: [a.yaml, b.yaml]", "/p/a.yaml", "include: [c.yaml]", "/p/b.yaml",
		    "include: [c.yaml]", "/p/c.yaml", "services: {c: {image: i}}"),
		  "{c: {image: \"i\"}}" },
		{ "what the including file has goes over it", "services.b",
		  F("/p/compose.yaml", "include: [a.yaml]\nservices: {b: {image: k, cap_add: [K]}}", "/p/a.yaml",
		    "services: {b: {image: j, user: u, cap_add: [J]}}"),
		  "{image: \"k\", user: \"u\", cap_add: [\"J\", \"K\"]}" },
		{ "!reset acts on it", "services.b",
		  F("/p/compose.yaml", "include: [a.yaml]\nservices: {b: {image: k, user: !reset }}",
		    "/p/a.yaml", "services: {b: {image: j, user: u}}"), "{image: \"k\"}" },
		{ "a service extends an included one", "services.x",
		  F("/p/compose.yaml", "include: [d/a.yaml]\nservices: {x: {extends: b, user: w}}", "/p/d/a.yaml",
		    "services: {b: {image: j, label_file: l}}"),
		  "{image: \"j\", label_file: [\"/p/d/l\"], user: \"w\"}" },
		{ "no list", NULL, F("/p/compose.yaml", "include: a.yaml"),
		  "compose.yaml:1:10 include: include must be a list" },
		{ "no path", NULL, F("/p/compose.yaml", "include: [{env_file: x}]"),
		  "compose.yaml:1:11 include: an item of include needs a path" },
		{ "path of a wrong kind", NULL, F("/p/compose.yaml", "include: [{path: {a: b}}]"),
		  "compose.yaml:1:18 include: path must be a string or a list of strings" },
		{ "item of a wrong kind", NULL, F("/p/compose.yaml", "include: [[a]]"),
		  "compose.yaml:1:11 include: an item of include is a path, or a mapping with path" },
		{ "unknown key", NULL, F("/p/compose.yaml", "include: [{path: a, envfile: b}]"),
		  "compose.yaml:1:21 include: include does not know the key \"envfile\"" },
		{ "absent file", NULL, F("/p/compose.yaml", "include:\n  - a.yaml\n"),
		  "compose.yaml:2:5: the compose file a.yaml does not exist" },
		{ "absent env file", NULL,
		  F("/p/compose.yaml", "include: [{path: a.yaml, env_file: n.env}]", "/p/a.yaml", "services: {}"),
		  "compose.yaml:1:36 include: the env file n.env does not exist" },
		{ "itself", NULL, F("/p/compose.yaml", "include: [compose.yaml]"),
		  "compose.yaml:1:11 include: include cycle: compose.yaml -> compose.yaml" },
		{ "cycle", NULL,
		  F("/p/compose.yaml", "include: [a.yaml]", "/p/a.yaml", "include: [b.yaml]", "/p/b.yaml",
		    "include: [./a.yaml]"),
		  "b.yaml:1:11 include: include cycle: a.yaml -> b.yaml -> a.yaml" },
		{ "conflict", NULL, F("/p/compose.yaml", "include: [a.yaml]\nservices:\n  b: {image: i, ports: {x: 1}}",
				      "/p/a.yaml", "services: {b: {image: j, ports: [80]}}"),
		  "compose.yaml:3:24 services.b.ports: a mapping cannot be merged over the list at a.yaml:1" },
		{ "a mistake in the included file", NULL,
		  F("/p/compose.yaml", "include: [a.yaml]", "/p/a.yaml", "services: {b: {image: \"${\"}}"),
		  "a.yaml:1:24 services.b.image: invalid variable: ${" },
	};

	run(rows, 1, "include");
	run(rows + 2, ARRAY_LEN(rows) - 2, "include");
}

static void test_sections(void)
{
	const char *const *files =
		F("/p/compose.yaml", "include: [c.yaml]\nservices: {a: {image: i}}", "/p/c.yaml",
		  "services: {b: {image: j}}\nvolumes: {v: }\nnetworks: {w: }\nsecrets: {s: {environment: S}}\n"
		  "configs: {c: {file: g}}\nmodels: {m: {model: x}}\nx-y: 1\n",
		  "/p/.env", "S=secret");
	const struct load_io io = { (void *)files, mem_read, mem_kind, NULL, NULL };
	const struct load_opts o = { .io = &io, .cwd = "/p" };
	struct load_result r = {0};
	auto_errs struct errs errs = {0};

	is_int(load_project_tree(&o, &r, &errs), 0, "loaded");
	ok(node_path(r.root, "services.b") && node_path(r.root, "volumes.v") && node_path(r.root, "networks.w") &&
		   node_path(r.root, "secrets.s") && node_path(r.root, "configs.c") && node_path(r.root, "models.m"),
	   "every section is taken");
	ok(!node_get(r.root, "x-y") && !node_get(r.root, "include"), "nothing else is");
	is_str(load_source_env(&r, "secrets", "s"), "secret", "a secret's variable has its value");
	ok(!load_source_env(&r, "configs", "c"), "a file has none");
	load_result_done(&r);
}

/* Each file includes the next: an end is put to it. */
static void test_depth(void)
{
	enum { N = 80 };
	char path[N][32], text[N][64];
	const char *files[2 * N + 1] = {0};
	auto_free char *got = NULL;

	for (int i = 0; i < N; i++) {
		snprintf(path[i], sizeof(path[i]), i ? "/p/%d.yaml" : "/p/compose.yaml", i);
		snprintf(text[i], sizeof(text[i]), "include: [%d.yaml]", i + 1);
		files[2 * i] = path[i];
		files[2 * i + 1] = text[i];
	}
	got = load("", files);
	is_str(got, "64.yaml:1:11 include: files include each other too deeply", "depth is limited");
}

/* A few kilobytes that would become gigabytes. */
static void test_copies(void)
{
	auto_str struct str text = {0};
	auto_free char *got = NULL;

	str_add(&text, "services:\n  a: {image: i, x-a: [");
	for (int i = 0; i < 20000; i++)
		str_add(&text, "1,");
	str_add(&text, "]}\n");
	for (int i = 0; i < 300; i++)
		str_addf(&text, "  s%d: {extends: a}\n", i);
	got = load("", F("/p/compose.yaml", text.s));
	has_str(got, "services.s199.extends: the services of this project copy too many values by extends",
		"what extends copies is limited");
}

static int remote(void *ctx, const char *url, char **ret_path, char **ret_top, struct err *e)
{
	(void)ctx;
	if (strcmp(url, "https://example.org/r.git#main:d/c.yaml") != 0)
		return err_set(e, ERR_NET, 0, "cannot reach it");
	*ret_path = xstrdup("/cache/1/d/c.yaml");
	*ret_top = xstrdup("/cache/1");
	return 0;
}

static void test_remote(void)
{
	const char *const *files = F("/p/compose.yaml", "include: ['https://example.org/r.git#main:d/c.yaml']\n"
				     "services: {x: {extends: {file: 'oci://example.org/y', service: z}}}",
				     "/cache/1/d/c.yaml", "services: {b: {image: j, label_file: l}}");
	const struct load_io io = { (void *)files, mem_read, mem_kind, NULL, remote };
	const struct load_opts o = { .io = &io, .cwd = "/p" };
	struct load_result r = {0};
	auto_errs struct errs errs = {0};
	auto_free char *bad = NULL;

	is_int(load_project_tree(&o, &r, &errs), -1, "one of the two remote files is there");
	bad = errs_text(&errs);
	is_str(bad, "compose.yaml:2:32: cannot reach it", "the other is told of");
	is_str(r.src.n > 1 ? r.src.v[1]->name : NULL, "/cache/1/d/c.yaml", "the local copy is read");
	load_result_done(&r);
}

static char *load_remote(const char *const *env, const char *const *files)
{
	const struct load_io io = { (void *)files, mem_read, mem_kind, NULL, remote };
	const struct load_opts o = { .io = &io, .cwd = "/p", .environ_kv = env };
	struct load_result r = {0};
	auto_errs struct errs errs = {0};
	char *got;

	(void)!load_project_tree(&o, &r, &errs);
	got = errs_text(&errs);
	load_result_done(&r);
	return got;
}

#define FETCHED(text) F("/p/compose.yaml", "include: ['https://example.org/r.git#main:d/c.yaml']", \
			"/cache/1/d/c.yaml", text, "/cache/1/e.yaml", "services: {b: {image: j}}", \
			"/cache/10/e.yaml", "services: {b: {image: j}}", "/x.yaml", "services: {b: {image: j}}")

/* What was fetched names files of its own, or absolute ones in so many words. */
static void test_fence(void)
{
	static const char *const off[] = { "COMPOSE_EXPERIMENTAL_GIT_REMOTE=false", NULL };
	auto_free char *inside = load_remote(NULL, FETCHED("include: [../e.yaml]"));
	auto_free char *absolute = load_remote(NULL, FETCHED("include: [/x.yaml]"));
	auto_free char *out = load_remote(NULL, FETCHED("include: [../../10/e.yaml]"));
	auto_free char *far = load_remote(NULL, FETCHED("services: {a: {extends: {file: ../../../x.yaml, service: b}}}"));
	auto_free char *no = load_remote(off, FETCHED("services: {b: {image: j}}"));

	is_str(inside, "", "a file that came with it");
	is_str(absolute, "", "an absolute path");
	is_str(out, "/cache/1/d/c.yaml:1:11: /cache/10/e.yaml leads out of the project that was fetched", "a neighbour");
	is_str(far, "/cache/1/d/c.yaml:1:32: /x.yaml leads out of the project that was fetched", "a file of the host");
	has_str(no, "COMPOSE_EXPERIMENTAL_GIT_REMOTE is off", "switched off");
}

int main(void)
{
	test_extends();
	test_include();
	test_sections();
	test_depth();
	test_copies();
	test_remote();
	test_fence();
	return done_testing();
}
