/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/mem.h"

struct arena_page {
	struct arena_page *next;
	size_t used, cap;
	_Alignas(max_align_t) char data[];
};

enum { ARENA_PAGE_BYTES = 64 * 1024 };

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

void *arena_alloc(struct arena *a, size_t n)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_page *p = a->page;
	size_t want = (n + align - 1) & ~(align - 1);

	if (!p || p->cap - p->used < want) {
		size_t cap = want > ARENA_PAGE_BYTES / 4 ? want : ARENA_PAGE_BYTES;

		p = xcalloc(1, sizeof(*p) + cap);
		p->cap = cap;
		if (a->page && cap == want) {        /* a large piece goes behind the current page */
			p->next = a->page->next;
			a->page->next = p;
		} else {
			p->next = a->page;
			a->page = p;
		}
	}
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
	va_list ap;

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
