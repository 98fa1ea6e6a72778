/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/dockerignore.h"
#include <ctype.h>
#include <string.h>
#include "compose/base/coll.h"
#include "compose/base/str.h"
#include "parser/glob.h"

/* Most patterns are plain paths or a "**" before one name: both are told apart once, so that a big context is quick. */
enum shape { SHAPE_EXACT, SHAPE_NAME, SHAPE_ANY };
struct pattern {
	char      *text;
	const char *tail;         /* SHAPE_NAME: the pattern behind the leading double star */
	size_t     len;
	enum shape shape;
	bool       negate;
};
struct ignore { VEC(struct pattern) pats; bool any_negate; };

/* Clean a pattern in place: no leading or trailing slash, no ".", ".." resolved within the root. */
static void clean(char *s)
{
	char *out = s, *in = s;

	while (*in) {
		size_t n = strcspn(in, "/");

		if (n == 2 && in[0] == '.' && in[1] == '.') {
			while (out > s && *--out != '/')
				;
		} else if (n && !(n == 1 && *in == '.')) {
			if (out > s)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n;
		in += *in == '/';
	}
	*out = '\0';
}

static void classify(struct pattern *p)
{
	p->len = strlen(p->text);
	p->shape = SHAPE_ANY;
	if (!glob_magic(p->text)) {
		p->shape = SHAPE_EXACT;
	} else if (str_starts(p->text, "**/") && !strchr(p->text + 3, '/') && !strstr(p->text + 3, "**")) {
		p->shape = SHAPE_NAME;
		p->tail = p->text + 3;
	}
}

static int add(struct ignore *ig, const char *line, size_t n, struct err *e)
{
	struct pattern p = {0};

	if (n && *line == '!') {
		p.negate = true;
		for (line++, n--; n && isspace((unsigned char)*line); line++)
			n--;
		if (!n)
			return err_set(e, ERR_MODEL, 0, "illegal exclusion pattern: `!`");
	}
	p.text = xstrndup(line, n);
	if (!glob_valid(p.text)) {
		err_set(e, ERR_MODEL, 0, "syntax error in pattern `%s`", p.text);
		free(p.text);
		return -1;
	}
	clean(p.text);
	if (!*p.text) {
		free(p.text);         /* the root itself cannot be left out */
		return 0;
	}
	classify(&p);
	ig->any_negate |= p.negate;
	vec_push(&ig->pats, p);
	return 0;
}

int ignore_add(struct ignore **ig, const char *pattern, struct err *e)
{
	if (!*ig)
		*ig = xcalloc(1, sizeof(**ig));
	return add(*ig, pattern, strlen(pattern), e);
}

int ignore_parse(struct ignore **ret, const char *file, const char *text, size_t len, struct err *e)
{
	struct ignore *ig = xcalloc(1, sizeof(*ig));
	const char *end = text + len;
	unsigned line = 1;

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	for (; text < end; line++) {
		const char *nl = memchr(text, '\n', (size_t)(end - text)), *stop = nl ? nl : end, *s = text;

		text = nl ? nl + 1 : end;
		if (s < stop && *s == '#')
			continue;
		while (s < stop && isspace((unsigned char)*s))
			s++;
		while (stop > s && isspace((unsigned char)stop[-1]))
			stop--;
		if (s < stop && add(ig, s, (size_t)(stop - s), e) < 0) {
			err_at(e, (struct srcpos){ file, line, 1 }, NULL);
			ignore_free(ig);
			return -1;
		}
	}
	*ret = ig;
	return 0;
}

void ignore_free(struct ignore *ig)
{
	if (!ig)
		return;
	for (size_t i = 0; i < ig->pats.n; i++)
		free(ig->pats.v[i].text);
	vec_done(&ig->pats);
	free(ig);
}

/* ret: whether p matches path or a directory above it */
static bool covers(const struct pattern *p, const char *path, size_t len)
{
	if (p->shape == SHAPE_EXACT)
		return len >= p->len && !memcmp(path, p->text, p->len) && (len == p->len || path[p->len] == '/');
	for (size_t from = 0, to; from <= len; from = to + 1) {
		const char *slash = memchr(path + from, '/', len - from);

		to = slash ? (size_t)(slash - path) : len;
		if (p->shape == SHAPE_NAME ? glob_match(p->tail, path + from, to - from, GLOB_FLAT) :
		    glob_match(p->text, path, to, GLOB_DEEP))
			return true;
	}
	return false;
}

/* ret: whether p may match something below the directory dir: segment by segment, a "**" may match anything */
static bool may_match_below(const struct pattern *p, const char *dir)
{
	const char *pat = p->text;

	while (*dir) {
		size_t np = strcspn(pat, "/"), nd = strcspn(dir, "/");
		auto_free char *seg = xstrndup(pat, np);

		if (!np || strstr(seg, "**"))
			return true;
		if (!glob_match(seg, dir, nd, GLOB_FLAT))
			return false;
		pat += np;
		pat += *pat == '/';
		dir += nd;
		dir += *dir == '/';
	}
	return true;
}

enum ignore_verdict ignore_check(const struct ignore *ig, const char *path, bool is_dir)
{
	size_t len = strlen(path), i;

	if (!ig || !len)
		return IGNORE_TAKE;
	for (i = ig->pats.n; i-- > 0;)
		if (covers(&ig->pats.v[i], path, len))
			break;
	if (i == (size_t)-1 || ig->pats.v[i].negate)
		return IGNORE_TAKE;
	if (is_dir && ig->any_negate)
		for (size_t k = i + 1; k < ig->pats.n; k++)
			if (ig->pats.v[k].negate && may_match_below(&ig->pats.v[k], path))
				return IGNORE_DESCEND;
	return IGNORE_SKIP;
}
