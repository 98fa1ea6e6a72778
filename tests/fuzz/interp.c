/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a value with variables, alone and as a block text in a file (positions). */
#include <stdint.h>
#include "parser/interp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look(void *ctx, const char *name)
{
	(void)ctx;
	return !strcmp(name, "E") ? "" : strlen(name) % 2 ? "$value ${x}" : NULL;
}

static void met(void *ctx, const struct interp_use *use)
{
	if (((const char *)ctx)[use->off] != '$')
		abort();                       /* offsets point at the dollar sign */
}

static void as_node(const char *text)
{
	struct arena a = {0};
	struct sources src = {0};
	struct warns warns = {0};
	struct vars vars = {0};
	struct errs errs = {0};
	const struct source *s = source_add(&src, &a, "f", text, strlen(text));
	struct interp_ctx c = { .arena = &a, .look = { look, NULL }, .src = &src, .warns = &warns, .vars = &vars, .errs = &errs };
	struct node *n = node_str(&a, text, (struct srcpos){ s->name, 1, 1 });

	if (interp_tree(&c, n, "key") < 0 && !errs.n)
		abort();
	errs_done(&errs);
	vars_done(&vars);
	warns_done(&warns);
	sources_done(&src);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	struct interp_scope s = { { look, NULL }, met, text, 0 };
	struct str out = {0};
	struct err e = {0};

	if (interp_text(&out, text, &s, &e) < 0 && (text[s.err_off] != '$' || !e.n) &&
	    strcmp(e.n ? e.frame[0] : "", "variables are nested too deeply") != 0 && !out.over)
		abort();
	as_node(text);
	str_done(&out);
	err_done(&e);
	free(text);
	return 0;
}
