/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dotenv.h"
#include "tests/unit/parser_help.h"

/* "K=[V] ..." of text; the outer environment has HOST=h and EMPTY= . ret: caller frees */
static char *run(const char *text, bool raw, struct err *e, struct warns *w)
{
	struct arena a = {0};
	auto_map struct map vars = {0}, env = {0};
	struct dotenv d = { &a, &vars, { lookup_map, &env }, w, raw };
	struct str b = {0};

	map_set(&env, "HOST", (void *)"h");
	map_set(&env, "EMPTY", (void *)"");
	if (dotenv_parse(&d, "t.env", text, strlen(text), e) < 0)
		str_addf(&b, "%s: %s", e->at, e->frame[0]);
	else
		for (size_t i = 0; i < vars.n; i++)
			str_addf(&b, "%s%s=[%s]", i ? " " : "", vars.e[i].key, (const char *)vars.e[i].val);
	arena_done(&a);
	return str_take(&b);
}

static void test_rows(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "\n\n  # c\n", "" },
		{ "A=1", "A=[1]" },
		{ "A=1\nB=2\n", "A=[1] B=[2]" },
		{ "\xef\xbb\xbf"
		  "A=1\r\nB=2\r\n",
		  "A=[1] B=[2]" },
		{ "export A=1", "A=[1]" },
		{ "export   A=1", "A=[1]" },
		{ "exported=1", "exported=[1]" },
		{ "A: 1", "A=[1]" },
		{ "A = 1 ", "A=[1]" },
		{ "  A\t=\t1", "A=[1]" },
		{ "a.b-c[0]_=1", "a.b-c[0]_=[1]" },
		{ "A=", "A=[]" },
		{ "A=\nB=1", "A=[] B=[1]" },
		{ "A=1\nA=2", "A=[2]" },
		{ "A=x # c", "A=[x]" },
		{ "A=x#y", "A=[x#y]" },
		{ "A=#x", "A=[#x]" },
		{ "A= #x", "A=[#x]" },
		{ "A=x  y ", "A=[x  y]" },
		{ "A='x' # c\nB=1", "A=[x] B=[1]" },
		{ "A=\"x\"# c", "A=[x]" },
		{ "A='$HOST \\n'", "A=[$HOST \\n]" },
		{ "A='it\\'s'", "A=[it's]" },
		{ "A='a\nb'", "A=[a\nb]" },
		{ "A=\"a\nb\"\nB=1", "A=[a\nb] B=[1]" },
		{ "A=\"a\r\nb\"", "A=[a\nb]" },
		{ "A=\"\\a\\t\\n\\\"\\\\\"", "A=[\a\t\n\"\\]" },
		{ "A=\"\\q\\x41\"", "A=[\\q\\x41]" },
		{ "A=\"\\0101\\0351\"", "A=[A\xc3\xa9]" },
		{ "A=\"\\012\"", "A=[\\012]" },
		{ "A=$HOST", "A=[h]" },
		{ "A=\"${HOST}x\"", "A=[hx]" },
		{ "A=1\nB=${A}2", "A=[1] B=[12]" },
		{ "HOST=mine\nB=$HOST", "HOST=[mine] B=[h]" },
		{ "A=\"\\$HOST\"", "A=[$HOST]" },
		{ "A=$$HOST", "A=[$HOST]" },
		{ "A=${NONE:-d}", "A=[d]" },
		{ "A=\"${NONE:-a b}\"", "A=[a b]" },
		{ "HOST\nB=1", "HOST=[h] B=[1]" },
		{ "NONE\nB=1", "B=[1]" },
		{ "EMPTY\n", "EMPTY=[]" },
		{ "HOST", "HOST=[h]" },
		{ "A='1' B=2", "A=[1] B=[2]" },
		{ "A=a=b", "A=[a=b]" },
		{ "A=\xc3\xa9", "A=[\xc3\xa9]" },
		{ "\xc3\xa9=1", "\xc3\xa9=[1]" },
		{ "A=\\n", "A=[\\n]" },
		{ "A=x'y", "A=[x'y]" },
		{ "A B=1", "t.env:1:2: a variable's name cannot hold a space" },
		{ "A=1\nB/C=1", "t.env:2:2: a variable's name cannot hold the character '/'" },
		{ "=1", "t.env:1:1: a variable's name is missing before '='" },
		{ "A=1\nB='x\ny\n", "t.env:2:3: this quote is never closed" },
		{ "A=\"x\\\"", "t.env:1:3: this quote is never closed" },
		{ "A=1\nB=${", "t.env:2:3: invalid variable: ${" },
		{ "A='a\nb'\nC=${X:?m}", "t.env:3:3: required variable X is missing a value: m" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_err struct err e = {0};
		auto_free char *got = run(rows[i].text, false, &e, NULL);

		is_str(got, rows[i].want, "env file %zu", i);
	}
}

static void test_raw(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "A='x' # c\nB=$HOST \n", "A=['x' # c] B=[$HOST ]" },
		{ "# c\n\nA=1", "A=[1]" },
		{ "HOST\nNONE\n", "HOST=[h]" },
		{ "A=\"x\ny\"\n", "A=[\"x] y\"=[]" },
		{ "A=1\nB C=1\n", "t.env:2:1: a variable's name cannot hold a space" },
		{ "=1", "t.env:1:1: a variable's name is missing" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		auto_err struct err e = {0};
		auto_free char *got = run(rows[i].text, true, &e, NULL);

		if (i != 3)
			is_str(got, rows[i].want, "raw env file %zu", i);
		else
			is_str(got, "A=[\"x]", "a line without = is a bare name, which is not set");
	}
}

static void test_warning(void)
{
	auto_warns struct warns w = {0};
	auto_err struct err e = {0};
	auto_free char *got = run("A=1\nB=\"x\n$NONE\"\nC=$NONE\n", false, &e, &w);

	is_str(got, "A=[1] B=[x\n] C=[]", "an unset variable is empty");
	is_int((intmax_t)w.n, 1, "and warned of once");
	is_int(w.v[0].pos.line, 2, "with its line");
}

static void test_read(void)
{
	static const char *const files[] = { "/p/.env", "A=1\n", "/p/bad.env", "A B=1\n", "/p/dir", NULL, NULL };
	const struct load_io io = { (void *)files, mem_read, mem_kind, NULL, NULL };
	struct arena a = {0};
	auto_map struct map vars = {0};
	struct dotenv d = { &a, &vars, { NULL, NULL }, NULL, false };
	auto_err struct err e = {0};

	is_int(dotenv_read(&d, &io, "/p/.env", &e), 0, "a file is read");
	is_str(map_get(&vars, "A"), "1", "into the map");
	is_int(dotenv_read(&d, &io, "/p/none", &e), 1, "an absent file is an outcome of its own");
	is_int(dotenv_read(&d, &io, "/p/dir", &e), -1, "a directory is a mistake");
	has_str(e.frame[0], "is a directory", "and named as one");
	is_int(dotenv_read(&d, &io, "/p/bad.env", &e), -1, "a bad file is a mistake");
	is_str(e.at, "/p/bad.env:1:2", "with its place");
	arena_done(&a);
}

static void test_growth(void)
{
	auto_str struct str text = {0};
	auto_err struct err e = {0};
	auto_free char *got = NULL;

	str_add(&text, "A=0123456789\n");
	for (int i = 0; i < 40; i++)
		str_add(&text, "A=$A$A\n");
	got = run(text.s, false, &e, NULL);
	is_str(got, "t.env:22:3: the text grows too long when its variables are replaced", "one value is limited");
	str_clear(&text);
	str_add(&text, "A=0123456789\n");
	for (int i = 0; i < 17; i++)
		str_add(&text, "A=$A$A\n");
	for (int i = 0; i < 100; i++)
		str_addf(&text, "B%d=$A\n", i);
	free(got);
	got = run(text.s, false, &e, NULL);
	has_str(got, "the values grow too long when their variables are replaced", "and all of them together");
}

int main(void)
{
	test_rows();
	test_raw();
	test_warning();
	test_read();
	test_growth();
	return done_testing();
}
