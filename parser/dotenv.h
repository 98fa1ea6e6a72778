/* SPDX-License-Identifier: Apache-2.0 */
/* dotenv.h - .env, env_file and label_file: KEY=VALUE lines with quotes, escapes, comments and variables.
 * runs in: client.   owns: nothing; texts go to the arena given.   layer: parser, pure.
 * spec: compose-spec 05-services env_file ("format: raw": lines verbatim). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/coll.h"
#include "compose/base/err.h"
#include "compose/base/mem.h"
#include "parser/diag.h"
#include "parser/interp.h"
#include "parser/io.h"

enum { DOTENV_FILE_MAX = 16 << 20, DOTENV_VALUES_MAX = 64 << 20 };     /* bytes of a file, of all its values together */

struct dotenv {
	struct arena *arena;
	struct map   *vars;            /* key -> const char * (arena); later keys replace */
	struct lookup look;            /* asked before vars, for variables in values and for a KEY without value */
	struct warns *warns;           /* unset variables; may be NULL */
	bool          raw;             /* format: raw */
};
/* Parse text. err: ERR_MODEL with name:line:col */
int dotenv_parse(const struct dotenv *d, const char *name, const char *text, size_t len, struct err *e)
	__attribute__((warn_unused_result));

/* Read and parse one file. path: absolute. ret: 0, 1 when it does not exist, -1 with e set (also when it is a
 * directory) */
int dotenv_read(const struct dotenv *d, const struct load_io *io, const char *path, struct err *e)
	__attribute__((warn_unused_result));
