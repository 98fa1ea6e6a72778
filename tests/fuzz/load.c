/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a project: parts between NUL bytes are compose.yaml, its override, a file to include or extend, and
 * .env. */
#include <stdint.h>
#include "parser/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = { "/p/compose.yaml", "/p/compose.override.yaml", "/p/b.yaml", "/p/.env" };
struct part { const char *text; size_t len; bool there; };

static const struct part *find(const struct part *parts, const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		if (!strcmp(path, paths[i]) && parts[i].there)
			return &parts[i];
	return NULL;
}

static int part_read(void *ctx, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	const struct part *p = find(ctx, path);

	(void)max;
	if (!p)
		return err_set(e, ERR_MISSING, 0, "absent");
	*ret = xstrndup(p->text, p->len);
	*ret_len = p->len;
	return 0;
}

static enum io_kind part_kind(void *ctx, const char *path)
{
	return find(ctx, path) ? IO_FILE : IO_ABSENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	struct part parts[ARRAY_LEN(paths)] = {{0}};
	const struct load_io io = { parts, part_read, part_kind, NULL, NULL };
	const char *const env[] = { "HOME=/h", "A=1", "B=", NULL };
	const struct load_opts o = { .io = &io, .cwd = "/p", .environ_kv = env };
	struct load_result r = {0};
	struct errs errs = {0};

	if (!null)
		null = fopen("/dev/null", "w");
	for (size_t i = 0, at = 0; i < ARRAY_LEN(paths) && at <= size; i++) {
		const uint8_t *end = size - at ? memchr(data + at, 0, size - at) : NULL;

		parts[i] = (struct part){ (const char *)data + at, end ? (size_t)(end - data) - at : size - at, true };
		at += parts[i].len + 1;
	}
	if ((load_project_tree(&o, &r, &errs) < 0) != (errs.n > 0))
		abort();                       /* a failure without a reason, or the other way round */
	diag_report(&errs, &r.src, null, false);
	warns_report(&r.warns, null, false);
	load_result_done(&r);
	errs_done(&errs);
	return 0;
}
