/* SPDX-License-Identifier: Apache-2.0 */
/* base_str.c - growing text, numbers, nearness, what may go to a terminal. */
#include "compose/base/str.h"
#include "compose/base/mem.h"
#include "tests/tap.h"

static void growing(void)
{
	auto_str struct str b = {0};
	auto_free char *taken = NULL;

	is_str(str_cstr(&b), "", "an empty one reads as empty text");
	str_addn(&b, "", 0);
	str_add(&b, "ab");
	str_addc(&b, 'c');
	str_addf(&b, "%d-%s", 42, "x");
	is_str(b.s, "abc42-x", "all ways of adding");
	str_cut(&b, 3);
	str_cut(&b, 100);
	is_str(b.s, "abc", "cut; cutting beyond the end does nothing");
	for (int i = 0; i < 10000; i++)
		str_addc(&b, 'y');
	is_int(b.len, 10003, "it grows");
	taken = str_take(&b);
	is_int(strlen(taken), 10003, "take gives the text");
	ok(!b.s && !b.len, "and leaves an empty one");
	free(taken);
	taken = str_take(&b);
	is_str(taken, "", "taking from an empty one gives empty text");
	str_addn(&b, "a\0b", 3);
	is_int(b.len, 3, "bytes with a NUL count");
}

static void capped(void)
{
	auto_str struct str b = STR_MAX(5);

	str_add(&b, "12345");
	ok(!b.over, "up to the cap");
	str_addc(&b, '6');
	ok(b.over, "beyond it is told");
	is_str(b.s, "12345", "and not stored");
	str_clear(&b);
	ok(!b.over && !b.len, "clear forgets that");
	str_addf(&b, "%s", "toolong");
	is_str(str_cstr(&b), "", "a formatted text that does not fit is left out");
	str_add(&b, "abc");
	free(str_take(&b));
	str_add(&b, "123456");
	ok(b.over, "the cap outlives take");
}

static void predicates(void)
{
	ok(str_eq("a", "a") && !str_eq("a", "b") && str_eq(NULL, NULL) && !str_eq(NULL, "") && !str_eq("", NULL),
	   "str_eq");
	ok(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"), "str_starts");
	ok(str_ends("abc", "bc") && str_ends("abc", "") && !str_ends("bc", "abc"), "str_ends");
}

static void numbers(void)
{
	static const struct {
		const char *s;
		bool good;
		uint64_t v;
	} table[] = {
		{"0", true, 0},
		{"18446744073709551615", true, UINT64_MAX},
		{"18446744073709551616", false, 0},
		{"007", true, 7},
		{"", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"+1", false, 0},
		{"-1", false, 0},
		{"0x10", false, 0},
		{"1e3", false, 0},
		{"12a", false, 0},
	};
	int64_t i = 99;
	uint64_t u;

	for (size_t k = 0; k < ARRAY_LEN(table); k++) {
		u = 99;
		ok(str_to_u64(table[k].s, &u) == table[k].good && u == (table[k].good ? table[k].v : 99),
		   "u64 of \"%s\"", table[k].s);
	}
	ok(!str_to_u64(NULL, &u) && !str_to_i64(NULL, &i), "no text is no number");
	ok(str_to_i64("-9223372036854775807", &i) && i == -INT64_MAX, "a large negative");
	i = 99;
	ok(!str_to_i64("9223372036854775808", &i) && !str_to_i64("--1", &i) && !str_to_i64("-", &i) && i == 99,
	   "not i64");
}

static void nearness(void)
{
	static const char *const names[] = {"ports", "volumes", "depends_on", "image", NULL};
	char longer[80];

	is_int(str_distance("", ""), 0, "nothing to nothing");
	is_int(str_distance("abc", ""), 3, "delete all");
	is_int(str_distance("kitten", "sitting"), 3, "the classic");
	is_int(str_distance("prot", "port"), 1, "neighbours swapped");
	is_str(str_nearest("prots", names), "ports", "a typing mistake");
	is_str(str_nearest("dependson", names), "depends_on", "a letter missing");
	is_str(str_nearest("xyzzy", names), NULL, "nothing near");
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ok(str_distance(longer, "a") > 64, "a long text is far from everything");
	is_str(str_nearest(longer, names), NULL, "and has no suggestion");
}

static void terminal(void)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{"plain\n\ttext", "plain\n\ttext"},
		{"h\xc3\xa9 \xe2\x9c\x94 \xf0\x9f\x98\x80", "h\xc3\xa9 \xe2\x9c\x94 \xf0\x9f\x98\x80"},
		{"\x1b[2J", "?[2J"},
		{"a\rb\x7f", "a?b?"},
		{"\xc2\x9b"
		 "31m",
		 "??31m"},
		{"\xc0\x9b", "??"},
		{"\xe0\x82\x9b", "???"},
		{"\xed\xa0\x80", "???"},
		{"\xf0\x80\x80\x9b", "????"},
		{"\xf4\x90\x80\x80", "????"},
		{"\xf5\x80\x80\x80", "????"},
		{"cut \xe2\x9c", "cut ??"},
		{"cut \xf0", "cut ?"},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		auto_free char *got = str_printable(table[i].in);

		is_str(got, table[i].out, "printable %zu", i);
	}
}

int main(void)
{
	growing();
	capped();
	predicates();
	numbers();
	nearness();
	terminal();
	return done_testing();
}
