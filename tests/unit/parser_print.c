/* SPDX-License-Identifier: Apache-2.0 */
/* YAML and JSON as text; what is printed reads back as the same. */
#include "parser/print.h"
#include <jansson.h>
#include "tests/unit/parser_project.h"

/* Texts that a careless writer would break. */
static const char *const awkward[] = {
	"", " ", "a", "a b", " a", "a ", "true", "True", "null", "~", "yes", "NO", "on", "y", "1", "1.5", "-1", "+1", "0x10", "0o7", "1e3", ".5",
	".inf", ".nan", "-.inf", "1_000", "2001-01-01", "22:22", "=", "<<", "- a", "-a", "--a", "---", "-", "? a", "?a", ": a", ":a", "a:", "a: b",
	"a:b", "a #b", "a#b", "#a", "[a", "{a", "]", "}", "a, b", "a]", "*a", "&a", "!a", "|", ">", "|a", "'", "''", "a'b", "\"", "a\"b", "%a", "@a",
	"`a", "\\", "a\\nb", "a\nb", "a\nb\n", "a\n\nb\n\n", "\na", "\n", "a\n b\n", " a\nb", "a \nb", "a\tb", "\ta", "a\n\tb", "a\rb", "a\r\nb",
	"\x01", "a\x7f", "\u00e9", "\u00e9\n\u00e8", "\xc2\x85", "a\u2028b", "\ufeffx", "\u2028\nx", "$", "$$", "${A}", "$A b", "a\n$B\n", "'$'", "\U0001f600",
	"key: |\n  x\n", "# no comment\nx", "a\n# b\n", "...", "a\n---\nb", "null\n", "1\n",
};

static void round_trip(const char *text, bool json)
{
	struct arena a = { 0 };
	struct srcpos pos = { 0 };
	struct node *root = node_new(&a, NODE_MAP, pos), *list = node_new(&a, NODE_LIST, pos), *map = node_new(&a, NODE_MAP, pos);
	auto_str struct str out = { 0 };
	auto_errs struct errs errs = { 0 };

	node_push(&a, list, node_str(&a, text, pos));
	node_push(&a, list, map);
	node_set(&a, map, "x", pos, node_str(&a, text, pos));
	node_set(&a, root, "list", pos, list);
	node_set(&a, root, "labels", pos, map);
	node_set(&a, root, "text", pos, node_str(&a, text, pos));
	if (*text && strlen(text) < 100 && !strchr(text, '\n'))
		node_set(&a, map, text, pos, node_str(&a, "v", pos));
	print_node(&out, root, &(struct print_opts){ .json = json, .keep_dollar = true });
	auto_free char *doc = xstrdup(str_cstr(&out));
	struct node *back = parse(&a, doc, &errs);
	auto_free char *mistakes = errs_text(&errs);
	is_str(mistakes, "", "%s: reads back: %s", json ? "JSON" : "YAML", text);
	auto_free char *want = flow(root), *got = back ? flow(back) : NULL;
	ok(back && node_equal(root, back), "%s: is the same: %s", json ? "JSON" : "YAML", text);
	if (!back || !node_equal(root, back))
		diag("printed:\n%s\nwant %s\ngot  %s", doc, want, got ? got : "");
	arena_done(&a);
}

static const char doc[] =
	"x-b: {k: 1}\n"
	"services:\n"
	"  web:\n"
	"    image: ${I:-nginx}\n"
	"    x-note: kept\n"
	"    command: echo $$HOME\n"
	"    ports: ['8080:80']\n"
	"    cpus: 0.50\n"
	"    mem_limit: 1m\n"
	"    healthcheck: {interval: 90s, test: 'x'}\n"
	"    labels: {x-l: a, b: 1}\n"
	"    volumes: [./d:/d]\n";

static const char want_yaml[] =
	"name: app\n"
	"services:\n"
	"  web:\n"
	"    command:\n"
	"      - echo\n"
	"      - $$HOME\n"
	"    cpus: 0.5\n"
	"    entrypoint: null\n"
	"    healthcheck:\n"
	"      interval: 1m30s\n"
	"      test:\n"
	"        - CMD-SHELL\n"
	"        - x\n"
	"    image: nginx\n"
	"    labels:\n"
	"      b: \"1\"\n"
	"      x-l: a\n"
	"    mem_limit: \"1048576\"\n"
	"    networks:\n"
	"      default: null\n"
	"    ports:\n"
	"      - mode: ingress\n"
	"        protocol: tcp\n"
	"        published: \"8080\"\n"
	"        target: 80\n"
	"    volumes:\n"
	"      - bind:\n"
	"          create_host_path: true\n"
	"        source: /p/app/d\n"
	"        target: /d\n"
	"        type: bind\n"
	"    x-note: kept\n"
	"networks:\n"
	"  default:\n"
	"    ipam: {}\n"
	"    name: app_default\n"
	"x-b:\n"
	"  k: 1\n";

static void documents(void)
{
	struct run t;
	auto_str struct str yaml = { 0 }, json = { 0 }, again = { 0 };

	run_text(&t, doc, NULL);
	is_int(t.rc, 0, "loads");
	print_tree(&yaml, t.p->tree, &(struct print_opts){ 0 });
	is_str(str_cstr(&yaml), want_yaml, "as YAML");
	print_tree(&json, t.p->tree, &(struct print_opts){ .json = true });
	json_t *j = json_loads(str_cstr(&json), 0, NULL);
	ok(j != NULL, "as JSON: parses");
	json_t *web = json_object_get(json_object_get(j, "services"), "web");
	ok(json_is_null(json_object_get(web, "entrypoint")) && json_object_get(web, "entrypoint"), "as JSON: entrypoint null is there");
	ok(!json_object_get(web, "x-note") && json_object_get(j, "x-b"), "as JSON: extensions at the top only");
	ok(json_object_get(json_object_get(web, "labels"), "x-l") != NULL, "as JSON: a label is no extension");
	ok(json_is_real(json_object_get(web, "cpus")), "as JSON: cpus is a number");
	json_decref(j);
	run_done(&t);

	run_text(&t, want_yaml, NULL);
	is_int(t.rc, 0, "YAML output loads again");
	print_tree(&again, t.p->tree, &(struct print_opts){ 0 });
	is_str(str_cstr(&again), want_yaml, "to the same");
	run_done(&t);
}

static const char lists_doc[] =
	"services:\n"
	"  a: {image: ia, depends_on: [z], profiles: [q]}\n"
	"  b: {build: ., depends_on: [a], profiles: [p, q], volumes: [vol:/v]}\n"
	"  z: {image: iz}\n"
	"volumes: {vol: }\n";

static void lists(void)
{
	const struct { const char *what; void (*print)(struct str *, const struct project *); const char *want; } rows[] = {
		{ "services, dependencies first", print_services, "z\na\nb\n" },
		{ "volumes", print_volumes, "vol\n" },
		{ "networks", print_networks, "default\n" },
		{ "images", print_images, "ia\napp-b\niz\n" },
		{ "profiles", print_profiles, "p\nq\n" },
		{ "environment", print_environment, "A=x\nCOMPOSE_PROJECT_NAME=app\nPWD=/p/app\n" },
	};
	struct run t;

	run_text(&t, lists_doc, &(struct project_opts){ .profiles = LIST("*"), .environ_kv = LIST("A=x") });
	is_int(t.rc, 0, "loads");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_str struct str out = { 0 };
		rows[i].print(&out, t.p);
		is_str(str_cstr(&out), rows[i].want, "%s", rows[i].what);
	}
	run_done(&t);
}

static void variables(void)
{
	struct run t;
	auto_str struct str table = { 0 }, json = { 0 };

	run_text(&t, "services: {a: {image: \"${IMG:-nginx}\", hostname: \"${H:?say}\", user: \"${U:+alt}\"}}\n",
		 &(struct project_opts){ .no_interpolate = true });
	is_int(t.rc, 0, "a required variable does not matter to the list of variables");
	print_variables(&table, t.p, false);
	is_str(str_cstr(&table),
	       "NAME                REQUIRED            DEFAULT VALUE       ALTERNATE VALUE\n"
	       "H                   true                                    \n"
	       "IMG                 false               nginx               \n"
	       "U                   false                                   alt\n", "as a table");
	print_variables(&json, t.p, true);
	json_t *j = json_loads(str_cstr(&json), 0, NULL);
	is_str(json_string_value(json_object_get(json_object_get(j, "IMG"), "DefaultValue")), "nginx", "as JSON");
	json_decref(j);
	run_done(&t);
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(awkward); i++) {
		round_trip(awkward[i], false);
		round_trip(awkward[i], true);
	}
	documents();
	lists();
	variables();
	return done_testing();
}
