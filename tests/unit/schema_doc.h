/* SPDX-License-Identifier: Apache-2.0 */
/* schema_doc.h - a document from the path of an attribute, as schema_cases.h has them, and its canonical tree. */
#pragma once
#include "parser/phases.h"
#include "parser/schema.h"
#include "tests/unit/parser_help.h"
#include "tests/unit/schema_cases.h"

static inline void add_needs(struct str *b, const char *path, const char *prefix, size_t n, const char *key, size_t key_len)
{
	if (strstr(NO_NEEDS, path) || (strncmp(path, "configs.", 8) && strncmp(path, "secrets.", 8)))
		;
	else if (n == strlen("configs.*") && !strchr(prefix + 9, '['))
		str_addf(b, ", file: f");
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (strlen(needs[i].path) == n && !strncmp(needs[i].path, prefix, n) &&
		    (strlen(needs[i].key) != key_len || strncmp(needs[i].key, key, key_len)))
			str_addf(b, ", %s: %s", needs[i].key, needs[i].value);
}

/* "services.*.ports[].target" and "80": {services: {n: {ports: [{target: 80}], image: i}}} */
static inline void add_level(struct str *b, const char *path, size_t at, const char *value)
{
	const char *s = path + at;
	size_t n = strcspn(s, ".["), lists = 0;

	if (!*s) {
		str_add(b, value);
		return;
	}
	str_addc(b, '{');
	if (*s == '*')
		str_addf(b, "%s: ", strstr(path, "ulimits.*.") ? "nofile" : "n");
	else
		str_addf(b, "%.*s: ", (int)n, s);
	size_t next = at + n;
	for (; path[next] == '['; next += 2, lists++)
		str_addc(b, '[');
	add_level(b, path, next + (path[next] == '.'), value);
	for (; lists; lists--)
		str_addc(b, ']');
	add_needs(b, path, path, at ? at - 1 : 0, s, n);
	str_addc(b, '}');
}

static inline char *document(const char *path, const char *value)
{
	struct str b = { 0 };

	add_level(&b, path, 0, value);
	str_addc(&b, '\n');
	return str_take(&b);
}

static inline struct node *pass(struct arena *a, const char *text, struct errs *errs, struct warns *w)
{
	struct node *root = parse(a, text, errs);

	if (root && !errs->n && schema_check(root, errs, w) == 0 && canon_apply(a, root, errs) == 0)
		(void)!canon_defaults(a, root, errs);
	return root;
}
