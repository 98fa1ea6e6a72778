/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an env file, in both formats. */
#include <stdint.h>
#include "parser/dotenv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const uint8_t *data, size_t size, bool raw)
{
	struct arena a = {0};
	struct map vars = {0};
	struct warns warns = {0};
	struct err e = {0};
	struct dotenv d = { &a, &vars, { NULL, NULL }, &warns, raw };

	if (dotenv_parse(&d, "f.env", (const char *)data, size, &e) < 0 && (!e.n || !e.at))
		abort();                       /* a failure without a reason or a place */
	err_done(&e);
	warns_done(&warns);
	map_done(&vars);
	arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	parse(data, size, false);
	parse(data, size, true);
	return 0;
}
