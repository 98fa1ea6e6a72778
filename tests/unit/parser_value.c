/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/value.h"
#include <math.h>
#include "compose/base/str.h"
#include "tests/tap.h"

static void bytes(void)
{
	static const struct { const char *s; int64_t want; } good[] = {
		{ "0", 0 }, { "1024", 1024 }, { "-1", -1 }, { "1b", 1 }, { "1k", 1024 }, { "1K", 1024 }, { "1kb", 1024 }, { "1KiB", 1024 },
		{ "1m", 1 << 20 }, { "1.5g", 1610612736 }, { "2 GB", 2147483648 }, { "1t", 1LL << 40 }, { "1p", 1LL << 50 }, { ".5k", 512 },
	};
	static const char *const bad[] = { "", "k", "1x", "1bb", "1kk", "1 k b", "1..5k", "-1k", "1kib1", "0x10", "99999999p", "1e3", " 1k" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t v = -7;
		ok(value_bytes(good[i].s, &v), "size %s", good[i].s);
		is_int(v, good[i].want, "size %s", good[i].s);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t v = -7;
		ok(!value_bytes(bad[i], &v) && v == -7, "no size: \"%s\"", bad[i]);
	}
}

static void durations(void)
{
	static const struct { const char *s; int64_t ns; const char *text; } good[] = {
		{ "0", 0, "0s" }, { "0s", 0, "0s" }, { "90s", 90000000000, "1m30s" }, { "1m30s", 90000000000, "1m30s" },
		{ "1h", 3600000000000, "1h0m0s" }, { "1d", 86400000000000, "24h0m0s" }, { "1w", 604800000000000, "168h0m0s" },
		{ "1.5s", 1500000000, "1.5s" }, { "250ms", 250000000, "250ms" }, { "10us", 10000, "10\u00b5s" },
		{ "10\u00b5s", 10000, "10\u00b5s" }, { "7ns", 7, "7ns" }, { "1h0m0.5s", 3600500000000, "1h0m0.5s" },
		{ "-5s", -5000000000, "-5s" }, { "1s500ms", 1500000000, "1.5s" }, { "2h15m", 8100000000000, "2h15m0s" },
	};
	static const char *const bad[] = { "", "5", "s", "5x", "5 s", "1m5", "-", "1..5s", "1e3s", "999999999w", "1h 5m", "0x1s" };
	char text[DURATION_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int64_t ns = -7, again = -7;
		ok(value_duration(good[i].s, &ns), "duration %s", good[i].s);
		is_int(ns, good[i].ns, "duration %s", good[i].s);
		value_duration_text(ns, text);
		is_str(text, good[i].text, "%s as text", good[i].s);
		ok(value_duration(text, &again) && again == ns, "%s reads back", text);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int64_t ns = -7;
		ok(!value_duration(bad[i], &ns) && ns == -7, "no duration: \"%s\"", bad[i]);
	}
	value_duration_text(INT64_MAX, text);
	is_str(text, "2562047h47m16.854775807s", "the longest");
	value_duration_text(INT64_MIN, text);
	is_str(text, "-2562047h47m16.854775808s", "the most negative");
}

static void numbers(void)
{
	bool v, old;
	double d;
	char text[DOUBLE_TEXT];
	int64_t n = 0;

	ok(value_bool("TRUE", &v, &old) && v && !old, "TRUE");
	ok(value_bool("0", &v, &old) && !v && !old, "0");
	ok(value_bool("On", &v, &old) && v && old, "On is old");
	ok(value_bool("n", &v, &old) && !v && old, "n is old");
	ok(!value_bool("", &v, &old) && !value_bool("2", &v, &old) && !value_bool("yess", &v, &old), "no booleans");
	ok(value_i64("+5", &n) && n == 5, "+5");
	ok(value_i64("-5", &n) && n == -5, "-5");
	ok(!value_i64("+-5", &n) && !value_i64("", &n) && !value_i64("5 ", &n) && !value_i64("9223372036854775808", &n), "no whole numbers");
	ok(value_double("0.50", &d) && d == 0.5, "0.50");
	ok(value_double("1e2", &d) && d == 100, "1e2");
	ok(!value_double("inf", &d) && !value_double("nan", &d) && !value_double("0x1", &d) && !value_double("1,5", &d) &&
	   !value_double("", &d) && !value_double(".", &d) && !value_double("1e999", &d), "no numbers");
	value_double_text(0.1, text);
	is_str(text, "0.1", "0.1 as text");
	value_double_text(1e21, text);
	is_str(text, "1e+21", "1e21 as text");
	value_double_text(1234567890, text);
	is_str(text, "1234567890", "plain digits");
	value_float_text(0.1f, text);
	is_str(text, "0.1", "a single as text");
	ok(value_mode("0440", &n) && n == 0440, "0440");
	ok(value_mode("0o440", &n) && n == 0440, "0o440");
	ok(!value_mode("", &n) && !value_mode("8", &n) && !value_mode("rw", &n) && !value_mode("77777777", &n), "no modes");
}

static void words(void)
{
	static const struct { const char *line, *want; } good[] = {
		{ "", "" }, { "a", "a|" }, { "a b  c", "a|b|c|" }, { "a 'b c' d", "a|b c|d|" }, { "a \"b 'c\" d", "a|b 'c|d|" },
		{ "a\\ b c", "a b|c|" }, { "'' x", "|x|" }, { "a\"\"b", "ab|" }, { "sh -c 'a | b; c'", "sh|-c|a | b; c|" },
		{ "a | b", "a|" }, { "a;b", "a|" }, { "a && b", "a|" }, { "a 2>x", "a|" }, { "a > x", "a|" }, { "$HOME ~ *.c", "$HOME|~|*.c|" },
		{ "echo $(a b) c", "echo|$(a b)|c|" }, { "echo `a b` c", "echo|`a b`|c|" }, { "a\\tb", "a\tb|" }, { "a\nb\tc", "a|b|c|" },
		{ "'a\\b'", "a\\b|" }, { "\"a\\\"b\"", "a\"b|" },
	};
	static const char *const bad[] = { "a (b)", "a )", "'a", "\"a", "a\\", "`a", "$(a", "f()" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		auto_strv struct strv v = { 0 };
		auto_str struct str b = { 0 };
		const char *why = value_words(good[i].line, &v);
		is_str(why, NULL, "words of: %s", good[i].line);
		for (size_t k = 0; k < v.n; k++)
			str_addf(&b, "%s|", v.v[k]);
		is_str(str_cstr(&b), good[i].want, "words of: %s", good[i].line);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		auto_strv struct strv v = { 0 };
		ok(value_words(bad[i], &v) != NULL && v.n == 0, "no words: %s", bad[i]);
	}
}

static void port_text(struct str *b, const struct port_spec *s)
{
	for (size_t i = 0; i < s->n; i++)
		str_addf(b, "%s%s%u-%u:%u/%s", i ? " " : "", s->host_ip, s->has_published ? s->pair[i].published : 0,
			 s->pair[i].published_end, s->pair[i].target, s->protocol);
}

static void ports(void)
{
	static const struct { const char *spec, *want; } good[] = {
		{ "80", "0-0:80/tcp" }, { "80/udp", "0-0:80/udp" }, { "80/SCTP", "0-0:80/sctp" }, { "80/", "0-0:80/tcp" },
		{ "8080:80", "8080-8080:80/tcp" }, { "8000-8010:80", "8000-8010:80/tcp" }, { "8000-8001:80-81", "8000-8000:80/tcp 8001-8001:81/tcp" },
		{ "9-11", "0-0:10/tcp 0-0:11/tcp 0-0:9/tcp" }, { "127.0.0.1:8080:80", "127.0.0.18080-8080:80/tcp" },
		{ "127.0.0.1::80", "127.0.0.10-0:80/tcp" }, { "[::1]:80:80", "::180-80:80/tcp" }, { "::1:80:80", "::180-80:80/tcp" },
		{ "0:80", "0-0:80/tcp" }, { ":80", "0-0:80/tcp" },
	};
	static const char *const bad[] = { "", ":", "a", "80:a", "a:80", "65536", "80:65536", "80-79", "1-2:3-5", "80/icmp", "80/tcp/udp",
		"1.2.3:80:80", "[::1:80:80", "300.1.1.1:1:1", "-1", "80 ", "1-2-3", "x:1:2:3:4", "80:" };

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct port_spec s = { 0 };
		auto_str struct str b = { 0 };
		is_str(value_ports(good[i].spec, &s), NULL, "ports %s", good[i].spec);
		port_text(&b, &s);
		is_str(str_cstr(&b), good[i].want, "ports %s", good[i].spec);
		free(s.pair);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct port_spec s = { 0 };
		ok(value_ports(bad[i], &s) != NULL && !s.pair, "no ports: \"%s\"", bad[i]);
	}
}

static void names(void)
{
	ok(value_ip("10.0.0.1") && value_ip("::1") && !value_ip("10.0.0") && !value_ip(""), "addresses");
	ok(value_name("a1") && value_name("0_.-") && !value_name("a") && !value_name("-a") && !value_name("a b"), "names");
	ok(value_key("a") && value_key("A.b_c-9") && !value_key("") && !value_key("a/b"), "keys");
}

int main(void)
{
	bytes();
	durations();
	numbers();
	words();
	ports();
	names();
	return done_testing();
}
