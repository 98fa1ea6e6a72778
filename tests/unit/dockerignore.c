/* SPDX-License-Identifier: Apache-2.0 */
/* .dockerignore and wildcards: tables, and a comparison of the matcher with a plain recursive one. */
#include "compose/base/mem.h"
#include "compose/base/str.h"
#include "parser/dockerignore.h"
#include "parser/glob.h"
#include "tests/tap.h"

static void globs(void)
{
	static const struct { const char *pat, *s; bool flat, deep;
	} t[] = {
		{ "a", "a", 1, 1 },
		{ "a", "ab", 0, 0 },
		{ "*", "", 1, 1 },
		{ "*", "a/b", 0, 0 },
		{ "*.c", "x.c", 1, 1 },
		{ "a*b*c", "axbxbc", 1, 1 },
		{ "?", "/", 0, 0 },
		{ "[a-c]x", "bx", 1, 1 },
		{ "[^a-c]x", "bx", 0, 0 },
		{ "[]]", "]", 1, 1 },
		{ "[a-]", "-", 1, 1 },
		{ "\\*", "*", 1, 1 },
		{ "\\*", "a", 0, 0 },
		{ "[[]x", "[x", 1, 1 },
		{ "[^a]", "/", 0, 0 },
		{ "**", "a/b/c", 0, 1 },
		{ "**/c", "c", 0, 1 },
		{ "**/c", "a/b/c", 0, 1 },
		{ "**/c", "ac", 0, 0 },
		{ "a/**", "a/b", 0, 1 },
		{ "a/**", "a", 0, 0 },
		{ "a/**/b", "a/b", 0, 1 },
		{ "a/**/b", "a/x/y/b", 0, 1 },
		{ "a/**/b", "a/xb", 0, 0 },
		{ "**.c", "x/y.c", 0, 1 },
		{ "a**b", "a/x/b", 0, 1 },
		{ "**/a/*.x", "q/a/b.x", 0, 1 },
		{ "**/a/*.x", "a/a/b/c.x", 0, 0 },
		{ "*/**/z", "a/z", 0, 1 },
		{ "**/b/**/c", "a/b/x/b/c", 0, 1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n = strlen(t[i].s);

		if (!strstr(t[i].pat, "**"))
			is_int(glob_match(t[i].pat, t[i].s, n, GLOB_FLAT), t[i].flat, "%s on `%s`", t[i].pat, t[i].s);
		is_int(glob_match(t[i].pat, t[i].s, n, GLOB_DEEP), t[i].deep, "%s on `%s`, deep", t[i].pat, t[i].s);
	}
	ok(!glob_valid("[a") && !glob_valid("a\\") && glob_valid("[a]\\["), "broken patterns are known as such");
}

/* The rules written down as they are said, slow but plain. */
static bool plain_match(const char *p, const char *s, const char *start)
{
	if (!*p)
		return !*s;
	if (p[0] == '*' && p[1] == '*') {
		const char *rest = p + 2;

		if (*rest == '/' && (s == start || s[-1] == '/')) {
			for (const char *at = s;; at++) {
				if ((at == s || at[-1] == '/') && plain_match(rest + 1, at, start))
					return true;
				if (!*at)
					return false;
			}
		}
		for (const char *at = s;; at++) {
			if (plain_match(rest, at, start))
				return true;
			if (!*at)
				return false;
		}
	}
	if (*p == '*') {
		for (const char *at = s;; at++) {
			if (plain_match(p + 1, at, start))
				return true;
			if (!*at || *at == '/')
				return false;
		}
	}
	return *s && (*p == '?' ? *s != '/' : *p == *s) && plain_match(p + 1, s + 1, start);
}

static void compared(void)
{
	unsigned seed = 1, bad = 0, hits = 0;

	for (int i = 0; i < 200000; i++) {
		char pat[10], s[12];
		size_t np, ns;

		seed = seed * 1103515245 + 12345;
		np = 1 + (seed >> 16) % 8;
		for (size_t k = 0; k < np; k++) {
			seed = seed * 1103515245 + 12345;
			pat[k] = "ab/**?"[(seed >> 16) % 6];
		}
		pat[np] = '\0';
		seed = seed * 1103515245 + 12345;
		ns = (seed >> 16) % 10;
		for (size_t k = 0; k < ns; k++) {
			seed = seed * 1103515245 + 12345;
			s[k] = "ab/"[(seed >> 16) % 3];
		}
		s[ns] = '\0';
		if (strstr(pat, "***") || strstr(pat, "a**") || strstr(pat, "b**") || strstr(pat, "?**"))
			continue;             /* the plain one does not know those inside a segment */
		hits += plain_match(pat, s, s);
		if (plain_match(pat, s, s) != glob_match(pat, s, ns, GLOB_DEEP) && bad++ < 5)
			diag("%s on `%s`: plain %d", pat, s, plain_match(pat, s, s));
	}
	ok(hits > 1000, "the comparison has %u matches", hits);
	is_int((int)bad, 0, "both matchers agree");
}

struct row { const char *path; bool dir; enum ignore_verdict want; };

static struct ignore *make(const char *text)
{
	auto_err struct err e = {0};
	struct ignore *ig = NULL;

	ok(ignore_parse(&ig, "I", text, strlen(text), &e) == 0, "a file is read");
	return ig;
}

static void check(const char *text, const struct row *r, size_t n)
{
	struct ignore *ig = make(text);

	for (size_t i = 0; i < n; i++)
		is_int(ignore_check(ig, r[i].path, r[i].dir), (int)r[i].want, "`%s`%s", r[i].path,
		       r[i].dir ? " (directory)" : "");
	ignore_free(ig);
}

static void tables(void)
{
	static const struct row a[] = {
		{ "node_modules", true, IGNORE_SKIP },
		{ "node_modules/x/y", false, IGNORE_SKIP },
		{ "sub/node_modules", true, IGNORE_TAKE },
		{ "a.log", false, IGNORE_SKIP },
		{ "d/a.log", false, IGNORE_TAKE },
		{ "d/e/tmp", true, IGNORE_SKIP },
		{ "tmp/x", false, IGNORE_SKIP },
		{ "build", true, IGNORE_SKIP },
		{ "builder", true, IGNORE_TAKE },
		{ "", true, IGNORE_TAKE },
		{ "x y", false, IGNORE_SKIP },
		{ "#no", false, IGNORE_TAKE },
		{ "src/gen/a", false, IGNORE_SKIP },
		{ "src/gen", true, IGNORE_TAKE },
	};
	static const struct row b[] = {
		{ "a.txt", false, IGNORE_SKIP },
		{ "README.md", false, IGNORE_TAKE },
		{ "docs", true, IGNORE_DESCEND },
		{ "docs/keep", true, IGNORE_TAKE },
		{ "docs/keep/deep/x", false, IGNORE_TAKE },
		{ "docs/keep/secret", false, IGNORE_SKIP },
		{ "docs/other", true, IGNORE_SKIP },
		{ "src", true, IGNORE_SKIP },
	};
	static const struct row c[] = {
		{ "vendor", true, IGNORE_DESCEND },
		{ "vendor/a", true, IGNORE_DESCEND },
		{ "vendor/a/x.h", false, IGNORE_TAKE },
		{ "vendor/a/x.c", false, IGNORE_SKIP },
	};
	static const struct row d[] = { { "a", false, IGNORE_SKIP },
					{ "b", true, IGNORE_SKIP },
					{ "c/d", false, IGNORE_SKIP } };

	check("# comment\r\nnode_modules\n*.log\n**/tmp\n/build/\n  x y  \n\n./src/./gen/../gen/*\n", a, ARRAY_LEN(a));
	check("*\n!README.md\n!docs/keep\ndocs/keep/secret\n", b, ARRAY_LEN(b));
	check("vendor\n!**/*.h\n", c, ARRAY_LEN(c));
	check("!a\n*\n", d, ARRAY_LEN(d));
	is_int(ignore_check(NULL, "x", false), IGNORE_TAKE, "without a file everything is taken");
}

static void refused(void)
{
	static const struct {
		const char *text, *at;
	} t[] = { { "a\n!\n", "I:2:1" }, { "[a\n", "I:1:1" }, { "x\n\n! \n", "I:3:1" } };

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		auto_err struct err e = {0};
		struct ignore *ig = NULL;

		is_int(ignore_parse(&ig, "I", t[i].text, strlen(t[i].text), &e), -1, "a broken file is refused");
		is_str(e.at, t[i].at, "with its line");
	}
}

int main(void)
{
	globs();
	compared();
	tables();
	refused();
	return done_testing();
}
