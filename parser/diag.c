/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/diag.h"
#include <stdlib.h>
#include "compose/base/str.h"

enum { REPORT_MAX = 100, LINE_SHOWN = 160 };

static void index_lines(struct source *s, struct arena *a)
{
	size_t n = 1, i = 0;

	for (const char *p = s->text, *end = p + s->len; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		n++;
	s->line = arena_alloc(a, n * sizeof(*s->line));
	s->nlines = n;
	for (const char *p = s->text, *end = p + s->len; ++i < n && (p = memchr(p, '\n', (size_t)(end - p)));)
		s->line[i] = (uint32_t)(++p - s->text);
}

struct source *source_add(struct sources *s, struct arena *a, const char *name, const char *text, size_t len)
{
	struct source *src = arena_new(a, struct source);

	src->name = arena_strdup(a, name);
	src->text = text;
	src->len = len;
	index_lines(src, a);
	if (s)
		vec_push(s, src);
	return src;
}

const struct source *source_find(const struct sources *s, const char *name)
{
	for (size_t i = 0; s && name && i < s->n; i++)
		if (s->v[i]->name == name || !strcmp(s->v[i]->name, name))
			return s->v[i];
	return NULL;
}

void sources_done(struct sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]->own);
	vec_done(s);
}

static bool is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

size_t source_offset(const struct source *s, struct srcpos p)
{
	size_t off;

	if (!p.line || p.line > s->nlines)
		return s->len;
	off = s->line[p.line - 1];
	if (p.line == 1 && s->len >= 3 && !memcmp(s->text, "\xef\xbb\xbf", 3))
		off += 3;
	for (unsigned col = 1; col < p.col && off < s->len && s->text[off] != '\n'; col++)
		while (++off < s->len && is_tail(s->text[off]))
			;
	return off;
}

struct srcpos source_dollar(const struct sources *s, struct srcpos p, size_t nth, unsigned max_lines)
{
	const struct source *src = source_find(s, p.file);
	struct srcpos at = p;

	if (!src)
		return p;
	for (size_t i = source_offset(src, p); i < src->len && at.line - p.line <= max_lines; i++) {
		if (src->text[i] == '$' && !nth--)
			return at;
		if (src->text[i] == '\n')
			at = (struct srcpos){ p.file, at.line + 1, 1 };
		else if (i + 1 == src->len || !is_tail(src->text[i + 1]))
			at.col++;
	}
	return p;
}

void warns_add(struct warns *w, struct srcpos p, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	if (map_has(&w->seen, text)) {
		free(text);
		return;
	}
	map_set(&w->seen, text, NULL);
	vec_push(w, (struct warn){ text, p });
}

void warns_report(struct warns *w, FILE *f, bool colour)
{
	for (; w->told < w->n; w->told++) {
		const struct warn *x = &w->v[w->told];
		char *s = str_printable(x->text);

		fprintf(f, "%swarning:%s %s", colour ? "\033[33m" : "", colour ? "\033[0m" : "", s);
		free(s);
		if (x->pos.line) {
			s = str_printable(x->pos.file);
			fprintf(f, " (%s:%u:%u)", s, x->pos.line, x->pos.col);
			free(s);
		}
		fputc('\n', f);
	}
}

void warns_to_errs(struct warns *w, struct errs *errs)
{
	for (size_t i = 0; i < w->n; i++)
		errs_model(errs, w->v[i].pos, NULL, NULL, "%s", w->v[i].text);
	warns_done(w);
}

void warns_done(struct warns *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].text);
	vec_done(w);
	map_done(&w->seen);
}

int errs_model(struct errs *l, struct srcpos p, const char *key, const char *hint, const char *fmt, ...)
{
	struct err e = {0};
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	err_set(&e, ERR_MODEL, 0, "%s", text);
	free(text);
	err_at(&e, p, key && *key ? key : NULL);
	if (hint)
		err_hint(&e, "%s", hint);
	return errs_add(l, &e);
}

/* "NAME:LINE:COL ..." -> the source of that name and the position. ret: NULL when the file is not known */
static const struct source *locate(const struct sources *src, const char *at, struct srcpos *ret)
{
	for (size_t i = 0; src && at && i < src->n; i++) {
		size_t n = strlen(src->v[i]->name);
		unsigned line, col;

		if (strncmp(at, src->v[i]->name, n) != 0 || sscanf(at + n, ":%u:%u", &line, &col) != 2)
			continue;
		*ret = (struct srcpos){ src->v[i]->name, line, col };
		return src->v[i];
	}
	return NULL;
}

/* What stands between :// and @ in an address may be a password. */
static void hide_secrets(char *line)
{
	for (char *s = line; (s = strstr(s, "://"));) {
		char *at;

		s += 3;
		at = memrchr(s, '@', strcspn(s, "/ \t\"'"));
		if (at)
			memset(s, '*', (size_t)(at - s));
	}
}

/* The line of p, and a caret under the column; a long line is cut around it. */
static void print_caret(const struct source *s, struct srcpos p, FILE *f, bool colour)
{
	size_t at = source_offset(s, p), from, to = at;
	auto_free char *line = NULL, *clean = NULL;

	if (!p.line || p.line > s->nlines)
		return;
	from = s->line[p.line - 1];
	if (at - from > LINE_SHOWN / 2) {
		from = at - LINE_SHOWN / 2;
		while (from < at && is_tail(s->text[from]))
			from++;
	}
	while (to < s->len && to - from < LINE_SHOWN && s->text[to] != '\n' && s->text[to] != '\r')
		to++;
	line = xstrndup(s->text + from, to - from);
	hide_secrets(line);
	clean = str_printable(line);
	fprintf(f, "%6u | %s\n       | ", p.line, clean);
	for (size_t i = from; i < at; i++)
		if (!is_tail(s->text[i]))
			fputc(s->text[i] == '\t' ? '\t' : ' ', f);
	fprintf(f, "%s^%s\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "");
}

static int by_position(const void *x, const void *y)
{
	const struct err *a = x, *b = y;
	int d;

	if (!a->at || !b->at)
		return !a->at - !b->at;
	d = strverscmp(a->at, b->at);
	return d ? d : strcmp(a->frame[0], b->frame[0]);
}

static bool same_err(const struct err *a, const struct err *b)
{
	return str_eq(a->at, b->at) && a->n && b->n && !strcmp(a->frame[0], b->frame[0]);
}

int diag_report(struct errs *errs, const struct sources *src, FILE *f, bool colour)
{
	size_t shown = 0, hidden = 0;
	int status = 0;

	if (errs->n)
		qsort(errs->v, errs->n, sizeof(*errs->v), by_position);
	for (size_t i = 0; i < errs->n; i++) {
		const struct err *e = &errs->v[i];
		const struct source *s;
		struct srcpos p;

		if (err_status(e) > status)
			status = err_status(e);
		if (i && same_err(e, e - 1))
			continue;
		if (shown++ >= REPORT_MAX) {
			hidden++;
			continue;
		}
		err_report(e, f);
		s = locate(src, e->at, &p);
		if (s)
			print_caret(s, p, f, colour);
	}
	if (hidden)
		fprintf(f, "compose: %zu more mistakes are not shown\n", hidden);
	return status;
}
