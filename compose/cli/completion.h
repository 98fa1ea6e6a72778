/* SPDX-License-Identifier: Apache-2.0 */
/* completion.h - scripts that complete the command line in bash, zsh and fish, from the option tables.
 * runs in: client.   owns: nothing.   layer: cli, pure. */
#pragma once
#include <stdio.h>
#include "compose/cli/opt.h"

struct completion_cmd { const char *name, *summary; const struct opt *opts; };
struct completion {
	const struct opt *globals;
	const struct completion_cmd *cmds; size_t n_cmds;
};

void completion_bash(const struct completion *c, FILE *f);
void completion_zsh(const struct completion *c, FILE *f);
void completion_fish(const struct completion *c, FILE *f);
