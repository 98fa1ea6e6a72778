/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>
#include "tests/unit/parser_help.h"

static void test_accept(void)
{
	static const struct { const char *yaml, *want; } rows[] = {
		{ "a: 1\nb: 'x'\nc:\n", "{a: 1, b: \"x\", c: null}" },
		{ "ports:\n- 22:22\n- \"80\"\n- 0o10\n", "{ports: [\"22:22\", \"80\", 8]}" },
		{ "a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{a: \"x\ny\n\", b: \"x y\"}" },
		{ "x: &a {k: 1}\ny: *a\n", "{x: {k: 1}, y: {k: 1}}" },
		{ "x: &a {k: 1, l: 2}\ny:\n  l: 3\n  <<: *a\n", "{x: {k: 1, l: 2}, y: {l: 3, k: 1}}" },
		{ "a: &a {k: 1}\nb: &b {k: 2, m: 3}\nc: {<<: [*a, *b]}\n",
		  "{a: {k: 1}, b: {k: 2, m: 3}, c: {k: 1, m: 3}}" },
		{ "l: &l [{k: 1}, {m: 2}]\nc: {<<: *l}\n", "{l: [{k: 1}, {m: 2}], c: {k: 1, m: 2}}" },
		{ "a: {\"<<\": 1}\n", "{a: {<<: 1}}" },
		{ "a: !!str 12\nb: !!int '12'\nc: !foo 12\n", "{a: \"12\", b: 12, c: \"12\"}" },
		{ "k: &n name\n*n : v\n", "{k: \"name\", name: \"v\"}" },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{a: 1, b: 2, c: 2}" },
		{ "a: yes\nb: True\n", "{a: \"yes\", b: true}" },
		{ "%YAML 1.1\n---\na: 1\n", "{a: 1}" },
		{ "\xef\xbb\xbf" "a: 1\r\nb: 2\r\n", "{a: 1, b: 2}" },
		{ "- 1\n- [2]\n", "[1, [2]]" },
		{ "just text", "\"just text\"" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a = {0};
		auto_errs struct errs errs = {0};
		auto_free char *got = flow(parse(&a, rows[i].yaml, &errs)), *bad = errs_text(&errs);

		is_str(got, rows[i].want, "tree %zu", i);
		is_str(bad, "", "tree %zu has no mistake", i);
		arena_done(&a);
	}
}

static void test_refuse(void)
{
	static const struct { const char *yaml, *want; } rows[] = {
		{ "a:\n\tb: 1\n", "t.yaml:2:1: a tab character indents this line" },
		{ "a:\n  b: 1\n\tc: 2\n", "t.yaml:3:1: a tab character indents this line" },
		{ "a:\n  \tb: 1\n", "t.yaml:2:3: a tab character indents this line" },
		{ "a: \"x\nb: 1\n", "t.yaml:1:4: this quote is never closed" },
		{ "a: \"x\nb: \"y\"\nc: 1\n", "t.yaml:1:4: this quote is not closed on its line" },
		{ "a: 'x\nb: 'y'\n", "t.yaml:1:4: this quote is not closed on its line" },
		{ "a: b: c\n", "t.yaml:1:5: a second \": \" stands in this line, or the line is indented too far" },
		{ "a:\n  b: 1\n c: 2\n", "t.yaml:3:2: this line does not fit the mapping around it" },
		{ "a:\n  b: 1\n  c\nd: 1\n", "t.yaml:3:3: this line is neither \"key: value\" nor a list item" },
		{ "a: [1, 2\nb: 3\n", "t.yaml:1:4: this [ is not closed" },
		{ "a: {b: 1\nc: 3\n", "t.yaml:1:4: this { is not closed" },
		{ "a: @x\n", "t.yaml:1:4: a value cannot start with @" },
		{ "a: *.js\n", "t.yaml:1:4: a value that starts with * is an alias, and this is no name of one" },
		{ "a: *b\n", "t.yaml:1:4: the alias *b has no anchor" },
		{ "a: &a [*a]\n", "t.yaml:1:8: the alias *a stands inside the anchor it names" },
		{ "a: 1\nb: 2\na: 3\n", "t.yaml:3:1 a: the key \"a\" is already defined at line 1" },
		{ "x: {k: 1, k: 2}\n", "t.yaml:1:11 k: the key \"k\" is already defined at line 1" },
		{ "a: &a {k: 1}\nb:\n  <<: *a\n  <<: *a\n", "t.yaml:4:3 <<: the key \"<<\" is already defined" },
		{ "b:\n  <<: 5\n", "t.yaml:2:7 <<: << cannot merge a whole number" },
		{ "b:\n  <<: [5]\n", "t.yaml:2:8 <<: << cannot merge a whole number" },
		{ "80: x\n", "t.yaml:1:1: a key must be a string, this is a whole number" },
		{ "true: x\n", "t.yaml:1:1: a key must be a string, this is a boolean" },
		{ "[a]: x\n", "t.yaml:1:1: a key must be a string, this is a list" },
		{ "a: \"\\q\"\n", "t.yaml:1:5: a double quoted text has an escape that YAML does not know" },
		{ "a: b\n- c\n", "t.yaml:2:1: this line does not fit the mapping around it" },
		{ "a: \"x\\0y\"\n", "t.yaml:1:4: a text cannot hold the character NUL" },
		{ "\"x\\0y\": 1\n", "t.yaml:1:1: a text cannot hold the character NUL" },
		{ "a: 1\n\x01: 2\n", "t.yaml:2:1: the file is not text: control characters are not allowed" },
		{ "a: \xff\n", "t.yaml:1:4: the file is not text: invalid leading UTF-8 octet" },
		{ "a: |x\n  t\n", "t.yaml:1:5: a block text (| or >) starts on the next line" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena a = {0};
		auto_errs struct errs errs = {0};
		auto_free char *got = NULL;

		(void)parse(&a, rows[i].yaml, &errs);
		got = errs_text(&errs);
		is_str(got, rows[i].want, "refused %zu", i);
		arena_done(&a);
	}
}

static void test_many_mistakes(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct node *n = parse(&a, "a: 1\na: 2\nb: *x\n1: c\n", &errs);
	auto_free char *got = errs_text(&errs);

	ok(n != NULL, "the tree is there with what is right");
	is_str(got, "t.yaml:3:4: the alias *x has no anchor\n"
		    "t.yaml:4:1: a key must be a string, this is a whole number\n"
		    "t.yaml:2:1 a: the key \"a\" is already defined at line 1", "mistakes of one file are all told");
	arena_done(&a);
}

static void test_mistake_before_the_end(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	auto_free char *got = NULL;

	ok(!parse(&a, "m:\n  a: 1\n  a: 2\n  b: [\n", &errs), "a file that breaks off");
	got = errs_text(&errs);
	has_str(got, "t.yaml:3:3 a: the key \"a\" is already defined at line 2", "what was wrong before is told as well");
	arena_done(&a);
}

static void test_positions(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct node *n = parse(&a, "\xc3\xa9: 1\nservices:\n  web:\n    ports:\n      - \"80:80\"\n    x: *a\n", &errs);
	const struct node_pair *p = node_pair(node_path(n, "services.web"), "ports");

	is_int(p->key_pos.line * 100 + p->key_pos.col, 405, "a key's position");
	is_int(p->val->items[0]->pos.line * 100 + p->val->items[0]->pos.col, 509, "an item's position");
	is_int(n->pairs[0].val->pos.col, 4, "columns count characters, not bytes");
	arena_done(&a);
}

static void test_documents(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct yaml_docs docs = {0};
	const char *text = "a: &x 1\n---\nb: 2\n---\nc: *x\n";
	int r = yaml_parse(&a, source_add(NULL, &a, "t.yaml", text, strlen(text)), &docs, &errs);
	auto_free char *bad = errs_text(&errs), *second = docs.n > 1 ? flow(docs.v[1]) : NULL;

	is_int(r, -1, "an anchor of another document is not known");
	is_str(bad, "t.yaml:5:4: the alias *x has no anchor", "and the message says where");
	is_int((intmax_t)docs.n, 3, "three documents");
	is_str(second, "{b: 2}", "in their order");
	vec_done(&docs);
	arena_done(&a);
}

static void test_tags(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct node *n = parse(&a, "a: !reset null\nb: !override [1]\nc: !reset\nd: x\n", &errs);

	is_int(node_get(n, "a")->tag, NODE_TAG_RESET, "!reset on a scalar");
	is_int(node_get(n, "b")->tag, NODE_TAG_OVERRIDE, "!override on a list");
	is_int(node_get(n, "c")->tag, NODE_TAG_RESET, "!reset on nothing");
	is_int(node_get(n, "d")->tag, NODE_TAG_NONE, "no tag");
	arena_done(&a);
}

/* ret: milliseconds of processor time; the mistake is told in *got */
static long parse_ms(const char *text, char **got)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	(void)parse(&a, text, &errs);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	*got = errs_text(&errs);
	arena_done(&a);
	return (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
}

static void test_limits(void)
{
	auto_str struct str laughs = {0}, deep = {0}, tower = {0}, wide = {0};
	auto_free char *e1 = NULL, *e2 = NULL, *e3 = NULL, *e4 = NULL;

	str_add(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 12; i++) {
		str_addf(&laughs, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			str_addf(&laughs, "%s*a%d", j ? ", " : "", i - 1);
		str_add(&laughs, "]\n");
	}
	ok(parse_ms(laughs.s, &e1) < 2000, "aliases of aliases are refused quickly");
	is_str(e1, "t.yaml:5:45: the aliases of this file expand to too many values", "and the message says where");

	for (int i = 0; i < 1000; i++)
		str_addc(&deep, '[');
	(void)parse_ms(deep.s, &e2);
	is_str(e2, "t.yaml:1:257: mappings and lists are nested too deeply", "depth is limited");

	str_add(&tower, "a0: &a0 [[[[[[[[[[x]]]]]]]]]]\n");
	for (int i = 1; i < 200; i++)
		str_addf(&tower, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	str_add(&tower,
		"b: &b [[[[[[[[[[*a199]]]]]]]]]]\nc: &c [[[[[[[[[[*b]]]]]]]]]]\nd: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[*c]"
		"]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n");
	(void)parse_ms(tower.s, &e3);
	is_str(e3, "t.yaml:203:33: mappings and lists are nested too deeply", "depth counts what aliases bring in");

	str_add(&wide, "x: &x {image: a, command: [b, c]}\nservices:\n");
	for (int i = 0; i < 20000; i++)
		str_addf(&wide, "  s%d:\n    <<: *x\n", i);
	(void)parse_ms(wide.s, &e4);
	is_str(e4, "", "twenty thousand uses of one anchor are fine");
}

int main(void)
{
	test_accept();
	test_refuse();
	test_many_mistakes();
	test_mistake_before_the_end();
	test_positions();
	test_documents();
	test_tags();
	test_limits();
	return done_testing();
}
