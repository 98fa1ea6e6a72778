/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a YAML file: parse, report with carets, copy, compare. */
#include <stdint.h>
#include "parser/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *null;
	struct arena a = {0};
	struct sources src = {0};
	struct yaml_docs docs = {0};
	struct errs errs = {0};

	if (!null)
		null = fopen("/dev/null", "w");
	if (yaml_parse(&a, source_add(&src, &a, "f.yaml", (const char *)data, size), &docs, &errs) < 0 && !errs.n)
		abort();                       /* a failure without a reason */
	diag_report(&errs, &src, null, true);
	for (size_t i = 0; i < docs.n; i++) {
		const struct node *copy = node_copy(&a, docs.v[i]);

		if (copy->kind != docs.v[i]->kind || copy->n != docs.v[i]->n)
			abort();
		(void)node_equal(copy, docs.v[i]);
	}
	vec_done(&docs);
	errs_done(&errs);
	sources_done(&src);
	arena_done(&a);
	return 0;
}
