/* SPDX-License-Identifier: Apache-2.0 */
/* graph_hash.c - which changes of a service count, and how the first of them is told. */
#include "graph/hash.h"
#include "compose/base/json.h"
#include "tests/unit/parser_help.h"

static struct arena a;

static struct service service(const char *yaml)
{
	auto_errs struct errs errs = {0};
	struct service s = {.name = "web", .tree = parse(&a, yaml, &errs)};

	if (errs.n || !s.tree)
		diag("the test's own YAML: %s", yaml);
	return s;
}

static void same(const char *x, const char *y, bool want, const char *what)
{
	struct service s = service(x), t = service(y);
	char hx[65], hy[65];

	service_hash(&s, hx);
	service_hash(&t, hy);
	ok(!strcmp(hx, hy) == want && strlen(hx) == 64, "%s", what);
}

static void told(const char *was, const char *is, const char *want, unsigned line)
{
	struct service old = service(was), new = service(is);
	auto_json json_t *j = service_config(&old);
	auto_free char *text = json_dumps(j, JSON_COMPACT);
	struct srcpos at;

	is_str(service_difference(&a, text, &new, &at), want, "told as: %s", want);
	is_int(at.line, line, "in line %u", line);
}

static void differences(void)
{
	struct service s = service("image: x");
	struct srcpos at;

	told("environment: {DEBUG: '0'}", "image: x\nenvironment:\n  A: b\n  DEBUG: '1'\n", "environment.DEBUG changed",
	     4);
	told("image: x\nenvironment: {A: b}", "image: x\nenvironment:\n  A: b\n  B: c\n", "environment.B added", 4);
	told("image: x\nenvironment: {A: b, C: d}", "image: x\nenvironment: {A: b}", "environment.C removed", 0);
	told("image: x\ncommand: [a, b]", "image: x\ncommand: [a, c]", "command changed", 2);
	told("image: x", "image: x\nprivileged: true", "privileged added", 2);
	told("labels: {com: a, com.x: b}", "labels:\n  com: a\n  com.x: c\n", "labels.com.x changed", 3);
	told("labels: {com.x: b, com: a}", "labels:\n  com.x: c\n  com: a\n", "labels.com.x changed", 2);
	told("image: x", "image: x\ndepends_on: [y]\n", "configuration changed", 0);
	is_str(service_difference(&a, "not json", &s, &at), "configuration changed", "an old text that is broken");
	is_int(at.line, 0, "has no place");
	is_str(service_difference(&a, "[1]", &s, &at), "configuration changed", "or of another shape");
}

static void hashes(void)
{
	same("{image: x, user: y}", "{user: y, image: x}", true, "the order of keys does not count");
	same("command: [a, b]", "command: [b, a]", false, "the order of a list does");
	same("image: x", "image: y", false, "the image's name");
	same("environment: {A: '1'}", "environment: {A: 1}", false, "a text is not a number");
	same("image: x", "{image: x, depends_on: {db: {condition: service_started}}}", true,
	     "depends_on does not count");
	same("image: x", "{image: x, build: {context: .}, pull_policy: always, scale: 3, profiles: [p]}", true,
	     "nor build, pull_policy, scale, profiles");
	same("{image: x, deploy: {replicas: 2}}", "{image: x, deploy: {replicas: 5}}", true, "nor deploy.replicas");
	same("{image: x, deploy: {replicas: 2}}", "{image: x, deploy: {replicas: 2, resources: {}}}", false,
	     "but the rest of deploy");
	same("image: \"h\\xe9\"", "image: h\xc3\xa9", true, "texts beyond ASCII");
}

static void resources(void)
{
	auto_errs struct errs errs = {0};
	struct network n = {.tree = parse(&a, "driver: bridge", &errs)},
		       m = {.tree = parse(&a, "{driver: bridge, internal: true}", &errs)};
	struct network bare = {0};
	struct volume v = {.tree = n.tree}, w = {.tree = m.tree};
	char x[65], y[65];

	network_hash(&n, x);
	network_hash(&m, y);
	ok(strcmp(x, y), "networks differ");
	network_hash(&bare, y);
	ok(strlen(y) == 64 && strcmp(x, y), "one without settings");
	volume_hash(&v, x);
	volume_hash(&w, y);
	ok(strcmp(x, y), "volumes differ");
}

int main(void)
{
	hashes();
	differences();
	resources();
	arena_done(&a);
	return done_testing();
}
