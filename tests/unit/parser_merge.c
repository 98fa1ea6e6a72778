/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/merge.h"
#include "parser/reset.h"
#include "parser/rules.h"
#include "tests/unit/parser_help.h"

/* Below services.x, or with a leading "/" below the document. */
struct row { const char *what, *base, *over, *want; };

static const struct row rows[] = {
	{ "scalars", "image: a", "image: b", "{image: \"b\"}" },
	{ "new keys come behind", "image: a", "user: u", "{image: \"a\", user: \"u\"}" },
	{ "null keeps", "image: a", "image:", "{image: \"a\"}" },
	{ "null is replaced", "image:", "image: a", "{image: \"a\"}" },
	{ "maps", "deploy: {replicas: 1, mode: a}", "deploy: {replicas: 2}", "{deploy: {replicas: 2, mode: \"a\"}}" },
	{ "lists", "security_opt: [a]", "security_opt: [b, a]", "{security_opt: [\"a\", \"b\", \"a\"]}" },
	{ "command", "command: [a, b]", "command: c", "{command: \"c\"}" },
	{ "command null", "command: [a, b]", "command:", "{command: null}" },
	{ "entrypoint", "entrypoint: [a]", "entrypoint: [b]", "{entrypoint: [\"b\"]}" },
	{ "healthcheck.test", "healthcheck: {test: [CMD, a], retries: 3}", "healthcheck: {test: b}",
	  "{healthcheck: {test: \"b\", retries: 3}}" },
	{ "environment map and list", "environment: {B: 1, A: x, C: }", "environment: [A=y, D]",
	  "{environment: [\"A=y\", \"B=1\", \"C\", \"D\"]}" },
	{ "environment values", "environment: {A: true, B: 1.50, C: 0x10, D: ''}", "environment: [E=]",
	  "{environment: [\"A=true\", \"B=1.5\", \"C=16\", \"D=\", \"E=\"]}" },
	{ "environment lists", "environment: [A=1, A=2]", "environment: [B=1]", "{environment: [\"A=2\", \"B=1\"]}" },
	{ "labels", "labels: {a: 1}", "labels: {a: 2, b: 3}", "{labels: [\"a=2\", \"b=3\"]}" },
	{ "annotations", "annotations: [a=1]", "annotations: {a: 2}", "{annotations: [\"a=2\"]}" },
	{ "sysctls", "sysctls: {a: 1}", "sysctls: [b=2]", "{sysctls: [\"a=1\", \"b=2\"]}" },
	{ "deploy.labels", "deploy: {labels: {a: 1}}", "deploy: {labels: [a=2]}", "{deploy: {labels: [\"a=2\"]}}" },
	{ "env_file", "env_file: a.env", "env_file: [b.env, {path: a.env, required: false}]",
	  "{env_file: [{path: \"a.env\", required: false}, \"b.env\"]}" },
	{ "label_file", "label_file: a", "label_file: [b, a]", "{label_file: [\"a\", \"b\"]}" },
	{ "dns", "dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]", "{dns: [\"1.1.1.1\", \"8.8.8.8\"]}" },
	{ "dns_search", "dns_search: a", "dns_search: b", "{dns_search: [\"a\", \"b\"]}" },
	{ "dns_opt", "dns_opt: [a]", "dns_opt: [b]", "{dns_opt: [\"a\", \"b\"]}" },
	{ "tmpfs", "tmpfs: /a", "tmpfs: [/b, /a]", "{tmpfs: [\"/a\", \"/b\"]}" },
	{ "extra_hosts", "extra_hosts: {h: 1.1.1.1}", "extra_hosts: [h=1.1.1.1, h=2.2.2.2]",
	  "{extra_hosts: [\"h=1.1.1.1\", \"h=2.2.2.2\"]}" },
	{ "extra_hosts with several addresses", "extra_hosts: {h: [1.1.1.1, 2.2.2.2]}", "extra_hosts: [g=1.1.1.1]",
	  "{extra_hosts: [\"h=1.1.1.1\", \"h=2.2.2.2\", \"g=1.1.1.1\"]}" },
	{ "build text and map", "build: ./a", "build: {target: t}", "{build: {context: \"./a\", target: \"t\"}}" },
	{ "build map and text", "build: {target: t}", "build: ./b", "{build: {target: \"t\", context: \"./b\"}}" },
	{ "build texts", "build: a", "build: b", "{build: {context: \"b\"}}" },
	{ "build.args", "build: {args: {A: 1, B: }}", "build: {args: [A=2]}", "{build: {args: [\"A=2\", \"B\"]}}" },
	{ "build.tags", "build: {tags: [a]}", "build: {tags: [b, a]}", "{build: {tags: [\"a\", \"b\"]}}" },
	{ "build.additional_contexts", "build: {additional_contexts: {a: ./x}}",
	  "build: {additional_contexts: [a=./y]}", "{build: {additional_contexts: [\"a=./y\"]}}" },
	{ "depends_on lists", "depends_on: [a]", "depends_on: [b]",
	  "{depends_on: {a: {condition: \"service_started\", required: true}, b: {condition: \"service_started\", "
	  "required: true}}}" },
	{ "depends_on list and map", "depends_on: [a]", "depends_on: {a: {condition: service_healthy}}",
	  "{depends_on: {a: {condition: \"service_healthy\", required: true}}}" },
	{ "networks", "networks: [a]", "networks: {a: {aliases: [x]}, b: }",
	  "{networks: {a: {aliases: [\"x\"]}, b: null}}" },
	{ "network aliases", "networks: {a: {aliases: [x]}}", "networks: {a: {aliases: [y, x]}}",
	  "{networks: {a: {aliases: [\"x\", \"y\"]}}}" },
	{ "models", "models: [a]", "models: {a: {model_var: X}}", "{models: {a: {model_var: \"X\"}}}" },
	{ "logging same driver", "logging: {driver: d, options: {a: 1}}", "logging: {driver: d, options: {b: 2}}",
	  "{logging: {driver: \"d\", options: {a: 1, b: 2}}}" },
	{ "logging without driver", "logging: {driver: d, options: {a: 1}}", "logging: {options: {b: 2}}",
	  "{logging: {driver: \"d\", options: {a: 1, b: 2}}}" },
	{ "logging other driver", "logging: {driver: d, options: {a: 1}}", "logging: {driver: e}",
	  "{logging: {driver: \"e\"}}" },
	{ "ulimits", "ulimits: {nofile: {soft: 1, hard: 2}}", "ulimits: {nofile: 5, nproc: 6}",
	  "{ulimits: {nofile: 5, nproc: 6}}" },
	{ "ports text", "ports: [\"80:80\"]", "ports: [\"80:80\", 81]", "{ports: [\"80:80\", 81]}" },
	{ "ports map", "ports: [{target: 80, published: \"8080\"}]",
	  "ports: [{target: 80, published: 8080, protocol: tcp}]",
	  "{ports: [{target: 80, published: 8080, protocol: \"tcp\"}]}" },
	{ "ports by protocol", "ports: [{target: 80}]", "ports: [{target: 80, protocol: udp}]",
	  "{ports: [{target: 80}, {target: 80, protocol: \"udp\"}]}" },
	{ "expose", "expose: [80]", "expose: [\"80\", 81]", "{expose: [\"80\", 81]}" },
	{ "volumes", "volumes: [va:/x, vb:/y]", "volumes: [vc:/x:ro, /z]",
	  "{volumes: [\"vc:/x:ro\", \"vb:/y\", \"/z\"]}" },
	{ "volumes long", "volumes: [va:/x]", "volumes: [{type: tmpfs, target: /x}]",
	  "{volumes: [{type: \"tmpfs\", target: \"/x\"}]}" },
	{ "volumes Windows", "volumes: ['C:\\a:/x']", "volumes: ['D:\\b:/x']", "{volumes: [\"D:\\b:/x\"]}" },
	{ "devices", "devices: [/dev/a:/dev/x]", "devices: [/dev/b:/dev/x:r, /dev/x]", "{devices: [\"/dev/x\"]}" },
	{ "configs", "configs: [a]", "configs: [{source: b, target: /a}]",
	  "{configs: [{source: \"b\", target: \"/a\"}]}" },
	{ "secrets", "secrets: [a]", "secrets: [{source: a, mode: 1}, {source: b, target: /run/secrets/c}]",
	  "{secrets: [{source: \"a\", mode: 1}, {source: \"b\", target: \"/run/secrets/c\"}]}" },
	{ "cap_add", "cap_add: [A]", "cap_add: [B, A]", "{cap_add: [\"A\", \"B\"]}" },
	{ "cap_drop", "cap_drop: [A]", "cap_drop: [A]", "{cap_drop: [\"A\"]}" },
	{ "links", "links: [a]", "links: [a, b:c]", "{links: [\"a\", \"b:c\"]}" },
	{ "profiles", "profiles: [a]", "profiles: [b, a]", "{profiles: [\"a\", \"b\"]}" },
	{ "x- keys", "x-a: {b: [1]}", "x-a: {b: [2], c: 3}", "{x-a: {b: [1, 2], c: 3}}" },
	{ "/ipam pools", "{networks: {n: {ipam: {config: [{subnet: A, gateway: g}]}}}}",
	  "{networks: {n: {ipam: {config: [{subnet: A, ip_range: r}, {subnet: B}]}}}}",
	  "{networks: {n: {ipam: {config: [{subnet: \"A\", gateway: \"g\", ip_range: \"r\"}, {subnet: \"B\"}]}}}}" },
	{ "/network labels", "{networks: {n: {labels: {a: 1}}}}", "{networks: {n: {labels: [a=2]}}}",
	  "{networks: {n: {labels: [\"a=2\"]}}}" },
	{ "/volumes null", "{volumes: {v: }}", "{volumes: {v: {driver: d}, w: }}",
	  "{volumes: {v: {driver: \"d\"}, w: null}}" },
	{ "/external", "{volumes: {v: {external: true}}}", "{volumes: {v: {external: {name: x}}}}",
	  "{volumes: {v: {external: {name: \"x\"}}}}" },
};

static char *merged(const struct row *r, struct errs *errs)
{
	struct arena a = {0};
	struct merge m = { &a, errs };
	bool whole = r->what[0] == '/';
	struct node *base = parse(&a, r->base, errs), *over = parse(&a, r->over, errs), *root = base;
	struct node *top = node_new(&a, NODE_MAP, base->pos), *services = node_new(&a, NODE_MAP, base->pos);
	char *text;

	if (whole) {
		(void)!merge_project(&m, base, over);
	} else {
		(void)!merge_entry(&m, "services", "x", &base, over);
		node_set(&a, services, "x", base->pos, base);
		node_set(&a, top, "services", base->pos, services);
		root = top;
	}
	merge_unique(&a, root);
	text = flow(whole ? root : base);
	arena_done(&a);
	return text;
}

static void test_rules(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_errs struct errs errs = {0};
		auto_free char *got = merged(&rows[i], &errs), *bad = errs_text(&errs);

		is_str(got, rows[i].want, "merge: %s", rows[i].what);
		is_str(bad, "", "merge: %s: no mistake", rows[i].what);
	}
}

static void test_mismatch(void)
{
	static const struct row bad_rows[] = {
		{ "map over list", "ports: [1]", "ports: {a: 1}",
		  "t.yaml:1:8 services.x.ports: a mapping cannot be merged over the list at t.yaml:1" },
		{ "text over map", "deploy: {a: 1}", "deploy: x",
		  "t.yaml:1:9 services.x.deploy: a string cannot be merged over the mapping at t.yaml:1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		auto_errs struct errs errs = {0};
		auto_free char *got = merged(&bad_rows[i], &errs), *bad = errs_text(&errs);

		is_str(bad, bad_rows[i].want, "refused: %s", bad_rows[i].what);
		ok(strstr(got, "[1]") || strstr(got, "{a: 1}"), "the base stays: %s", bad_rows[i].what);
	}
}

static void test_origin(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct merge m = { &a, &errs };
	struct node *base = parse(&a, "\nimage: a", &errs), *over = parse(&a, "image: b", &errs),
		    *third = parse(&a, "image: c", &errs);
	const struct node *n;

	ok(merge_entry(&m, "services", "x", &base, over) == 0 && merge_entry(&m, "services", "x", &base, third) == 0,
	   "merged twice");
	n = node_get(base, "image");
	is_str(n->text, "c", "the last wins");
	is_str(n->origin->replaced->text, "b", "it knows what it replaced");
	is_str(n->origin->replaced->origin->replaced->text, "a", "and what that had replaced");
	is_int(n->origin->replaced->origin->replaced->pos.line, 2, "with its place");
	arena_done(&a);
}

static void test_reset(void)
{
	static const struct row reset_rows[] = {
		{ "!reset", "services: {w: {image: a, ports: [1]}}", "services: {w: {ports: !reset [], user: u}}",
		  "{services: {w: {image: \"a\", user: \"u\"}}}" },
		{ "!reset of a key in a map", "services: {w: {environment: {A: 1, B: 2}}}",
		  "services: {w: {environment: {A: !reset }}}", "{services: {w: {environment: [\"B=2\"]}}}" },
		{ "!override", "services: {w: {ports: [1, 2]}}", "services: {w: {ports: !override [3]}}",
		  "{services: {w: {ports: [3]}}}" },
		{ "!reset of a service", "services: {w: {image: a}, v: {image: b}}", "services: {w: !reset }",
		  "{services: {v: {image: \"b\"}}}" },
		{ "!reset of what is not there", "services: {w: {image: a}}", "services: {v: {ports: !reset []}}",
		  "{services: {w: {image: \"a\"}, v: {}}}" },
		{ "!reset of an item", "services: {w: {cap_add: [a]}}", "services: {w: {cap_add: [!reset b, c]}}",
		  "{services: {w: {cap_add: [\"a\", \"c\"]}}}" },
		{ "!reset through an alias", "services: {w: {user: a}}",
		  "x-a: &a {user: !reset }\nservices: {w: {<<: *a}}", "{services: {w: {}}, x-a: {}}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(reset_rows); i++) {
		struct arena a = {0};
		auto_errs struct errs errs = {0};
		struct merge m = { &a, &errs };
		struct resets r = {0};
		struct node *base = parse(&a, reset_rows[i].base, &errs), *over = parse(&a, reset_rows[i].over, &errs);
		auto_free char *got = NULL;

		resets_collect(&r, &a, over);
		resets_apply(&r, base, NULL, NULL);
		ok(merge_project(&m, base, over) == 0, "%s: merged", reset_rows[i].what);
		got = flow(base);
		is_str(got, reset_rows[i].want, "%s", reset_rows[i].what);
		resets_done(&r);
		arena_done(&a);
	}
}

static void test_unique_order(void)
{
	struct row r = { "env", "environment: [FOO=BAR, BAR=QIX, QIX=, ZOT, FOO=ZOT, QIX, ZOT=]", "image: x", "" };
	auto_errs struct errs errs = {0};
	auto_free char *got = merged(&r, &errs);

	is_str(got, "{environment: [\"FOO=ZOT\", \"BAR=QIX\", \"QIX\", \"ZOT=\"], image: \"x\"}",
	       "the last of a key stands where the first was");
}

/* rule_child() looks by halves. */
static void test_order(const struct rule *r)
{
	for (size_t i = 0; i < r->n_sub; i++) {
		const char *key = r->sub[i].key;

		ok(i == 0 || strcmp(r->sub[i - 1].key, key) < 0, "%s: %s stands in order", r->key, key);
		ok(rule_child(r, *key == '*' ? NULL : key) == &r->sub[i], "%s: %s is found", r->key, key);
		test_order(&r->sub[i]);
	}
}

int main(void)
{
	test_order(&rules_project);
	test_rules();
	test_mismatch();
	test_origin();
	test_reset();
	test_unique_order();
	return done_testing();
}
