/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/glob.h"
#include <string.h>

/* One class from "[" on. ret: behind "]", or NULL when it is not closed; *hit tells whether c is in it */
static const char *class_match(const char *p, unsigned char c, bool *hit)
{
	bool negate = p[1] == '^' || p[1] == '!', in = false;
	const char *first;

	p += 1 + negate;
	for (first = p; *p && (*p != ']' || p == first); ) {
		unsigned char lo, hi;

		if (*p == '\\' && p[1])
			p++;
		lo = hi = (unsigned char)*p++;
		if (*p == '-' && p[1] && p[1] != ']') {
			p++;
			if (*p == '\\' && p[1])
				p++;
			hi = (unsigned char)*p++;
		}
		in |= c >= lo && c <= hi;
	}
	if (*p != ']')
		return NULL;
	*hit = in != negate;
	return p + 1;
}

bool glob_valid(const char *p)
{
	bool hit;

	while (*p) {
		if (*p == '[') {
			p = class_match(p, 0, &hit);
			if (!p)
				return false;
			continue;
		}
		if (*p == '\\' && !*++p)
			return false;
		p++;
	}
	return true;
}

bool glob_magic(const char *p)
{
	return strpbrk(p, "*?[\\") != NULL;
}

/* One element that stands for one character. ret: behind it in the pattern, or NULL when c does not match */
static const char *one(const char *p, unsigned char c)
{
	bool hit = false;

	switch (*p) {
	case '?':
		return c != '/' ? p + 1 : NULL;
	case '[':
		p = class_match(p, c, &hit);
		return p && hit && c != '/' ? p : NULL;
	default:
		p += *p == '\\';
		return *p && (unsigned char)*p == c ? p + 1 : NULL;
	}
}

/* Where to go on after a mismatch: the last * may take one more character of its segment, else the last ** one more
 * (or, as a whole segment, one more segment). Earlier ones need no second try: the later can take whatever they would
 * have. */
struct resume { const char *pat, *at; bool segment; };

static bool resume_star(struct resume *r, const char *end, const char **p, const char **s)
{
	if (!r->pat || r->at == end || *r->at == '/')
		return false;
	*p = r->pat;
	*s = ++r->at;
	return true;
}

static bool resume_deep(struct resume *r, const char *end, const char **p, const char **s)
{
	if (!r->pat)
		return false;
	if (r->segment) {
		const char *slash = memchr(r->at, '/', (size_t)(end - r->at));

		if (!slash)
			return false;
		r->at = slash + 1;
	} else if (r->at == end) {
		return false;
	} else {
		r->at++;
	}
	*p = r->pat;
	*s = r->at;
	return true;
}

bool glob_match(const char *pattern, const char *s, size_t n, enum glob_mode mode)
{
	const char *p = pattern, *end = s + n, *start = s, *next;
	struct resume star = {0}, deep = {0};

	for (;;) {
		if (mode == GLOB_DEEP && p[0] == '*' && p[1] == '*') {
			bool whole = (p == pattern || p[-1] == '/') && (s == start || s[-1] == '/');

			p += 2 + strspn(p + 2, "*");
			deep = (struct resume){ p, s, whole && *p == '/' };
			star.pat = NULL;
			if (deep.segment)
				deep.pat = ++p;
			continue;
		}
		if (*p == '*') {
			star = (struct resume){ ++p, s, false };
			continue;
		}
		if (s == end && !*p)
			return true;
		next = s < end && *p ? one(p, (unsigned char)*s) : NULL;
		if (next) {
			p = next;
			s++;
			continue;
		}
		if (resume_star(&star, end, &p, &s))
			continue;
		star.pat = NULL;
		if (!resume_deep(&deep, end, &p, &s))
			return false;
	}
}
