/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dotenv.h"
#include <ctype.h>
#include "compose/base/str.h"

/* at: what is read next; line_start: of the line at stands in */
struct scan {
	const struct dotenv *d;
	const char *name, *at, *end, *line_start;
	unsigned    line;
	size_t      values;        /* bytes of the values so far */
	struct err *e;
};

/* A place; its column is counted only when it has to be told. */
struct mark { const char *name, *at, *line_start; unsigned line; };

static struct mark mark_at(const struct scan *s, const char *at)
{
	return (struct mark){ s->name, at, s->line_start, s->line };
}

static struct srcpos mark_pos(struct mark m)
{
	struct srcpos p = { m.name, m.line, 1 };

	for (const char *c = m.line_start; c < m.at; c++)
		p.col += ((unsigned char)*c & 0xc0) != 0x80;
	return p;
}

static struct srcpos pos_at(const struct scan *s, const char *at)
{
	return mark_pos(mark_at(s, at));
}

static void newline(struct scan *s)
{
	s->line++;
	s->line_start = s->at;
}

/* Blank within a line. */
static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static void skip_blank(struct scan *s)
{
	while (s->at < s->end && blank(*s->at))
		s->at++;
}

static const char *line_end(const struct scan *s)
{
	const char *nl = memchr(s->at, '\n', (size_t)(s->end - s->at));

	return nl ? nl : s->end;
}

/* Over blank lines and comments. ret: whether a statement follows */
static bool to_statement(struct scan *s)
{
	while (s->at < s->end) {
		if (*s->at == '\n') {
			s->at++;
			newline(s);
		} else if (blank(*s->at)) {
			s->at++;
		} else if (*s->at == '#') {
			s->at = line_end(s);
		} else {
			return true;
		}
	}
	return false;
}

static bool key_char(unsigned char c)
{
	return isalnum(c) || c >= 0x80 || strchr("_.-[]", c);
}

static void skip_export(struct scan *s)
{
	if (s->end - s->at < 7 || memcmp(s->at, "export", 6) != 0 || !blank(s->at[6]))
		return;
	s->at += 6;
	skip_blank(s);
}

/* KEY= or KEY: or a line with nothing but KEY. ret: the key (the caller's); *ret_bare tells the last form; NULL with e
 * set */
static char *read_key(struct scan *s, bool *ret_bare)
{
	const char *from = s->at, *to;

	for (; s->at < s->end && !strchr("=:\n", *s->at); s->at++) {
		if (*s->at && (blank(*s->at) || key_char((unsigned char)*s->at)))
			continue;
		err_set(s->e, ERR_MODEL, 0, "a variable's name cannot hold the character '%c'", *s->at);
		err_hint(s->e, "write NAME=value, and comments after a #");
		err_at(s->e, pos_at(s, s->at), NULL);
		return NULL;
	}
	for (to = s->at; to > from && blank(to[-1]);)
		to--;
	for (const char *c = from; c < to; c++) {
		if (!blank(*c))
			continue;
		err_set(s->e, ERR_MODEL, 0, "a variable's name cannot hold a space");
		err_hint(s->e, "write NAME=value");
		err_at(s->e, pos_at(s, c), NULL);
		return NULL;
	}
	if (to == from) {
		err_set(s->e, ERR_MODEL, 0, "a variable's name is missing before '%c'", *s->at);
		err_at(s->e, pos_at(s, from), NULL);
		return NULL;
	}
	*ret_bare = s->at == s->end || *s->at == '\n';
	if (!*ret_bare)
		s->at++;
	return xstrndup(from, (size_t)(to - from));
}

static const char *look(void *ctx, const char *name)
{
	const struct dotenv *d = ctx;
	const char *v = d->look.fn ? d->look.fn(d->look.ctx, name) : NULL;

	return v ? v : map_get(d->vars, name);
}

struct use_ctx { const struct dotenv *d; struct mark from; };

static void on_met(void *ctx, const struct interp_use *u)
{
	const struct use_ctx *c = ctx;

	if (!u->set && !u->unused && c->d->warns)
		warns_add(c->d->warns, mark_pos(c->from),
			  "the variable %s is not set, an empty text is used in its place", u->name);
}

/* Variables in text. ret: arena's text, or NULL with e set */
static const char *expand(const struct scan *s, const char *text, struct mark from)
{
	struct use_ctx use = { s->d, from };
	struct interp_scope scope = { { look, (void *)s->d }, on_met, &use, 0 };
	auto_str struct str out = {0};

	if (interp_text(&out, text, &scope, s->e) < 0) {
		err_at(s->e, mark_pos(from), NULL);
		return NULL;
	}
	return arena_strdup(s->d->arena, str_cstr(&out));
}

/* To the end of the line or a " #", without blanks at the end. */
static const char *read_unquoted(struct scan *s)
{
	const char *from = s->at, *nl = line_end(s), *to = nl;
	struct mark start = mark_at(s, from);
	auto_free char *text = NULL;

	for (const char *c = from; c + 1 < nl; c++) {
		if (c[0] == ' ' && c[1] == '#') {
			to = c;
			break;
		}
	}
	while (to > from && blank(to[-1]))
		to--;
	s->at = nl;
	text = xstrndup(from, (size_t)(to - from));
	return expand(s, text, start);
}

/* \0 and up to three digits, taken as octal. ret: bytes used behind the backslash, 0 when it is none */
static size_t octal(const char *s, struct str *out)
{
	unsigned v = 0;
	size_t n = 1;

	while (n < 4 && s[n] >= '0' && s[n] <= '7')
		v = v * 8 + (unsigned)(s[n++] - '0');
	if (n != 4 || v > 255)
		return 0;
	if (v < 0x80)
		str_addc(out, (char)v);
	else
		str_addf(out, "%c%c", (int)(0xc0 | v >> 6), (int)(0x80 | (v & 0x3f)));
	return n;
}

/* Escapes of a double quoted text. \$ becomes $$, which the interpolation that follows turns into a plain dollar. */
static char *unescape(const char *s)
{
	static const char from[] = "abfnrtv\"\\", to[] = "\a\b\f\n\r\t\v\"\\";
	struct str out = STR_MAX(INTERP_TEXT_MAX);

	while (*s) {
		const char *hit = *s == '\\' && s[1] ? strchr(from, s[1]) : NULL;
		size_t used = 0;

		if (hit) {
			str_addc(&out, to[hit - from]);
			used = 2;
		} else if (*s == '\\' && s[1] == '$') {
			str_add(&out, "$$");
			used = 2;
		} else if (*s == '\\' && s[1] == '0') {
			used = octal(s + 1, &out);
			used += used > 0;
		}
		if (!used) {
			str_addc(&out, *s);
			used = 1;
		}
		s += used;
	}
	return str_take(&out);
}

static const char *finish_quoted(const struct scan *s, char quote, const struct str *raw, struct mark start)
{
	auto_free char *text = NULL;

	if (quote == '\'')
		return arena_strdup(s->d->arena, str_cstr(raw));
	text = unescape(str_cstr(raw));
	return expand(s, text, start);
}

/* From an opening quote to its partner, over lines; a backslash keeps the quote that follows it. */
static const char *read_quoted(struct scan *s)
{
	char quote = *s->at;
	struct mark start = mark_at(s, s->at);
	auto_str struct str raw = STR_MAX(INTERP_TEXT_MAX);

	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == quote) {
			s->at++;
			return finish_quoted(s, quote, &raw, start);
		}
		if (*s->at == '\\' && s->at + 1 < s->end) {
			s->at++;
			if (*s->at != quote)
				str_addc(&raw, '\\');
		}
		str_addc(&raw, *s->at);
		if (*s->at == '\n') {
			s->line++;
			s->line_start = s->at + 1;
		}
	}
	err_set(s->e, ERR_MODEL, 0, "this quote is never closed");
	err_hint(s->e, "close it, or write a quote inside as \\%c", quote);
	err_at(s->e, mark_pos(start), NULL);
	return NULL;
}

/* A value made of values made of values ends somewhere. */
static int keep(struct scan *s, const char *key, const char *val)
{
	s->values += strlen(val);
	if (s->values > DOTENV_VALUES_MAX) {
		err_set(s->e, ERR_MODEL, 0, "the values grow too long when their variables are replaced");
		return err_at(s->e, pos_at(s, s->at), NULL);
	}
	map_set(s->d->vars, key, (void *)val);
	return 0;
}

static int read_statement(struct scan *s)
{
	auto_free char *key = NULL;
	const char *val;
	bool bare;

	skip_export(s);
	key = read_key(s, &bare);
	if (!key)
		return -1;
	if (bare) {
		val = s->d->look.fn ? s->d->look.fn(s->d->look.ctx, key) : NULL;
		return val ? keep(s, key, arena_strdup(s->d->arena, val)) : 0;
	}
	skip_blank(s);
	val = s->at < s->end && (*s->at == '"' || *s->at == '\'') ? read_quoted(s) : read_unquoted(s);
	return val ? keep(s, key, val) : -1;
}

/* format: raw. A line is KEY=VALUE as it stands, a bare KEY is taken from the lookup. */
static int read_raw_line(struct scan *s)
{
	const char *nl = line_end(s), *to = nl > s->at && nl[-1] == '\r' ? nl - 1 : nl, *eq;
	auto_free char *key = NULL;
	const char *val = NULL;

	eq = memchr(s->at, '=', (size_t)(to - s->at));
	key = xstrndup(s->at, (size_t)((eq ? eq : to) - s->at));
	if (!*key || strpbrk(key, " \t")) {
		err_set(s->e, ERR_MODEL, 0,
			*key ? "a variable's name cannot hold a space" : "a variable's name is missing");
		return err_at(s->e, pos_at(s, s->at), NULL);
	}
	if (eq)
		val = arena_strndup(s->d->arena, eq + 1, (size_t)(to - eq - 1));
	else if (s->d->look.fn)
		val = arena_strdup(s->d->arena, s->d->look.fn(s->d->look.ctx, key));
	s->at = nl;
	return val ? keep(s, key, val) : 0;
}

/* CR LF is LF everywhere, in quotes too. ret: caller frees */
static char *unix_lines(const char *text, size_t len, size_t *ret_len)
{
	char *copy = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
			copy[n++] = text[i];
	copy[n] = '\0';
	*ret_len = n;
	return copy;
}

int dotenv_parse(const struct dotenv *d, const char *name, const char *text, size_t len, struct err *e)
{
	auto_free char *copy = NULL;
	struct scan s;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		len -= 3;
	}
	copy = unix_lines(text, len, &len);
	s = (struct scan){ d, name, copy, copy + len, copy, 1, 0, e };
	if (memchr(copy, '\0', len)) {
		err_set(e, ERR_MODEL, 0, "the file is not text: it holds a NUL byte");
		return err_at(e, pos_at(&s, copy), NULL);
	}
	while (to_statement(&s))
		if ((d->raw ? read_raw_line(&s) : read_statement(&s)) < 0)
			return -1;
	return 0;
}

int dotenv_read(const struct dotenv *d, const struct load_io *io, const char *path, struct err *e)
{
	auto_free char *text = NULL;
	size_t len;

	switch (io->kind(io->ctx, path)) {
	case IO_ABSENT:
		return 1;
	case IO_DIR:
		return err_set(e, ERR_MODEL, 0, "the env file %s is a directory", path);
	case IO_FILE:
		break;
	}
	if (io->read(io->ctx, path, DOTENV_FILE_MAX, &text, &len, e) < 0)
		return err_wrap(e, "read the env file %s", path);
	if (dotenv_parse(d, path, text, len, e) < 0)
		return err_wrap(e, "read the env file %s", path);
	return 0;
}
