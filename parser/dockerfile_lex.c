/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerfile_lex.h"
#include <ctype.h>
#include <string.h>
#include "compose/base/str.h"
#include "parser/dockerfile.h"

struct span { const char *s; size_t n; };

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static struct span trim_left(struct span l)
{
	while (l.n && blank(*l.s))
		l.s++, l.n--;
	return l;
}

static struct span trim_right(struct span l)
{
	while (l.n && blank(l.s[l.n - 1]))
		l.n--;
	return l;
}

/* ret: length of the UTF-8 sequence at s, 0 when it is broken, overlong, a surrogate or NUL */
static size_t utf8_len(const unsigned char *s, size_t n)
{
	size_t len = *s < 0x80 ? 1 : *s < 0xc2 ? 0 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

	if (!*s || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static int check_utf8(const char *file, const char *text, size_t len, struct err *e)
{
	unsigned line = 1;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_len((const unsigned char *)text + i, len - i);
		if (!n) {
			err_set(e, ERR_MODEL, 0, "%s is not UTF-8 text", file);
			return err_at(e, (struct srcpos){ file, line, 1 }, NULL);
		}
		line += text[i] == '\n';
	}
	return 0;
}

/* ret: the physical line at p without its newline; false at the end */
static bool peek(const struct df_lex *x, struct span *ret)
{
	const char *nl;

	if (x->p >= x->end)
		return false;
	nl = memchr(x->p, '\n', (size_t)(x->end - x->p));
	*ret = (struct span){ x->p, (size_t)((nl ? nl : x->end) - x->p) };
	return true;
}

static void skip(struct df_lex *x, struct span l)
{
	x->p = l.s + l.n;
	if (x->p < x->end)
		x->p++;
	x->line++;
}

int df_lex_init(struct df_lex *x, struct arena *a, const char *file, const char *text, size_t len, struct err *e)
{
	struct span l;

	*x = (struct df_lex){ .arena = a, .file = file, .p = text, .end = text + len, .line = 1, .escape = '\\' };
	if (check_utf8(file, text, len, e) < 0)
		return -1;
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		x->p += 3;
	if (peek(x, &l) && l.n >= 2 && !memcmp(l.s, "#!", 2))
		skip(x, l);
	return 0;
}

static const char *lower(struct arena *a, struct span s)
{
	char *r = arena_strndup(a, s.s, s.n);

	for (char *p = r; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return r;
}

int df_lex_directive(struct df_lex *x, struct df_directive *ret)
{
	static const char *const known[] = { "syntax", "escape", "check", NULL };
	struct span l, key, val;
	const char *eq;

	if (!peek(x, &l) || !l.n || *l.s != '#')
		return 0;
	key = trim_left((struct span){ l.s + 1, l.n - 1 });
	eq = memchr(key.s, '=', key.n);
	if (!eq)
		return 0;
	val = trim_right(trim_left((struct span){ eq + 1, (size_t)(l.s + l.n - eq - 1) }));
	key = trim_right((struct span){ key.s, (size_t)(eq - key.s) });
	if (!val.n)
		return 0;
	*ret = (struct df_directive){ lower(x->arena, key), arena_strndup(x->arena, val.s, val.n),
		{ x->file, x->line, 1 } };
	for (const char *const *k = known; *k; k++) {
		if (str_eq(*k, ret->key)) {
			skip(x, l);
			return 1;
		}
	}
	return 0;
}

/* Cut a trailing escape character with blanks behind it. An escaped escape character does not continue the line. */
static bool cut_continuation(char escape, struct span *l)
{
	struct span t = trim_right(*l);

	if (!t.n || t.s[t.n - 1] != escape || (t.n > 1 && t.s[t.n - 2] == escape))
		return false;
	l->n = t.n - 1;
	return true;
}

static bool is_comment(struct span l)
{
	l = trim_left(l);
	return l.n && *l.s == '#';
}

static int too_long(struct df_lex *x, unsigned line, struct err *e)
{
	err_set(e, ERR_MODEL, 0, "the line is longer than %d bytes", DF_LINE_MAX);
	return err_at(e, (struct srcpos){ x->file, line, 1 }, NULL);
}

/* Append the lines that continue the one in b. */
static int join(struct df_lex *x, struct str *b, struct df_line *ret, struct err *e)
{
	struct span l;
	bool more = true;

	while (more && peek(x, &l)) {
		unsigned line = x->line;

		skip(x, l);
		if (l.n > DF_LINE_MAX)
			return too_long(x, line, e);
		if (is_comment(l))
			continue;
		if (!trim_left(l).n) {
			ret->blank_inside = true;
			continue;
		}
		more = cut_continuation(x->escape, &l);
		str_addn(b, l.s, more ? l.n : trim_right(l).n);
		ret->end_line = line;
	}
	return 0;
}

int df_lex_line(struct df_lex *x, struct df_line *ret, struct err *e)
{
	struct span l, t;

	while (peek(x, &l)) {
		auto_str struct str b = {0};
		unsigned line = x->line;
		bool more;

		skip(x, l);
		if (l.n > DF_LINE_MAX)
			return too_long(x, line, e);
		t = trim_left(l);
		if (!t.n || *t.s == '#')
			continue;
		*ret = (struct df_line){ .pos = { x->file, line, (unsigned)(t.s - l.s) + 1 }, .end_line = line };
		more = cut_continuation(x->escape, &t);
		if (!more)
			t = trim_right(t);
		str_addn(&b, t.s, t.n);
		if (more && join(x, &b, ret, e) < 0)
			return -1;
		t = trim_right(trim_left((struct span){ str_cstr(&b), b.len }));
		if (!t.n)
			continue;
		ret->text = arena_strndup(x->arena, t.s, t.n);
		return 1;
	}
	return 0;
}

int df_lex_heredoc(struct df_lex *x, const char *name, bool chomp, const char **ret_body, const char **ret_raw)
{
	auto_str struct str body = {0};
	const char *start = x->p;
	struct span l;

	while (peek(x, &l)) {
		struct span t = l;

		while (chomp && t.n && *t.s == '\t')
			t.s++, t.n--;
		skip(x, l);
		if (t.n && t.s[t.n - 1] == '\r' && t.n - 1 == strlen(name))
			t.n--;
		if (t.n == strlen(name) && !memcmp(t.s, name, t.n)) {
			*ret_body = arena_strdup(x->arena, str_cstr(&body));
			*ret_raw = arena_strndup(x->arena, start, (size_t)(l.s + l.n - start));
			return 0;
		}
		str_addn(&body, t.s, (size_t)(x->p - t.s));
	}
	return -1;
}
