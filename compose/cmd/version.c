/* SPDX-License-Identifier: Apache-2.0 */
#include "compose/base/str.h"
#include "compose/cmd/cmd.h"

struct version_args { bool short_; const char *format; };

static const struct opt version_opts[] = {
	OPT_FLAG(0, "short", struct version_args, short_, "print the number alone"),
	OPT_CHOICE('f', "format", struct version_args, format, "pretty json", "output form"),
	OPT_END
};

static int version_run(struct ctx *c, const void *args, struct err *e)
{
	const struct version_args *a = args;

	(void)c;
	(void)e;
	if (a->short_)
		puts(COMPOSE_VERSION);
	else if (str_eq(a->format, "json"))
		printf("{\"version\":\"v%s\"}\n", COMPOSE_VERSION);
	else
		printf("compose version v%s\n", COMPOSE_VERSION);
	return 0;
}

const struct cmd cmd_version = { .name = "version", .usage = "[OPTION...]", .summary = "Print the version",
	.opts = version_opts, .args_size = sizeof(struct version_args), .run = version_run };
