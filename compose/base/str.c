/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/str.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compose/base/mem.h"

enum { STR_DEFAULT_MAX = 1 << 30, DISTANCE_MAX = 64 };

static bool reserve(struct str *b, size_t more)
{
	size_t max = b->max ? b->max : STR_DEFAULT_MAX, cap = b->cap ? b->cap : 64;

	if (more > max || b->len > max - more) {
		b->over = true;
		return false;
	}
	if (b->len + more < b->cap)
		return true;
	while (cap < b->len + more + 1)
		cap *= 2;
	b->s = xrealloc(b->s, cap);
	b->cap = cap;
	return true;
}

void str_addn(struct str *b, const char *s, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void str_add(struct str *b, const char *s)
{
	str_addn(b, s, strlen(s));
}

void str_addc(struct str *b, char c)
{
	if (!reserve(b, 1))
		return;
	b->s[b->len++] = c;
	b->s[b->len] = '\0';
}

void str_vaddf(struct str *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		abort();
	if (reserve(b, (size_t)n)) {
		(void)vsnprintf(b->s + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

void str_addf(struct str *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	str_vaddf(b, fmt, ap);
	va_end(ap);
}

void str_cut(struct str *b, size_t n)
{
	if (n >= b->len)
		return;
	b->len = n;
	b->s[n] = '\0';
}

void str_clear(struct str *b)
{
	str_cut(b, 0);
	b->over = false;
}

char *str_take(struct str *b)
{
	char *s = b->s ? b->s : xmemdup("", 1);

	*b = (struct str){ .max = b->max };
	return s;
}

const char *str_cstr(const struct str *b)
{
	return b->s ? b->s : "";
}

void str_done(struct str *b)
{
	free(b->s);
	*b = (struct str){ .max = b->max };
}

bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !strcmp(s + n - m, suffix);
}

bool str_to_u64(const char *s, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (!s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end || errno)
		return false;
	*out = v;
	return true;
}

bool str_to_i64(const char *s, int64_t *out)
{
	uint64_t u;

	if (!s || !str_to_u64(*s == '-' ? s + 1 : s, &u))
		return false;
	if (u > (uint64_t)INT64_MAX)
		return false;
	*out = *s == '-' ? -(int64_t)u : (int64_t)u;
	return true;
}

bool str_to_bool(const char *s, bool *out)
{
	static const char *const words[][2] = { { "0", "1" }, { "f", "t" }, { "F", "T" }, { "false", "true" }, { "False", "True" },
		{ "FALSE", "TRUE" } };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		for (int yes = 0; yes < 2; yes++)
			if (str_eq(s, words[i][yes])) {
				*out = yes;
				return true;
			}
	return false;
}

unsigned str_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned d[3][DISTANCE_MAX + 1];

	if (n > DISTANCE_MAX || m > DISTANCE_MAX)
		return 1000;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *upup = d[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[n % 3][m];
}

const char *str_nearest(const char *s, const char *const *names)
{
	unsigned best = (unsigned)(strlen(s) + 2) / 3 + 1;
	const char *hit = NULL;

	for (; *names; names++) {
		unsigned d = str_distance(s, *names);

		if (d < best) {
			best = d;
			hit = *names;
		}
	}
	return hit;
}

/* ret: bytes of the well-formed UTF-8 sequence at s, 0 if there is none */
static size_t utf8_len(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;

	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 2 && (s[0] < 0xc2 || (s[0] == 0xc2 && s[1] < 0xa0)))    /* too long; C1 controls steer terminals too */
		return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))      /* too long; surrogates */
		return 0;
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || s[0] > 0xf4 || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

char *str_printable(const char *s)
{
	struct str b = {0};

	while (*s) {
		size_t n = utf8_len((const unsigned char *)s);

		if (!n || ((unsigned char)*s < 0x20 && *s != '\n' && *s != '\t') || *s == 0x7f) {
			str_addc(&b, '?');
			s++;
		} else {
			str_addn(&b, s, n);
			s += n;
		}
	}
	return str_take(&b);
}
