/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/schema.h"
#include "tests/unit/schema_doc.h"

static void good_case(const struct schema_case *c)
{
	struct arena a = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_free char *doc = document(c->path, c->good), *got = NULL, *mistakes = NULL, *want = NULL;
	const char *key = strrchr(c->path, '.');
	struct node *root = pass(&a, doc, &errs, NULL);

	mistakes = errs_text(&errs);
	is_str(mistakes, "", "%s takes %s", c->path, c->good);
	got = flow(root);
	want = c->want ? xasprintf("%s: %s", key ? key + 1 : c->path, c->want) : xasprintf("external: true, name: \"%s\"", c->good);
	has_str(got, want, "%s: %s becomes %s", c->path, c->good, want);
	auto_free char *once = flow(root);
	if (root && !errs.n && canon_apply(&a, root, &errs) == 0 && canon_defaults(&a, root, &errs) == 0) {
		auto_free char *twice = flow(root);
		is_str(twice, once, "%s: a second pass changes nothing", c->path);
	}
	arena_done(&a);
}

static void bad_case(const struct schema_case *c)
{
	struct arena a = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_free char *doc = document(c->path, c->bad), *mistakes = NULL;

	pass(&a, doc, &errs, NULL);
	mistakes = errs_text(&errs);
	has_str(mistakes, c->err, "%s refuses %s", c->path, c->bad);
	has_str(mistakes, "t.yaml:1:", "%s: the position is told", c->path);
	arena_done(&a);
}

/* ---- coverage ---- */

static void has_case(void *ctx, const char *path, const struct key *k)
{
	int *missing = ctx;

	(void)k;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (!strcmp(cases[i].path, path))
			return;
	diag("no case for %s", path);
	++*missing;
}

struct find { const char *path; bool found; };

static void find_path(void *ctx, const char *path, const struct key *k)
{
	struct find *f = ctx;

	(void)k;
	f->found |= !strcmp(f->path, path);
}

static void coverage(void)
{
	int missing = 0;

	schema_each(has_case, &missing);
	is_int(missing, 0, "every attribute has a case");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct find f = { cases[i].path, false };
		schema_each(find_path, &f);
		ok(f.found, "%s is an attribute", cases[i].path);
	}
}

static void sorted_below(const struct keys *k, int *bad)
{
	for (size_t i = 1; i < k->n; i++)
		if (strcmp(k->v[i - 1].name, k->v[i].name) >= 0) {
			diag("%s: %s stands before %s", k->what, k->v[i - 1].name, k->v[i].name);
			++*bad;
		}
}

static void table_row_ok(void *ctx, const char *path, const struct key *k)
{
	int *bad = ctx;

	if (k->keys)
		sorted_below(k->keys, bad);
	if (k->item && k->item->keys)
		sorted_below(k->item->keys, bad);
	if (k->status == KEY_SILENT && !k->note) {
		diag("%s is ignored without a reason", path);
		++*bad;
	}
	if (!(k->forms & FORM_MAP) && k->keys)
		++*bad;
}

/* ---- single points ---- */

struct point { const char *what, *doc, *err, *hint; };
static const struct point points[] = {
	{ "unknown key", "services:\n  web:\n    imagee: x\n", "t.yaml:3:5 services.web.imagee: unknown key `imagee` in a service", "did you mean `image`?" },
	{ "near key", "services:\n  web:\n    port: [80]\n", "t.yaml:3:5 services.web.port: unknown key `port` in a service", "did you mean `ports`?" },
	{ "other level", "services:\n  web:\n    image: i\n    gateway: x\n", "t.yaml:4:5 services.web.gateway: unknown key `gateway` in a service",
	  "`gateway` belongs to networks.*.ipam.config[]" },
	{ "service at the root", "web:\n  image: x\n", "t.yaml:1:1 web: unknown key `web` in the top level", "`web` looks like a service: move it below `services:`" },
	{ "attribute at the root", "image: x\n", "t.yaml:1:1 image: unknown key `image` in the top level", "`image` belongs to services.*" },
	{ "wrong type", "services:\n  web:\n    image: i\n    ports: 80\n", "t.yaml:4:12 services.web.ports: services.web.ports must be a list, not a number", "write a list: [\"80\"]" },
	{ "null", "services:\n  web:\n    image:\n", "services.web.image must be a string, not empty", "give it a value, or leave the key out" },
	{ "number for a text", "services:\n  web:\n    image: i\n    user: 1000\n", "services.web.user must be a string, not a number", "put it in quotes: \"1000\"" },
	{ "null service", "services:\n  web:\n", "services.web must be a mapping, not empty",
	  "give it a value, or leave the key out" },
	{ "missing key", "services: {w: {image: i, volumes: [{target: /a}]}}\n", "services.w.volumes[0] lacks the key `type`", NULL },
	{ "wrong word", "services: {w: {image: i, cgroup: pivate}}\n", "must be host or private, not \"pivate\"", "did you mean `private`?" },
};

static void single_points(void)
{
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		struct arena a = { 0 };
		auto_errs struct errs errs = { 0 };
		auto_free char *text = NULL;
		pass(&a, points[i].doc, &errs, NULL);
		text = errs_text(&errs);
		is_int(errs.n, 1, "%s: one mistake", points[i].what);
		has_str(text, points[i].err, "%s: what is told", points[i].what);
		is_str(errs.n ? errs.v[0].hint : NULL, points[i].hint, "%s: the hint", points[i].what);
		arena_done(&a);
	}
}

static void collected(void)
{
	struct arena a = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_warns struct warns w = { 0 };

	pass(&a, "services:\n  a: {imag: x}\n  b: {ports: 1}\n  c: {cpu: 1}\nfoo: 1\n", &errs, NULL);
	is_int(errs.n, 4, "all mistakes of a run are collected");
	arena_done(&a);
	errs_done(&errs);
	errs = (struct errs){ 0 };
	pass(&a, "services:\n  a: {image: x, tty: \"yes\", environment: {V: 3.10, W: 5, X: '3.10'}}\n", &errs, &w);
	is_int(errs.n, 0, "old booleans and odd numbers are taken");
	is_int(w.n, 2, "each with a warning");
	has_str(w.n ? w.v[0].text : NULL, "write `true`", "a boolean of older YAML");
	has_str(w.n > 1 ? w.v[1].text : NULL, "3.10 is read as the number 3.1", "a number that loses its zero");
	arena_done(&a);
}

static void refused(void)
{
	struct arena a = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_warns struct warns w = { 0 };
	struct node *root = pass(&a, "services:\n  web:\n    image: i\n    use_api_socket: true\n    cpu_count: 2\n    develop: {watch: []}\n", &errs, NULL);
	auto_free char *text = NULL;

	is_int(schema_unsupported(&schema_service, node_path(root, "services.web"), "services.web", &errs, &w), -1, "a key that is not carried out is refused");
	text = errs_text(&errs);
	is_str(text, "t.yaml:4:5 services.web.use_api_socket: `use_api_socket` is not supported yet: there is no engine socket", "with position");
	is_int(w.n, 1, "cpu_count is warned of, develop is not");
	has_str(w.n ? w.v[0].text : NULL, "`cpu_count` has no effect here", "the warning");
	arena_done(&a);
}

int main(void)
{
	int bad = 0;

	coverage();
	schema_each(table_row_ok, &bad);
	sorted_below(schema_root.keys, &bad);
	sorted_below(&schema_service, &bad);
	is_int(bad, 0, "the table is sorted and whole");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		good_case(&cases[i]);
		bad_case(&cases[i]);
	}
	single_points();
	collected();
	refused();
	return done_testing();
}
