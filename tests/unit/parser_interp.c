/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/interp.h"
#include "tests/unit/parser_help.h"

static void fill(struct map *env)
{
	map_set(env, "A", (void *)"one");
	map_set(env, "B", (void *)"two");
	map_set(env, "EMPTY", (void *)"");
	map_set(env, "DOLLAR", (void *)"$A");
	map_set(env, "_x9", (void *)"low");
}

struct seen { struct str text; };

static void on_met(void *ctx, const struct interp_use *u)
{
	struct seen *s = ctx;

	str_addf(&s->text, "%s%s%s%s@%zu ", u->name, u->required ? "!" : "", u->set ? "" : "?",
		 u->unused ? "(unused)" : "", u->off);
}

static void test_text(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "plain", "plain" },
		{ "", "" },
		{ "$A", "one" },
		{ "${A}", "one" },
		{ "x${A}y${B}z", "xoneytwoz" },
		{ "$A$B", "onetwo" },
		{ "$_x9-", "low-" },
		{ "$Ab", "" },
		{ "$$A", "$A" },
		{ "$$$$", "$$" },
		{ "$$${A}", "$one" },
		{ "a$", "a$" },
		{ "$1 $ $/ $.", "$1 $ $/ $." },
		{ "$DOLLAR", "$A" }, /* a value is not looked at again */
		{ "${N:-d}", "d" },
		{ "${N-d}", "d" },
		{ "${EMPTY:-d}", "d" },
		{ "${EMPTY-d}", "" },
		{ "${A:-d}", "one" },
		{ "${N:-}", "" },
		{ "${N-}", "" },
		{ "${N:+r}", "" },
		{ "${N+r}", "" },
		{ "${EMPTY:+r}", "" },
		{ "${EMPTY+r}", "r" },
		{ "${A:+r}", "r" },
		{ "${A:?m}", "one" },
		{ "${A?m}", "one" },
		{ "${EMPTY?m}", "" },
		{ "${N:-${B}}", "two" },
		{ "${N:-${M:-${A}}}", "one" },
		{ "${N:-a${M:-b}c}", "abc" },
		{ "${N:-$B}", "two" },
		{ "${A:+<${B}>}", "<two>" },
		{ "${N:-$$x}", "$x" },
		{ "${N:-b?c}", "b?c" },
		{ "${N-b:-c}", "b:-c" },
		{ "${A:-b?c}", "one" },
		{ "${N-:-}", ":-" },
		{ "${N:-{}}", "{}" },
		{ "${N:-{{.ID}}}", "{{.ID}}" },
		{ "${A:-{{.ID}}}|", "one|" },
		{ "${N:-{}", "{" },
		{ "${N:-http://x:80/?a=b}", "http://x:80/?a=b" },
		{ "${N:-a}-${M:-b}", "a-b" }, { "{${A}}", "{one}" },
		{ "l1 $A\nl2 ${B}\n", "l1 one\nl2 two\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_map struct map env = {0};
		auto_str struct str out = {0};
		auto_err struct err e = {0};
		struct interp_scope s = { { lookup_map, &env }, NULL, NULL, 0 };

		fill(&env);
		ok(interp_text(&out, rows[i].text, &s, &e) == 0, "'%s' is taken", rows[i].text);
		is_str(str_cstr(&out), rows[i].want, "value of '%s'", rows[i].text);
	}
}

static void test_refuse(void)
{
	static const struct { const char *text, *want; size_t off; } rows[] = {
		{ "x${N:?need it}", "required variable N is missing a value: need it", 1 },
		{ "${N?}", "required variable N is missing a value", 0 },
		{ "${EMPTY:?}", "required variable EMPTY is missing a value", 0 },
		{ "${N:?no $A}", "required variable N is missing a value: no one", 0 },
		{ "ab${", "invalid variable: ${", 2 },
		{ "${}", "invalid variable: ${}", 0 },
		{ "${1x}", "invalid variable: ${1x}", 0 },
		{ "${a b}", "invalid variable: ${a b}", 0 },
		{ "${A", "invalid variable: ${A", 0 },
		{ "${A:-x\n}", "invalid variable: ${A:-x", 0 },
		{ "${A:}", "invalid variable: ${A:}", 0 },
		{ "${A!}", "invalid variable: ${A!}", 0 },
		{ "$A ${B.c} x", "invalid variable: ${B.c}", 3 },
		{ "${N:-ok ${}}", "invalid variable: ${}", 8 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_map struct map env = {0};
		auto_str struct str out = {0};
		auto_err struct err e = {0};
		struct interp_scope s = { { lookup_map, &env }, NULL, NULL, 0 };

		fill(&env);
		ok(interp_text(&out, rows[i].text, &s, &e) < 0, "'%s' is refused", rows[i].text);
		is_str(e.n ? e.frame[0] : NULL, rows[i].want, "cause of '%s'", rows[i].text);
		is_int((intmax_t)s.err_off, (intmax_t)rows[i].off, "place in '%s'", rows[i].text);
	}
}

static void test_met(void)
{
	auto_map struct map env = {0};
	auto_str struct str out = {0}, deep = {0};
	auto_err struct err e = {0};
	struct seen seen = {0};
	struct interp_scope s = { { lookup_map, &env }, on_met, &seen, 0 };

	fill(&env);
	ok(interp_text(&out, "$N ${A:-$M} ${B?x}", &s, &e) == 0, "taken");
	is_str(str_cstr(&seen.text), "N?@0 A@3 M?(unused)@8 B!@12 ",
	       "every variable is met, those of a default not taken too");
	str_done(&seen.text);
	for (int i = 0; i < 70; i++)
		str_add(&deep, "${N:-");
	for (int i = 0; i < 70; i++)
		str_addc(&deep, '}');
	ok(interp_text(&out, deep.s, &s, &e) < 0, "nesting has an end");
	is_str(e.frame[0], "variables are nested too deeply", "and says so");
	str_done(&seen.text);
}

static const char doc[] =
	"name: ${A}\n"
	"services:\n"
	"  web:\n"
	"    image: \"x:${TAG:-1}-${NONE}\"\n"
	"    $A: key\n"
	"    command:\n"
	"      - |\n"
	"        first\n"
	"        \xc3\xa9$$ and ${NONE} and $OTHER\n"
	"    user: 'it''s ${REQ:?who}'\n"
	"    scale: ${A}\n"
	"    list: [a, \"${\"]\n";

static void test_tree(void)
{
	struct arena a = { 0 };
	struct sources src = { 0 };
	struct yaml_docs docs = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_warns struct warns warns = { 0 };
	auto_map struct map env = { 0 };
	struct vars vars = { 0 };
	struct interp_ctx c = {
		.arena = &a, .look = { lookup_map, &env }, .src = &src, .warns = &warns, .vars = &vars, .errs = &errs
	};
	auto_free char *got = NULL, *bad = NULL;
	struct node *n;

	fill(&env);
	ok(yaml_parse(&a, source_add(&src, &a, "t.yaml", doc, strlen(doc)), &docs, &errs) == 0, "parsed");
	ok(interp_tree(&c, docs.v[0], "") < 0, "mistakes are told by the result");
	bad = errs_text(&errs);
	is_str(bad,
	       "t.yaml:10:18 services.web.user: required variable REQ is missing a value: who\n"
	       "t.yaml:12:16 services.web.list[1]: invalid variable: ${",
	       "each mistake with line, column and path");
	n = node_path(docs.v[0], "services.web");
	got = flow(n);
	is_str(got,
	       "{image: \"x:1-\", $A: \"key\", command: [\"first\n\xc3\xa9$ and  and \n\"], user: \"it's "
	       "${REQ:?who}\", "
	       "scale: \"one\", list: [\"a\", \"${\"]}",
	       "values are replaced, keys are not");
	ok(node_get(n, "scale")->interpolated && !node_get(n, "$A")->interpolated, "what a variable made is marked");
	is_str(node_get(n, "scale")->origin->what, "variable A", "and tells of which");
	is_str(node_get(n, "image")->origin->what, "default of TAG", "or that it is a default");
	is_int((intmax_t)warns.n, 2, "one warning for each unset variable");
	is_int(warns.v[0].pos.line * 100 + warns.v[0].pos.col, 425, "at its place");
	is_int(warns.v[1].pos.line * 100 + warns.v[1].pos.col, 929, "in a block text too");
	is_int((intmax_t)vars.n, 5, "five variables");
	is_str(vars.v[1].name, "TAG", "in order");
	is_str(vars.v[1].dflt, "1", "with defaults");
	ok(vars.v[4].required && !vars.v[0].required, "and which are required");
	vec_done(&docs);
	vars_done(&vars);
	sources_done(&src);
	arena_done(&a);
}

static void test_skip(void)
{
	struct arena a = { 0 };
	auto_errs struct errs errs = { 0 };
	auto_warns struct warns warns = { 0 };
	auto_map struct map env = { 0 };
	struct vars vars = { 0 };
	struct interp_ctx c = {
		.arena = &a, .look = { lookup_map, &env }, .warns = &warns, .vars = &vars, .errs = &errs, .skip = true
	};
	struct node *n = parse(&a, "a: ${X:-1}\nb: x\nc: ${\nd: $ 5\n", &errs);
	auto_free char *got = NULL;

	ok(interp_tree(&c, n, "") == 0 && !errs.n && !warns.n, "nothing is replaced, nothing is wrong");
	got = flow(n);
	is_str(got, "{a: \"${X:-1}\", b: \"x\", c: \"${\", d: \"$ 5\"}", "texts stay");
	ok(node_get(n, "a")->deferred && node_get(n, "c")->deferred, "texts with variables are marked");
	ok(!node_get(n, "b")->deferred && !node_get(n, "d")->deferred, "others are not");
	is_int((intmax_t)vars.n, 1, "variables are listed all the same");
	vars_done(&vars);
	arena_done(&a);
}

static void test_growth(void)
{
	struct arena a = {0};
	auto_errs struct errs errs = {0};
	auto_map struct map env = {0};
	size_t spent = 0;
	struct interp_ctx c = { .arena = &a, .look = { lookup_map, &env }, .errs = &errs, .spent = &spent, .max = 10 };
	struct node *n = parse(&a, "[$A$A, $A$A, $A$A]", &errs);
	auto_free char *bad = NULL;

	fill(&env);
	ok(interp_tree(&c, n, "x") < 0, "all results together are limited");
	bad = errs_text(&errs);
	is_str(bad, "t.yaml:1:8 x[1]: all texts together grow too long when their variables are replaced", "told once");
	arena_done(&a);
}

int main(void)
{
	test_text();
	test_refuse();
	test_met();
	test_tree();
	test_skip();
	test_growth();
	return done_testing();
}
