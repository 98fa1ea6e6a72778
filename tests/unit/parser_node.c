/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/parser_help.h"

static const struct srcpos at = { "t.yaml", 1, 1 };

static void test_resolve(void)
{
	static const struct {
		const char *text;
		enum node_kind kind;
		const char *value;
	} rows[] = {
		{ "", NODE_NULL, NULL },
		{ "~", NODE_NULL, NULL },
		{ "null", NODE_NULL, NULL },
		{ "NULL", NODE_NULL, NULL },
		{ "nULL", NODE_STR, "nULL" },
		{ "true", NODE_BOOL, "true" },
		{ "FALSE", NODE_BOOL, "false" },
		{ "tRUE", NODE_STR, "tRUE" },
		{ "yes", NODE_STR, "yes" },
		{ "no", NODE_STR, "no" },
		{ "on", NODE_STR, "on" },
		{ "off", NODE_STR, "off" },
		{ "0", NODE_INT, "0" },
		{ "-17", NODE_INT, "-17" },
		{ "+5", NODE_INT, "5" },
		{ "1_000", NODE_INT, "1000" },
		{ "0x1F", NODE_INT, "31" },
		{ "0o17", NODE_INT, "15" },
		{ "017", NODE_INT, "15" },
		{ "0b101", NODE_INT, "5" },
		{ "-0x10", NODE_INT, "-16" },
		{ "9223372036854775807", NODE_INT, "9223372036854775807" },
		{ "-9223372036854775808", NODE_INT, "-9223372036854775808" },
		{ "9223372036854775808", NODE_FLOAT, "9.223372036854776e+18" },
		{ "089", NODE_FLOAT, "89" },
		{ "1.5", NODE_FLOAT, "1.5" },
		{ "1.50", NODE_FLOAT, "1.5" },
		{ ".5", NODE_FLOAT, "0.5" },
		{ "1.", NODE_FLOAT, "1" },
		{ "1e3", NODE_FLOAT, "1000" },
		{ "1e6", NODE_FLOAT, "1e+06" },
		{ "0.00001", NODE_FLOAT, "1e-05" },
		{ "3.14159", NODE_FLOAT, "3.14159" },
		{ "100000.5", NODE_FLOAT, "100000.5" },
		{ ".inf", NODE_FLOAT, "+Inf" },
		{ "-.Inf", NODE_FLOAT, "-Inf" },
		{ ".nan", NODE_FLOAT, "NaN" },
		{ "22:22", NODE_STR, "22:22" },
		{ "1.2.3", NODE_STR, "1.2.3" },
		{ "2001-01-01", NODE_STR, "2001-01-01" },
		{ "0x", NODE_STR, "0x" },
		{ "0b12", NODE_STR, "0b12" },
		{ "1e", NODE_STR, "1e" },
		{ "-", NODE_STR, "-" },
		{ "+", NODE_STR, "+" },
		{ ".", NODE_STR, "." },
		{ "12px", NODE_STR, "12px" },
		{ "abc", NODE_STR, "abc" },
	};
	struct arena a = {0};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct node *n = node_new(&a, NODE_STR, at);

		node_resolve(n, rows[i].text);
		is_str(node_kind_name(n->kind), node_kind_name(rows[i].kind), "kind of '%s'", rows[i].text);
		is_str(node_value_text(&a, n), rows[i].value, "value of '%s'", rows[i].text);
	}
	arena_done(&a);
}

static void test_map(void)
{
	struct arena a = {0};
	struct node *m = node_new(&a, NODE_MAP, at), *copy;
	char key[16];
	int good = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		node_set(&a, m, key, at, node_int(&a, i, at));
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		good += node_get(m, key) && node_get(m, key)->i == i;
	}
	is_int(good, 5000, "every key of a large map is found");
	is_str(m->pairs[4999].key, "k4999", "order is kept");
	node_set(&a, m, "k7", at, node_str(&a, "new", at));
	is_int((intmax_t)m->n, 5000, "setting a key that is there adds none");
	is_str(m->pairs[7].val->text, "new", "and keeps its place");
	ok(node_del(m, "k0") && !node_del(m, "k0"), "a key goes once");
	is_str(node_text(node_get(m, "k7")), "new", "the rest is found after that");
	copy = node_copy(&a, m);
	ok(node_equal(m, copy), "a copy is equal");
	node_set(&a, copy, "k9", at, node_int(&a, -1, at));
	is_int(node_get(m, "k9")->i, 9, "and its own");
	ok(!node_equal(m, copy), "a changed copy is not equal");
	ok(!node_get(m, "absent") && !node_get(NULL, "x") && !node_get(node_get(m, "k1"), "x"),
	   "what is not there is NULL");
	arena_done(&a);
}

static void test_path(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	struct node *n = parse(&a, "services: {web: {image: x, ports: [1]}}", &errs);

	is_str(node_text(node_path(n, "services.web.image")), "x", "a path is walked");
	ok(!node_path(n, "services.db.image") && !node_path(n, "services.web.image.y"), "an absent path is NULL");
	ok(!node_text(node_path(n, "services.web.ports")), "a list has no text");
	arena_done(&a);
}

int main(void)
{
	test_resolve();
	test_map();
	test_path();
	return done_testing();
}
