/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/paths.h"
#include "tests/unit/parser_help.h"

static void test_texts(void)
{
	static const struct {
		const char *base, *path, *want;
	} joins[] = {
		{ "/p", "a", "/p/a" },
		{ "/p", "./a/../b", "/p/b" },
		{ "/p", "../..", "/" },
		{ "/p", "/x//y/", "/x/y" },
		{ "/p", ".", "/p" },
		{ "/", "a", "/a" },
		{ "a", "../../b", "../b" },
		{ ".", "b", "b" },
		{ "..", "b", "../b" },
		{ "", "", "." },
		{ "a", "..", "." },
		{ "/p", "", "/p" },
		{ "../..", "..", "../../.." },
	};
	static const struct {
		const char *from, *to, *want;
	} rels[] = {
		{ "/a/b", "/a/b", "." },      { "/a/b", "/a/b/c/d", "c/d" },
		{ "/a/b", "/a/c", "../c" },   { "/a/b", "/a", ".." },
		{ "/", "/x", "x" },	      { "/x", "/", ".." },
		{ "/a/b", "/a/bc", "../bc" }, { "/a/bc", "/a/b", "../b" },
	};
	struct arena a = {0};

	for (size_t i = 0; i < ARRAY_LEN(joins); i++)
		is_str(path_join(&a, joins[i].base, joins[i].path), joins[i].want, "%s on %s", joins[i].path,
		       joins[i].base);
	for (size_t i = 0; i < ARRAY_LEN(rels); i++)
		is_str(path_relative(&a, rels[i].from, rels[i].to), rels[i].want, "%s from %s", rels[i].to,
		       rels[i].from);
	is_str(path_dir(&a, "/a/b"), "/a", "directory");
	is_str(path_dir(&a, "/a"), "/", "directory below the root");
	is_str(path_dir(&a, "a"), ".", "no directory");
	is_str(path_base("/a/b"), "b", "last component");
	is_str(path_base("/"), "/", "of the root");
	ok(path_is_remote("oci://x/y") && path_is_remote("https://h/r.git") && !path_is_remote("./x"),
	   "remote files are told apart");
	arena_done(&a);
}

static char *fake_realpath(void *ctx, const char *path)
{
	(void)ctx;
	return strcmp(path, "/p/link") ? NULL : xstrdup("/real");
}

static void test_tree(void)
{
	static const char doc[] = "services:\n"
				  "  a:\n"
				  "    build: {context: ./c, dockerfile: D, additional_contexts: {x: ../y, u: "
				  "'https://h/x', i: 'docker-image://z', s: 'service:b'},"
				  " ssh: {k: ./id, l: './a,/b,../c', d: }}\n"
				  "    env_file: [{path: ./e}, {path: /abs}, {path: ~/h}]\n"
				  "    label_file: [l]\n"
				  "    extends: {file: f.yaml, service: s}\n"
				  "    develop: {watch: [{path: link}, {path: ./w}]}\n"
				  "    volumes: [{type: bind, source: ./b}, {type: volume, source: v}, {type: bind, "
				  "source: 'C:\\x'}, {type: bind, source: ~}]\n"
				  "    working_dir: w\n"
				  "  g: {build: {context: 'git@h:r'}}\n"
				  "volumes:\n"
				  "  v: {driver: local, driver_opts: {o: bind, device: ./d}}\n"
				  "  n: {driver: local, driver_opts: {o: nfs, device: ':x'}}\n"
				  "  e:\n"
				  "configs: {c: {file: ./c.conf}}\n"
				  "secrets: {s: {file: /s}, t: {environment: T}}\n";
	static const char want[] =
		"{services: {a: {build: {context: \"/p/c\", dockerfile: \"D\", additional_contexts: {x: \"/y\", u: "
		"\"https://h/x\", "
		"i: \"docker-image://z\", s: \"service:b\"}, ssh: {k: \"/p/id\", l: \"/p/a,/b,/c\", d: null}}, env_file: [{path: \"/p/e\"}, {path: "
		"\"/abs\"}, "
		"{path: \"/home/me/h\"}], label_file: [\"/p/l\"], extends: {file: \"/p/f.yaml\", service: \"s\"}, "
		"develop: {watch: [{path: \"/real\"}, {path: \"/p/w\"}]}, volumes: [{type: \"bind\", source: "
		"\"/p/b\"}, "
		"{type: \"volume\", source: \"v\"}, {type: \"bind\", source: \"C:\\x\"}, {type: \"bind\", source: "
		"null}], working_dir: \"w\"}, "
		"g: {build: {context: \"git@h:r\"}}}, volumes: {v: {driver: \"local\", driver_opts: {o: \"bind\", "
		"device: \"/p/d\"}}, "
		"n: {driver: \"local\", driver_opts: {o: \"nfs\", device: \":x\"}}, e: null}, configs: {c: {file: "
		"\"/p/c.conf\"}}, "
		"secrets: {s: {file: \"/s\"}, t: {environment: \"T\"}}}";
	const struct load_io io = { NULL, NULL, NULL, fake_realpath, NULL };
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct node *n = parse(&a, doc, &errs), *rel = parse(&a, "services: {a: {env_file: [{path: ../e}]}}", &errs);
	struct rebase r = { &a, "/p", "/home/me", &io }, sub = { &a, "sub/dir", NULL, NULL };
	auto_free char *got = NULL, *twice = NULL;

	paths_rebase(&r, n);
	got = flow(n);
	is_str(got, want, "every path-like attribute, and nothing else");
	paths_rebase(&sub, rel);
	paths_rebase(&r, rel);
	twice = flow(rel);
	is_str(twice, "{services: {a: {env_file: [{path: \"/p/sub/e\"}]}}}",
	       "a relative base first, the project's later");
	arena_done(&a);
}

int main(void)
{
	test_texts();
	test_tree();
	return done_testing();
}
