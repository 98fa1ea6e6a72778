/* SPDX-License-Identifier: Apache-2.0 */
/* parser_help.h - trees as one line of text, mistakes as lines, and files that are only in memory, for the parser's
 * unit tests. */
#pragma once
#include "compose/base/str.h"
#include "parser/diag.h"
#include "parser/io.h"
#include "parser/node.h"
#include "parser/yaml.h"
#include "tests/tap.h"

static inline void flow_add(struct str *b, const struct node *n)
{
	switch (n->kind) {
	case NODE_NULL: str_add(b, "null"); return;
	case NODE_BOOL: str_add(b, n->b ? "true" : "false"); return;
	case NODE_INT: str_addf(b, "%lld", (long long)n->i); return;
	case NODE_FLOAT: str_addf(b, "%gf", n->f); return;
	case NODE_STR: str_addf(b, "\"%s\"", n->text); return;
	case NODE_LIST: str_addc(b, '['); break;
	case NODE_MAP: str_addc(b, '{'); break;
	}
	for (size_t i = 0; i < n->n; i++) {
		str_add(b, i ? ", " : "");
		if (n->kind == NODE_MAP)
			str_addf(b, "%s: ", n->pairs[i].key);
		flow_add(b, n->kind == NODE_MAP ? n->pairs[i].val : n->items[i]);
	}
	str_addc(b, n->kind == NODE_MAP ? '}' : ']');
}

/* A tree as {a: 1, b: ["x", null]}. ret: caller frees */
static inline char *flow(const struct node *n)
{
	struct str b = {0};

	if (n)
		flow_add(&b, n);
	return str_take(&b);
}

/* Mistakes, a line each: "t.yaml:1:2 key: cause". ret: caller frees */
static inline char *errs_text(const struct errs *errs)
{
	struct str b = {0};

	for (size_t i = 0; i < errs->n; i++)
		str_addf(&b, "%s%s%s%s", i ? "\n" : "", errs->v[i].at ? errs->v[i].at : "", errs->v[i].at ? ": " : "",
			 errs->v[i].n ? errs->v[i].frame[0] : "");
	return str_take(&b);
}

/* Parse one text as t.yaml. ret: its first document, NULL when there is none */
static inline struct node *parse(struct arena *a, const char *text, struct errs *errs)
{
	struct sources s = {0};
	struct yaml_docs docs = {0};
	struct node *n;
	int r = yaml_parse(a, source_add(&s, a, "t.yaml", text, strlen(text)), &docs, errs);

	n = docs.n ? docs.v[0] : NULL;
	vec_done(&docs);
	sources_done(&s);
	return r < 0 && !errs->n ? NULL : n;
}

/* ---- files in memory: path, text, path, text ..., NULL. A text of NULL is a directory. */

static inline const char *const *mem_find(void *ctx, const char *path)
{
	const char *const *f = ctx;

	for (; *f; f += 2)
		if (!strcmp(*f, path))
			return f;
	return NULL;
}

static inline int mem_read(void *ctx, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	const char *const *f = mem_find(ctx, path);

	if (!f || !f[1])
		return err_set(e, ERR_MISSING, 0, "%s is not there", path);
	if (strlen(f[1]) > max)
		return err_set(e, ERR_SYS, 0, "%s is too large", path);
	*ret_len = strlen(f[1]);
	*ret = xstrdup(f[1]);
	return 0;
}

static inline enum io_kind mem_kind(void *ctx, const char *path)
{
	const char *const *f = mem_find(ctx, path);

	return !f ? IO_ABSENT : f[1] ? IO_FILE : IO_DIR;
}
