/* SPDX-License-Identifier: Apache-2.0 */
/* dockerfile_lex.h - the text of a Dockerfile as logical lines: directives, comments, continuation, heredoc bodies.
 * runs in: client.   owns: nothing; results live in the arena.   layer: parser, pure.
 * spec: Dockerfile reference "Format", "Here-Documents" */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "compose/base/err.h"
#include "compose/base/mem.h"

struct df_lex {
	struct arena *arena;
	const char   *file;           /* for positions; borrowed */
	const char   *p, *end;        /* the rest of the text */
	unsigned      line;           /* of p, from 1 */
	char          escape;
};
struct df_line {
	struct srcpos pos;            /* of the first byte that is not blank */
	unsigned      end_line;
	const char   *text;           /* joined, without leading and trailing blanks */
	bool          blank_inside;   /* an empty line within a continuation */
};
struct df_directive { const char *key, *val; struct srcpos pos; };   /* key in lower case */

/* Begin, skipping a byte order mark and a "#!" line.
 * err: bytes that are not UTF-8 text, with their line */
int df_lex_init(struct df_lex *x, struct arena *a, const char *file, const char *text, size_t len, struct err *e)
	__attribute__((warn_unused_result));
/* The next parser directive at the top of the file. ret: 1, or 0 when there are no more (x stands behind the last) */
int df_lex_directive(struct df_lex *x, struct df_directive *ret);
/* The next logical line that is not empty. ret: 1; 0 at the end; -1 with e: a line is too long (it is skipped) */
int df_lex_line(struct df_lex *x, struct df_line *ret, struct err *e) __attribute__((warn_unused_result));
/* Take physical lines until one equals name. *ret_raw ends with the terminator's line; *ret_body has leading tabs
 * stripped when chomp is set. ret: 0; -1 when the text ends first */
int df_lex_heredoc(struct df_lex *x, const char *name, bool chomp, const char **ret_body, const char **ret_raw);
