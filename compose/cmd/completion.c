/* SPDX-License-Identifier: Apache-2.0 */
/* completion.c - `compose completion`: a script for a shell, made from the tables that the program itself uses. */
#include "compose/cli/completion.h"
#include "compose/base/str.h"
#include "compose/cmd/cmd.h"

struct completion_args { const char *shell; };

static const struct opt completion_opts[] = {
	OPT_HEAD(struct completion_args, shell, "bash|zsh|fish", ""),
	OPT_END
};

static int completion_run(struct ctx *c, const void *args, struct err *e)
{
#define COMPLETION_ROW(n) &cmd_##n,
	static const struct cmd *const all[] = { COMMANDS(COMPLETION_ROW) };
#undef COMPLETION_ROW
	static const struct { const char *name; void (*print)(const struct completion *, FILE *); } shells[] = {
		{ "bash", completion_bash }, { "zsh", completion_zsh }, { "fish", completion_fish } };
	const struct completion_args *a = args;
	struct completion_cmd cmds[ARRAY_LEN(all)];
	struct completion t = { .globals = global_opts, .cmds = cmds };

	(void)c;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (!(all[i]->needs & CMD_HIDDEN))
			cmds[t.n_cmds++] = (struct completion_cmd){ all[i]->name, all[i]->summary, all[i]->opts };
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (str_eq(a->shell, shells[i].name)) {
			shells[i].print(&t, stdout);
			return 0;
		}
	err_set(e, ERR_USAGE, 0, "no completion for \"%s\"", a->shell);
	return err_hint(e, "there are bash, zsh and fish");
}

const struct cmd cmd_completion = {.name = "completion",
				   .usage = "bash|zsh|fish",
				   .summary = "Print a completion script for a shell",
				   .opts = completion_opts,
				   .args_size = sizeof(struct completion_args),
				   .run = completion_run};
