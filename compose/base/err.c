/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/err.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"

enum { FRAMES_TAKEN_MAX = 64 };        /* of another process's report */

static void push(struct err *e, char *msg)
{
	char *joined;

	if (e->n < sizeof(e->frame) / sizeof(e->frame[0])) {
		e->frame[e->n++] = msg;
		return;
	}
	joined = xasprintf("%s: %s", msg, e->frame[e->n - 1]);
	free(msg);
	free(e->frame[e->n - 1]);
	e->frame[e->n - 1] = joined;
}

int err_set(struct err *e, enum err_kind k, int sysno, const char *fmt, ...)
{
	va_list ap;
	char *msg, *full;

	err_done(e);
	e->kind = k;
	e->sysno = sysno;
	va_start(ap, fmt);
	msg = xvasprintf(fmt, ap);
	va_end(ap);
	if (sysno) {
		full = xasprintf("%s: %s", msg, strerror(sysno));
		free(msg);
		msg = full;
	}
	push(e, msg);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	push(e, xvasprintf(fmt, ap));
	va_end(ap);
	return -1;
}

int err_at(struct err *e, struct srcpos p, const char *key)
{
	if (!e->at && p.line)
		e->at = xasprintf("%s:%u:%u%s%s", p.file, p.line, p.col, key ? " " : "", key ? key : "");
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (e->hint)
		return -1;
	va_start(ap, fmt);
	e->hint = xvasprintf(fmt, ap);
	va_end(ap);
	return -1;
}

int err_status(const struct err *e)
{
	switch (e->kind) {
	case ERR_USAGE: return 2;
	case ERR_MODEL: return 3;
	case ERR_NOTFOUND: return 127;
	case ERR_NOEXEC: return 126;
	case ERR_INTR: return 130;
	default: return 1;
	}
}

static void print_safe(FILE *f, const char *label, const char *text)
{
	char *s = str_printable(text);

	fprintf(f, "%s%s\n", label, s);
	free(s);
}

int err_report(const struct err *e, FILE *f)
{
	for (unsigned i = e->n; i-- > 0;)
		print_safe(f, i == e->n - 1 ? "compose: " : "  because: ", e->frame[i]);
	if (e->at)
		print_safe(f, "       at: ", e->at);
	if (e->hint)
		print_safe(f, "     hint: ", e->hint);
	return err_status(e);
}

void err_done(struct err *e)
{
	for (unsigned i = 0; i < e->n; i++)
		free(e->frame[i]);
	free(e->at);
	free(e->hint);
	*e = (struct err){0};
}

void err_move(struct err *to, struct err *from)
{
	err_done(to);
	*to = *from;
	*from = (struct err){0};
}

/* Wire form: kind, sysno in decimal, at, hint, then the frames from the root cause on; each ends with NUL. */
char *err_encode(const struct err *e, size_t *ret_len)
{
	struct str b = {0};

	str_addf(&b, "%d%c%d%c%s%c%s%c", (int)e->kind, 0, e->sysno, 0, e->at ? e->at : "", 0,
		 e->hint ? e->hint : "", 0);
	for (unsigned i = 0; i < e->n; i++)
		str_addn(&b, e->frame[i], strlen(e->frame[i]) + 1);
	*ret_len = b.len;
	return str_take(&b);
}

/* ret: the next NUL-terminated field and moves *p behind it, or NULL when the rest is not terminated */
static const char *field(const char **p, const char *end)
{
	const char *s = *p, *z = s < end ? memchr(s, 0, (size_t)(end - s)) : NULL;

	if (!z)
		return NULL;
	*p = z + 1;
	return s;
}

void err_decode(struct err *e, const char *buf, size_t len)
{
	const char *p = buf, *end = buf + len, *s, *at, *hint;
	uint64_t kind = ERR_BUG, sysno = 0;

	err_done(e);
	s = field(&p, end);
	if (!s || !str_to_u64(s, &kind) || kind == ERR_NONE || kind > ERR_NOEXEC)
		kind = ERR_BUG;
	s = field(&p, end);
	if (!s || !str_to_u64(s, &sysno) || sysno > 4095)
		sysno = 0;
	at = field(&p, end);
	hint = field(&p, end);
	e->kind = (enum err_kind)kind;
	e->sysno = (int)sysno;
	e->at = at && *at ? xstrdup(at) : NULL;
	e->hint = hint && *hint ? xstrdup(hint) : NULL;
	for (int n = 0; n < FRAMES_TAKEN_MAX && (s = field(&p, end)); n++)
		push(e, xstrdup(s));
	if (!e->n)
		push(e, xstrdup("a failure report arrived broken"));
}

int errs_add(struct errs *l, struct err *e)
{
	vec_push(l, *e);
	*e = (struct err){0};
	return -1;
}

/* "file:line:col ..." sorts by file, then by the numbers */
static int by_position(const void *x, const void *y)
{
	const struct err *a = x, *b = y;

	if (!a->at || !b->at)
		return !a->at - !b->at;
	return strverscmp(a->at, b->at);
}

int errs_report(struct errs *l, FILE *f)
{
	int status = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_position);
	for (size_t i = 0; i < l->n; i++) {
		int s = err_status(&l->v[i]);

		if (s > status)
			status = s;
		if (i && str_eq(l->v[i].at, l->v[i - 1].at) && str_eq(l->v[i].frame[0], l->v[i - 1].frame[0]))
			continue;
		err_report(&l->v[i], f);
	}
	return status;
}

void errs_done(struct errs *l)
{
	for (size_t i = 0; i < l->n; i++)
		err_done(&l->v[i]);
	vec_done(l);
}
