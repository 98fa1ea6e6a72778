/* SPDX-License-Identifier: Apache-2.0 */
/* envfiles.h - env_file and label_file of a service are read into its environment and labels.
 * runs in: client.   owns: nothing; nodes go to the arena given.   layer: parser, inside only.
 * spec: compose-spec 05-services env_file, label_file: later files win, `environment` and `labels` win over files. */
#pragma once
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/io.h"
#include "parser/node.h"

struct envfiles {
	struct arena         *arena;
	const struct load_io *io;
	struct map           *env;     /* variable -> const char *: the project's environment */
	struct warns         *warns;
	struct errs          *errs;
};

/* Read the files of every service of root and drop both attributes. ret: 0, or -1 when errs grew */
int envfiles_apply(const struct envfiles *c, struct node *root) __attribute__((warn_unused_result));
