/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a Dockerfile, its words expanded; as a .dockerignore; as the value of --mount, --chmod, EXPOSE. */
#include <stdint.h>
#include <stdlib.h>
#include "compose/base/str.h"
#include "parser/dockerfile.h"
#include "parser/dockerfile_expand.h"
#include "parser/dockerfile_value.h"
#include "parser/dockerignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look(void *arg, const char *name)
{
	(void)arg;
	return strlen(name) % 2 ? "a value/with.dots" : NULL;
}

static void expand(const struct df_scope *sc, const char *s)
{
	auto_err struct err e = {0}, e2 = {0};
	auto_strv struct strv words = {0};
	char *out = NULL;

	if (df_expand(sc, s, &out, &e) == 0)
		free(out);
	else if (!e.n)
		abort();                       /* a failure without a reason */
	(void)!df_expand_words(sc, s, &words, &e2);
}

static void each(const struct dockerfile *df, const struct df_instr *in)
{
	const struct df_scope sc = { .get = look, .escape = df->escape };

	expand(&sc, in->text);
	for (size_t i = 0; i < in->n_words; i++)
		expand(&sc, in->words[i]);
	for (size_t i = 0; i < in->n_docs; i++)
		expand(&sc, in->docs[i].body);
}

static void as_dockerfile(const char *text, size_t size)
{
	struct dockerfile *df = NULL;
	auto_errs struct errs errs = {0};

	if (dockerfile_parse(&df, "D", text, size, &errs) < 0) {
		if (!errs.n || !errs.v[0].at)
			abort();                       /* a failure without a reason or a place */
		return;
	}
	for (size_t i = 0; i < df->n_stages; i++)
		for (size_t k = 0; k < df->stages[i].n_instr; k++)
			each(df, df->stages[i].instr[k]);
	dockerfile_free(df);
}

static void as_ignore(const char *text, size_t size)
{
	static const char *const paths[] = { "a", "a/b", "src/a.c", "x/y/z" };
	auto_err struct err e = {0};
	struct ignore *ig;

	if (ignore_parse(&ig, "I", text, size, &e) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		(void)ignore_check(ig, paths[i], i % 2);
	ignore_free(ig);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	auto_strv struct strv ports = {0};
	auto_err struct err e0 = {0}, e1 = {0}, e2 = {0};
	struct df_mount m;
	struct df_chmod c;

	as_dockerfile((const char *)data, size);
	as_ignore((const char *)data, size);
	if (df_mount(text, &m, &e0) == 0)
		df_mount_done(&m);
	if (df_chmod(text, &c, &e1) == 0)
		(void)df_chmod_apply(&c, 0644, size % 2);
	if (size < 64)
		(void)!df_ports(text, &ports, &e2);
	return 0;
}
