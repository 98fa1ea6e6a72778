/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/mem.h"
#include <stdbool.h>

struct arena_page {
	struct arena_page *next;
	size_t used, cap;
	_Alignas(max_align_t) char data[];
};

/* Each page has room for twice as much as the one before. */
enum { ARENA_FIRST_BYTES = 4 << 10, ARENA_MOST_BYTES = 1 << 20 };

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		abort();
	return q;
}

char *xstrdup(const char *s)
{
	return s ? xmemdup(s, strlen(s) + 1) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *d = xmalloc(len + 1);

	memcpy(d, s, len);
	d[len] = '\0';
	return d;
}

char *xvasprintf(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	return s;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = xvasprintf(fmt, ap);
	va_end(ap);
	return s;
}

void *xmemdup(const void *p, size_t n)
{
	return memcpy(xmalloc(n), p, n);
}

/* A page with room for want bytes; a large piece gets a page of its own, behind the current one. */
static struct arena_page *arena_page(struct arena *a, size_t want)
{
	size_t cap = a->page ? a->page->cap * 2 : ARENA_FIRST_BYTES;
	struct arena_page *p;
	bool own;

	if (cap > ARENA_MOST_BYTES)
		cap = ARENA_MOST_BYTES;
	own = want > cap / 4;
	if (own)
		cap = want;
	p = xcalloc(1, sizeof(*p) + cap);
	p->cap = cap;
	if (a->page && own) {
		p->next = a->page->next;
		a->page->next = p;
	} else {
		p->next = a->page;
		a->page = p;
	}
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	size_t want = (n + align - 1) & ~(align - 1);
	struct arena_page *p = a->page;

	if (!p || p->cap - p->used < want)
		p = arena_page(a, want);
	p->used += want;
	return p->data + p->used - want;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);

	return memcpy(arena_alloc(a, len + 1), s, len);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	auto_free char *text = NULL;
	char few[128];                               /* most texts are short */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(few, sizeof(few), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(few))
		return arena_strndup(a, few, (size_t)n);
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, text);
}

void arena_done(struct arena *a)
{
	for (struct arena_page *p = a->page, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	a->page = NULL;
}
